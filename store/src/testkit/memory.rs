//! The oracle: all capabilities over plain lists, slow and obvious.

mod kept;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arno_model::observation::{
    ObservationBuilder, ObservationColumns, arrival_schema, kept_schema,
};
use arno_model::version::Arrival;
use arno_model::{DatastreamKey, Ledger, TimeRange, Timestamp};
use arrow::array::RecordBatch;
use async_trait::async_trait;
use futures::stream;

use self::kept::Kept;
use crate::append::{APPEND_ROWS_MAX, Append, Appended, Quarantined};
use crate::backend::{
    DatastreamName, DatastreamRegister, Datastreams, Document, Documents, Maintenance,
    ObservationReader, ObservationWriter, QuarantineFilter, QuarantineLog, Segments, StoreHealth,
};
use crate::clock::{Clock, ClockState};
use crate::error::StoreError;
use crate::scan::{BatchStream, SCAN_BATCH_ROWS_MAX, Scan, Touched};

/// A store of lists, for tests.
#[derive(Debug)]
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
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
        let one =
            |(key, time): (DatastreamKey, Timestamp)| (key, TimeRange::new(time, time.plus_us(1)));
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
