//! A person's sessions: listing them, ending one.

use usher_domain::store::{FOR_GOOD, Tx, Work};
use usher_wire::{AuditActionEnum, Caller, Error, Result, UserSession, UserSessions};

use crate::Cloud;
use crate::users::Visit;

impl Cloud {
    pub(crate) async fn sessions(&self, caller: &Caller) -> Result<UserSessions> {
        let visit = self.visit(caller).await?;
        self.list_sessions(&visit).await
    }

    async fn list_sessions(&self, visit: &Visit) -> Result<UserSessions> {
        let (id, own) = (visit.id.clone(), visit.session.clone());
        self.read(move |tx| sessions_of(tx, &id, &own)).await
    }

    /// Ends a session for good: what it is told apart by is refused from now on, whatever token comes with it.
    pub(crate) async fn revoke(&self, caller: &Caller, session: &str) -> Result<UserSessions> {
        let visit = self.visit(caller).await?;
        self.refuse(&visit, session.to_owned(), FOR_GOOD, AuditActionEnum::SessionEnded).await?;
        if session == visit.session {
            return Ok(UserSessions::default());
        }
        self.list_sessions(&visit).await
    }

    /// Ends the caller's own session: tokens made until now are refused, those of a new sign-in are not.
    pub(crate) async fn clear(&self, caller: &Caller) -> Result<()> {
        let visit = self.visit(caller).await?;
        // The provider's clock may be ahead of ours, and its token is refused all the same.
        let before = self.0.ambient.now().as_millis().max(visit.bearer.issued_at);
        self.refuse(&visit, visit.session.clone(), before, AuditActionEnum::SignedOut).await
    }

    async fn refuse(
        &self,
        visit: &Visit,
        session: String,
        before: i64,
        action: AuditActionEnum,
    ) -> Result<()> {
        let (id, cloud) = (visit.id.clone(), self.clone());
        self.write_and_tell(move |tx| {
            if !tx.refuse_session(&id, &session, before)? {
                return Err(Error::not_found(format_args!("session `{session}` of yours")).into());
            }
            // Not a change of the profile: whoever has streams looks whose session it is.
            Ok((cloud.record(tx, &id, action, Some(&session))?, vec![(id.clone(), 0)]))
        })
        .await
    }
}

/// The sessions of a person who asks in this one.
pub(crate) fn sessions_of(tx: &Tx<'_>, user: &str, own: &str) -> Work<UserSessions> {
    let iterable = tx.user_sessions(user)?.into_iter().map(|session| UserSession {
        current: (session.id == own).then_some(true),
        // Who signed in again was seen since.
        ended: session.refused_before.filter(|before| session.seen_at.as_millis() <= *before).map(|_| true),
        id: session.id,
        issuer: session.issuer,
        agent: session.agent,
        created: session.created_at.into(),
        seen: session.seen_at.into(),
    });
    Ok(UserSessions { iterable: iterable.collect() })
}
