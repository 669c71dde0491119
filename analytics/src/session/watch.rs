//! How long a question has worked, as its innermost loops can ask: a limit comes in, "go on" or an
//! error goes out.
//!
//! # Why
//! A join whose condition holds for no pair compares for minutes without giving anything back, and
//! no timer can stop a thread. So what runs in such loops (conditions of joins, geometry, batches
//! on their way) asks here, and ends the question itself.
//!
//! # Invariants
//! Time in which the reader was waited for does not count.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{AnalyticsError, Bound};

/// A question's time.
#[derive(Debug)]
pub(crate) struct Watch {
    time: Duration,
    begun: OnceLock<Instant>,
    waited_us: AtomicU64,
    is_over: AtomicBool,
}

impl Watch {
    pub(crate) fn new(time: Duration) -> Self {
        Self {
            time,
            begun: OnceLock::new(),
            waited_us: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        }
    }

    /// Begins to count; once.
    pub(crate) fn begin(&self) {
        self.begun.get_or_init(Instant::now);
    }

    /// Ends the question: nobody waits for it any more.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Leaves time out that was spent waiting.
    pub(crate) fn waited(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.waited_us.fetch_add(micros, Ordering::Relaxed);
    }

    /// What is left of the question's time.
    pub(crate) fn left(&self) -> Duration {
        let waited = Duration::from_micros(self.waited_us.load(Ordering::Relaxed));
        let worked = self.begun.get().map_or(Duration::ZERO, Instant::elapsed);
        self.time.saturating_sub(worked.saturating_sub(waited))
    }

    /// Whether the question may go on.
    ///
    /// # Errors
    /// `Exceeded`, when its time is up or its reader gone.
    pub(crate) fn check(&self) -> Result<(), AnalyticsError> {
        if self.is_over.load(Ordering::Relaxed) {
            let mend = "the reader is gone".to_owned();
            return Err(AnalyticsError::Exceeded {
                bound: Bound::Reader,
                mend,
            });
        }
        if self.left().is_zero() {
            Err(self.late())
        } else {
            Ok(())
        }
    }

    /// That the time is up.
    pub(crate) fn late(&self) -> AnalyticsError {
        let seconds = self.time.as_secs_f64();
        AnalyticsError::Exceeded {
            bound: Bound::Time,
            mend: format!(
                "it worked for {seconds} s; ask a shorter time, fewer things or a wider bucket"
            ),
        }
    }
}
