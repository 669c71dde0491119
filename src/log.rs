//! Logging: spans and events come in, lines for people or JSON lines go out on standard error.
//!
//! # Limits
//! The level is `ARNO_LOG`'s (an env-filter, like `info,arno_ingest=debug`); default `info`.
//! Nothing logs per message, and nothing logs a payload.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::cli::LogFormat;

/// Starts logging for the process; later calls change nothing.
pub fn start(format: LogFormat, filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_cause| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::NONE)
        .with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
        LogFormat::Text => lines.with_target(false).try_init(),
    };
    drop(started);
}
