//! Reads series out of the store, all of a window at once.
//!
//! # Limits
//! [`SAMPLES_MAX`]: a window with more samples is refused, and its caller asks a shorter one.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use arno_model::{TimeRange, Timestamp};
use arno_store::{Backend, Scan, Streams, Versions};
use arrow::array::RecordBatch;
use futures::StreamExt as _;

use crate::error::{RollupError, store_error};
use crate::signal::Span;
use crate::signal::series::{COLUMNS, Sample, SampleColumns, within};

/// Most samples held of one window: 4 million are 96 MB, a day of a large region. A window of more
/// is cut in two, down to one bucket, which is read whatever it holds.
pub const SAMPLES_MAX: usize = 4_000_000;

/// Series by datastream.
#[derive(Debug, Default)]
pub struct SeriesSet {
    samples: Vec<Sample>,
    by_key: HashMap<i32, Range<usize>>,
}

impl SeriesSet {
    /// The series of a datastream, by time; empty when there is none.
    pub fn of(&self, key: i32) -> &[Sample] {
        let range = self.by_key.get(&key).cloned().unwrap_or(0..0);
        self.samples.get(range).unwrap_or(&[])
    }

    /// All samples held.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Adds the rows of a sorted scan's next batch.
    ///
    /// # Errors
    /// [`RollupError::Batch`] when a column is missing.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<(), RollupError> {
        let columns = SampleColumns::view(batch)?;
        self.samples.reserve(batch.num_rows());
        for (key, run) in columns.runs() {
            let start = self.samples.len();
            self.samples.extend(run.map(|place| columns.sample(place)));
            let end = self.samples.len();
            let range = self.by_key.entry(key).or_insert(start..end);
            range.end = end;
        }
        Ok(())
    }

    /// This set, each series followed by its first sample of `ahead` from a moment on.
    #[must_use]
    pub fn with_next_of(&self, ahead: &Self, from: i64) -> Self {
        let mut joined = Self::default();
        let keys: BTreeSet<i32> = self
            .by_key
            .keys()
            .chain(ahead.by_key.keys())
            .copied()
            .collect();
        for key in keys {
            let start = joined.samples.len();
            joined.samples.extend_from_slice(self.of(key));
            let next = within(ahead.of(key), from, i64::MAX).first();
            joined.samples.extend(next.copied());
            joined.by_key.insert(key, start..joined.samples.len());
        }
        joined
    }
}

/// What to read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Which datastreams.
    pub streams: Streams,
    /// Which times; the last observation before them comes too.
    pub span: Span,
    /// As it was known then.
    pub as_of: Option<Timestamp>,
}

/// Reads a window; `None` when it holds more than `samples_max`.
///
/// # Errors
/// [`RollupError::Store`] or [`RollupError::Batch`].
pub async fn read(
    backend: &Arc<dyn Backend>,
    reading: Reading,
    samples_max: usize,
) -> Result<Option<SeriesSet>, RollupError> {
    let mut set = SeriesSet::default();
    if matches!(&reading.streams, Streams::Some(keys) if keys.is_empty()) {
        return Ok(Some(set));
    }
    let range = TimeRange::new(
        Timestamp::from_micros(reading.span.start),
        Timestamp::from_micros(reading.span.end),
    );
    let scan = Scan {
        with_lead: true,
        as_of: reading.as_of,
        versions: Versions::Winning,
        columns: Some(COLUMNS.to_vec()),
        ..Scan::of(reading.streams, range)
    };
    let failed = store_error("read observations");
    let streams = backend.scan(scan).await.map_err(&failed)?;
    for mut stream in streams {
        while let Some(batch) = stream.next().await {
            set.add(&batch.map_err(&failed)?)?;
            if set.len() > samples_max {
                return Ok(None);
            }
        }
    }
    Ok(Some(set))
}
