//! `audit`: who did what on this device.

use std::collections::HashMap;

use usher_client::Client;
use usher_wire::{AuditEntry, Caller, UserApi};

use crate::print::{self, EMPTY, clean, who};

pub(crate) async fn audit(json: bool) -> anyhow::Result<()> {
    let (client, caller) = (Client::find().await?, Caller::default());
    let audit = client.audit_snapshot(&caller).await?;
    if json {
        return print::json(&audit);
    }
    if audit.iterable.is_empty() {
        print::say("nothing was recorded yet");
        return Ok(());
    }
    let applications = client.applications_snapshot(&caller).await?.iterable.into_iter();
    let users = client.users_snapshot(&caller).await?.iterable.into_iter();
    // What the entries name by id; what is gone since keeps its id.
    let names: HashMap<String, String> = applications
        .map(|application| (application.id, application.name))
        .chain(users.map(|user| (user.id.clone(), who(&user))))
        .collect();
    print::table(&audit.iterable.iter().map(|entry| row(entry, &names)).collect::<Vec<_>>())
}

/// When, what, to whom or what, and by whom.
fn row(entry: &AuditEntry, names: &HashMap<String, String>) -> Vec<String> {
    let named = |id: &Option<String>| id.as_ref().map(|id| clean(names.get(id).unwrap_or(id)));
    let of: Vec<String> = named(&entry.subject).into_iter().chain(named(&entry.user)).collect();
    let by = named(&entry.application).into_iter().chain(entry.origin.as_deref().map(clean));
    let by = by.collect::<Vec<_>>().join(" at ");
    vec![
        entry.at.value.to_string(),
        entry.action.as_str().to_lowercase().replace('_', " "),
        if of.is_empty() { EMPTY.to_owned() } else { of.join(" of ") },
        if by.is_empty() { by } else { format!("by {by}") },
    ]
}
