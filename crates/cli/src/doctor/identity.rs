//! What `doctor` finds out about signing in: whether each provider answers and agrees about the time, whether browsers can
//! come back, and whether the keyring answers.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use usher_device::checkup::{look_at_issuer, look_into_keyring};
use usher_domain::ambient::Ambient;
use usher_wire::{Issuer, SignInFailure, Status, Timestamp};

use super::Check;

/// How far two clocks may be apart, in seconds: what a sign-in forgives.
const FORGIVEN: i64 = 60;
/// How long a connection on this machine may take.
const LIMIT: Duration = Duration::from_secs(1);
/// Stands on the page for a browser that comes back for nothing.
const OWN_WORDS: &str = "belongs to no sign-in";

/// Nothing where people do not sign in with a provider.
pub(super) async fn checks(status: &Status) -> Vec<Check> {
    let mut checks = Vec::new();
    let issuers = status.issuers.as_deref().unwrap_or_default();
    for issuer in issuers {
        let clock = look_at_issuer(&issuer.url).await;
        checks.push(reached(issuer, clock, Ambient::of_this_machine().now()));
    }
    for (number, issuer) in issuers.iter().enumerate() {
        if issuers[..number].iter().all(|before| before.redirect != issuer.redirect) {
            checks.push(callback(issuer).await);
        }
    }
    if status.token_store.as_deref() == Some("keyring") {
        let answer = look_into_keyring(status.os.as_deref().unwrap_or_default()).await;
        checks.push(match answer {
            Ok(()) => Check::fine("keyring", "answers"),
            Err(failure) => Check::wrong("keyring", failure.message, failure.next_step),
        });
    }
    checks
}

/// Whether a provider answers, and with the time we have.
fn reached(issuer: &Issuer, clock: Result<Option<Timestamp>, SignInFailure>, now: Timestamp) -> Check {
    let url = &issuer.url;
    let theirs = match clock {
        Ok(Some(theirs)) => theirs,
        Ok(None) => return Check::fine("issuer", format!("{url} answers")),
        Err(failure) if failure.message.contains("certificate") => {
            let fix = "if your organisation inspects TLS, add its root certificate to those the system trusts; \
                       else ask who runs the identity provider";
            return Check::wrong("issuer", failure.message, fix);
        }
        Err(failure) => return Check::wrong("issuer", failure.message, failure.next_step),
    };
    let ahead = (now.as_millis() - theirs.as_millis()) / 1000;
    if ahead.abs() <= FORGIVEN {
        return Check::fine("issuer", format!("{url} answers, and its clock agrees with ours"));
    }
    let side = if ahead > 0 { "ahead of" } else { "behind" };
    let found = format!("the clock of this machine is {} s {side} that of {url}", ahead.abs());
    Check::wrong("issuer", found, "set the clock of this machine, best by NTP: tokens are judged by it")
}

/// Whether a browser that comes back finds the daemon, and nobody else on the other address family.
async fn callback(issuer: &Issuer) -> Check {
    let name = "callback";
    let place = issuer.redirect.as_deref().and_then(|url| {
        let (authority, path) = url.strip_prefix("http://")?.split_once('/')?;
        Some((authority, format!("/{path}"), authority.rsplit_once(':')?.1))
    });
    let Some((own, path, port)) = place else {
        let found = "another program uses every port that this provider sends browsers back to";
        let fix = "free one of `redirect_ports` and restart the daemon, or use `usher login --paste`";
        return Check::wrong(name, found, fix);
    };
    let mut found = vec![own.to_owned()];
    if ask(own, &path).await != Some(true) {
        let found = format!("browsers that come back to {own} do not reach the daemon");
        return Check::wrong(name, found, "see what else listens there, or use `usher login --paste`");
    }
    for other in
        ["127.0.0.1", "[::1]"].map(|host| format!("{host}:{port}")).into_iter().filter(|it| it != own)
    {
        match ask(&other, &path).await {
            Some(true) => found.push(other),
            Some(false) => {
                let found = format!("another program answers on {other}");
                return Check::wrong(name, found, "stop it: a browser may come to it instead of the daemon");
            }
            None => {}
        }
    }
    Check::fine(name, format!("browsers that come back reach the daemon on {}", found.join(" and ")))
}

/// Whether it is the daemon that answers there; `None` when nobody does.
async fn ask(authority: &str, path: &str) -> Option<bool> {
    let asking = async {
        let mut stream = TcpStream::connect(authority).await.ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        // What came before a break says as much.
        drop(stream.take(64 * 1024).read_to_end(&mut answer).await);
        Some(String::from_utf8_lossy(&answer).contains(OWN_WORDS))
    };
    timeout(LIMIT, asking).await.unwrap_or(Some(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_may_differ_by_a_minute() {
        let issuer = Issuer { url: "https://id.example.org".into(), name: None, icon: None, redirect: None };
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1000).unwrap();
        let checked = |theirs| reached(&issuer, Ok(Some(at(theirs))), at(10_000));
        assert!(checked(9_940).ok && checked(10_060).ok);
        assert_eq!(
            checked(9_400).found,
            "the clock of this machine is 600 s ahead of that of https://id.example.org"
        );
        assert_eq!(
            checked(10_061).found,
            "the clock of this machine is 61 s behind that of https://id.example.org"
        );
    }
}
