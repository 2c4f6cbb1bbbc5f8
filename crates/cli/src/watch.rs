//! `watch`: the present state, then one line per change, for as long as somebody reads.

use std::sync::Arc;

use futures_util::StreamExt;
use usher_client::Event;
use usher_wire::{Present, UserProfile};

use crate::{
    bound::{self, Bound},
    print::{self, who},
    profile,
};

pub(crate) async fn watch(bound: Option<&Bound>, json: bool) -> anyhow::Result<()> {
    let client = bound::client(bound).await?;
    let mut events = client.watch_user();
    let mut shown: Option<Arc<Present>> = None;
    let mut is_lost = false;
    while let Some(event) = events.next().await {
        match event {
            // A daemon that was never there is an error as in any other verb; one that went away comes back.
            Event::Lost { error, .. } if shown.is_none() => return Err(error.into()),
            Event::Lost { error, .. } => {
                if !std::mem::replace(&mut is_lost, true) {
                    print::say(format_args!("lost the daemon: {error}"));
                }
            }
            Event::Now(present) => {
                if std::mem::take(&mut is_lost) {
                    print::say("the daemon is back");
                }
                show(shown.as_deref(), &present, json)?;
                shown = Some(present);
            }
        }
    }
    Ok(())
}

/// The line for a change; nothing when the state is the one that was shown last.
fn show(before: Option<&Present>, now: &Present, json: bool) -> anyhow::Result<()> {
    if before.is_some_and(|before| before.user == now.user) {
        return Ok(());
    }
    if json {
        return print::line(String::from_utf8_lossy(&now.envelope));
    }
    print::line(told(before.map(|before| before.user.as_ref()), now.user.as_ref()))
}

/// A change in words. `before` is `None` at the start, `Some(None)` when nobody was signed in.
fn told(before: Option<Option<&UserProfile>>, now: Option<&UserProfile>) -> String {
    match (before, now) {
        (None, None) => "nobody is signed in".to_owned(),
        (_, None) => "signed out".to_owned(),
        (Some(Some(before)), Some(now)) if before.id == now.id => {
            let changes = profile::changes(before, now);
            let changes = if changes.is_empty() { "other members".to_owned() } else { changes.join(", ") };
            format!("{} changed {changes}", who(now))
        }
        (Some(Some(_)), Some(now)) => format!("switched to {}", who(now)),
        (_, Some(now)) => format!("signed in as {}", who(now)),
    }
}
