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
