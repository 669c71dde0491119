//! The generator: a region and a stretch of time come in, what arrives in it goes out.
//!
//! # Why
//! Back-fill and live play are one thing at two speeds: both ask for what arrives up to a moment.
//! What arrives later than it was true (late, held back, corrected) waits here for its turn, so
//! that a back-fill that goes over into live play loses nothing in between.
//!
//! # Shape
//! Rows by (received, thing, property, time); each chunk holds exactly what arrives in its range.
//!
//! # Invariants
//! However `[origin, end)` is cut into chunks, their concatenation is the same.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::Arc;

use arno_model::bucket::BASE_US;
use arno_model::time::HOUR_US;
use arno_model::{TimeRange, Timestamp};

use crate::chance::Chance;
use crate::demand::{Levels, TownDemand};
use crate::device::{Device, Origin, Stretch};
use crate::error::SimulatorError;
use crate::fault::{TOWN_TROUBLES, Windows};
use crate::number::word_of;
use crate::property::Property;
use crate::region::Region;

/// Fastest pace: at it a lot speaks once a second.
pub const PACE_MAX: f64 = 300.0;

/// One reading as it arrives.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// When it arrives.
    pub received: Timestamp,
    /// Of which thing: its place in [`Region::things`].
    pub thing: u32,
    /// Of which property.
    pub property: Property,
    /// Phenomenon time as the device states it.
    pub time: Timestamp,
    /// The result; `None` is a declared unknown.
    pub result: Option<f64>,
}

impl Row {
    fn order(&self) -> (Timestamp, u32, Property, Timestamp, u64) {
        let result = self.result.map_or(0, f64::to_bits);
        (self.received, self.thing, self.property, self.time, result)
    }
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Row {}

impl PartialOrd for Row {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Row {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_moment = (self.received, self.thing).cmp(&(other.received, other.thing));
        by_moment.then_with(|| self.order().cmp(&other.order()))
    }
}

/// A payload that no decoder can read as an observation; it counts as one, refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Garbage {
    /// When it arrives.
    pub received: Timestamp,
    /// On whose topic.
    pub thing: u32,
    /// Its bytes.
    pub payload: Vec<u8>,
}

/// What arrives within a range of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The range of receipt.
    pub range: TimeRange,
    /// Readings, in order of arrival.
    pub rows: Vec<Row>,
    /// Rubbish, in order of arrival.
    pub garbage: Vec<Garbage>,
}

/// What devices put on the wire.
#[derive(Debug, Default)]
pub(crate) struct Emitted {
    pub(crate) rows: Vec<Row>,
    pub(crate) garbage: Vec<Garbage>,
}

/// A region in motion.
#[derive(Debug, Clone)]
pub struct Generator {
    region: Arc<Region>,
    towns: Vec<MovingTown>,
    now: Timestamp,
    pace: f64,
    pending: BinaryHeap<Reverse<Row>>,
    pending_garbage: Vec<Garbage>,
}

#[derive(Debug, Clone)]
struct MovingTown {
    demand: TownDemand,
    windows: Windows,
    levels: Option<Levels>,
    devices: Vec<Device>,
}

impl Generator {
    /// Sets a region in motion at `origin`, held to a whole second.
    pub fn new(region: Arc<Region>, origin: Timestamp) -> Self {
        let origin = origin.floor_to(1_000_000);
        let towns = (0..region.towns().len())
            .filter_map(|index| MovingTown::start(&region, index, origin))
            .collect();
        Self {
            region,
            towns,
            now: origin,
            pace: 1.0,
            pending: BinaryHeap::new(),
            pending_garbage: Vec::new(),
        }
    }

    /// The region.
    pub const fn region(&self) -> &Arc<Region> {
        &self.region
    }

    /// Up to where it has come.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Makes devices report `pace` times as often as in nature from now on; demand keeps to the
    /// clock.
    ///
    /// # Errors
    /// [`SimulatorError::Setting`] unless it is above 0 and at most [`PACE_MAX`].
    pub fn set_pace(&mut self, pace: f64) -> Result<(), SimulatorError> {
        if !(pace > 0.0 && pace <= PACE_MAX) {
            return Err(SimulatorError::Setting {
                setting: "pace",
                found: pace.to_string(),
                allowed: "above 0 and at most 300",
            });
        }
        self.pace = pace;
        let now_us = self.now.as_micros();
        for device in self
            .towns
            .iter_mut()
            .flat_map(|town| town.devices.iter_mut())
        {
            device.hurry(now_us, pace);
        }
        Ok(())
    }

