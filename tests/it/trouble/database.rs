//! Databases that cannot be used: refused by name, and kept as they are.

use std::{
    fs,
    io::{Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use rusqlite::Connection as Database;

use super::{ended, rename, sign_in, with_ada};
use crate::daemon::Daemon;

/// A stopped daemon with some accounts in its database, and where that is.
fn stopped() -> (Daemon, PathBuf) {
    let (mut daemon, id) = with_ada();
    for number in 0..40 {
        sign_in(daemon.url(), &format!("person{number}@example.org"));
        assert_eq!(rename(daemon.url(), &id, &format!("Ada {number}")).status, 200);
    }
    daemon.stop();
    let path = daemon.data_dir().join("usher.db");
    (daemon, path)
}

/// Puts a file in the place of another, for its owner alone, as all files there are.
fn write_private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

/// Starts the daemon, which must refuse within the words given, and must leave the file alone.
fn refuses(daemon: &Daemon, path: &Path, words: &[&str]) {
    let before = fs::read(path).unwrap();
    let answer = ended(&mut daemon.serve("127.0.0.1:0"));
    assert_eq!((answer.code, answer.stdout.as_str()), (1, ""), "{answer}");
    assert!(answer.stderr.contains(&path.display().to_string()), "{answer}");
    for word in words {
        assert!(answer.stderr.contains(word), "{word}: {answer}");
    }
    assert!(!answer.stderr.contains("panicked"), "{answer}");
    assert!(fs::read(path).unwrap() == before, "{words:?}: the file is kept as it was");
}

#[test]
fn a_newer_database_is_refused_and_kept() {
    let (daemon, path) = stopped();
    Database::open(&path).unwrap().pragma_update(None, "user_version", 999).unwrap();
    refuses(&daemon, &path, &["newer version", "999"]);
    refuses(&daemon, &path, &["newer version", "999"]);
}

#[test]
fn a_damaged_database_is_refused_and_kept() {
    for (what, damage) in [
        ("a page overwritten", overwrite as fn(&Path)),
        ("the head overwritten", |path| {
            fs::File::options().write(true).open(path).unwrap().write_all(&[0xff; 100]).unwrap()
        }),
        ("half of it gone", |path| halve(path)),
    ] {
        let (mut daemon, path) = stopped();
        let good = fs::read(&path).unwrap();
        damage(&path);
        assert!(fs::read(&path).unwrap() != good, "{what}");
        refuses(&daemon, &path, &["damaged"]);
        fs::write(&path, good).unwrap();
        daemon.start_again();
        assert_eq!(
            super::http::get(daemon.url(), "/users").json()["iterable"].as_array().unwrap().len(),
            41,
            "{what}"
        );
    }
}

/// Rubbish in every page but the first, so that the head still looks well.
fn overwrite(path: &Path) {
    let length = fs::metadata(path).unwrap().len();
    let mut file = fs::File::options().write(true).open(path).unwrap();
    for page in (4096..length).step_by(4096) {
        file.seek(SeekFrom::Start(page)).unwrap();
        file.write_all(&[0xa5; 512]).unwrap();
    }
}

fn halve(path: &Path) {
    let length = fs::metadata(path).unwrap().len();
    fs::File::options().write(true).open(path).unwrap().set_len(length / 2 / 4096 * 4096).unwrap();
}

#[test]
fn what_is_no_database_of_ours_is_refused_and_kept() {
    let daemon = fresh();
    let path = daemon.data_dir().join("usher.db");
    write_private(&path, &"Dear diary, ".repeat(1000));
    refuses(&daemon, &path, &["not a database of usher"]);
    fs::remove_file(&path).unwrap();
    write_private(&path, "");
    let foreign = Database::open(&path).unwrap();
    foreign.execute_batch("CREATE TABLE users (id TEXT); INSERT INTO users VALUES ('theirs')").unwrap();
    drop(foreign);
    refuses(&daemon, &path, &["not a database of usher"]);
}

/// A crash at the very first start can leave a file without content: nothing is lost by filling it.
#[test]
fn an_empty_file_becomes_a_database() {
    let mut daemon = fresh();
    write_private(&daemon.data_dir().join("usher.db"), "");
    daemon.start_again();
    sign_in(daemon.url(), "ada@example.org");
}

#[test]
fn a_folder_in_the_place_of_the_database_is_named() {
    let daemon = fresh();
    let path = daemon.data_dir().join("usher.db");
    fs::create_dir(&path).unwrap();
    let answer = ended(&mut daemon.serve("127.0.0.1:0"));
    assert_eq!((answer.code, answer.stdout.as_str()), (1, ""), "{answer}");
    assert!(
        answer.stderr.contains(&path.display().to_string()) && !answer.stderr.contains("panicked"),
        "{answer}"
    );
}

/// A row that this version cannot read fails the start, with the file named: nothing is guessed, nothing deleted.
#[test]
fn an_unreadable_row_is_refused_and_kept() {
    let (daemon, path) = stopped();
    Database::open(&path).unwrap().execute("UPDATE users SET document = '{'", []).unwrap();
    refuses(&daemon, &path, &["cannot be read"]);
}

/// A stopped daemon without a database.
fn fresh() -> Daemon {
    let mut daemon = Daemon::start();
    daemon.stop();
    for file in fs::read_dir(daemon.data_dir()).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    daemon
}
