//! Edits made here go to the cloud in their order, each made from the state the cloud showed last, so that it merges them
//! by the same rule. An edit leaves the queue only with its answer: it may be sent twice, and is taken once, because its id
//! goes with it.

use usher_domain::store::Queued;
use usher_wire::{Caller, Code, Error, Result, UserApi, UserProfile};

use super::line::at_cloud;
use crate::Device;

/// How often an edit is made anew because the cloud does not know its base any more.
const ANEW: usize = 3;

impl Device {
    /// Pushes what is queued, until nothing is left or the cloud cannot be asked.
    pub(super) async fn push_edits(&self, user: &str) -> Result<()> {
        let mut anew = 0;
        loop {
            let id = user.to_owned();
            let (base, next) = self
                .read(move |tx| {
                    let base = tx.cloud_account(&id)?.and_then(|account| account.shown);
                    Ok((base, tx.queued_edits(&id)?.into_iter().next()))
                })
                .await?;
            let (Some(base), Some(Queued { place, id, edit })) = (base, next) else { return Ok(()) };
            let update = edit.to_update(&base);
            let caller = |caller: &Caller| Caller { idempotency_key: Some(id.clone()), ..caller.clone() };
            match at_cloud!(self, user, line => line.client.update_user(&caller(&line.caller), update.clone()))
            {
                Ok(shown) => self.adopt(user, shown, Some(place)).await?,
                Err(error) if error.code == Code::Conflict && anew < ANEW => {
                    anew += 1;
                    let shown = self.shown_at_cloud(user).await?;
                    // The newest state there is, and it was not known there: that cloud has lost it.
                    let is_lost = anew > 1;
                    if is_lost {
                        self.adopt_anew(user, shown).await?
                    } else {
                        self.adopt(user, shown, None).await?
                    }
                }
                Err(error) if is_for_good(&error) => self.give_up(user, place, error.message).await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads the present state at the cloud.
    pub(super) async fn look_at_cloud(&self, user: &str) -> Result<()> {
        let shown = self.shown_at_cloud(user).await?;
        self.adopt(user, shown, None).await
    }

    async fn shown_at_cloud(&self, user: &str) -> Result<UserProfile> {
        let present = at_cloud!(self, user, line => line.client.user_snapshot(&line.caller))?;
        present.user.clone().ok_or_else(|| {
            Error::new(Code::UpstreamFailed, "the cloud does not say who this is: try again later")
        })
    }
}

/// Whether the cloud would say the same however often it is asked. What a proxy says in its place passes.
fn is_for_good(error: &Error) -> bool {
    use Code::{InvalidBody, InvalidValue, NotAllowed, NotFound, Taken, TooLarge};
    !error.is_guess
        && matches!(error.code, InvalidBody | InvalidValue | NotAllowed | NotFound | Taken | TooLarge)
}
