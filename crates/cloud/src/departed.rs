//! What stays of an account that was deleted: that it is gone. Devices go on coming with the sessions it had, and none may
//! bring it back; the person may, by signing in anew. Kept are digests, which name nobody.

use sha2::{Digest, Sha256};
use usher_domain::store::{Tx, Work};
use usher_wire::Timestamp;

use crate::authority::{Bearer, refused};
use crate::users::{Act, signed_in_since};

/// How long it is known, in milliseconds: longer than refresh tokens that nobody uses.
const KNOWN_FOR: i64 = 400 * 24 * 3_600_000;

/// Takes down who goes, before he does.
pub(crate) fn note(tx: &Tx<'_>, user: &str, now: Timestamp) -> Work<()> {
    tx.forget_departed(now.as_millis() - KNOWN_FOR)?;
    let sessions = tx.user_sessions(user)?;
    for (issuer, subject) in tx.identities_of(user)? {
        tx.insert_departed(&key(&[&issuer, &subject]), now)?;
        for session in &sessions {
            tx.insert_departed(&key(&[&issuer, &subject, &session.id]), now)?;
        }
    }
    Ok(())
}

/// Refuses to make an account for somebody who was deleted and did not sign in since.
pub(crate) fn check(tx: &Tx<'_>, bearer: &Bearer, session: &str, act: Act) -> Work<()> {
    let (issuer, subject) = (bearer.issuer(), bearer.claims.subject());
    let Some(since) = tx.departed(&key(&[issuer, subject]))? else { return Ok(()) };
    let is_seen = tx.departed(&key(&[issuer, subject, session]))?.is_some();
    if signed_in_since(since, is_seen, bearer, session, act) {
        return Ok(());
    }
    Err(refused("this account was deleted: sign in again to begin a new one").into())
}

fn key(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
