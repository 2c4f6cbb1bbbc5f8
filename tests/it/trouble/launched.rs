//! What starts the daemon may go away, and say what it wants in the environment.

use std::{fs, time::Duration};

use super::{
    http::get,
    process::{Process, serve},
    wait_until,
};
use crate::{
    contract::{organisation, put_policy},
    daemon::Scratch,
};

const SOON: Duration = Duration::from_secs(20);

#[test]
fn nobody_has_to_read_where_it_listens() {
    let scratch = Scratch::new();
    let daemon = Process::start_unread(&mut serve(&scratch, &[], &["--listen", "127.0.0.1:0"]));
    let address = scratch.data_dir().join("address");
    wait_until("the address is there", SOON, || {
        fs::read_to_string(&address).is_ok_and(|url| !url.is_empty())
    });
    let url = fs::read_to_string(&address).unwrap();
    wait_until("it is ready", SOON, || get(&url, "/user").status == 200);
    // Policies are looked at only after the address was said.
    put_policy(&scratch.data_dir(), "all.json", &organisation("all", None).to_string());
    wait_until("it looks at policies", SOON, || {
        get(&url, "/status").json()["policies"][0]["file"] == "all.json"
    });
    let answer = daemon.stop();
    assert!(answer.code == 0 && !answer.stderr.contains("panicked"), "{answer}");
}

#[test]
fn every_usual_way_to_say_yes_or_no_is_understood() {
    for value in ["1", "true", "yes", "0", "false", ""] {
        let scratch = Scratch::new();
        let mut command =
            scratch.command("http://127.0.0.1:1", &["serve", "--listen", "127.0.0.1:0", "--data-dir"]);
        let daemon = Process::start(command.arg(scratch.data_dir()).env("USHER_NO_BROWSER", value));
        assert_eq!(get(&daemon.url(), "/user").status, 200, "{value:?}");
        assert_eq!(daemon.stop().code, 0, "{value:?}");
    }
}
