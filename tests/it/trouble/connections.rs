//! Connections that never become a request: closed when they have had their time.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use super::{
    http::{address, get},
    with_ada,
};

/// Opens a connection, sends `first`, then a byte of `drip` every half second; answers how long the daemon bears it.
fn borne(url: &str, first: &str, drip: &str) -> Duration {
    let mut stream = TcpStream::connect(address(url)).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    stream.write_all(first.as_bytes()).unwrap();
    let start = Instant::now();
    let mut drops = drip.bytes().cycle();
    loop {
        match stream.read(&mut [0; 1024]) {
            Ok(0) => return start.elapsed(),
            Ok(_) => {}
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(_) => return start.elapsed(),
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{first:?} is borne forever");
        if let Some(byte) = drops.next() {
            drop(stream.write_all(&[byte]));
        }
    }
}

#[test]
fn half_a_head_is_borne_for_ten_seconds() {
    let (daemon, _) = with_ada();
    let url = daemon.url();
    let host = address(url);
    let cases = [
        (String::new(), ""),
        ("GET /user HT".to_owned(), ""),
        (format!("GET /user HTTP/1.1\r\nHost: {host}\r\n"), ""),
        (format!("GET /user HTTP/1.1\r\nHost: {host}\r\nX: "), "x"),
        (format!("GET /user HTTP/1.1\r\nHost: {host}\r\n\r\n"), ""),
    ];
    thread::scope(|scope| {
        let bearing = cases.map(|(first, drip)| scope.spawn(move || (borne(url, &first, drip), first)));
        let asked = get(url, "/user");
        assert_eq!(asked.status, 200, "others are served meanwhile: {asked}");
        for case in bearing {
            let (time, first) = case.join().unwrap();
            assert!((8..=14).contains(&time.as_secs()), "{first:?} was borne for {time:?}");
        }
    });
}
