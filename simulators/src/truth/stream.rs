//! One datastream of the truth: rows come in, the value at any moment goes out.

use std::collections::BTreeMap;

use arno_model::{Outcome, Timestamp};

use crate::generator::Row;
use crate::property::Property;

/// All versions of a datastream, by phenomenon time, in order of arrival.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    hold_us: Option<i64>,
    versions: BTreeMap<Timestamp, Vec<(Timestamp, Option<f64>)>>,
    is_boolean: bool,
}

impl Stream {
    /// Without versions.
    pub(super) const fn new(hold_us: Option<i64>) -> Self {
        Self {
            hold_us,
            versions: BTreeMap::new(),
            is_boolean: false,
        }
    }

    /// Takes a row and says what it is: the first of its moment, one of the same result as a kept
    /// one, or another one.
    pub(super) fn arrive(&mut self, row: &Row) -> Outcome {
        self.is_boolean = matches!(row.property, Property::Occupied | Property::Online);
        let kept = self.versions.entry(row.time).or_default();
        if kept.iter().any(|(_received, result)| *result == row.result) {
            return Outcome::Repeated;
        }
        kept.push((row.received, row.result));
        if kept.len() == 1 {
            Outcome::Stored
        } else {
            Outcome::Corrected
        }
    }

    /// The result that counts at an identity: of the version received last.
    fn winner(versions: &[(Timestamp, Option<f64>)]) -> Option<f64> {
        let newest = versions.iter().max_by_key(|(received, _result)| *received);
        // Below zero is implausible: as unknown as null.
        newest
            .and_then(|(_received, result)| *result)
            .filter(|result| *result >= 0.0)
    }

    /// Whether there is an observation at or before a moment.
    pub(super) fn has_begun(&self, moment: Timestamp) -> bool {
        self.versions.range(..=moment).next_back().is_some()
    }

    /// What is known at a moment.
    pub(super) fn value_at(&self, moment: Timestamp) -> Option<f64> {
        let (time, versions) = self.versions.range(..=moment).next_back()?;
        let is_held = self
            .hold_us
            .is_none_or(|hold_us| moment.since_us(*time) < hold_us);
        Self::winner(versions).filter(|_result| is_held)
    }

    /// Adds the moments inside `(start, end)` at which the value may change: observations, and the
    /// ends of their holds.
    pub(super) fn changes_into(
        &self,
        start: Timestamp,
        end: Timestamp,
        moments: &mut Vec<Timestamp>,
    ) {
        let hold_us = self.hold_us.unwrap_or(0);
        let mut add = |moment: Timestamp| {
            if start < moment && moment < end {
                moments.push(moment);
            }
        };
        for time in self
            .versions
            .range(start.plus_us(-hold_us)..end)
            .map(|(time, _)| *time)
        {
            add(time);
            add(time.plus_us(hold_us));
        }
    }

    /// Observations with a time in `[start, end)`.
    pub(super) fn readings(&self, start: Timestamp, end: Timestamp) -> usize {
        self.versions.range(start..end).count()
    }
}
