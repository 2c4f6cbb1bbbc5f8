//! The data directory: refused while it is open to others, with the command that mends it, and private whatever the umask.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::Command,
};

#[cfg(target_os = "linux")]
use super::other_user::{OTHER, may_become_others};
use crate::{
    daemon::{Answer, Daemon, Scratch, USHER},
    process::{Process, serve},
    steps::{ended, sign_in, user},
};

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o777
}

/// The command between the backticks of an error.
fn printed_command(answer: &Answer) -> String {
    let command = answer.stderr.split('`').nth(1);
    command.unwrap_or_else(|| panic!("no command in {answer}")).to_owned()
}

/// `usher serve` there does not start; running what it prints mends that.
fn is_refused_until_mended(daemon: &mut Daemon, path: &Path, loose: u32, right: u32) {
    set_mode(path, loose);
    let refused = ended(&mut daemon.serve("127.0.0.1:0"));
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{loose:o} {}: {refused}", path.display());
    assert!(refused.stderr.contains(&format!("(mode {loose:o})")), "{refused}");
    assert_eq!(printed_command(&refused), format!("chmod {right:o} {}", path.display()), "{refused}");
    assert!(Command::new("sh").args(["-c", &printed_command(&refused)]).status().unwrap().success());
    assert_eq!(mode(path), right);
    daemon.start_again();
    assert_eq!(user(daemon.url())["name"], "Ada", "what it held is still there");
    daemon.stop();
}

#[test]
fn what_is_open_to_others_is_refused_until_it_is_mended() {
    let mut daemon = Daemon::start();
    sign_in(daemon.url(), "ada@example.org");
    daemon.stop();
    let data_dir = daemon.data_dir();
    for loose in [0o755, 0o710, 0o701, 0o722] {
        is_refused_until_mended(&mut daemon, &data_dir, loose, 0o700);
    }
    let files: Vec<PathBuf> = fs::read_dir(&data_dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.contains(&data_dir.join("usher.db")), "{files:?}");
    for file in files.iter().filter(|file| file.is_file() && !file.ends_with("address")) {
        is_refused_until_mended(&mut daemon, file, 0o644, 0o600);
    }
    is_refused_until_mended(&mut daemon, &data_dir.join("usher.db"), 0o660, 0o600);
}

/// The command must do what it says for whatever name a directory has.
#[test]
fn the_mending_command_can_be_run_for_any_name() {
    let scratch = Scratch::new();
    for name in ["my data", "it's", "a`b", "$(touch x)", "-R", "two\nlines"] {
        let data_dir = scratch.path().join(name);
        fs::create_dir(&data_dir).unwrap();
        set_mode(&data_dir, 0o755);
        let mut command = scratch.command("", &["serve", "--listen", "127.0.0.1:0"]);
        let refused = ended(command.env("USHER_DATA_DIR", &data_dir));
        assert_eq!(refused.code, 2, "{refused}");
        let start = refused.stderr.find("`chmod 700 ").unwrap_or_else(|| panic!("{refused}")) + 1;
        let end = refused.stderr.rfind("` and start again").unwrap_or_else(|| panic!("{refused}"));
        let mending = &refused.stderr[start..end];
        assert!(Command::new("sh").args(["-c", mending]).status().unwrap().success(), "{mending}");
        assert_eq!(mode(&data_dir), 0o700, "{mending}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_directory_of_another_user_is_refused() {
    if !may_become_others() {
        return;
    }
    let scratch = Scratch::new();
    chown(scratch.data_dir(), Some(OTHER), Some(OTHER)).unwrap();
    let refused = ended(&mut serve(&scratch, &[], &["--listen", "127.0.0.1:0"]));
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{refused}");
    assert!(refused.stderr.contains("belongs to another user: choose"), "{refused}");
    assert_eq!(fs::read_dir(scratch.data_dir()).unwrap().count(), 0, "nothing was left in it");
}

#[test]
fn everything_is_private_under_a_careless_umask() {
    let scratch = Scratch::new();
    let data_dir = scratch.home().join("made/by/the/daemon");
    let careless = |arguments: &[&str]| {
        let plain = scratch.command("", arguments);
        let mut command = Command::new("sh");
        command.args(["-c", r#"umask 000; exec "$0" "$@""#, USHER]).args(plain.get_args()).env_clear();
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("USHER_DATA_DIR", &data_dir);
        command
    };
    for _ in 0..2 {
        let daemon = Process::start(&mut careless(&["serve", "--listen", "127.0.0.1:0"]));
        sign_in(&daemon.url(), "ada@example.org");
        let mut seen = Vec::new();
        for entry in fs::read_dir(&data_dir).unwrap() {
            let path = entry.unwrap().path();
            let is_folder = path.is_dir();
            assert!(is_folder || mode(&path) == 0o600, "{} is {:o}", path.display(), mode(&path));
            seen.push(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
        for name in ["address", "lock", "usher.db", "usher.db-wal", "usher.db-shm", "usher.sock"] {
            assert!(seen.iter().any(|seen| seen == name), "{name} is not in {seen:?}");
        }
        assert_eq!(mode(&data_dir), 0o700);
        let answer = daemon.stop();
        assert_eq!(answer.code, 0, "what it left is good enough for itself: {answer}");
    }
}
