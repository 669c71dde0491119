//! One simulated device: the town's levels and a stretch of time come in, rows go out.
//!
//! # Why
//! Every device is its own little program with its own chance, so that a region is the sum of its
//! devices and nothing else, whatever the order in which they run.
//!
//! # Invariants
//! A device is run over quarters of an hour in order; a quarter may be cut anywhere, and the rows
//! are the same.

mod access_point;
mod bay;
mod count;
mod lot;
mod outage;
mod wire;

use crate::demand::{Levels, Profile};
use crate::fault::{FaultRates, Window};
use crate::generator::Emitted;
use crate::number::{float_of, round_of};
use crate::property::Property;

pub(crate) use access_point::AccessPoint;
pub(crate) use bay::Bay;
pub(crate) use lot::Lot;

/// What a device is built from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    /// The region's seed.
    pub(crate) seed: u64,
    /// The thing's index in the region.
    pub(crate) thing: u32,
    /// When it starts.
    pub(crate) start_us: i64,
    /// How often things go wrong.
    pub(crate) rates: FaultRates,
}

/// What a device of the region does; fixed when the region is built.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Plan {
    /// A bay.
    Bay {
        /// Who comes.
        profile: Profile,
    },
    /// A lot that reports.
    Lot {
        /// Who comes.
        profile: Profile,
        /// Places.
        capacity: u32,
        /// What it reports.
        reports: LotReports,
    },
    /// A lot that is only the sum of its bays: no device.
    SumOfBays,
    /// A wifi access point.
    AccessPoint {
        /// Clients when the level is 1.
        size: u32,
    },
}

/// What a lot reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LotReports {
    /// `vehicles`.
    Vehicles,
    /// `free`, and `capacity` when it changes.
    FreeAndCapacity,
    /// `vehicles`, `capacity` and `online`.
    VehiclesAndOnline,
}

/// The stretch that a device is run over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stretch<'a> {
    /// The quarter's levels.
    pub(crate) levels: &'a Levels,
    /// Its end: the quarter's or where it is cut.
    pub(crate) until_us: i64,
    /// The town's present or next trouble.
    pub(crate) town: Window,
    /// How much more often than in nature devices report.
    pub(crate) pace: f64,
}

/// A running device.
#[derive(Debug, Clone)]
pub(crate) enum Device {
    /// A bay.
    Bay(Bay),
    /// A lot.
    Lot(Lot),
    /// An access point.
    AccessPoint(AccessPoint),
}

impl Device {
    /// Starts what a plan says; `None` where there is no device.
    pub(crate) fn start(plan: Plan, origin: &Origin) -> Option<Self> {
        match plan {
            Plan::Bay { profile } => Some(Self::Bay(Bay::start(origin, profile))),
            Plan::Lot {
                profile,
                capacity,
                reports,
            } => Some(Self::Lot(Lot::start(origin, profile, capacity, reports))),
            Plan::SumOfBays => None,
            Plan::AccessPoint { size } => Some(Self::AccessPoint(AccessPoint::start(origin, size))),
        }
    }

    /// Runs it to the stretch's end.
    pub(crate) fn run(&mut self, stretch: &Stretch<'_>, emitted: &mut Emitted) {
        match self {
            Self::Bay(bay) => bay.run(stretch, emitted),
            Self::Lot(lot) => lot.run(stretch, emitted),
            Self::AccessPoint(point) => point.run(stretch, emitted),
        }
    }

    /// Readings a day in nature, about: heartbeats and changes, or reports.
    pub(crate) const fn readings_per_day(&self) -> u32 {
        match self {
            Self::Bay(_) => 96 + 14,
            Self::Lot(_) => 288 + 2,
            Self::AccessPoint(_) => 144,
        }
    }

    /// Brings the next report forward after the pace grew.
    pub(crate) fn hurry(&mut self, from_us: i64, pace: f64) {
        match self {
            Self::Bay(bay) => bay.hurry(from_us, pace),
            Self::Lot(lot) => lot.hurry(from_us, pace),
            Self::AccessPoint(point) => point.hurry(from_us, pace),
        }
    }
}

/// What a device has to say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Saying {
    /// When it is true.
    pub(crate) time_us: i64,
    /// About what.
    pub(crate) property: Property,
    /// The result.
    pub(crate) result: f64,
}

/// Above this pace, times carry milliseconds: whole seconds would collide.
const WHOLE_SECONDS_PACE_MAX: f64 = 4.0;

/// The moment `wait_us` after `from_us`, on the grain of the pace and later than `from_us`.
pub(crate) fn after(from_us: i64, wait_us: f64, pace: f64) -> i64 {
    let grain_us = if pace > WHOLE_SECONDS_PACE_MAX {
        1_000
    } else {
        1_000_000
    };
    let moment = from_us.saturating_add(round_of(wait_us));
    let on_grain = moment.div_euclid(grain_us) * grain_us;
    on_grain.max((from_us.div_euclid(grain_us) + 1) * grain_us)
}

/// An interval in nature, at a pace.
pub(crate) fn interval_us(natural_us: i64, pace: f64) -> f64 {
    float_of(natural_us) / pace
}
