//! What `doctor` learns from the daemon: whether it is found and where, who else answers there, and what it says
//! about itself.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use futures_util::future::join_all;
use tokio::{net::TcpStream, time::timeout};
use usher_client::Client;
use usher_device::data_dir::shell_word;
use usher_wire::{Caller, PolicyFile, Status, UserApi};

use super::{Check, cloud, identity};

/// The ports where every client of the API looks.
const PORTS: std::ops::RangeInclusive<u16> = 39300..=39333;
/// How long a connection on this machine may take.
const LIMIT: Duration = Duration::from_millis(100);

/// `None` when nothing names the daemon, so that it is searched.
fn named() -> Option<String> {
    std::env::var("USHER_URL").ok().filter(|url| !url.is_empty())
}

pub(super) async fn checks() -> Vec<Check> {
    let found = match Client::find().await {
        Ok(client) => client.status(&Caller::default()).await.map(|status| (client, status)),
        Err(error) => Err(error),
    };
    let mut checks = match &found {
        Ok((client, status)) => {
            [about(client, status), identity::checks(status).await, cloud::checks(status.cloud.as_ref())]
                .concat()
        }
        Err(error) => vec![Check::wrong("daemon", error.to_string(), not_found())],
    };
    if named().is_none() {
        let own = found.as_ref().ok().map(|(_, status)| status);
        checks.insert(1, ports(own).await);
    }
    checks
}

fn not_found() -> String {
    match named() {
        None => "run `usher serve` and leave it running".to_owned(),
        Some(_) => "USHER_URL names this daemon: start it there, or unset USHER_URL to search this machine"
            .to_owned(),
    }
}

/// The checks of a daemon that answers.
fn about(client: &Client, status: &Status) -> Vec<Check> {
    let by = if named().is_some() { ", named by USHER_URL" } else { "" };
    let mut checks = vec![Check::fine("daemon", format!("answers at {}{by}", shown(client.url())))];
    checks.push(match status.ready {
        true => Check::fine("ready", "the store is open"),
        false => {
            Check::wrong("ready", "the daemon is still starting", "wait a moment; if it stays, read its log")
        }
    });
    checks.push(version(&status.version));
    // Of a daemon elsewhere the directory is elsewhere too.
    if let Some(directory) = status.data_dir.as_deref().filter(|_| is_here(client.url())) {
        checks.push(data_directory(Path::new(directory)));
    }
    checks.push(policies(&status.policies));
    checks
}

/// An address without the name of a person in it.
fn shown(url: &str) -> String {
    match url.strip_prefix("unix:") {
        Some(path) => without_home(Path::new(path)),
        None => url.to_owned(),
    }
}

fn is_here(url: &str) -> bool {
    if url.starts_with("unix:") {
        return true;
    }
    let host = url.trim_start_matches("http://");
    ["127.", "localhost", "[::1]"].iter().any(|here| host.starts_with(here))
}

fn version(daemon: &str) -> Check {
    let own = env!("CARGO_PKG_VERSION");
    if daemon == own {
        return Check::fine("version", format!("daemon and program are {own}"));
    }
    let found = format!("the daemon is {daemon}, this program is {own}");
    Check::wrong("version", found, "stop the daemon and start the newer one with `usher serve`")
}

fn data_directory(directory: &Path) -> Check {
    let shown = without_home(directory);
    let metadata = match directory.metadata() {
        Ok(metadata) => metadata,
        Err(error) => {
            let fix = "run `usher doctor` as the user the daemon runs as, or restart the daemon";
            return Check::wrong("data", format!("{shown} cannot be read ({error})"), fix);
        }
    };
    match others_may(&metadata) {
        None => Check::fine("data", format!("{shown} is open to its owner only")),
        Some(mode) => {
            let found = format!("{shown} is open to other users (mode {mode:o})");
            Check::wrong("data", found, format!("run `chmod 700 {}`", word(&shown)))
        }
    }
}

/// The path as a word of a shell; the home directory stays one.
fn word(shown: &str) -> String {
    match shown.strip_prefix("~/") {
        Some(rest) => format!("~/{}", shell_word(Path::new(rest))),
        None => shell_word(Path::new(shown)),
    }
}

/// The mode of a directory that is open to more than its owner.
#[cfg(unix)]
fn others_may(metadata: &std::fs::Metadata) -> Option<u32> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777;
    (mode & 0o077 != 0).then_some(mode)
}

#[cfg(not(unix))]
fn others_may(_metadata: &std::fs::Metadata) -> Option<u32> {
    None
}

