//! Other users of the machine: refused on every way in and on every operation, without changing anything and without
//! taking the owner's place.

use std::{
    io::{ErrorKind, Read},
    os::unix::process::CommandExt,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    is_stream, operations,
    other_user::{OTHER, THIRD, as_user, become_user, loosen, may_become_others, place_of},
};
use crate::{
    daemon::{Answer, Daemon, Scratch},
    http::{Connection, JSON, address, get},
    namespace::{Own, inside},
    process::{Process, serve},
    socket::Socket,
    steps::{sign_in, state, user, wait_until},
};

/// A daemon with every way in open, and somebody signed in.
struct Open {
    _daemon: Process,
    _scratch: Scratch,
    id: String,
    /// Where it can be reached, and the name to call it by there.
    ways: Vec<(String, String)>,
}

impl Open {
    fn start() -> Self {
        let scratch = Scratch::new();
        let listen = ["--listen", "127.0.0.1:0", "--listen", "[::1]:0"];
        let daemon = Process::start(&mut serve(&scratch, &[], &listen));
        let [four, six] = [daemon.url(), daemon.url()];
        loosen(scratch.path(), &scratch.data_dir());
        let mapped = format!("http://[::ffff:127.0.0.1]:{}", address(&four).port());
        let name = |url: &str| address(url).to_string();
        let ways = vec![
            (mapped, name(&four)),
            (four.clone(), name(&four)),
            (six.clone(), name(&six)),
            (socket_in(&scratch), "localhost".to_owned()),
        ];
        let id = sign_in(&four, "ada@example.org");
        Self { _daemon: daemon, _scratch: scratch, id, ways }
    }

    fn url(&self) -> &str {
        &self.ways[1].0
    }
}

fn socket_in(scratch: &Scratch) -> String {
    format!("unix:{}", scratch.data_dir().join("usher.sock").display())
}

fn connect((url, name): &(String, String)) -> Connection {
    Connection::try_open_as(url, name.clone()).unwrap_or_else(|error| panic!("{url}: {error}"))
}

/// What the daemon says happened.
fn audit(url: &str) -> Value {
    get(url, "/audit").json()
}

fn is_refused_on_every_operation(daemon: &Open) {
    let Open { ways, id, .. } = daemon;
    let (before, happened) = (state(daemon.url()), audit(daemon.url()));
    let operations = operations(daemon.url(), id);
    let body = json!({ "id": id, "user": id, "name": "Eve" }).to_string();
    let refused = |way: &(String, String), method: &str, path: &str| {
        let (headers, body) = if method == "POST" { (JSON, body.as_bytes()) } else { (&[][..], &b""[..]) };
        let reply = connect(way).ask(method, path, headers, body);
        assert_eq!((reply.status, reply.code()), (403, "not_allowed"), "{way:?} {method} {path}: {reply}");
        if method != "HEAD" {
            let sentence = reply.text();
            assert!(sentence.contains("another user") && sentence.contains("`usher serve`"), "{sentence}");
            assert!(!sentence.contains(id), "{sentence}");
        }
    };
    as_user(OTHER, || {
        for way in ways {
            for (method, path, about) in &operations {
                refused(way, method, path);
                if is_stream(about) {
                    let reply = Socket::try_open(connect(way), path, &[]).err();
                    assert_eq!(reply.map(|reply| reply.status), Some(403), "{way:?} {path}");
                }
            }
            for (method, path) in
                [("HEAD", "/user"), ("OPTIONS", "/user"), ("GET", "/docs"), ("GET", "/openapi.json")]
            {
                refused(way, method, path);
            }
        }
    });
    assert_eq!(state(daemon.url()), before);
    assert_eq!(audit(daemon.url()), happened);
    for way in ways {
        assert_eq!(connect(way).ask("GET", "/user", &[], b"").status, 200, "the owner is let in at {way:?}");
    }
}

#[test]
fn another_user_is_refused_everywhere() {
    if may_become_others() {
        is_refused_on_every_operation(&Open::start());
    }
}

#[test]
fn another_user_is_refused_in_a_network_of_its_own_too() {
    let name = "limits::users::another_user_is_refused_in_a_network_of_its_own_too";
    if may_become_others() && inside(name, Own::Network) {
        is_refused_on_every_operation(&Open::start());
    }
}

/// A socket that was closed has no owner any more, while its request is still to be read.
#[test]
fn who_hangs_up_at_once_is_refused_all_the_same() {
    if !may_become_others() {
        return;
    }
    let daemon = Open::start();
    let happened = audit(daemon.url());
    let fire = |way: &(String, String), number: usize| {
        let Ok(mut connection) = Connection::try_open_as(&way.0, way.1.clone()) else { return };
        let request = connection.head("POST", "/user/clear") + "Content-Length: 0\r\n\r\n";
        drop(connection.send(request.as_bytes()));
        if number.is_multiple_of(3) {
            drop(connection.into_stream().get_ref().finish());
        }
    };
    thread::scope(|scope| {
        for way in &daemon.ways {
            scope.spawn(|| {
                become_user(OTHER);
                (0..300).for_each(|number| fire(way, number));
            });
        }
        for _ in 0..100 {
            assert_eq!(user(daemon.url())["id"], daemon.id.as_str());
        }
    });
    // Whoever comes now is read after all of them.
    for way in &daemon.ways {
        assert_eq!(connect(way).ask("GET", "/user", &[], b"").status, 200);
    }
    assert_eq!(user(daemon.url())["id"], daemon.id.as_str());
    assert_eq!(audit(daemon.url()), happened);
}

