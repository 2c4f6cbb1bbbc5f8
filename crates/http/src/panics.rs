//! Panics of handlers: caught where the request is answered, and told once, with the request's id. Any other panic is
//! logged where it happens.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

thread_local! {
    /// Whether a request is being worked on right now.
    static IS_ANSWERING: Cell<bool> = const { Cell::new(false) };
    /// Where and why the request on this thread panicked.
    static CAUGHT: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Sends panics to the log instead of to standard error. Call once, at the start of the process.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let told = describe(panic);
        if IS_ANSWERING.get() {
            CAUGHT.set(told);
        } else {
            tracing::error!("panicked {told}");
        }
    }));
}

fn describe(panic: &PanicHookInfo<'_>) -> String {
    let why = panic.payload();
    let why =
        why.downcast_ref::<&str>().copied().or_else(|| why.downcast_ref::<String>().map(String::as_str));
    let why = why.unwrap_or("without a word");
    panic.location().map_or_else(|| why.to_owned(), |place| format!("at {place}: {why}"))
}

/// The work of one request. Its output, or where and why it panicked.
pub(crate) struct Caught<F>(pub(crate) F);

impl<F: Future + Unpin> Future for Caught<F> {
    type Output = Result<F::Output, String>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        IS_ANSWERING.set(true);
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut self.0).poll(context)));
        IS_ANSWERING.set(false);
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(_) => Poll::Ready(Err(CAUGHT.take())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::io::Read;
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::routing::get;
    use futures_util::future::join;
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use usher_wire::Pages;

    use super::*;
    use crate::answer::{Desk, answer};
    use crate::guard::{Guard, Mode};

    /// Nobody decided on any page.
    struct Undecided;

    impl Pages for Undecided {
        fn verdict(&self, _: &str) -> Option<bool> {
            None
        }
    }

    /// What is answered to GETs of these paths, one after the other on one connection; the last one is `/fine`.
    async fn ask(router: &Router, paths: &[&str]) -> String {
        let guard = Guard::new(1, &[], Arc::new(Undecided), Mode::Strict);
        let desk = Desk { router, guard: &guard, refusal: None, address: None };
        let (mut caller, server) = duplex(64 * 1024);
        let number = Cell::new(0);
        let request_id = || format!("request-{}", number.replace(number.get() + 1));
        let service =
            service_fn(async |request| Ok::<_, Infallible>(answer(&desk, request, request_id).await));
        let serving = http1::Builder::new().serve_connection(TokioIo::new(server), service);
        let mut answers = String::new();
        let asking = async {
            for path in paths {
                let head = format!("GET {path} HTTP/1.1\r\nHost: localhost:1\r\n\r\n");
                caller.write_all(head.as_bytes()).await.unwrap();
            }
            let last = b"GET /fine HTTP/1.1\r\nHost: localhost:1\r\nConnection: close\r\n\r\n";
            caller.write_all(last).await.unwrap();
            caller.read_to_string(&mut answers).await.unwrap();
        };
        let (served, ()) = join(serving, asking).await;
        served.unwrap();
        answers
    }

    #[tokio::test]
    async fn a_panic_is_answered_and_told_once_with_the_id_of_its_request() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let subscriber = tracing_subscriber::fmt().with_writer(Mutex::new(writer)).with_ansi(false).finish();
        let logging = tracing::subscriber::set_default(subscriber);
        let router = Router::new()
            .route("/first", get(async || -> () { panic!("the first panic") }))
            .route("/second", get(async || -> () { std::panic::panic_any(7) }))
            .route("/fine", get(async || "still here"));
        log_panics();
        let answers = ask(&router, &["/first", "/second"]).await;
        let elsewhere = catch_unwind(|| panic!("a panic elsewhere"));
        drop((std::panic::take_hook(), logging));

        assert!(elsewhere.is_err());
        assert_eq!(answers.matches("HTTP/1.1 500 ").count(), 2, "{answers}");
        for id in ["request-0", "request-1"] {
            assert!(answers.contains(&format!("x-request-id: {id}\r\n")), "{id}: {answers}");
        }
        assert!(answers.contains("HTTP/1.1 200 OK") && answers.ends_with("still here"), "{answers}");
        assert!(!answers.contains("panic"), "why is for the log: {answers}");
        let mut log = String::new();
        reader.read_to_string(&mut log).unwrap();
        let lines: Vec<&str> = log.lines().collect();
        let [first, second, elsewhere] = lines[..] else { panic!("three lines: {log}") };
        let place = "at crates/http/src/panics.rs:";
        for (line, id, why) in
            [(first, "request-0", "the first panic"), (second, "request-1", "without a word")]
        {
            assert!(line.contains(id) && line.contains(place) && line.contains(why), "{line}");
        }
        assert!(elsewhere.contains("a panic elsewhere") && !elsewhere.contains("request"), "{elsewhere}");
    }
}
