//! The oracle: all capabilities over plain lists, slow and obvious.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arno_model::observation::{
    ObservationBuilder, ObservationColumns, arrival_schema, kept_schema,
};
use arno_model::version::{self, Arrival, Version};
use arno_model::{DatastreamKey, Ledger, Observation, Timestamp};
use arrow::array::RecordBatch;
use async_trait::async_trait;
use futures::stream;

use crate::append::{APPEND_ROWS_MAX, Append, Appended, ClockMark, Quarantined};
use crate::backend::{
    DatastreamName, DatastreamRegister, Datastreams, Document, Documents, Maintenance,
    ObservationReader, ObservationWriter, QuarantineFilter, QuarantineLog, Segments, StoreHealth,
};
use crate::clock::{Clock, ClockState};
use crate::error::StoreError;
use crate::scan::{BatchStream, SCAN_BATCH_ROWS_MAX, Scan, Touched, Versions};

/// A store of lists, for tests.
#[derive(Debug)]
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// In order of arrival.
    rows: Vec<(Observation, Timestamp)>,
    last_commit: Option<Timestamp>,
    ledger: Ledger,
    clock: ClockState,
    is_live: bool,
    datastreams: Arc<Datastreams>,
    documents: BTreeMap<String, Document>,
    quarantine: Vec<Quarantined>,
    segments: BTreeMap<(String, i32), RecordBatch>,
    marks: BTreeMap<String, Vec<u8>>,
    is_closed: bool,
}