    /// Readings a second that the region makes at natural pace, about.
    pub fn natural_rate_hz(&self) -> f64 {
        let devices = self.towns.iter().flat_map(|town| &town.devices);
        let per_day: u32 = devices.map(Device::readings_per_day).sum();
        f64::from(per_day) / 86_400.0
    }

    /// Sets the pace so that about `rate_hz` readings are made a second, as far as the bounds of a
    /// pace allow, and returns it.
    ///
    /// # Errors
    /// [`SimulatorError::Setting`] unless the rate is above 0.
    pub fn set_rate(&mut self, rate_hz: f64) -> Result<f64, SimulatorError> {
        let pace = rate_hz / self.natural_rate_hz().max(f64::MIN_POSITIVE);
        let pace = if pace > 0.0 { pace.min(PACE_MAX) } else { pace };
        self.set_pace(pace)?;
        Ok(pace)
    }

    /// What arrives from [`Self::now`] until `to`, and moves there. Nothing when `to` is not later.
    pub fn advance(&mut self, to: Timestamp) -> Chunk {
        let range = TimeRange::new(self.now, to.max(self.now));
        let mut emitted = Emitted::default();
        for (index, town) in self.towns.iter_mut().enumerate() {
            if let Some(place) = self.region.towns().get(index) {
                town.run(range, &place.municipality, self.pace, &mut emitted);
            }
        }
        self.now = range.end;
        self.settle(range, emitted)
    }

    /// Moves to `to` and forgets what arrives until then; what is under way arrives later.
    pub fn skip_to(&mut self, to: Timestamp) {
        while self.now < to {
            let next = self.next_hour().min(to);
            drop(self.advance(next));
        }
    }

    /// Chunks of at most an hour, cut at whole hours, until `until`.
    pub fn hours(&mut self, until: Timestamp) -> impl Iterator<Item = Chunk> {
        std::iter::from_fn(move || {
            let next = self.next_hour().min(until);
            (self.now < until).then(|| self.advance(next))
        })
    }

    fn next_hour(&self) -> Timestamp {
        self.now.floor_to(HOUR_US).plus_us(HOUR_US)
    }

    /// Keeps what arrives later, adds what waited for this range, and orders it all.
    fn settle(&mut self, range: TimeRange, mut emitted: Emitted) -> Chunk {
        let later = emitted.rows.extract_if(.., |row| row.received >= range.end);
        self.pending.extend(later.map(Reverse));
        while let Some(Reverse(row)) = self.pending.peek() {
            if row.received >= range.end {
                break;
            }
            emitted
                .rows
                .extend(self.pending.pop().map(|Reverse(row)| row));
        }
        emitted.rows.sort_unstable();
        self.pending_garbage.append(&mut emitted.garbage);
        let arrived = |garbage: &mut Garbage| garbage.received < range.end;
        let mut garbage: Vec<_> = self.pending_garbage.extract_if(.., arrived).collect();
        garbage.sort_unstable();
        Chunk {
            range,
            rows: emitted.rows,
            garbage,
        }
    }
}

impl MovingTown {
    fn start(region: &Region, index: usize, origin: Timestamp) -> Option<Self> {
        let town = region.towns().get(index)?;
        let config = region.config();
        let start_us = origin.as_micros();
        let devices = town.things.clone().filter_map(|thing| {
            let origin = Origin {
                seed: config.seed,
                thing,
                start_us,
                rates: config.faults,
            };
            Device::start(region.plan(thing)?, &origin)
        });
        let chance = Chance::of(config.seed, &[word_of(index), 4]);
        let per_day = config.faults.town_windows_per_day;
        Some(Self {
            demand: TownDemand::of(config.seed, word_of(index)),
            windows: Windows::of(chance, per_day, TOWN_TROUBLES, start_us),
            levels: None,
            devices: devices.collect(),
        })
    }

    fn run(
        &mut self,
        range: TimeRange,
        municipality: &crate::municipality::Municipality,
        pace: f64,
        emitted: &mut Emitted,
    ) {
        let mut quarter = range.start.floor_to(BASE_US);
        while quarter < range.end {
            let next = quarter.plus_us(BASE_US);
            let known = self
                .levels
                .filter(|levels| levels.start_us == quarter.as_micros());
            let levels = known.unwrap_or_else(|| self.demand.levels(quarter, municipality));
            self.levels = Some(levels);
            let stretch = Stretch {
                levels: &levels,
                until_us: next.min(range.end).as_micros(),
                town: self.windows.upcoming(quarter.as_micros()),
                pace,
            };
            for device in &mut self.devices {
                device.run(&stretch, emitted);
            }
            quarter = next;
        }
    }
}

#[cfg(test)]
mod tests;