/// The path with `~` for the home directory, whose name is mostly that of its owner.
fn without_home(path: &Path) -> String {
    let home = std::env::home_dir().filter(|home| home.parent().is_some());
    match home.and_then(|home| path.strip_prefix(home).ok().map(Path::to_owned)) {
        Some(rest) => Path::new("~").join(rest).display().to_string(),
        None => path.display().to_string(),
    }
}

/// Names the bad files only: what is wrong with one may quote its content.
fn policies(files: &[PolicyFile]) -> Check {
    let bad: Vec<_> = files.iter().filter(|file| file.problem.is_some()).collect();
    if bad.is_empty() {
        return Check::fine("policies", format!("{} in use", counted(files.len())));
    }
    let names: Vec<_> = bad.iter().map(|file| format!("`{}`", file.file)).collect();
    let found = format!("not used in the present form: {}", names.join(", "));
    Check::wrong("policies", found, "`usher status` tells what is wrong; a corrected file is read at once")
}

fn counted(files: usize) -> String {
    match files {
        0 => "no policy file".to_owned(),
        1 => "1 policy file".to_owned(),
        several => format!("{several} policy files"),
    }
}

/// Who listens where clients look. Most of them take the first that answers.
async fn ports(own: Option<&Status>) -> Check {
    let answers = join_all(PORTS.chain([1000]).map(|port| rival(port, own))).await;
    let strangers: Vec<_> = answers.into_iter().flatten().collect();
    let list = strangers.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
    let range = format!("{}-{}", PORTS.start(), PORTS.end());
    match (strangers.is_empty(), own) {
        (true, Some(_)) => {
            Check::fine("ports", format!("of {range} and 1000, only this daemon answers tools"))
        }
        (true, None) => Check::fine("ports", format!("none of {range} and 1000 is taken")),
        (false, Some(_)) => Check::wrong(
            "ports",
            format!("another daemon answers tools on port {list}"),
            "stop one of the two: tools talk to the one that answers first",
        ),
        (false, None) if PORTS.into_iter().all(|port| strangers.contains(&port)) => Check::wrong(
            "ports",
            format!("other programs listen on all of {range}"),
            "stop one of them, or start the daemon with `--listen` and name its address in USHER_URL",
        ),
        (false, None) => Check::fine("ports", format!("another program listens on {list}, others are free")),
    }
}

/// The port, if somebody else is there: any listener while no daemon is found, else one that speaks the API.
async fn rival(port: u16, own: Option<&Status>) -> Option<u16> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    timeout(LIMIT, TcpStream::connect(address)).await.ok()?.ok()?;
    let Some(own) = own else { return Some(port) };
    let client = Client::new(&format!("http://{address}")).ok()?;
    let is_other = match timeout(10 * LIMIT, client.status(&Caller::default())).await.ok()? {
        Ok(status) => status.os != own.os,
        Err(_) => timeout(10 * LIMIT, client.user_snapshot(&Caller::default())).await.ok()?.is_ok(),
    };
    is_other.then_some(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, problem: Option<&str>) -> PolicyFile {
        PolicyFile {
            file: name.to_owned(),
            entity: Some("Acme".to_owned()),
            problem: problem.map(str::to_owned),
        }
    }

    #[test]
    fn a_bad_policy_file_is_named_and_not_quoted() {
        let check =
            policies(&[file("acme.json", None), file("bad.json", Some("unknown name `ada@example.org`"))]);
        insta::assert_snapshot!(check.found, @"not used in the present form: `bad.json`");
        assert!(!check.ok);
        assert!(policies(&[file("acme.json", None)]).ok);
    }

    #[test]
    fn a_daemon_of_another_version_is_wrong() {
        assert!(version(env!("CARGO_PKG_VERSION")).ok);
        insta::assert_snapshot!(version("9.9.9").found.replace(env!("CARGO_PKG_VERSION"), "[version]"), @"the daemon is 9.9.9, this program is [version]");
    }

    #[cfg(unix)]
    #[test]
    fn a_data_directory_open_to_others_is_wrong() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let set =
            |mode| std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        set(0o700);
        assert!(data_directory(directory.path()).ok);
        set(0o750);
        let check = data_directory(directory.path());
        assert!(check.found.ends_with("is open to other users (mode 750)"), "{check:?}");
        assert!(check.fix.unwrap().starts_with("run `chmod 700 "));
        assert!(!data_directory(&directory.path().join("gone")).ok);
    }
}
