//! What the oracle keeps, and the plain answers over it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arno_model::version::{self, Arrival, Version};
use arno_model::{Ledger, Observation, Timestamp};
use arrow::array::RecordBatch;

use crate::append::{ClockMark, Quarantined};
use crate::backend::{Datastreams, Document};
use crate::clock::{Clock, ClockState};
use crate::scan::{Scan, Versions};

/// Everything, in plain lists.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// In order of arrival.
    pub(super) rows: Vec<(Observation, Timestamp)>,
    pub(super) last_commit: Option<Timestamp>,
    pub(super) ledger: Ledger,
    pub(super) clock: ClockState,
    pub(super) is_live: bool,
    pub(super) datastreams: Arc<Datastreams>,
    pub(super) documents: BTreeMap<String, Document>,
    pub(super) quarantine: Vec<Quarantined>,
    pub(super) segments: BTreeMap<(String, i32), RecordBatch>,
    pub(super) marks: BTreeMap<String, Vec<u8>>,
    pub(super) is_closed: bool,
}

fn version_of((row, known_at): &(Observation, Timestamp)) -> Version {
    Version {
        result: row.result,
        result_time: row.result_time,
        received: row.received,
        known_at: *known_at,
    }
}

impl Kept {
    pub(super) fn stamp(&mut self, mark: ClockMark, clock: &dyn Clock) -> Timestamp {
        let moment = match mark {
            ClockMark::Live => clock.now(),
            ClockMark::Recorded(moment) => moment,
        };
        let known_at = self
            .last_commit
            .map_or(moment, |last| moment.max(last.plus_us(1)));
        self.last_commit = Some(known_at);
        match (mark, self.clock) {
            (ClockMark::Live, _) => {
                self.is_live = true;
                self.clock = ClockState::Live;
            }
            (ClockMark::Recorded(moment), ClockState::Recorded { now }) => {
                self.clock = ClockState::Recorded {
                    now: now.max(moment),
                };
            }
            (ClockMark::Recorded(moment), ClockState::Live) if !self.is_live => {
                self.clock = ClockState::Recorded { now: moment };
            }
            (ClockMark::Recorded(_moment), ClockState::Live) => {}
        }
        known_at
    }

    pub(super) fn arrive(&mut self, mut row: Observation, known_at: Timestamp) -> Arrival {
        row.result = row.result.map(|result| result + 0.0);
        let same = self
            .rows
            .iter()
            .filter(|(kept, _)| kept.datastream == row.datastream && kept.time == row.time);
        let versions: Vec<Version> = same.map(version_of).collect();
        let arrival = version::judge(&versions, row.result, row.result_time);
        if arrival != Arrival::Repeat {
            self.rows.push((row, known_at));
        }
        arrival
    }

    pub(super) fn answer(&self, scan: &Scan) -> Vec<(Observation, Timestamp)> {
        let known: Vec<_> = self
            .rows
            .iter()
            .filter(|(row, known_at)| {
                scan.streams.contains(row.datastream)
                    && scan.as_of.is_none_or(|moment| *known_at <= moment)
            })
            .copied()
            .collect();
        let mut identities: BTreeMap<_, Vec<(Observation, Timestamp)>> = BTreeMap::new();
        for row in known {
            identities
                .entry((row.0.datastream, row.0.time))
                .or_default()
                .push(row);
        }
        let mut answer = Vec::new();
        for ((datastream, time), versions) in &identities {
            let next = identities
                .range((*datastream, *time)..)
                .nth(1)
                .map(|(identity, _)| *identity);
            let is_lead = scan.with_lead
                && *time < scan.time.start
                && next.is_none_or(|(key, after)| key != *datastream || after >= scan.time.start);
            if is_lead {
                answer.extend(winner(versions));
            } else if scan.time.contains(*time) {
                match scan.versions {
                    Versions::All => answer.extend(versions),
                    Versions::Winning => answer.extend(winner(versions)),
                }
            }
        }
        answer.truncate(scan.limit.unwrap_or(usize::MAX));
        answer
    }
}

fn winner(versions: &[(Observation, Timestamp)]) -> Option<(Observation, Timestamp)> {
    versions
        .iter()
        .max_by_key(|row| version_of(row).order())
        .copied()
}
