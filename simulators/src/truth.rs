//! The truth: what was emitted comes in; what every answer must be goes out.
//!
//! # Why
//! A test that compares Arno with itself proves nothing. This is a second program for the same
//! laws: slow, with ordered maps and no cleverness, and without a line shared with the store or
//! analytics. It keeps what was handed over, judges every row by the law of versions, and walks
//! each bucket from one change to the next.
//!
//! # Shape
//! [`TruthLog`] collects in order of arrival; [`Truth::of`] judges; [`Truth::stream`],
//! [`Truth::parking`] and [`Truth::town_parking`] answer for any range; [`Truth::write`] puts it
//! all into files.
//!
//! # Limits
//! Memory: about 50 bytes a row while collecting, 150 when judged. Made for regions of tests.
//!
//! # Source
//! The definitions of state, hold, known time, occupancy and repeats in the documentation's page on
//! what the numbers mean.

mod figure;
mod file;
mod stream;

use std::collections::BTreeMap;
use std::sync::Arc;

use arno_model::time::MINUTE_US;
use arno_model::{Ledger, Outcome, Thing, Timestamp};

use crate::generator::{Chunk, Row};
use crate::property::Property;
use crate::region::Region;

pub use figure::{ParkingFigures, StreamFigures};
use stream::Stream;

/// Further ahead of its receipt a row is refused.
const FUTURE_US: i64 = 5 * MINUTE_US;

/// What was handed over, in order.
#[derive(Debug, Clone)]
pub struct TruthLog {
    region: Arc<Region>,
    rows: Vec<Row>,
    garbage_count: u64,
}

impl TruthLog {
    /// Nothing handed over yet.
    pub const fn new(region: Arc<Region>) -> Self {
        Self {
            region,
            rows: Vec::new(),
            garbage_count: 0,
        }
    }

    /// Remembers a chunk.
    pub fn record(&mut self, chunk: &Chunk) {
        self.rows.extend_from_slice(&chunk.rows);
        self.garbage_count += chunk.garbage.len() as u64;
    }

    /// Remembers one row, of a live play: with the time at which its receipt was acknowledged.
    pub fn record_row(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Remembers one payload of garbage.
    pub const fn record_garbage(&mut self) {
        self.garbage_count += 1;
    }

    /// The rows, in order.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }
}

/// The judged truth.
#[derive(Debug, Clone)]
pub struct Truth {
    region: Arc<Region>,
    ledger: Ledger,
    judged: Vec<(Row, Outcome)>,
    streams: BTreeMap<(u32, Property), Stream>,
}

impl Truth {
    /// Judges all rows, in the order in which they were handed over.
    pub fn of(log: &TruthLog) -> Self {
        let mut truth = Self {
            region: Arc::clone(&log.region),
            ledger: Ledger {
                quarantined: log.garbage_count,
                ..Ledger::default()
            },
            judged: Vec::with_capacity(log.rows.len()),
            streams: BTreeMap::new(),
        };
        for row in &log.rows {
            let outcome = truth.judge(row);
            match outcome {
                Outcome::Stored => truth.ledger.stored += 1,
                Outcome::Repeated => truth.ledger.repeated += 1,
                Outcome::Corrected => truth.ledger.corrected += 1,
                Outcome::Quarantined => truth.ledger.quarantined += 1,
                Outcome::Ignored => truth.ledger.ignored += 1,
            }
            truth.judged.push((*row, outcome));
        }
        truth
    }

    fn judge(&mut self, row: &Row) -> Outcome {
        if row.time.since_us(row.received) > FUTURE_US {
            return Outcome::Quarantined;
        }
        let hold = self
            .region
            .thing(row.thing)
            .map(|thing| hold_of(thing, row.property));
        let stream = self
            .streams
            .entry((row.thing, row.property))
            .or_insert_with(|| Stream::new(hold.flatten()));
        stream.arrive(row)
    }

    /// What became of everything that was handed over.
    pub const fn ledger(&self) -> Ledger {
        self.ledger
    }

    /// Every row with what became of it, in order.
    pub fn judged(&self) -> &[(Row, Outcome)] {
        &self.judged
    }

    /// The region.
    pub const fn region(&self) -> &Arc<Region> {
        &self.region
    }

    /// The datastreams that have observations.
    pub fn streams(&self) -> impl Iterator<Item = (u32, Property)> {
        self.streams.keys().copied()
    }

    /// The things of a town that count towards its parking: lots that report, and bays whose lot
    /// does not.
    pub fn counting_things(&self, town: usize) -> Vec<u32> {
        let indexes = self
            .region
            .towns()
            .get(town)
            .map(|town| town.things.clone());
        let counts = |index: &u32| {
            let Some(thing) = self.region.thing(*index) else {
                return false;
            };
            let parent = thing
                .part_of
                .as_ref()
                .and_then(|id| self.region.things().iter().find(|parent| parent.id == *id));
            is_parking(thing)
                && !thing.properties.is_empty()
                && parent.is_none_or(|parent| parent.properties.is_empty())
        };
        indexes.into_iter().flatten().filter(counts).collect()
    }

    /// The result of a state at a moment, if it is known.
    fn value_at(&self, thing: u32, property: Property, moment: Timestamp) -> Option<f64> {
        let observed = self.streams.get(&(thing, property));
        if property == Property::Capacity {
            let declared = || self.declared_capacity(thing);
            return observed
                .and_then(|stream| stream.has_begun(moment).then(|| stream.value_at(moment)))
                .unwrap_or_else(declared);
        }
        let is_offline = property != Property::Online
            && self.value_at(thing, Property::Online, moment) == Some(0.0);
        observed.filter(|_stream| !is_offline)?.value_at(moment)
    }

    fn declared_capacity(&self, thing: u32) -> Option<f64> {
        let declared = self.region.thing(thing)?.capacity.first()?;
        Some(f64::from(declared.places))
    }

    /// The moments within `[start, end)` at which something of a thing may change.
    fn changes(&self, thing: u32, start: Timestamp, end: Timestamp) -> Vec<Timestamp> {
        let mut moments = vec![start, end];
        for property in Property::ALL {
            if let Some(stream) = self.streams.get(&(thing, property)) {
                stream.changes_into(start, end, &mut moments);
            }
        }
        moments.sort_unstable();
        moments.dedup();
        moments
    }
}

fn hold_of(thing: &Thing, property: Property) -> Option<i64> {
    let own = thing.max_hold.get(property.as_str()).copied();
    own.or(property.max_hold())
        .map(arno_model::time::duration_us)
}

fn is_parking(thing: &Thing) -> bool {
    thing.vehicle_kind.is_some()
}

#[cfg(test)]
mod tests;
