//! `kill -9` in a storm of updates: what was answered is there, and nothing is half there.

use std::{
    path::Path,
    sync::mpsc::{Sender, channel},
    thread,
    time::Duration,
};

use rusqlite::Connection as Database;
use serde_json::{Value, json};

use super::{
    http::{Connection, JSON, get},
    sign_in,
};
use crate::daemon::Daemon;

const WRITERS: usize = 16;
const ROUNDS: usize = 12;
/// Answered updates after which the daemon is killed.
const ENOUGH: usize = 32;

/// One connection that renames its own account until nobody answers any more.
struct Writer {
    id: String,
    sent: usize,
    answered: usize,
}

impl Writer {
    fn write(&mut self, url: &str, told: &Sender<()>) {
        let Ok(mut connection) = Connection::try_open(url) else { return };
        loop {
            let number = self.sent + 1;
            self.sent = number;
            let edit = json!({
                "id": self.id,
                "name": number.to_string(),
                "username": self.username(number),
                "picture": picture(number),
            });
            let Ok(reply) = connection.try_ask("POST", "/user/update", JSON, edit.to_string().as_bytes())
            else {
                return;
            };
            assert_eq!(reply.status, 200, "{reply}");
            self.answered = number;
            told.send(()).unwrap();
        }
    }

    fn username(&self, number: usize) -> String {
        format!("{}.{number}", self.id)
    }

    /// What was answered is stored, or what was sent after it; never anything in between.
    fn check(&self, url: &str) {
        let profile = get(url, &format!("/users/{}", self.id)).json();
        let stored: usize = profile["name"].as_str().unwrap().parse().unwrap_or(0);
        let may_be = self.answered..=self.sent;
        assert!(may_be.contains(&stored), "stored is {stored}, answered and sent were {may_be:?}");
        if stored > 0 {
            assert_eq!(profile["username"], self.username(stored), "all members are of one update");
            assert_eq!(profile["picture"], picture(stored), "all members are of one update");
        }
    }
}

/// As large as one may be, so that a commit takes its time: that is when the daemon should be killed.
fn picture(number: usize) -> String {
    format!("data:image/png;base64,{}", format!("{number:08}").repeat(8 * 1000))
}

#[test]
fn what_was_answered_survives_kill_9() {
    let mut daemon = Daemon::start();
    let url = daemon.url().to_owned();
    let email = |number: usize| format!("writer{number}@example.org");
    let mut writers: Vec<Writer> = (0..WRITERS)
        .map(|number| Writer { id: sign_in(&url, &email(number)), sent: 0, answered: 0 })
        .collect();
    for round in 0..ROUNDS {
        let (told, answers) = channel();
        thread::scope(|scope| {
            for writer in &mut writers {
                let (told, url) = (told.clone(), &url);
                scope.spawn(move || writer.write(url, &told));
            }
            for _ in 0..ENOUGH + round {
                answers.recv_timeout(Duration::from_secs(30)).expect("updates are answered");
            }
            // In the moment after an answer: one that was given too early is not yet true.
            daemon.kill();
        });
        daemon.start_again();
        for writer in &writers {
            writer.check(&url);
        }
        check_rows(&daemon.data_dir());
    }
}

/// The database is sound, and each person's document, columns and last revision tell the same.
fn check_rows(data_dir: &Path) {
    let database = Database::open(data_dir.join("usher.db")).unwrap();
    let sound: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    let broken: i64 =
        database.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0)).unwrap();
    assert_eq!(broken, 0, "every row hangs on one that exists");
    let sql = "SELECT users.document, users.username, users.revision, user_revisions.members,
                      users.updated_at = user_revisions.updated_at
               FROM users LEFT JOIN user_revisions ON user_id = id AND user_revisions.revision = users.revision";
    let mut statement = database.prepare(sql).unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut count = 0;
    while let Some(row) = rows.next().unwrap() {
        let json =
            |column: usize| serde_json::from_str::<Value>(&row.get::<_, String>(column).unwrap()).unwrap();
        let (document, members) = (json(0), json(3));
        assert_eq!(document["name"], members["name"]);
        assert_eq!(
            document["username"].as_str().map(str::to_lowercase),
            row.get::<_, Option<String>>(1).unwrap()
        );
        assert!(row.get::<_, bool>(4).unwrap(), "the stamp of the person is that of the revision");
        count += 1;
    }
    assert_eq!(count, WRITERS);
}
