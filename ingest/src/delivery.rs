//! Deliveries: one payload and the way it came go in; what became of it comes out.

use std::fmt;

use arno_model::{Ledger, PublisherId, Timestamp};
use arno_store::{ClockMark, QuarantineReason};
use bytes::Bytes;

/// Longest payload that is decoded, in bytes; longer ones are quarantined as `too_long`. A native
/// array of a day of minutes is about 100 kB; a megabyte leaves room for any gateway's batch.
pub const PAYLOAD_BYTES_MAX: usize = 1 << 20;

/// Which way a payload came; it decides the decoder.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Route {
    /// An MQTT topic.
    Topic(String),
    /// A named route of the HTTP push: `native`, `meraki`, `netjson`, or one from the
    /// configuration.
    Push(String),
}

impl Route {
    /// The topic, or `push/{route}`: what quarantine keeps as `topic`.
    pub fn label(&self) -> String {
        match self {
            Self::Topic(topic) => topic.clone(),
            Self::Push(name) => format!("push/{name}"),
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(topic) => formatter.write_str(topic),
            Self::Push(name) => write!(formatter, "push/{name}"),
        }
    }
}

/// One payload as it came.
#[derive(Clone)]
pub struct Delivery {
    /// The way it came.
    pub route: Route,
    /// On whose behalf: its things alone are accepted. Absent: anybody's (an operator, or anonymous
    /// on loopback).
    pub publisher: Option<PublisherId>,
    /// The bytes.
    pub payload: Bytes,
    /// When it came.
    pub received: Timestamp,
    /// On whose clock.
    pub clock: ClockMark,
}

impl fmt::Debug for Delivery {
    /// Without the payload: it may name people's devices.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Delivery")
            .field("route", &self.route)
            .field("publisher", &self.publisher)
            .field("payload_bytes", &self.payload.len())
            .field("received", &self.received)
            .field("clock", &self.clock)
            .finish()
    }
}

/// Something of a delivery that was refused; the refusal is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Why.
    pub reason: QuarantineReason,
    /// Which part, and what would be right.
    pub detail: String,
}

/// Problems that an answer names at most; the quarantine keeps all of them.
pub const PROBLEMS_COUNT_MAX: usize = 20;

/// What became of a delivery that had a commit of its own; all of it is durable.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivered {
    /// Its counts.
    pub ledger: Ledger,
    /// The stamp of its (last) commit.
    pub known_at: Timestamp,
    /// What was refused, the first [`PROBLEMS_COUNT_MAX`].
    pub problems: Vec<Problem>,
}

/// What became of a delivery that shared its commit with others; all of it is durable.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    /// The stamp of the commit.
    pub known_at: Timestamp,
    /// Observations that were admitted (new, repeated or corrected).
    pub admitted_count: u64,
    /// What was refused, the first [`PROBLEMS_COUNT_MAX`].
    pub problems: Vec<Problem>,
}

impl Accepted {
    /// Whether nothing of the payload could be used: the sender is told that it is malformed.
    pub fn is_refused(&self) -> bool {
        self.admitted_count == 0 && !self.problems.is_empty()
    }
}
