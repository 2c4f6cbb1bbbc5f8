//! Two daemons and one data directory: the first keeps it until it ends, however it ends.

use super::{ended, rename, socket::Socket, state, with_ada};

#[test]
fn the_first_daemon_does_not_notice_a_second_one() {
    let (daemon, id) = with_ada();
    let before = state(daemon.url());
    let mut stream = Socket::open(daemon.url(), "/user/stream");
    assert_eq!(stream.profile()["name"], "Ada");
    for _ in 0..3 {
        let second = ended(&mut daemon.serve("127.0.0.1:0"));
        assert_eq!((second.code, second.stdout.as_str()), (3, ""), "{second}");
        assert!(second.stderr.contains(daemon.url()), "{second}");
        assert!(!second.stderr.contains("panicked"), "{second}");
    }
    assert_eq!(state(daemon.url()), before);
    assert_eq!(rename(daemon.url(), &id, "Ada L.").status, 200);
    assert_eq!(stream.profile()["name"], "Ada L.");
}

#[test]
fn a_daemon_that_was_killed_leaves_no_lock() {
    let (mut daemon, id) = with_ada();
    assert_eq!(rename(daemon.url(), &id, "Ada L.").status, 200);
    for _ in 0..3 {
        daemon.kill();
        daemon.start_again();
        assert_eq!(super::user(daemon.url())["name"], "Ada L.");
    }
}

/// The address of the first one is not known yet, or no longer true: the second one says less, and nothing wrong.
#[test]
fn a_second_daemon_does_not_need_the_address_of_the_first() {
    let (daemon, _) = with_ada();
    std::fs::remove_file(daemon.data_dir().join("address")).unwrap();
    let second = ended(&mut daemon.serve("127.0.0.1:0"));
    assert_eq!((second.code, second.stdout.as_str()), (3, ""), "{second}");
    assert!(second.stderr.contains("already running"), "{second}");
}
