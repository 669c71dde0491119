//! Progress of long work: counts come in, a bar on a terminal or plain lines elsewhere go out, on
//! standard error.
//!
//! # Limits
//! Nothing in the first two seconds; a plain line every five.

use std::io::{IsTerminal as _, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const QUIET: Duration = Duration::from_secs(2);
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// Progress of one piece of work.
#[derive(Debug)]
pub struct Progress {
    what: &'static str,
    started: Instant,
    last_line: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Begins; `total` in the units that [`Self::set`] counts.
    pub fn start(what: &'static str, total: u64) -> Self {
        let now = Instant::now();
        let bar = stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden());
            let style = ProgressStyle::with_template("{msg} [{bar:40}] {percent}% {eta} left");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_message(what);
            bar
        });
        Self {
            what,
            started: now,
            last_line: now,
            bar,
        }
    }

    /// Where it stands, with a few words.
    pub fn set(&mut self, done: u64, total: u64, words: &str) {
        if self.started.elapsed() < QUIET {
            return;
        }
        if let Some(bar) = &self.bar {
            if bar.is_hidden() {
                bar.set_draw_target(ProgressDrawTarget::stderr());
            }
            bar.set_length(total);
            bar.set_position(done);
            bar.set_message(format!("{}: {words}", self.what));
        } else if self.last_line.elapsed() >= LINE_INTERVAL {
            self.last_line = Instant::now();
            let percent = (done * 100).checked_div(total).unwrap_or(100).min(100);
            tracing::info!("{}: {percent} %, {words}", self.what);
        }
    }

    /// Done.
    pub fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
