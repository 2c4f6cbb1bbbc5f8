//! The log of a service, on standard error.

use serde::Deserialize;

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

/// Warnings and what an operator should see; `USHER_LOG` chooses (`debug`, `usher_device=trace`).
pub(crate) fn start_log(log: Log) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("USHER_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt()
        // A log that cannot be written would be complained of on the same stream, which panics.
        .log_internal_errors(false)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false);
    match log {
        Log::Text => subscriber.init(),
        Log::Json => subscriber.json().flatten_event(true).with_current_span(false).init(),
    }
}
