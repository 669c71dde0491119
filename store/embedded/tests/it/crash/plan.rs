//! What a child does, made from its seed alone.

use arno_model::observation::ObservationBuilder;
use arno_model::{DatastreamKey, Observation, Quality, Timestamp};
use arno_store::{Append, ClockMark, DatastreamName};

/// 2026-03-20T00:00:00Z.
pub(super) const BEGIN_US: i64 = 1_773_964_800_000_000;
/// Datastreams of a store.
pub(super) const STREAMS_COUNT: u64 = 12;
/// Tasks of a child that append.
pub(super) const TASKS_COUNT: u64 = 3;

/// Numbers that look random (splitmix64).
#[derive(Debug, Clone)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

pub(super) fn names() -> Vec<DatastreamName> {
    let name = |stream| DatastreamName {
        thing: format!("prato:lot-{stream}").parse().unwrap(),
        property: "vehicles".parse().unwrap(),
    };
    (0..STREAMS_COUNT).map(name).collect()
}

/// One append of a plan.
#[derive(Debug, Clone)]
pub(super) struct Move {
    pub(super) rows: Vec<Observation>,
    /// Whether these rows were sent before, as they are.
    pub(super) is_repeat: bool,
}

impl Move {
    pub(super) fn append(&self) -> Append {
        let mut builder = ObservationBuilder::default();
        for row in &self.rows {
            builder.push(row);
        }
        Append {
            observations: builder.finish().unwrap(),
            quarantine: Vec::new(),
            ignored_count: 0,
            clock: ClockMark::Live,
        }
    }
}

/// The appends of one task, in order: new rows in order or late, corrections, repeats.
#[derive(Debug)]
pub(super) struct Plan {
    chance: Chance,
    task: u64,
    sent: Vec<Vec<Observation>>,
    step: i64,
}

impl Plan {
    pub(super) fn new(seed: u64, task: u64) -> Self {
        Self {
            chance: Chance::new(seed ^ (task + 1)),
            task,
            sent: Vec::new(),
            step: 0,
        }
    }

    /// Times that no other task, seed or step has: microseconds carry a random number.
    fn fresh(&mut self) -> Vec<Observation> {
        let count = 1 + self.chance.below(60);
        let is_late = self.chance.below(3) == 0;
        let mut rows = Vec::new();
        for _ in 0..count {
            let unique_us = i64::try_from(self.chance.below(60_000_000)).unwrap();
            let late_us = i64::try_from(self.chance.below(50)).unwrap() * 86_400_000_000;
            let base_us = if is_late {
                late_us
            } else {
                60 * 86_400_000_000 + self.step * 60_000_000
            };
            let time = Timestamp::from_micros(BEGIN_US + base_us + unique_us);
            let stream = i32::try_from(self.chance.below(STREAMS_COUNT)).unwrap() + 1;
            rows.push(Observation {
                datastream: DatastreamKey(stream),
                time,
                result: Some(f64::from(u16::try_from(self.chance.below(1_000)).unwrap())),
                quality: Quality::Good,
                received: time.plus_us(i64::try_from(self.task).unwrap()),
                result_time: None,
            });
        }
        rows.sort_by_key(|row| (row.datastream, row.time));
        rows.dedup_by_key(|row| (row.datastream, row.time));
        rows
    }
}

impl Iterator for Plan {
    type Item = Move;

    fn next(&mut self) -> Option<Move> {
        self.step += 1;
        let kind = self.chance.below(10);
        if self.sent.is_empty() || kind < 7 {
            let rows = self.fresh();
            self.sent.push(rows.clone());
            return Some(Move {
                rows,
                is_repeat: false,
            });
        }
        let bound = u64::try_from(self.sent.len()).unwrap();
        let which = usize::try_from(self.chance.below(bound)).unwrap();
        let mut rows = self.sent[which].clone();
        let is_repeat = kind < 8;
        if !is_repeat {
            for row in &mut rows {
                row.result = row.result.map(|result| result + 0.25);
                row.received = row.received.plus_us(10);
            }
            self.sent[which].clone_from(&rows);
        }
        Some(Move { rows, is_repeat })
    }
}
