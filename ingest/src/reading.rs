//! Readings: what a decoder, a replay or a back-fill took out of its source, named but not
//! admitted.
//!
//! # Why
//! Sources differ in bytes; from here on they are the same. A reading names its thing and property
//! by their registry names and carries the source's own times, so that admission alone decides what
//! is stored.
//!
//! # Invariants
//! Nothing here was checked against the registry or the clock: that is [`crate::admit`]'s work.

use arno_model::{PropertyId, ThingId, Timestamp};

/// One result of one property of one thing, before admission.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The thing, by its global name.
    pub thing: ThingId,
    /// The observed property.
    pub property: PropertyId,
    /// Phenomenon time; absent: the time of receipt is taken, where the property allows that.
    pub time: Option<Timestamp>,
    /// The result; `None` is a declared unknown. Booleans are 0 and 1.
    pub result: Option<f64>,
    /// When the source made the result, if it says so.
    pub result_time: Option<Timestamp>,
    /// When Arno received it; on a recorded clock, the moment of the poll.
    pub received: Timestamp,
}

impl Reading {
    /// The moment the reading speaks of: its own time, else its receipt.
    pub fn moment(&self) -> Timestamp {
        self.time.unwrap_or(self.received)
    }
}
