//! A recording: everything that files hold, by time of receipt, and cut into portions to be played.
//!
//! # Why
//! Files are sorted by car park, by month, or not at all; the clock runs in one direction. What was
//! read is kept small (40 bytes a reading), sorted once, and handed out in portions, so that what
//! was known at any moment of the recording can be asked for later.
//!
//! # Limits
//! [`READINGS_COUNT_MAX`] → `TooMany`. [`REFUSALS_COUNT_MAX`] → `TooManyRefused`. A portion spans
//! at most [`PORTION_US_MAX`] of recorded time and holds at most [`PORTION_READINGS_MAX`] readings.
//!
//! # Invariants
//! The portions together hold every reading, refusal and ignored field once. Their moments do not
//! go back, and each is the receipt of the portion's last part.

use std::collections::{BTreeMap, VecDeque};

use arno_ingest::Reading;
use arno_model::time::{HOUR_US, MINUTE_US};
use arno_model::{PropertyId, ThingId, Timestamp};
use arno_store::QuarantineEntry;

use crate::error::ReplayError;
use crate::mapping::Mapping;

/// Most readings of one replay: 800 MB of memory; a year of 190 car parks by the minute is 100
/// million and is played in parts.
pub const READINGS_COUNT_MAX: usize = 20_000_000;
/// Most refused fields: what refuses more was not written for these files.
pub const REFUSALS_COUNT_MAX: usize = 100_000;
/// Longest portion in recorded time, so that `as_of` can look back into a recording.
pub const PORTION_US_MAX: i64 = HOUR_US;
/// Most readings of a portion: an append of about 2 MB.
pub const PORTION_READINGS_MAX: usize = 50_000;

/// A reading, small.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Item {
    pub(crate) received: Timestamp,
    pub(crate) time: Timestamp,
    pub(crate) result: Option<f64>,
    pub(crate) thing: u32,
    pub(crate) property: u16,
}

/// A recording being read.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    items: Vec<Item>,
    things: Vec<ThingId>,
    refusals: Vec<QuarantineEntry>,
    /// By minute of receipt.
    ignored: BTreeMap<Timestamp, u64>,
}

impl Builder {
    /// The latest receipt so far; the epoch before the first.
    pub(crate) fn latest(&self) -> Timestamp {
        let latest = self.items.iter().map(|item| item.received).max();
        latest.unwrap_or(Timestamp::from_micros(0))
    }

    /// The number that stands for a thing.
    pub(crate) fn thing(&mut self, thing: &ThingId) -> u32 {
        let known = self.things.iter().position(|known| known == thing);
        let place = known.unwrap_or_else(|| {
            self.things.push(thing.clone());
            self.things.len() - 1
        });
        u32::try_from(place).unwrap_or(u32::MAX)
    }

    /// Adds a reading.
    pub(crate) fn push(&mut self, item: Item) -> Result<(), ReplayError> {
        if self.items.len() >= READINGS_COUNT_MAX {
            return Err(ReplayError::TooMany {
                limit: READINGS_COUNT_MAX,
            });
        }
        self.items.push(item);
        Ok(())
    }

    /// Adds a refusal.
    pub(crate) fn refuse(&mut self, entry: QuarantineEntry) -> Result<(), ReplayError> {
        if self.refusals.len() >= REFUSALS_COUNT_MAX {
            let first = self.refusals.first();
            return Err(ReplayError::TooManyRefused {
                limit: REFUSALS_COUNT_MAX,
                first: first.map_or_else(String::new, |first| {
                    format!("{} ({})", first.detail, first.reason)
                }),
            });
        }
        self.refusals.push(entry);
        Ok(())
    }

    /// Counts ignored fields.
    pub(crate) fn ignore(&mut self, count: usize, received: Timestamp) {
        if count > 0 {
            let of_minute = self
                .ignored
                .entry(received.floor_to(MINUTE_US))
                .or_insert(0);
            *of_minute += u64::try_from(count).unwrap_or(u64::MAX);
        }
    }

