//! Load against capacity, jointly: pieces of both come in, what they come to in each bucket where
//! both are known goes out.
//!
//! # Why
//! Occupancy is Σ ∫vehicles dt / Σ ∫capacity dt over the time in which vehicles *and* capacity are
//! known. Dividing two means that were known at different times gives a number that never was.
//!
//! # Invariants
//! Vehicles and places are whole numbers, so all integrals are exact. `capacity_expected` counts
//! capacity over the whole bucket, load known or not: known share = `capacity` / `expected`.

use crate::signal::Span;
use crate::signal::state::{Piece, whole};

/// How a thing says what is parked in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LoadBy {
    /// It reports `vehicles`.
    Vehicles,
    /// It reports `free`: load is capacity − free, as of every moment.
    Free,
    /// It reports `occupied`: a bay.
    Occupied,
}

/// What load and capacity come to in one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JointTally {
    /// ∫load dt over the jointly known time, vehicles · µs.
    pub load: i128,
    /// ∫capacity dt over the jointly known time, places · µs.
    pub capacity: i128,
    /// ∫capacity dt over the whole bucket, places · µs.
    pub expected: i128,
    /// Whether load was above capacity at some moment.
    pub is_over: bool,
}

/// Goes through load and capacity pieces bucket by bucket.
#[derive(Debug)]
pub struct JointWalk<'a> {
    by: LoadBy,
    load: &'a [Piece],
    capacity: &'a [Piece],
    load_place: usize,
    capacity_place: usize,
}

impl<'a> JointWalk<'a> {
    /// A walk over sorted, disjoint pieces; `load` are those of the property that `by` names.
    pub const fn new(by: LoadBy, load: &'a [Piece], capacity: &'a [Piece]) -> Self {
        Self {
            by,
            load,
            capacity,
            load_place: 0,
            capacity_place: 0,
        }
    }

    /// The tally of a bucket; buckets must come in ascending order.
    pub fn tally(&mut self, bucket: Span) -> JointTally {
        let mut tally = JointTally::default();
        while let Some(capacity) = self.capacity.get(self.capacity_place) {
            if capacity.start >= bucket.end {
                break;
            }
            let span = capacity.span().intersect(bucket);
            let places = whole(capacity.value);
            if !span.is_empty() {
                tally.expected += i128::from(places) * i128::from(span.length_us());
                self.add_load(span, places, &mut tally);
            }
            if capacity.end > bucket.end {
                break;
            }
            self.capacity_place += 1;
        }
        tally
    }

    fn add_load(&mut self, within: Span, places: i64, tally: &mut JointTally) {
        while let Some(load) = self.load.get(self.load_place) {
            if load.start >= within.end {
                break;
            }
            let length_us = i128::from(load.span().intersect(within).length_us());
            if length_us > 0 {
                let vehicles = vehicles(self.by, load.value, places);
                tally.load += i128::from(vehicles) * length_us;
                tally.capacity += i128::from(places) * length_us;
                tally.is_over |= vehicles > places;
            }
            if load.end > within.end {
                break;
            }
            self.load_place += 1;
        }
    }
}

/// What is parked, given what the thing reports and its capacity.
pub fn vehicles(by: LoadBy, reported: f64, places: i64) -> i64 {
    match by {
        LoadBy::Vehicles | LoadBy::Occupied => whole(reported),
        LoadBy::Free => places.saturating_sub(whole(reported)),
    }
}
