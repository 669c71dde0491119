//! Logging: spans and events come in, lines for people or JSON lines go out on standard error.
//!
//! # Limits
//! The level is `ARNO_LOG`'s (an env-filter, like `info,arno_ingest=debug`); default
//! `warn,arno=info`.
//! Nothing logs per message, and nothing logs a payload.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::cli::LogFormat;

/// What is wrong with a filter, if anything.
pub fn fault(filter: &str) -> Option<String> {
    let is_level = |word: &str| {
        let words = ["off", "error", "warn", "info", "debug", "trace"];
        word.contains(['=', '[']) || words.contains(&word.to_ascii_lowercase().as_str())
    };
    let is_right = EnvFilter::try_new(filter).is_ok() && filter.split(',').all(is_level);
    (!is_right).then(|| {
        format!("`log` = `{filter}` is no filter; write `info` or `warn,arno_ingest=debug`")
    })
}

/// Starts logging for the process; later calls change nothing.
pub fn start(format: LogFormat, filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_cause| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::NONE)
        .with_ansi(stderr().is_terminal())
        .with_writer(stderr);
    let started = match format {
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
        LogFormat::Text => lines.with_target(false).try_init(),
    };
    drop(started);
}
