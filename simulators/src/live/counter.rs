//! What a live play has done so far: lines count here, whoever shows progress reads.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// Counters of a live play, shared by its lines.
#[derive(Debug, Default)]
pub struct LiveCounters {
    sent: AtomicU64,
    acknowledged: AtomicU64,
    observations: AtomicU64,
    lost: AtomicU64,
    connects: AtomicU64,
    breaks: AtomicU64,
    connected: AtomicU64,
}

/// A moment's reading of the counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LiveReport {
    /// Messages handed to a connection, each once.
    pub sent: u64,
    /// Messages that the broker acknowledged.
    pub acknowledged: u64,
    /// Observations in acknowledged messages (garbage is one).
    pub observations_acknowledged: u64,
    /// Messages lost because a line was down.
    pub lost: u64,
    /// Times a line was established.
    pub connects: u64,
    /// Times an access point dropped off, so that its Last Will was published.
    pub breaks: u64,
    /// Lines that are up.
    pub connected: u64,
}

impl LiveCounters {
    /// Reads the counters.
    pub fn report(&self) -> LiveReport {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        LiveReport {
            sent: read(&self.sent),
            acknowledged: read(&self.acknowledged),
            observations_acknowledged: read(&self.observations),
            lost: read(&self.lost),
            connects: read(&self.connects),
            breaks: read(&self.breaks),
            connected: read(&self.connected),
        }
    }

    pub(super) fn send(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn acknowledge(&self, observations_count: u64) {
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
        self.observations
            .fetch_add(observations_count, Ordering::Relaxed);
    }

    pub(super) fn lose(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn connect(&self) {
        self.connects.fetch_add(1, Ordering::Relaxed);
        self.connected.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn disconnect(&self) {
        self.connected.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn break_off(&self) {
        self.breaks.fetch_add(1, Ordering::Relaxed);
    }
}
