//! Clocks: what "now" is. The process has one, the store has another.
//!
//! # Why
//! A replay or demo runs on the recorded clock, and a store so filled remembers it: its "now" is
//! the end of what it was told, until live data arrive.

use std::fmt::Debug;

use arno_model::Timestamp;
use serde::{Deserialize, Serialize};

/// Tells the time; handed to whoever needs it, so that tests move it.
pub trait Clock: Send + Sync + Debug {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The store's clock, as it was last left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "lowercase")]
pub enum ClockState {
    /// The process's clock.
    #[default]
    Live,
    /// Stands at the end of a recording.
    Recorded {
        /// The recording's end.
        now: Timestamp,
    },
}
