//! The store's capabilities, each a few lines over the writer, the shared moment and the log.

use std::sync::Arc;

use arno_model::observation::{ObservationColumns, arrival_schema};
use arno_model::{DatastreamKey, Ledger, Quality, Timestamp};
use arno_store::append::APPEND_ROWS_MAX;
use arno_store::{
    Append, Appended, BatchStream, ClockState, DatastreamName, DatastreamRegister, Datastreams,
    Document, Documents, Maintenance, ObservationReader, ObservationWriter, QuarantineFilter,
    QuarantineLog, Quarantined, Scan, Segments, StoreError, StoreHealth, Touched,
};
use arno_store_lake::Lake;
use arrow::array::{Array as _, RecordBatch};
use async_trait::async_trait;

use crate::job::Job;
use crate::scan::scan;
use crate::store::{EmbeddedStore, are_registered, newest};
use crate::touched::touched;

#[async_trait]
impl ObservationWriter for EmbeddedStore {
    async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        let count = self.shared.read().datastreams.len();
        check(&append.observations, count)?;
        let rows = u32::try_from(append.observations.num_rows()).unwrap_or(u32::MAX);
        let most = u32::try_from(self.config.queue_rows).unwrap_or(u32::MAX);
        let permits = Arc::clone(&self.queue_rows).acquire_many_owned(rows.clamp(1, most));
        let share = permits.await.map_err(|_source| StoreError::Closed)?;
        self.ask(|reply| Job::Append {
            append,
            share,
            reply,
        })
        .await
    }
}

fn check(observations: &RecordBatch, datastream_count: usize) -> Result<(), StoreError> {
    let invalid = |reason| Err(StoreError::Invalid { reason });
    if observations.num_rows() > APPEND_ROWS_MAX {
        return invalid("an append has at most 262,144 rows");
    }
    if observations.schema().fields() != arrival_schema().fields() {
        return invalid("the batch is not in the schema of arriving observations");
    }
    let Ok(columns) = ObservationColumns::view(observations) else {
        return invalid("the batch is not in the schema of arriving observations");
    };
    if !are_registered(columns.datastream.values(), datastream_count) {
        return invalid("a datastream was never registered");
    }
    if columns
        .quality
        .values()
        .iter()
        .any(|code| Quality::from_code(*code).is_none())
    {
        return invalid("a quality is unknown");
    }
    let is_finite = match columns.result.nulls() {
        None => columns
            .result
            .values()
            .iter()
            .all(|result| result.is_finite()),
        Some(_nulls) => columns.result.iter().flatten().all(f64::is_finite),
    };
    if !is_finite {
        return invalid("a result is not finite");
    }
    Ok(())
}

#[async_trait]
impl ObservationReader for EmbeddedStore {
    async fn scan(&self, question: Scan) -> Result<Vec<BatchStream>, StoreError> {
        scan(&self.shared, &self.lake, &question).await
    }

    async fn touched(&self, since: Timestamp) -> Result<Touched, StoreError> {
        touched(&self.shared, &self.lake, since).await
    }

    fn last_commit(&self) -> Timestamp {
        newest(self.shared.read().state.known_at_us)
    }

    fn clock(&self) -> ClockState {
        self.shared.read().state.clock
    }

    fn now(&self) -> Timestamp {
        match self.clock() {
            ClockState::Live => self.clock.now(),
            ClockState::Recorded { now } => now,
        }
    }

    fn ledger(&self) -> Ledger {
        self.shared.read().state.ledger
    }
}

#[async_trait]
impl DatastreamRegister for EmbeddedStore {
    async fn register(&self, names: &[DatastreamName]) -> Result<Vec<DatastreamKey>, StoreError> {
        let known = self.datastreams();
        let keys: Option<Vec<_>> = names.iter().map(|name| known.key(name)).collect();
        drop(known);
        match keys {
            Some(keys) => Ok(keys),
            None => {
                let names = names.to_vec();
                self.ask(|reply| Job::Register { names, reply }).await
            }
        }
    }

    fn datastreams(&self) -> Arc<Datastreams> {
        Arc::clone(&self.shared.read().datastreams)
    }
}

#[async_trait]
impl Documents for EmbeddedStore {
    async fn document(&self, name: &str) -> Result<Option<Document>, StoreError> {
        let (log, name) = (Arc::clone(&self.log), name.to_owned());
        self.blocking("read a document", move || log.document(&name))
            .await
    }

