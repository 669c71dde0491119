//! One kept version as 48 plain bytes, and the ways from and to Arrow columns.
//!
//! # Why
//! The hot part inserts, compares and copies single rows; columns are made where rows leave it.
//!
//! # Invariants
//! `result` is never −0, NaN or infinite; an absent `result` or `result_time` is 0 with its flag
//! off, so that rows compare bit by bit.

use std::sync::Arc;

use arno_model::observation::{ObservationColumns, kept_schema};
use arno_model::{DatastreamKey, Timestamp, Version};
use arrow::array::{
    Array as _, ArrayRef, Float64Array, Int32Array, RecordBatch, TimestampMicrosecondArray,
    UInt8Array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};

const HAS_RESULT: u8 = 1;
const HAS_RESULT_TIME: u8 = 2;

/// One version; times are microseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Row {
    /// Phenomenon time.
    pub(crate) time: i64,
    /// When Arno received it.
    pub(crate) received: i64,
    /// The commit.
    pub(crate) known_at: i64,
    result: f64,
    result_time: i64,
    flags: u8,
    /// Quality code.
    pub(crate) quality: u8,
}

impl Row {
    /// The result; `None` is a declared unknown.
    pub(crate) fn result(&self) -> Option<f64> {
        (self.flags & HAS_RESULT != 0).then_some(self.result)
    }

    /// When the source made it.
    pub(crate) fn result_time(&self) -> Option<i64> {
        (self.flags & HAS_RESULT_TIME != 0).then_some(self.result_time)
    }

    /// What orders versions of one identity.
    pub(crate) fn order(&self) -> (i64, i64) {
        (self.result_time().unwrap_or(self.received), self.known_at)
    }

    /// As the law of versions wants it.
    pub(crate) fn version(&self) -> Version {
        Version {
            result: self.result(),
            result_time: self.result_time().map(Timestamp::from_micros),
            received: Timestamp::from_micros(self.received),
            known_at: Timestamp::from_micros(self.known_at),
        }
    }
}

/// Reads rows out of columns.
#[derive(Debug)]
pub(crate) struct RowReader<'a> {
    columns: &'a ObservationColumns,
    datastream: &'a [i32],
    time: &'a [i64],
    result: &'a [f64],
    quality: &'a [u8],
    received: &'a [i64],
    result_time: &'a [i64],
}

impl<'a> RowReader<'a> {
    /// A reader over a view.
    pub(crate) fn new(columns: &'a ObservationColumns) -> Self {
        Self {
            columns,
            datastream: columns.datastream.values(),
            time: columns.time.values(),
            result: columns.result.values(),
            quality: columns.quality.values(),
            received: columns.received.values(),
            result_time: columns.result_time.values(),
        }
    }

    /// The datastream of a row.
    pub(crate) fn datastream(&self, index: usize) -> DatastreamKey {
        DatastreamKey(self.datastream[index])
    }

    /// The phenomenon time of a row.
    pub(crate) fn time(&self, index: usize) -> i64 {
        self.time[index]
    }

    /// A row, stamped `known_at`.
    pub(crate) fn row(&self, index: usize, known_at: i64) -> Row {
        let has_result = self.columns.result.is_valid(index);
        let has_result_time = self.columns.result_time.is_valid(index);
        let mut flags = 0;
        if has_result {
            flags |= HAS_RESULT;
        }
        if has_result_time {
            flags |= HAS_RESULT_TIME;
        }
        Row {
            time: self.time[index],
            received: self.received[index],
            known_at,
            result: if has_result {
                self.result[index] + 0.0
            } else {
                0.0
            },
            result_time: if has_result_time {
                self.result_time[index]
            } else {
                0
            },
            flags,
            quality: self.quality[index],
        }
    }
}

/// Gathers rows into a batch of the kept schema.
#[derive(Debug, Default)]
pub(crate) struct RowColumns {
    datastream: Vec<i32>,
    time: Vec<i64>,
    result: Vec<f64>,
    has_result: Vec<bool>,
    quality: Vec<u8>,
    received: Vec<i64>,
    result_time: Vec<i64>,
    has_result_time: Vec<bool>,
    known_at: Vec<i64>,
}

impl RowColumns {
    /// Columns with room.
    pub(crate) fn with_capacity(count: usize) -> Self {
        Self {
            datastream: Vec::with_capacity(count),
            time: Vec::with_capacity(count),
            result: Vec::with_capacity(count),
            has_result: Vec::with_capacity(count),
            quality: Vec::with_capacity(count),
            received: Vec::with_capacity(count),
            result_time: Vec::with_capacity(count),
            has_result_time: Vec::with_capacity(count),
            known_at: Vec::with_capacity(count),
        }
    }

    /// Rows so far.
    pub(crate) fn len(&self) -> usize {
        self.datastream.len()
    }

    /// Adds rows of one datastream.
    pub(crate) fn extend(&mut self, key: DatastreamKey, rows: &[Row]) {
        self.datastream
            .extend(std::iter::repeat_n(key.0, rows.len()));
        self.time.extend(rows.iter().map(|row| row.time));
        self.result.extend(rows.iter().map(|row| row.result));
        self.has_result
            .extend(rows.iter().map(|row| row.flags & HAS_RESULT != 0));
        self.quality.extend(rows.iter().map(|row| row.quality));
        self.received.extend(rows.iter().map(|row| row.received));
        self.result_time
            .extend(rows.iter().map(|row| row.result_time));
        self.has_result_time
            .extend(rows.iter().map(|row| row.flags & HAS_RESULT_TIME != 0));
        self.known_at.extend(rows.iter().map(|row| row.known_at));
    }

    /// The batch, in the kept schema.
    pub(crate) fn finish(self) -> RecordBatch {
        let nulls = |has: Vec<bool>| {
            let has_null = has.iter().any(|valid| !valid);
            has_null.then(|| NullBuffer::new(BooleanBuffer::from(has)))
        };
        let time = |values: Vec<i64>, nulls: Option<NullBuffer>| -> ArrayRef {
            Arc::new(TimestampMicrosecondArray::new(values.into(), nulls).with_timezone("UTC"))
        };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from(self.datastream)),
            time(self.time, None),
            Arc::new(Float64Array::new(
                self.result.into(),
                nulls(self.has_result),
            )),
            Arc::new(UInt8Array::from(self.quality)),
            time(self.received, None),
            time(self.result_time, nulls(self.has_result_time)),
            time(self.known_at, None),
        ];
        RecordBatch::try_new(kept_schema(), columns).expect("the columns are the kept schema's")
    }
}
