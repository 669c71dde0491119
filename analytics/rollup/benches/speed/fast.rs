//! A store of sorted columns, quick enough to measure rollups over millions of observations: the
//! oracle looks at every row for every question.

use std::sync::{Arc, Mutex};

use arno_model::observation::{kept_schema, time_type};
use arno_model::{DatastreamKey, TimeRange};
use arno_model::{Ledger, Timestamp};
use arno_store::append::Quarantined;
use arno_store::scan::SCAN_BATCH_ROWS_MAX;
use arno_store::{
    Append, Appended, BatchStream, ClockState, DatastreamName, DatastreamRegister, Datastreams,
    Document, Documents, Maintenance, ObservationReader, ObservationWriter, QuarantineFilter,
    QuarantineLog, Scan, Segments, StoreError, StoreHealth, Touched,
};
use arrow::array::{
    ArrayRef, Float64Array, Int32Array, RecordBatch, TimestampMicrosecondArray, UInt8Array,
    new_null_array,
};

/// One stream's times and results, sorted.
type Column = (Vec<i64>, Vec<f64>);

/// A store that only grows at the end of its streams.
#[derive(Debug)]
pub(crate) struct FastStore {
    pub(crate) datastreams: Arc<Datastreams>,
    pub(crate) columns: Mutex<Arc<Vec<Column>>>,
    pub(crate) now: Mutex<(Timestamp, Timestamp)>,
    pub(crate) touched: Mutex<Vec<(DatastreamKey, TimeRange)>>,
}

fn unused() -> StoreError {
    StoreError::Invalid {
        reason: "not measured",
    }
}

#[async_trait::async_trait]
impl ObservationWriter for FastStore {
    async fn append(&self, _append: Append) -> Result<Appended, StoreError> {
        Err(unused())
    }
}

fn batch(rows: &[(i32, i64, f64)], columns: &[usize]) -> RecordBatch {
    let times = |times: Vec<i64>| -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC"))
    };
    let all: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.0))),
        times(rows.iter().map(|row| row.1).collect()),
        Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.2))),
        Arc::new(UInt8Array::from(vec![0; rows.len()])),
        times(rows.iter().map(|row| row.1).collect()),
        new_null_array(&time_type(), rows.len()),
        times(vec![0; rows.len()]),
    ];
    let schema = Arc::new(kept_schema().project(columns).unwrap());
    let columns = columns
        .iter()
        .map(|place| Arc::clone(&all[*place]))
        .collect();
    RecordBatch::try_new(schema, columns).unwrap()
}

#[async_trait::async_trait]
impl ObservationReader for FastStore {
    async fn scan(&self, scan: Scan) -> Result<Vec<BatchStream>, StoreError> {
        let columns = Arc::clone(&self.columns.lock().unwrap());
        let (start, end) = (scan.time.start.as_micros(), scan.time.end.as_micros());
        let mut rows = Vec::new();
        let mut batches = Vec::new();
        let projected = scan.columns.clone().unwrap_or_else(|| (0..7).collect());
        for (place, (times, results)) in columns.iter().enumerate() {
            let key = i32::try_from(place).unwrap() + 1;
            if !scan.streams.contains(DatastreamKey(key)) {
                continue;
            }
            let first = times.partition_point(|time| *time < start);
            let first = if scan.with_lead {
                first.saturating_sub(1)
            } else {
                first
            };
            let last = times.partition_point(|time| *time < end);
            for row in first..last {
                rows.push((key, times[row], results[row]));
                if rows.len() == SCAN_BATCH_ROWS_MAX {
                    batches.push(Ok(batch(&rows, &projected)));
                    rows.clear();
                }
            }
        }
        if !rows.is_empty() {
            batches.push(Ok(batch(&rows, &projected)));
        }
        Ok(vec![Box::pin(futures::stream::iter(batches))])
    }

    async fn touched(&self, since: Timestamp) -> Result<Touched, StoreError> {
        let ranges = if since == Timestamp::MIN {
            let columns = Arc::clone(&self.columns.lock().unwrap());
            let ranges = columns.iter().enumerate().map(|(place, (times, _))| {
                let range = TimeRange::new(
                    Timestamp::from_micros(times[0]),
                    Timestamp::from_micros(times[times.len() - 1] + 1),
                );
                (DatastreamKey(i32::try_from(place).unwrap() + 1), range)
            });
            ranges.collect()
        } else {
            self.touched.lock().unwrap().clone()
        };
        Ok(Touched {
            ranges,
            known_at: self.last_commit(),
        })
    }

    fn last_commit(&self) -> Timestamp {
        self.now.lock().unwrap().1
    }

    fn clock(&self) -> ClockState {
        ClockState::Live
    }

    fn now(&self) -> Timestamp {
        self.now.lock().unwrap().0
    }

    fn ledger(&self) -> Ledger {
        Ledger::default()
    }
}

#[async_trait::async_trait]
impl DatastreamRegister for FastStore {
    async fn register(&self, _names: &[DatastreamName]) -> Result<Vec<DatastreamKey>, StoreError> {
        Err(unused())
    }

    fn datastreams(&self) -> Arc<Datastreams> {
        Arc::clone(&self.datastreams)
    }
}

#[async_trait::async_trait]
impl Documents for FastStore {
    async fn document(&self, _name: &str) -> Result<Option<Document>, StoreError> {
        Ok(None)
    }

    async fn put_document(&self, _: &str, _: Vec<u8>, _: u64) -> Result<u64, StoreError> {
        Err(unused())
    }
}

#[async_trait::async_trait]
impl QuarantineLog for FastStore {
    async fn quarantined(&self, _: QuarantineFilter) -> Result<Vec<Quarantined>, StoreError> {
        Ok(Vec::new())
    }
}

#[async_trait::async_trait]
impl Segments for FastStore {
    async fn put_segments(
        &self,
        _kind: &str,
        _segments: Vec<(i32, RecordBatch)>,
        _mark: Vec<u8>,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    async fn segment(&self, _kind: &str, _day: i32) -> Result<Option<RecordBatch>, StoreError> {
        Ok(None)
    }

    async fn segment_days(&self, _kind: &str) -> Result<Vec<i32>, StoreError> {
        Ok(Vec::new())
    }

    async fn segment_mark(&self, _kind: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(None)
    }
}

#[async_trait::async_trait]
impl Maintenance for FastStore {
    async fn maintain(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn health(&self) -> StoreHealth {
        StoreHealth {
            is_ready: true,
            summary: String::new(),
            hot_rows: 0,
            rows: 0,
            bytes: None,
        }
    }

    async fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
