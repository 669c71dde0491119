//! What recent commits touched: per commit the datastreams and the times of their new versions.
//!
//! # Why
//! Rollups ask "what changed since" before every answer; going through all hot rows each time
//! would cost more than the refresh.
//!
//! # Limits
//! [`RECENT_RANGES_MAX`]: beyond it the oldest commits are forgotten, and a question that reaches
//! behind them goes through the rows themselves.

use std::collections::VecDeque;

use arno_model::{DatastreamKey, TimeRange, Timestamp};

/// Ranges remembered: 12 MB, and an hour of a region whose every sensor speaks once a minute.
const RECENT_RANGES_MAX: usize = 500_000;
/// Times of a datastream closer than this go into one range, farther ones apart: an hour, so that a
/// late reading makes nobody recompute the days between.
pub(crate) const TOUCH_GAP_US: i64 = 3_600_000_000;

/// A datastream with the first and last of some touched times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Range {
    /// The datastream.
    pub(crate) key: DatastreamKey,
    /// The first time.
    pub(crate) first_us: i64,
    /// The last time.
    pub(crate) last_us: i64,
}

impl Range {
    fn reaches(&self, time_us: i64) -> bool {
        time_us >= self.first_us.saturating_sub(TOUCH_GAP_US)
            && time_us <= self.last_us.saturating_add(TOUCH_GAP_US)
    }
}

/// Gathers times into ranges, one datastream at a time or mixed.
#[derive(Debug, Default)]
pub(crate) struct Gather {
    ranges: Vec<Range>,
    /// Per datastream the place of its newest range, as place + 1; 0 is none.
    newest: Vec<u32>,
}

impl Gather {
    /// Adds a touched time.
    pub(crate) fn add(&mut self, key: DatastreamKey, time_us: i64) {
        let place = usize::try_from(key.0).unwrap_or(0);
        if place >= self.newest.len() {
            self.newest.resize(place + 1, 0);
        }
        let at = usize::try_from(self.newest[place]).unwrap_or(0);
        let known = at.checked_sub(1).and_then(|at| self.ranges.get_mut(at));
        match known {
            Some(range) if range.reaches(time_us) => {
                range.first_us = range.first_us.min(time_us);
                range.last_us = range.last_us.max(time_us);
            }
            _ => {
                self.ranges.push(Range {
                    key,
                    first_us: time_us,
                    last_us: time_us,
                });
                self.newest[place] = u32::try_from(self.ranges.len()).unwrap_or(0);
            }
        }
    }

    /// The ranges; the gatherer is empty afterwards and keeps its room.
    pub(crate) fn take(&mut self) -> Vec<Range> {
        for range in &self.ranges {
            let place = usize::try_from(range.key.0).unwrap_or(0);
            self.newest[place] = 0;
        }
        std::mem::take(&mut self.ranges)
    }
}

/// Ranges of the newest commits.
#[derive(Debug)]
pub(crate) struct Recent {
    commits: VecDeque<(i64, Vec<Range>)>,
    range_count: usize,
    /// The newest commit that is not remembered.
    floor_us: i64,
}

impl Recent {
    /// Remembers nothing up to and including `floor_us`.
    pub(crate) fn new(floor_us: i64) -> Self {
        Self {
            commits: VecDeque::new(),
            range_count: 0,
            floor_us,
        }
    }

    /// Remembers a commit.
    pub(crate) fn add(&mut self, known_at_us: i64, ranges: Vec<Range>) {
        self.range_count += ranges.len();
        self.commits.push_back((known_at_us, ranges));
        while self.range_count > RECENT_RANGES_MAX {
            let Some((known_at_us, ranges)) = self.commits.pop_front() else {
                break;
            };
            self.range_count -= ranges.len();
            self.floor_us = known_at_us;
        }
    }

    /// What the commits after `since_us` touched; `None` when some of them are forgotten.
    pub(crate) fn since(&self, since_us: i64) -> Option<Vec<Range>> {
        if since_us < self.floor_us {
            return None;
        }
        let first = self
            .commits
            .partition_point(|(known_at_us, _ranges)| *known_at_us <= since_us);
        Some(
            self.commits
                .range(first..)
                .flat_map(|(_at, ranges)| ranges)
                .copied()
                .collect(),
        )
    }
}

/// Sorts ranges and joins those of a datastream that meet or nearly do.
pub(crate) fn join(mut ranges: Vec<Range>) -> Vec<(DatastreamKey, TimeRange)> {
    ranges.sort_unstable();
    let mut joined: Vec<Range> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if last.key == range.key && last.reaches(range.first_us) => {
                last.last_us = last.last_us.max(range.last_us);
            }
            _ => joined.push(range),
        }
    }
    let half_open = |range: &Range| {
        let start = Timestamp::from_micros(range.first_us);
        TimeRange::new(start, Timestamp::from_micros(range.last_us).plus_us(1))
    };
    joined
        .iter()
        .map(|range| (range.key, half_open(range)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_times_join_and_far_ones_stay_apart() {
        let mut gather = Gather::default();
        let key = DatastreamKey(3);
        for time in [0, TOUCH_GAP_US, 10 * TOUCH_GAP_US, -1] {
            gather.add(key, time);
        }
        let ranges = gather.take();
        assert!(gather.take().is_empty());
        let joined = join(ranges);
        let bounds: Vec<_> = joined
            .iter()
            .map(|(_key, range)| (range.start.as_micros(), range.end.as_micros()))
            .collect();
        assert_eq!(
            bounds,
            [
                (-1, TOUCH_GAP_US + 1),
                (10 * TOUCH_GAP_US, 10 * TOUCH_GAP_US + 1)
            ]
        );
    }

    #[test]
    fn a_forgotten_commit_is_not_answered() {
        let mut recent = Recent::new(5);
        recent.add(
            6,
            vec![Range {
                key: DatastreamKey(1),
                first_us: 1,
                last_us: 2,
            }],
        );
        assert_eq!(recent.since(4), None);
        assert_eq!(recent.since(5).map(|ranges| ranges.len()), Some(1));
        assert_eq!(recent.since(6).map(|ranges| ranges.len()), Some(0));
    }
}