impl MemoryStore {
    /// An empty store.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            kept: Mutex::default(),
        }
    }

    /// Forgets that it was closed.
    pub fn reopen(&self) {
        self.kept().is_closed = false;
    }

    /// The stamps of all commits that kept a row, ascending.
    pub fn commits(&self) -> Vec<Timestamp> {
        let mut commits: Vec<_> = self
            .kept()
            .rows
            .iter()
            .map(|(_row, known_at)| *known_at)
            .collect();
        commits.sort_unstable();
        commits.dedup();
        commits
    }

    /// The datastreams and times of all versions after a commit.
    pub fn touched_times(&self, since: Timestamp) -> Vec<(DatastreamKey, Timestamp)> {
        let kept = self.kept();
        let after = kept
            .rows
            .iter()
            .filter(|(_row, known_at)| *known_at > since);
        let mut times: Vec<_> = after
            .map(|(row, _known_at)| (row.datastream, row.time))
            .collect();
        times.sort_unstable();
        times.dedup();
        times
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
    fn stamp(&mut self, mark: ClockMark, clock: &dyn Clock) -> Timestamp {
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

    fn arrive(&mut self, mut row: Observation, known_at: Timestamp) -> Arrival {
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

    fn answer(&self, scan: &Scan) -> Vec<(Observation, Timestamp)> {
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

#[async_trait]
impl ObservationWriter for MemoryStore {
    async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        let mut kept = self.kept();
        if kept.is_closed {
            return Err(StoreError::Closed);
        }
        if append.observations.num_rows() > APPEND_ROWS_MAX {
            return Err(StoreError::Invalid {
                reason: "too many rows",
            });
        }
        if append.observations.schema().fields() != arrival_schema().fields() {
            return Err(StoreError::Invalid {
                reason: "another schema",
            });
        }
        let invalid = |_source| StoreError::Invalid {
            reason: "another schema",
        };
        let columns = ObservationColumns::view(&append.observations).map_err(invalid)?;
        let mut rows = Vec::new();
        for index in 0..columns.len() {
            let row = columns.row(index).ok_or(StoreError::Invalid {
                reason: "a quality",
            })?;
            if kept.datastreams.name(row.datastream).is_none() {
                return Err(StoreError::Invalid {
                    reason: "an unknown datastream",
                });
            }
            if row.result.is_some_and(|result| !result.is_finite()) {
                return Err(StoreError::Invalid {
                    reason: "a result that is not finite",
                });
            }
            rows.push(row);
        }
        let known_at = kept.stamp(append.clock, self.clock.as_ref());
        let mut ledger = Ledger {
            ignored: append.ignored_count,
            ..Ledger::default()
        };
        for row in rows {
            match kept.arrive(row, known_at) {
                Arrival::New => ledger.stored += 1,
                Arrival::Repeat => ledger.repeated += 1,
                Arrival::Correction => ledger.corrected += 1,
            }
        }
        for entry in append.quarantine {
            ledger.quarantined += entry.observations_count;
            let id = kept.quarantine.last().map_or(1, |last| last.id + 1);
            kept.quarantine.push(Quarantined { id, entry });
        }
        kept.ledger += ledger;
        Ok(Appended { known_at, ledger })
    }
}

#[async_trait]
impl ObservationReader for MemoryStore {
    async fn scan(&self, scan: Scan) -> Result<Vec<BatchStream>, StoreError> {
        let columns = scan
            .columns
            .clone()
            .unwrap_or_else(|| (0..kept_schema().fields().len()).collect());
        if columns.windows(2).any(|pair| pair[0] >= pair[1])
            || columns
                .iter()
                .any(|index| *index >= kept_schema().fields().len())
        {
            return Err(StoreError::Invalid { reason: "columns" });
        }
        let mut batches = Vec::new();
        for rows in self.kept().answer(&scan).chunks(SCAN_BATCH_ROWS_MAX) {
            let mut builder = ObservationBuilder::with_capacity(rows.len());
            for (row, known_at) in rows {
                builder.push_kept(row, *known_at);
            }
            let batch = builder.finish_kept().expect("kept rows form a batch");
            batches.push(Ok(batch
                .project(&columns)
                .expect("the columns were checked")));
        }
        Ok(vec![Box::pin(stream::iter(batches))])
    }

    async fn touched(&self, since: Timestamp) -> Result<Touched, StoreError> {
        let one = |(key, time): (DatastreamKey, Timestamp)| {
            (key, arno_model::TimeRange::new(time, time.plus_us(1)))
        };
        let ranges = self.touched_times(since).into_iter().map(one).collect();
        Ok(Touched {
            ranges,
            known_at: self.last_commit(),
        })
    }

    fn last_commit(&self) -> Timestamp {
        self.kept().last_commit.unwrap_or(Timestamp::MIN)
    }

    fn clock(&self) -> ClockState {
        self.kept().clock
    }

    fn now(&self) -> Timestamp {
        match self.clock() {
            ClockState::Live => self.clock.now(),
            ClockState::Recorded { now } => now,
        }
    }

    fn ledger(&self) -> Ledger {
        self.kept().ledger
    }
}

#[async_trait]
impl DatastreamRegister for MemoryStore {
    async fn register(&self, names: &[DatastreamName]) -> Result<Vec<DatastreamKey>, StoreError> {
        let mut kept = self.kept();
        let datastreams = Arc::make_mut(&mut kept.datastreams);
        Ok(names
            .iter()
            .map(|name| datastreams.insert(name.clone()))
            .collect())
    }

    fn datastreams(&self) -> Arc<Datastreams> {
        Arc::clone(&self.kept().datastreams)
    }
}

#[async_trait]
impl Documents for MemoryStore {
    async fn document(&self, name: &str) -> Result<Option<Document>, StoreError> {
        Ok(self.kept().documents.get(name).cloned())
    }

    async fn put_document(
        &self,
        name: &str,
        bytes: Vec<u8>,
        expected: u64,
    ) -> Result<u64, StoreError> {
        let mut kept = self.kept();
        let found = kept
            .documents
            .get(name)
            .map_or(0, |document| document.revision);
        if found != expected {
            return Err(StoreError::Conflict {
                name: name.to_owned(),
            });
        }
        let revision = found + 1;
        kept.documents
            .insert(name.to_owned(), Document { bytes, revision });
        Ok(revision)
    }
}

#[async_trait]
impl QuarantineLog for MemoryStore {
    async fn quarantined(&self, filter: QuarantineFilter) -> Result<Vec<Quarantined>, StoreError> {
        let kept = self.kept();
        let asked = kept.quarantine.iter().rev().filter(|kept| {
            filter.before_id.is_none_or(|before| kept.id < before)
                && filter
                    .reason
                    .is_none_or(|reason| kept.entry.reason == reason)
                && (filter.publisher.is_none() || kept.entry.publisher == filter.publisher)
        });
        Ok(asked.take(filter.limit.max(1)).cloned().collect())
    }
}

#[async_trait]
impl Segments for MemoryStore {
    async fn put_segments(
        &self,
        kind: &str,
        segments: Vec<(i32, RecordBatch)>,
        mark: Vec<u8>,
    ) -> Result<(), StoreError> {
        let mut kept = self.kept();
        for (day, batch) in segments {
            if batch.num_rows() == 0 {
                kept.segments.remove(&(kind.to_owned(), day));
            } else {
                kept.segments.insert((kind.to_owned(), day), batch);
            }
        }
        kept.marks.insert(kind.to_owned(), mark);
        Ok(())
    }

    async fn segment(&self, kind: &str, day: i32) -> Result<Option<RecordBatch>, StoreError> {
        Ok(self.kept().segments.get(&(kind.to_owned(), day)).cloned())
    }

    async fn segment_days(&self, kind: &str) -> Result<Vec<i32>, StoreError> {
        let kept = self.kept();
        let days = kept.segments.keys().filter(|(name, _day)| name == kind);
        Ok(days.map(|(_name, day)| *day).collect())
    }

    async fn segment_mark(&self, kind: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.kept().marks.get(kind).cloned())
    }
}

#[async_trait]
impl Maintenance for MemoryStore {
    async fn maintain(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn health(&self) -> StoreHealth {
        let kept = self.kept();
        StoreHealth {
            is_ready: !kept.is_closed,
            summary: "in memory".to_owned(),
            hot_rows: 0,
            rows: u64::try_from(kept.rows.len()).unwrap_or(u64::MAX),
            bytes: None,
        }
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.kept().is_closed = true;
        Ok(())
    }
}
