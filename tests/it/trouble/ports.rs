//! The ports clients look at: which of them the daemon takes, what it does about those it cannot have, and the file
//! that tells clients.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    path::PathBuf,
};

use super::{
    ended,
    http::{Connection, address, ask, get},
    namespace::{Own, inside, shell},
    process::{Process, serve},
};
use crate::daemon::Scratch;

/// Takes the right to low ports away, as it is on most machines.
const UNPRIVILEGED: [&str; 3] =
    ["setpriv", "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service"];

fn port_file(scratch: &Scratch) -> PathBuf {
    scratch.home().join("Documents/com.pieces.os/production/Config/.port.txt")
}

fn both(port: u16) -> [SocketAddr; 2] {
    [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]
        .map(|address| SocketAddr::new(address, port))
}

fn take(address: SocketAddr) -> TcpListener {
    TcpListener::bind(address).unwrap()
}

/// A daemon must listen on these ports in this order, on both families, and answer on each.
fn listens(daemon: &Process, ports: &[u16]) {
    for address in ports.iter().flat_map(|port| both(*port)) {
        let url = daemon.url();
        assert_eq!(url, format!("http://{address}"));
        assert_eq!(ask(&url, "HEAD", "/.well-known/health", &[], b"").status, 200, "{url}");
        assert_eq!(get(&url, "/user").status, 200, "{url}");
    }
}

#[test]
fn the_documented_port_needs_no_permission_to_be_done_without() {
    if !inside("trouble::ports::the_documented_port_needs_no_permission_to_be_done_without", Own::Network) {
        return;
    }
    let scratch = Scratch::new();
    let daemon = Process::start(&mut serve(&scratch, &UNPRIVILEGED, &[]));
    listens(&daemon, &[39300]);
    assert_eq!(fs::read_to_string(port_file(&scratch)).unwrap(), "39300");
    let answer = daemon.stop();
    assert_eq!((answer.code, answer.stdout.as_str()), (0, ""), "{answer}");
    assert!(answer.stderr.contains("not listening on port 1000"), "{answer}");
    assert!(!answer.stderr.contains("WARN") && !answer.stderr.contains("rror:"), "a notice only: {answer}");
    assert!(!port_file(&scratch).exists(), "the port file goes with the daemon");
}

#[test]
fn the_documented_port_is_taken_where_that_is_allowed() {
    if !inside("trouble::ports::the_documented_port_is_taken_where_that_is_allowed", Own::Network) {
        return;
    }
    let scratch = Scratch::new();
    let daemon = Process::start(&mut serve(&scratch, &[], &[]));
    listens(&daemon, &[1000, 39300]);
    assert_eq!(fs::read_to_string(port_file(&scratch)).unwrap(), "39300", "what clients scan for");
    assert_eq!(daemon.stop().code, 0);
}

#[test]
fn a_port_that_is_somebody_elses_is_left_to_him() {
    if !inside("trouble::ports::a_port_that_is_somebody_elses_is_left_to_him", Own::Network) {
        return;
    }
    let [documented, four, six] = [both(1000)[0], both(39300)[0], both(39301)[1]];
    let _taken = [documented, four, six].map(take);
    let scratch = Scratch::new();
    let daemon = Process::start(&mut serve(&scratch, &[], &[]));
    listens(&daemon, &[39302]);
    assert_eq!(fs::read_to_string(port_file(&scratch)).unwrap(), "39302");
    let answer = daemon.stop();
    assert!(answer.code == 0 && answer.stderr.contains("not listening on port 1000"), "{answer}");
}

#[test]
fn without_any_port_it_says_what_to_do() {
    if !inside("trouble::ports::without_any_port_it_says_what_to_do", Own::Network) {
        return;
    }
    let taken: Vec<TcpListener> = (39300..=39333).map(|port| take(both(port)[0])).collect();
    let scratch = Scratch::new();
    let answer = ended(&mut serve(&scratch, &UNPRIVILEGED, &[]));
    assert_eq!((answer.code, answer.stdout.as_str()), (1, ""), "{answer}");
    assert!(answer.stderr.contains("39300-39333") && answer.stderr.contains("--listen"), "{answer}");
    assert!(!answer.stderr.contains("panicked") && !port_file(&scratch).exists(), "{answer}");
    drop(taken);
    let daemon = Process::start(&mut serve(&scratch, &UNPRIVILEGED, &[]));
    listens(&daemon, &[39300]);
}

#[test]
fn without_the_newer_family_the_older_one_does() {
    if !inside("trouble::ports::without_the_newer_family_the_older_one_does", Own::Network) {
        return;
    }
    shell("ip -6 address delete ::1/128 dev lo");
    let scratch = Scratch::new();
    let daemon = Process::start(&mut serve(&scratch, &UNPRIVILEGED, &[]));
    let url = daemon.url();
    assert_eq!(url, "http://127.0.0.1:39300");
    assert_eq!(get(&url, "/user").status, 200);
    let answer = daemon.stop();
    assert_eq!((answer.code, answer.stdout.as_str()), (0, ""), "{answer}");
}

