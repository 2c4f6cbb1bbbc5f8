//! How long the head of a request may be. Bodies are in `trouble::bodies`.

use crate::{
    http::{Connection, get},
    steps::with_ada,
};

#[test]
fn a_head_may_have_sixteen_kibibytes() {
    let (daemon, _) = with_ada();
    let urls = [daemon.url().to_owned(), daemon.socket()];
    for url in urls.iter().take(if cfg!(unix) { 2 } else { 1 }) {
        let ask = |kibibytes: usize| {
            let padding = "x".repeat(kibibytes * 1024);
            Connection::open(url).try_ask("GET", "/user", &[("X-Padding", &padding)], b"")
        };
        assert_eq!(ask(15).unwrap().status, 200, "{url}");
        for more in [17, 64] {
            // The rest of the head may meet a connection that is closed already.
            assert!(ask(more).map_or(true, |reply| reply.status == 431), "{url}");
        }
        assert_eq!(get(url, "/user").status, 200, "{url}");
    }
}
