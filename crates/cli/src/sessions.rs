//! `sessions`: the devices and programs that use the account at its cloud.

use usher_wire::{Caller, UserApi, UserSession};

use crate::bound::{self, Bound};
use crate::print::{self, clean, or_empty};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// End one of them for good: whatever token comes with it is refused
    End {
        /// Its id
        session: String,
    },
}

pub(crate) async fn sessions(verb: Option<Verb>, bound: Option<&Bound>, json: bool) -> anyhow::Result<()> {
    let (client, caller) = (bound::client(bound).await?, Caller::default());
    let sessions = match verb {
        None => client.sessions_snapshot(&caller).await?,
        Some(Verb::End { session }) => client.revoke_session(&caller, &session).await?,
    };
    if json {
        return print::json(&sessions);
    }
    print::table(&sessions.iterable.iter().map(row).collect::<Vec<_>>())
}

/// Marker, what it calls itself, when it was seen last, id, whether it was ended.
fn row(session: &UserSession) -> Vec<String> {
    let marker = if session.current == Some(true) { "*" } else { " " };
    let state = if session.ended == Some(true) { "ended" } else { "" };
    let (agent, seen) = (or_empty(session.agent.as_deref()), session.seen.value.to_string());
    vec![marker.into(), agent, seen, clean(&session.id), state.into()]
}
