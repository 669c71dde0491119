//! Figures over a range: a walk from change to change, adding value · time.
//!
//! # Invariants
//! Integrals are whole numbers (value · µs), as results of integer states are.

use arno_model::{ThingKind, TimeRange, VehicleKind};
use serde::Serialize;

use crate::number::round_of;
use crate::property::Property;
use crate::truth::Truth;

/// What is true of one datastream over a range.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Default)]
pub struct StreamFigures {
    /// Observations with a time in the range, each identity once.
    pub readings: usize,
    /// Known time.
    pub known_us: i64,
    /// ∫ value dt over it.
    pub integral: i64,
    /// Least known value.
    pub min: Option<f64>,
    /// Greatest known value.
    pub max: Option<f64>,
}

/// What is true of a thing's or a town's parking over a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Default)]
pub struct ParkingFigures {
    /// ∫ vehicles dt while vehicles and capacity are known.
    pub load_integral: i64,
    /// ∫ capacity dt while both are known.
    pub capacity_integral: i64,
    /// ∫ capacity dt while capacity is known.
    pub capacity_expected: i64,
}

impl ParkingFigures {
    /// Occupancy, where anything was known.
    pub fn occupancy(&self) -> Option<f64> {
        let ratio = crate::number::float_of(self.load_integral)
            / crate::number::float_of(self.capacity_integral);
        (self.capacity_integral > 0).then_some(ratio)
    }

    /// The share of capacity-time that was known.
    pub fn known_share(&self) -> Option<f64> {
        let ratio = crate::number::float_of(self.capacity_integral)
            / crate::number::float_of(self.capacity_expected);
        (self.capacity_expected > 0).then_some(ratio)
    }

    fn add(&mut self, other: &Self) {
        self.load_integral += other.load_integral;
        self.capacity_integral += other.capacity_integral;
        self.capacity_expected += other.capacity_expected;
    }
}

impl Truth {
    /// The figures of a datastream over a range: of what was emitted. A capacity that only the
    /// registry declares belongs to no datastream; it counts in [`Self::parking`].
    pub fn stream(&self, thing: u32, property: Property, range: TimeRange) -> StreamFigures {
        let mut figures = StreamFigures::default();
        if let Some(stream) = self.streams.get(&(thing, property)) {
            figures.readings = stream.readings(range.start, range.end);
        }
        for step in self.changes(thing, range.start, range.end).windows(2) {
            let &[from, to] = step else { continue };
            let is_emitted = self
                .streams
                .get(&(thing, property))
                .is_some_and(|stream| stream.has_begun(from));
            let Some(value) = self.value_at(thing, property, from).filter(|_| is_emitted) else {
                continue;
            };
            let step_us = to.since_us(from);
            figures.known_us += step_us;
            figures.integral += round_of(value) * step_us;
            figures.min = Some(figures.min.map_or(value, |min| min.min(value)));
            figures.max = Some(figures.max.map_or(value, |max| max.max(value)));
        }
        figures
    }

    /// The parking figures of a thing over a range: its own, or the sum of its bays when it reports
    /// nothing.
    pub fn parking(&self, thing: u32, range: TimeRange) -> ParkingFigures {
        let mut figures = ParkingFigures::default();
        let reports = self
            .region
            .thing(thing)
            .is_some_and(|thing| !thing.properties.is_empty());
        if !reports {
            for part in self.parts(thing) {
                figures.add(&self.parking(part, range));
            }
            return figures;
        }
        for step in self.changes(thing, range.start, range.end).windows(2) {
            let &[from, to] = step else { continue };
            let Some(capacity) = self.value_at(thing, Property::Capacity, from) else {
                continue;
            };
            let capacity_time = round_of(capacity) * to.since_us(from);
            figures.capacity_expected += capacity_time;
            if let Some(vehicles) = self.vehicles_at(thing, capacity, from) {
                figures.capacity_integral += capacity_time;
                figures.load_integral += round_of(vehicles) * to.since_us(from);
            }
        }
        figures
    }

    /// The parking figures of a town over a range, of one kind of vehicle; with or without what is
    /// not open.
    pub fn town_parking(
        &self,
        town: usize,
        kind: VehicleKind,
        range: TimeRange,
        with_closed: bool,
    ) -> ParkingFigures {
        let mut figures = ParkingFigures::default();
        for index in self.counting_things(town) {
            let counts = self.region.thing(index).is_some_and(|thing| {
                thing.vehicle_kind == Some(kind) && (with_closed || thing.is_open)
            });
            if counts {
                figures.add(&self.parking(index, range));
            }
        }
        figures
    }

    fn vehicles_at(&self, thing: u32, capacity: f64, moment: arno_model::Timestamp) -> Option<f64> {
        let reported = &self.region.thing(thing)?.properties;
        let reports = |property: Property| {
            reported
                .iter()
                .any(|reported| reported.as_str() == property.as_str())
        };
        if reports(Property::Vehicles) {
            return self.value_at(thing, Property::Vehicles, moment);
        }
        if reports(Property::Free) {
            let free = self.value_at(thing, Property::Free, moment)?;
            return Some(capacity - free);
        }
        self.value_at(thing, Property::Occupied, moment)
    }

    fn parts(&self, thing: u32) -> Vec<u32> {
        let Some(whole) = self.region.thing(thing) else {
            return Vec::new();
        };
        let indexed = (0_u32..).zip(self.region.things());
        let parts = indexed.filter(|(_index, part)| {
            part.kind == ThingKind::ParkingBay && part.part_of.as_ref() == Some(&whole.id)
        });
        parts.map(|(index, _part)| index).collect()
    }
}
