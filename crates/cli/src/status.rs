//! `status`: how the daemon is doing, in its own words.

use usher_client::Client;
use usher_wire::{
    Caller, CloudStatus, ConnectivityEnum, GuardStatus, PolicyFile, SessionStatus, Status, UserApi,
};

use crate::print::{self, EMPTY, clean, or_empty};

pub(crate) async fn status(json: bool) -> anyhow::Result<()> {
    let client = Client::find().await?;
    let status = client.status(&Caller::default()).await?;
    if json { print::json(&status) } else { show(&client, &status) }
}

fn show(client: &Client, status: &Status) -> anyhow::Result<()> {
    let yes_or_no = |fact: bool| if fact { "yes" } else { "no" }.to_owned();
    let session = status.session.as_ref().map(|session| ("session", session_told(session)));
    let cloud = status.cloud.as_ref().map(|cloud| ("cloud", cloud_told(cloud)));
    let members = [
        ("daemon", client.url().to_string()),
        ("version", clean(&status.version)),
        ("installation", or_empty(status.os.as_deref())),
        ("ready", yes_or_no(status.ready)),
        ("signed in", yes_or_no(status.signed_in)),
        ("accounts", status.accounts.to_string()),
        ("data", or_empty(status.data_dir.as_deref())),
    ];
    let policies =
        if status.policies.is_empty() { EMPTY.to_owned() } else { status.policies.len().to_string() };
    let guard = status.guard.iter().flat_map(guarded);
    print::members(
        members.into_iter().chain(session).chain(cloud).chain(guard).chain([("policies", policies)]),
    )?;
    status.policies.iter().try_for_each(|policy| print::line(format_args!("  {}", told(policy))))
}

/// How callers are checked.
fn guarded(guard: &GuardStatus) -> [(&'static str, String); 3] {
    let users = match guard.checks_users {
        true => "are refused",
        false => "are not told apart on TCP: do not share this machine with users you do not trust",
    };
    [
        ("guard", clean(&guard.mode)),
        ("other users", users.to_owned()),
        ("socket", or_empty(guard.socket.as_deref())),
    ]
}

/// The session at the identity provider, and why it cannot be refreshed.
fn session_told(session: &SessionStatus) -> String {
    let issuer = clean(&session.issuer);
    let Some(problem) = &session.problem else { return issuer };
    let since = session.since.as_ref().map(|since| format!(" (since {})", since.value)).unwrap_or_default();
    format!("{issuer}: {}; {}{since}", clean(&problem.message), clean(&problem.next_step))
}

/// The cloud, and why it is not followed.
fn cloud_told(cloud: &CloudStatus) -> String {
    let mut told = clean(&cloud.url);
    if cloud.connectivity == ConnectivityEnum::Connected {
        told += ": connected";
    }
    if let Some(message) = &cloud.message {
        let since = cloud.since.as_ref().map(|since| format!(" (since {})", since.value)).unwrap_or_default();
        told += &format!(": {}{since}", clean(message));
    }
    if cloud.pending_edits > 0 {
        told += &match cloud.pending_edits {
            1 => "; an edit waits for it".to_owned(),
            several => format!("; {several} edits wait for it"),
        };
    }
    if let Some(refused) = &cloud.refused_edit {
        told += &format!("; it refused an edit: {}", clean(refused));
    }
    if cloud.update_required {
        told += "; it wants a newer version of usher";
    }
    told
}

/// One policy file: what is in force from it, and why its present content is not.
fn told(policy: &PolicyFile) -> String {
    let file = clean(&policy.file);
    match (policy.entity.as_deref().map(clean), policy.problem.as_deref().map(clean)) {
        (Some(entity), None) => format!("{file}: {entity}"),
        (Some(entity), Some(problem)) => {
            format!("{file}: {problem}; the last good rules of {entity} stay in force")
        }
        (None, Some(problem)) => format!("{file}: {problem}; nothing is in force from it"),
        (None, None) => format!("{file}: nothing is in force from it"),
    }
}