    async fn put_document(
        &self,
        name: &str,
        bytes: Vec<u8>,
        expected: u64,
    ) -> Result<u64, StoreError> {
        let name = name.to_owned();
        self.ask(|reply| Job::Document {
            name,
            bytes,
            expected,
            reply,
        })
        .await
    }
}

#[async_trait]
impl QuarantineLog for EmbeddedStore {
    async fn quarantined(&self, filter: QuarantineFilter) -> Result<Vec<Quarantined>, StoreError> {
        let log = Arc::clone(&self.log);
        let list = move || {
            let mut found = Vec::new();
            let limit = filter.limit.max(1);
            log.quarantine(filter.before_id.unwrap_or(u64::MAX), |id, entry| {
                let is_asked = filter.reason.is_none_or(|reason| entry.reason == reason)
                    && (filter.publisher.is_none() || entry.publisher == filter.publisher);
                if is_asked {
                    found.push(Quarantined { id, entry });
                }
                found.len() < limit
            })?;
            Ok(found)
        };
        self.blocking("read the quarantine", list).await
    }
}

#[async_trait]
impl Segments for EmbeddedStore {
    async fn put_segments(
        &self,
        kind: &str,
        segments: Vec<(i32, RecordBatch)>,
        mark: Vec<u8>,
    ) -> Result<(), StoreError> {
        let (folder, log) = (Arc::clone(&self.segments), Arc::clone(&self.log));
        let name = kind.to_owned();
        let prepare = move || {
            let old: Result<Vec<_>, _> = segments
                .iter()
                .map(|(day, _batch)| log.segment(&name, *day))
                .collect();
            Ok((old?, folder.prepare(&name, &segments, mark)?))
        };
        let (old, swap) = self.blocking("write segments", prepare).await?;
        self.ask(|reply| Job::Segments { swap, reply }).await?;
        self.segments.delete(kind, old.into_iter().flatten());
        Ok(())
    }

    async fn segment(&self, kind: &str, day: i32) -> Result<Option<RecordBatch>, StoreError> {
        let (folder, log) = (Arc::clone(&self.segments), Arc::clone(&self.log));
        let kind = kind.to_owned();
        self.blocking("read a segment", move || folder.read(&log, &kind, day))
            .await
    }

    async fn segment_days(&self, kind: &str) -> Result<Vec<i32>, StoreError> {
        let (log, kind) = (Arc::clone(&self.log), kind.to_owned());
        let days = move || {
            Ok(log
                .segments(&kind)?
                .into_iter()
                .map(|(day, _file)| day)
                .collect())
        };
        self.blocking("list segments", days).await
    }

    async fn segment_mark(&self, kind: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let (log, kind) = (Arc::clone(&self.log), kind.to_owned());
        self.blocking("read a mark", move || log.mark(&kind)).await
    }
}

#[async_trait]
impl Maintenance for EmbeddedStore {
    async fn maintain(&self) -> Result<(), StoreError> {
        if self.shared.read().is_closed {
            return Err(StoreError::Closed);
        }
        Arc::clone(&self.flusher).flush_if_due().await?;
        self.flusher.vacuum().await
    }

    fn health(&self) -> StoreHealth {
        let moment = self.shared.read();
        let hot_rows = moment.active.len() + moment.flushing.as_ref().map_or(0, |part| part.len());
        let damaged = moment.files.iter().filter(|file| file.is_damaged());
        let aside = moment.aside.iter().map(String::as_str);
        let damaged: Vec<&str> = aside.chain(damaged.map(|file| file.path())).collect();
        let fault = moment.fault.as_ref().or(moment.lake_fault.as_ref());
        let is_ready = moment.fault.is_none() && !moment.is_closed;
        let summary = match fault {
            Some(fault) => fault.clone(),
            None if moment.is_closed => "closed".to_owned(),
            None if damaged.is_empty() => "takes data".to_owned(),
            None => format!("takes data; damaged and set aside: {}", damaged.join(", ")),
        };
        let ledger = moment.state.ledger;
        StoreHealth {
            is_ready,
            summary,
            hot_rows: u64::try_from(hot_rows).unwrap_or(u64::MAX),
            rows: ledger.stored + ledger.corrected,
            bytes: Some(Lake::bytes(&moment.files)),
        }
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.shut().await
    }
}
