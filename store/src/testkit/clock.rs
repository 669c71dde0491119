//! A clock that stands until a test moves it.

use std::sync::atomic::{AtomicI64, Ordering};

use arno_model::Timestamp;

use crate::clock::Clock;

/// A clock that stands until it is moved.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl TestClock {
    /// A clock at `moment`.
    pub fn at(moment: Timestamp) -> Self {
        Self(AtomicI64::new(moment.as_micros()))
    }

    /// Moves by some microseconds, back when negative.
    pub fn advance_us(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::AcqRel);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Acquire))
    }
}