    /// The recording, in order of receipt; what came at one moment stays in the files' order.
    pub(crate) fn finish(mut self, mapping: &Mapping) -> Recording {
        self.items.sort_by_key(|item| item.received);
        self.refusals.sort_by_key(|entry| entry.received);
        let counts = Counts {
            readings: self.items.len(),
            refused: self.refusals.len(),
            ignored: self.ignored.values().sum(),
        };
        Recording {
            counts,
            items: self.items.into(),
            things: self.things,
            properties: mapping.properties().cloned().collect(),
            refusals: self.refusals.into(),
            ignored: self.ignored,
        }
    }
}

/// How much a recording holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Readings.
    pub readings: usize,
    /// Refused fields and rows.
    pub refused: usize,
    /// Ignored fields.
    pub ignored: u64,
}

impl Counts {
    /// All of it: what the ledger must add up to.
    pub fn received(&self) -> u64 {
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        count(self.readings) + count(self.refused) + self.ignored
    }
}

/// Everything that the files hold, in order.
#[derive(Debug)]
pub struct Recording {
    counts: Counts,
    items: VecDeque<Item>,
    things: Vec<ThingId>,
    properties: Vec<PropertyId>,
    refusals: VecDeque<QuarantineEntry>,
    ignored: BTreeMap<Timestamp, u64>,
}

/// A stretch of a recording, to be played at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Portion {
    /// Where the recorded clock stands after it.
    pub moment: Timestamp,
    /// Readings in order of receipt.
    pub readings: Vec<Reading>,
    /// Refusals in order of receipt.
    pub refused: Vec<QuarantineEntry>,
    /// Ignored fields.
    pub ignored_count: u64,
}

impl Portion {
    /// Observations that it stands for.
    pub fn received(&self) -> u64 {
        let count = self.readings.len() + self.refused.len();
        u64::try_from(count).unwrap_or(u64::MAX) + self.ignored_count
    }
}

impl Recording {
    /// How much the files held.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// When what is left begins; `None` when nothing is left.
    pub fn start(&self) -> Option<Timestamp> {
        let item = self.items.front().map(|item| item.received);
        let refusal = self.refusals.front().map(|entry| entry.received);
        let ignored = self.ignored.keys().next().copied();
        [item, refusal, ignored].into_iter().flatten().min()
    }

    /// Takes the next portion: everything received within `width_us` (at most [`PORTION_US_MAX`])
    /// of the first thing left, and no more than [`PORTION_READINGS_MAX`] readings.
    pub fn next_portion(&mut self, width_us: i64) -> Option<Portion> {
        let start = self.start()?;
        let width_us = width_us.clamp(1, PORTION_US_MAX);
        let mut end = start.floor_to(width_us).plus_us(width_us);
        let within = self.items.partition_point(|item| item.received < end);
        if within > PORTION_READINGS_MAX {
            // Cut between two moments; if all are of one moment, after all of that moment.
            let cut = self
                .items
                .get(PORTION_READINGS_MAX)
                .map(|item| item.received);
            let first = self.items.front().map(|item| item.received);
            end = match (cut, first) {
                (Some(cut), Some(first)) if cut > first => cut,
                (Some(cut), _) => cut.plus_us(1),
                _ => end,
            };
        }
        let count = self.items.partition_point(|item| item.received < end);
        let items: Vec<Item> = self.items.drain(..count).collect();
        let count = self.refusals.partition_point(|entry| entry.received < end);
        let refused: Vec<QuarantineEntry> = self.refusals.drain(..count).collect();
        let later = self.ignored.split_off(&end);
        let ignored = std::mem::replace(&mut self.ignored, later);
        let last_item = items.last().map(|item| item.received);
        let last_refusal = refused.last().map(|entry| entry.received);
        let last_ignored = ignored.keys().next_back().copied();
        let moment = [last_item, last_refusal, last_ignored]
            .into_iter()
            .flatten()
            .max();
        Some(Portion {
            moment: moment.unwrap_or(start),
            readings: items.iter().filter_map(|item| self.reading(item)).collect(),
            refused,
            ignored_count: ignored.values().sum(),
        })
    }

    fn reading(&self, item: &Item) -> Option<Reading> {
        let thing = self.things.get(usize::try_from(item.thing).ok()?)?;
        let property = self.properties.get(usize::from(item.property))?;
        Some(Reading {
            thing: thing.clone(),
            property: property.clone(),
            time: Some(item.time),
            result: item.result,
            result_time: None,
            received: item.received,
        })
    }
}
