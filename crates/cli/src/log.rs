//! The log of a service, on standard error.

use serde::Deserialize;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Log {
    /// For people
    #[default]
    Text,
    /// For machines: one object for each line
    Json,
}

/// What else hears the lines.
pub(crate) type Listener = Box<dyn Layer<Registry> + Send + Sync>;

/// Warnings and what an operator should see; `USHER_LOG` chooses (`debug`, `usher_device=trace`).
pub(crate) fn start_log(log: Log, listener: Option<Listener>) {
    let filter = EnvFilter::try_from_env("USHER_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt::layer()
        // A log that cannot be written would be complained of on the same stream, which panics.
        .log_internal_errors(false)
        .with_writer(std::io::stderr)
        .with_ansi(false);
    let lines: Listener = match log {
        Log::Text => lines.with_filter(filter).boxed(),
        Log::Json => lines.json().flatten_event(true).with_current_span(false).with_filter(filter).boxed(),
    };
    tracing_subscriber::registry().with(listener.into_iter().chain([lines]).collect::<Vec<_>>()).init();
}
