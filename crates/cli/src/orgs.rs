//! `orgs`: the organisations and teams whose policies bind the signed-in user.

use usher_wire::{Caller, UserApi};

use crate::bound::{self, Bound};
use crate::print::{self, clean};

pub(crate) async fn orgs(bound: Option<&Bound>, json: bool) -> anyhow::Result<()> {
    let entities = bound::client(bound).await?.entities_snapshot(&Caller::default()).await?;
    if json {
        return print::json(&entities);
    }
    if entities.iterable.is_empty() {
        print::say("the user belongs to no organisation or team");
        return Ok(());
    }
    let row =
        |entity: &usher_wire::Entity| vec![clean(&entity.name), entity.r#type.to_string(), clean(&entity.id)];
    print::table(&entities.iterable.iter().map(row).collect::<Vec<_>>())
}