#[test]
fn a_port_asked_for_by_name_is_not_exchanged_for_another() {
    let scratch = Scratch::new();
    let taken = take(both(0)[0]);
    let address = taken.local_addr().unwrap().to_string();
    let answer = ended(&mut serve(&scratch, &[], &["--listen", &address]));
    assert_eq!((answer.code, answer.stdout.as_str()), (1, ""), "{answer}");
    assert!(answer.stderr.contains(&address) && !answer.stderr.contains("panicked"), "{answer}");
}

/// The file is a courtesy: where it cannot be written, clients that scan still find the daemon.
#[test]
fn a_home_that_takes_no_port_file_is_no_obstacle() {
    if !inside("trouble::ports::a_home_that_takes_no_port_file_is_no_obstacle", Own::Network) {
        return;
    }
    let scratch = Scratch::new();
    fs::write(scratch.home().join("Documents"), "a file, not a folder").unwrap();
    let daemon = Process::start(&mut serve(&scratch, &UNPRIVILEGED, &[]));
    listens(&daemon, &[39300]);
    let answer = daemon.stop();
    assert!(answer.code == 0 && answer.stderr.contains("no port file"), "{answer}");
}

/// Whoever wrote the file after us wants it to stay.
#[test]
fn the_port_file_of_another_is_left_alone() {
    if !inside("trouble::ports::the_port_file_of_another_is_left_alone", Own::Network) {
        return;
    }
    let scratch = Scratch::new();
    let daemon = Process::start(&mut serve(&scratch, &UNPRIVILEGED, &[]));
    listens(&daemon, &[39300]);
    fs::write(port_file(&scratch), "39310").unwrap();
    assert_eq!(daemon.stop().code, 0);
    assert_eq!(fs::read_to_string(port_file(&scratch)).unwrap(), "39310");
}

/// One file for all daemons of a home: the first one has it until it ends.
#[test]
fn a_second_daemon_leaves_the_port_file_of_the_first() {
    if !inside("trouble::ports::a_second_daemon_leaves_the_port_file_of_the_first", Own::Network) {
        return;
    }
    let (scratch, others) = (Scratch::new(), [Scratch::new(), Scratch::new()]);
    let file = || fs::read_to_string(port_file(&scratch)).ok();
    let first = Process::start(&mut serve(&scratch, &UNPRIVILEGED, &[]));
    listens(&first, &[39300]);
    let [second, third] = others
        .each_ref()
        .map(|other| Process::start(serve(other, &UNPRIVILEGED, &[]).env("HOME", scratch.home())));
    // They start at the same time, so either has either port.
    let urls = [&second, &third].map(|daemon| [daemon.url(), daemon.url()]);
    assert_eq!(file().as_deref(), Some("39300"), "{urls:?}");
    assert_eq!(second.stop().code, 0);
    assert_eq!(file().as_deref(), Some("39300"), "nobody took it along");
    assert_eq!(first.stop().code, 0);
    assert_eq!(file(), None, "it goes with the first");
    assert_eq!(third.stop().code, 0);
}

/// Who was killed took nothing along.
#[test]
fn a_port_file_that_names_nobody_is_replaced() {
    if !inside("trouble::ports::a_port_file_that_names_nobody_is_replaced", Own::Network) {
        return;
    }
    for stale in ["39333", "", "no port", "99999"] {
        let scratch = Scratch::new();
        fs::create_dir_all(port_file(&scratch).parent().unwrap()).unwrap();
        fs::write(port_file(&scratch), stale).unwrap();
        let daemon = Process::start(&mut serve(&scratch, &UNPRIVILEGED, &[]));
        listens(&daemon, &[39300]);
        assert_eq!(fs::read_to_string(port_file(&scratch)).unwrap(), "39300", "not {stale:?}");
        assert_eq!(daemon.stop().code, 0);
        assert!(!port_file(&scratch).exists(), "{stale:?}");
    }
}

#[test]
fn any_loopback_address_answers_to_its_own_name() {
    let scratch = Scratch::new();
    let daemon = Process::start(&mut serve(&scratch, &[], &["--listen", "127.0.0.2:0"]));
    let url = daemon.url();
    let address = address(&url);
    assert_eq!(address.ip(), IpAddr::from([127, 0, 0, 2]));
    assert_eq!(get(&url, "/user").status, 200);
    let own = format!("http://{address}");
    assert_eq!(ask(&url, "GET", "/user", &[("Origin", &own)], b"").status, 200, "its own pages");
    let port = address.port();
    for host in [
        format!("127.0.0.3:{port}"),
        format!("127.0.0.2:{}", port ^ 1),
        "127.0.0.2".to_owned(),
        format!("evil.example:{port}"),
        format!("127.0.0.2.evil.example:{port}"),
    ] {
        let mut connection = Connection::open(&url);
        connection.send(format!("GET /user HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).unwrap();
        connection.reply().refuses(403, "not_allowed");
        let origin = format!("http://{host}");
        ask(&url, "GET", "/user", &[("Origin", &origin)], b"").refuses(403, "not_allowed");
    }
    assert_eq!(daemon.stop().code, 0);
}
