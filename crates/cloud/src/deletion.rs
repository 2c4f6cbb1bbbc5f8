//! The end of an account, with everything that was kept handed out before and a receipt after.

use std::time::Duration;

use usher_domain::profile::Writable;
use usher_domain::store::{Deletion as Asked, Receipt, Tx, Work};
use usher_wire::{
    Aesthetics, Audit, AuditActionEnum, Caller, Code, Deletion, DeletionStateEnum, Entities, Error, Font,
    Result, Theme, Timestamp, UserExport, UserIdentity, UserRevision,
};

use crate::authority::SKEW;
use crate::sessions::sessions_of;
use crate::users::{compose, unknown_user};
use crate::{Cloud, departed};

/// What a deletion does.
const SCOPE: &str = "deleted are the profile with its earlier states, identities, sessions, beta status, memberships \
    and the record of what was done; organisations with other members stay (one without an admin gets another member as its admin), and nothing is \
    deleted at the identity provider; a digest of the identity stays for 400 days, so that no program begins the account anew";
/// How often a node looks for what is due.
const LOOK_EVERY: Duration = Duration::from_secs(60);

impl Cloud {
    pub(crate) async fn export(&self, caller: &Caller) -> Result<UserExport> {
        let (visit, now) = (self.visit(caller).await?, self.0.ambient.now());
        let (id, session) = (visit.id, visit.session);
        // What is handed out belongs together.
        self.read_at_once(move |tx| {
            let user = tx.user(&id)?.ok_or_else(|| unknown_user(&id))?;
            let iterable = tx.entities_of(&id)?;
            let indices = (0..).zip(&iterable).map(|(index, entity)| (entity.id.clone(), index)).collect();
            let identities = tx.identities_of(&id)?.into_iter();
            Ok(UserExport {
                exported: now.into(),
                beta: user.beta.status(&id),
                user: compose(user, &iterable),
                revisions: tx.revisions(&id)?.into_iter().map(revision).collect(),
                identities: identities.map(|(issuer, subject)| UserIdentity { issuer, subject }).collect(),
                sessions: sessions_of(tx, &id, &session)?,
                entities: Entities { iterable, indices: Some(indices), ..Entities::default() },
                audit: Audit { iterable: tx.audit_of(&id)? },
            })
        })
        .await
    }

    /// Takes the request down and ends all sessions; a sign-in after this takes it back.
    pub(crate) async fn delete(&self, caller: &Caller) -> Result<Deletion> {
        let visit = self.visit(caller).await?;
        let (id, cloud, now) = (visit.id.clone(), self.clone(), self.0.ambient.now());
        let grace = i64::try_from(self.0.settings.deletes_after.as_millis()).unwrap_or(i64::MAX / 2);
        let due_at = Timestamp::from_millis(now.as_millis().saturating_add(grace)).map_err(|_| {
            Error::new(Code::Internal, "the end of the time to change one's mind is out of range")
        })?;
        let asked = self
            .write_and_tell(move |tx| {
                // Nothing of the profile changes.
                let changes = vec![(id.clone(), 0)];
                if let Some(asked) = tx.deletion(&id)? {
                    return Ok((asked, changes));
                }
                let receipt =
                    cloud.0.ambient.secret::<16>().iter().map(|byte| format!("{byte:02x}")).collect();
                let asked = Asked { user_id: id.clone(), receipt, requested_at: now, due_at };
                tx.insert_deletion(&asked, DeletionStateEnum::Pending.as_str())?;
                // Tokens of a provider whose clock is ahead are refused, too.
                tx.refuse_sessions(&id, now.as_millis() + SKEW)?;
                cloud.record(tx, &id, AuditActionEnum::DeletionRequested, None)?;
                Ok((asked, changes))
            })
            .await?;
        Ok(Deletion {
            receipt: asked.receipt,
            state: DeletionStateEnum::Pending,
            requested: asked.requested_at.into(),
            due: asked.due_at.into(),
            ended: None,
            scope: SCOPE.to_owned(),
        })
    }

    pub(crate) async fn receipt(&self, receipt: &str) -> Result<Deletion> {
        let id = receipt.to_owned();
        let found = self.read(move |tx| tx.receipt(&id)).await?;
        let Receipt { id, requested_at, due_at, ended_at, state } =
            found.ok_or_else(|| Error::not_found(format_args!("receipt `{receipt}`")))?;
        Ok(Deletion {
            receipt: id,
            state: DeletionStateEnum::from_text(&state),
            requested: requested_at.into(),
            due: due_at.into(),
            ended: ended_at.map(Into::into),
            scope: SCOPE.to_owned(),
        })
    }

    /// Deletes what is due, at whichever node comes first, until the future is dropped.
    pub(crate) async fn delete_due(&self) {
        let mut every = tokio::time::interval(LOOK_EVERY.min(self.0.settings.look_every));
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            let now = self.0.ambient.now();
            let Ok(due) = self.read(move |tx| tx.due_deletions(now)).await else { continue };
            for asked in due {
                let ended = self
                    .write_and_tell(move |tx| Ok((end(tx, &asked, now)?, vec![(asked.user_id.clone(), 0)])));
                if let Err(error) = ended.await {
                    tracing::warn!(%error, "an account that is to be deleted waits");
                }
            }
        }
    }
}

/// Deletes an account. Organisations of nobody else go with it; one whose last admin it became meanwhile gets a new one.
fn end(tx: &Tx<'_>, asked: &Asked, now: Timestamp) -> Work<()> {
    if !tx.end_deletion(asked, DeletionStateEnum::Done.as_str(), now)? {
        return Ok(());
    }
    let user = &asked.user_id;
    for entity in tx.entities_of(user)? {
        let members = tx.members(&entity.id)?;
        let others: Vec<_> = members.iter().filter(|(member, _)| member != user).collect();
        match others.first() {
            None => tx.delete_entity(&entity.id)?,
            Some((heir, _)) if !others.iter().any(|(_, is_admin)| *is_admin) => {
                tx.make_admin(&entity.id, heir)?
            }
            Some(_) => {}
        }
    }
    departed::note(tx, user, now)?;
    tx.delete_audit_of(user)?;
    tx.delete_user(user)?;
    Ok(())
}

fn revision((revision, members, updated): (i64, Writable, Timestamp)) -> UserRevision {
    UserRevision {
        revision,
        updated: updated.into(),
        name: members.name,
        username: members.username,
        email: members.email,
        picture: members.picture,
        aesthetics: Aesthetics {
            font: Font { size: members.font_size, schema: None },
            theme: Theme { dark: members.dark, schema: None },
            schema: None,
        },
    }
}