#[test]
fn racing_callers_are_never_mistaken_for_each_other() {
    if !may_become_others() {
        return;
    }
    let daemon = Open::start();
    let answers = |uid: Option<u32>, status: u16| {
        uid.inspect(|uid| become_user(*uid));
        for number in 0..150 {
            let way = &daemon.ways[number % daemon.ways.len()];
            let reply = connect(way).ask("GET", "/user", &[], b"");
            assert_eq!(reply.status, status, "{uid:?} {way:?}: {reply}");
        }
    };
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| answers(None, 200));
            scope.spawn(|| answers(Some(OTHER), 403));
        }
    });
}

#[test]
fn strangers_cannot_take_the_owners_place() {
    if !may_become_others() {
        return;
    }
    let daemon = Daemon::start_set(&[("USHER_MAX_CONNECTIONS", "8")]);
    let url = daemon.url();
    let mut own = Connection::open(url);
    assert_eq!(own.ask("GET", "/user", &[], b"").status, 200);
    let silent: Vec<_> = as_user(OTHER, || (0..300).map(|_| Connection::open(url)).collect());
    assert_eq!(get(url, "/user").status, 200, "a new connection of the owner is served");
    assert_eq!(own.ask("GET", "/user", &[], b"").status, 200, "the one he had was not given away");
    let start = Instant::now();
    for connection in silent {
        let mut stream = connection.into_stream();
        let ended = stream.read(&mut [0; 64]);
        let is_gone = matches!(&ended, Ok(0))
            || ended.as_ref().is_err_and(|error| error.kind() == ErrorKind::ConnectionReset);
        assert!(is_gone, "who says nothing is told nothing: {ended:?}");
    }
    assert!(start.elapsed() < Duration::from_secs(5), "they were borne for {:?}", start.elapsed());
}

#[test]
fn a_user_who_is_named_may_call_and_others_may_not() {
    if !may_become_others() {
        return;
    }
    let daemon = Daemon::start_set(&[("USHER_ALLOW_UIDS", "65533")]);
    loosen(daemon.data_dir().parent().unwrap(), &daemon.data_dir());
    for url in [daemon.url(), &daemon.socket()] {
        let asked = |uid| as_user(uid, || get(url, "/user").status);
        assert_eq!((asked(THIRD), asked(OTHER)), (200, 403), "{url}");
    }
}

/// A daemon that another user runs.
fn daemon_of(uid: u32) -> (Process, Scratch, PathBuf) {
    let (scratch, usher) = place_of(uid);
    let mut command =
        scratch.command_of(&usher, "", &["serve", "--no-browser", "--listen", "127.0.0.1:0", "--data-dir"]);
    command.arg(scratch.data_dir()).uid(uid).gid(uid);
    (Process::start(&mut command), scratch, usher)
}

#[test]
fn root_may_call_a_daemon_of_another_user() {
    if !may_become_others() {
        return;
    }
    let (daemon, scratch, _) = daemon_of(OTHER);
    let url = daemon.url();
    loosen(scratch.path(), &scratch.data_dir());
    for url in [&url, &socket_in(&scratch)] {
        assert_eq!(get(url, "/user").status, 200, "root at {url}");
        let asked = |uid| as_user(uid, || get(url, "/user").status);
        assert_eq!((asked(OTHER), asked(THIRD)), (200, 403), "{url}");
    }
}

#[test]
fn the_command_line_tells_another_user_why() {
    if !may_become_others() {
        return;
    }
    let daemon = Daemon::start();
    let (scratch, usher) = place_of(OTHER);
    let mut whoami = scratch.command_of(&usher, daemon.url(), &["whoami"]);
    let answer = Answer::of(whoami.uid(OTHER).gid(OTHER));
    assert_eq!((answer.code, answer.stdout.as_str()), (1, ""), "{answer}");
    assert!(answer.stderr.contains("belongs to another user"), "{answer}");
}

/// Somebody who is told why he may not stay has a second to ask, and leaves no place taken.
#[test]
fn strangers_are_told_again_when_others_have_left() {
    if !may_become_others() {
        return;
    }
    let daemon = Daemon::start();
    as_user(OTHER, || {
        let _silent: Vec<_> = (0..64).map(|_| Connection::open(daemon.url())).collect();
        wait_until("a stranger is told why", Duration::from_secs(5), || {
            let asked = Connection::open(daemon.url()).try_ask("GET", "/user", &[], b"");
            asked.is_ok_and(|reply| reply.status == 403)
        });
    });
}
