//! The slow obvious program for parking: asks every moment at which anything can change.

use std::collections::BTreeMap;

use arno_model::time::HOUR_US;
use arno_model::{TimeRange, Timestamp};

/// What a lot said: property to (time, result).
#[derive(Debug, Clone, Default)]
pub(crate) struct Lot {
    pub(crate) said: BTreeMap<&'static str, BTreeMap<i64, Option<f64>>>,
    pub(crate) declared: BTreeMap<i64, f64>,
}

/// Whole sums over a range: load, capacity, expected.
pub(crate) type Sums = (i128, i128, i128);

const HOLD_US: i64 = 2 * HOUR_US;

impl Lot {
    /// Less than nothing is implausible: as good as unknown.
    pub(crate) fn say(&mut self, property: &'static str, time: Timestamp, result: Option<f64>) {
        let result = result.filter(|result| *result >= 0.0);
        self.said
            .entry(property)
            .or_default()
            .insert(time.as_micros(), result);
    }

    fn last(&self, property: &str, moment: i64) -> Option<(i64, Option<f64>)> {
        let said = self.said.get(property)?;
        said.range(..=moment)
            .next_back()
            .map(|(time, result)| (*time, *result))
    }

    fn places(&self, moment: i64) -> Option<f64> {
        let declared = self.declared.range(..=moment).next_back();
        match (declared, self.last("capacity", moment)) {
            (Some((from, places)), Some((time, _))) if *from > time => Some(*places),
            (_, Some((_, result))) => result,
            (declared, None) => declared.map(|(_, places)| *places),
        }
    }

    fn load(&self, moment: i64) -> Option<f64> {
        if self
            .last("online", moment)
            .is_some_and(|(_, result)| result == Some(0.0))
        {
            return None;
        }
        let by_free = !self.said.contains_key("vehicles");
        let (time, result) = self.last(if by_free { "free" } else { "vehicles" }, moment)?;
        let result = result.filter(|_| moment - time < HOLD_US)?;
        if by_free {
            Some(self.places(moment)? - result)
        } else {
            Some(result)
        }
    }

    /// Sums over a range, told up to `now`.
    pub(crate) fn sums(&self, range: TimeRange, now: Timestamp) -> Sums {
        let (start, end) = (range.start.as_micros(), range.end.min(now).as_micros());
        let mut moments = vec![start, end];
        for (time, _) in self.said.values().flatten() {
            moments.extend([*time, time + HOLD_US]);
        }
        moments.extend(self.declared.keys());
        moments.retain(|moment| (start..=end).contains(moment));
        moments.sort_unstable();
        moments.dedup();
        let (mut load, mut capacity, mut expected) = (0, 0, 0);
        for pair in moments.windows(2) {
            #[expect(clippy::cast_possible_truncation, reason = "small whole numbers")]
            let times = |value: f64| i128::from(value as i64) * i128::from(pair[1] - pair[0]);
            let places = self.places(pair[0]);
            expected += places.map_or(0, times);
            if let (Some(parked), Some(places)) = (self.load(pair[0]), places) {
                load += times(parked);
                capacity += times(places);
            }
        }
        (load, capacity, expected)
    }
}
