//! Questions to the observations, and the sorted streams that answer them.

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;

use arno_model::{DatastreamKey, TimeRange, Timestamp};
use arrow::array::RecordBatch;
use futures::Stream;

use crate::error::StoreError;

/// Rows of a streamed batch, at most: 8,192 rows keep a column within the second-level cache and
/// are what query engines expect.
pub const SCAN_BATCH_ROWS_MAX: usize = 8_192;

/// Batches in the projected [`arno_model::observation::kept_schema`], sorted by (datastream, time)
/// and, under [`Versions::All`], by `known_at` within an identity.
pub type BatchStream = Pin<Box<dyn Stream<Item = Result<RecordBatch, StoreError>> + Send>>;

/// Which datastreams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Streams {
    /// All of them.
    All,
    /// These, ascending and without repeats.
    Some(Arc<[DatastreamKey]>),
}

impl Streams {
    /// Of these keys, in any order.
    pub fn of(mut keys: Vec<DatastreamKey>) -> Self {
        keys.sort_unstable();
        keys.dedup();
        Self::Some(Arc::from(keys))
    }

    /// Whether `key` is asked for.
    pub fn contains(&self, key: DatastreamKey) -> bool {
        match self {
            Self::All => true,
            Self::Some(keys) => keys.binary_search(&key).is_ok(),
        }
    }
}

/// Which versions of an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Versions {
    /// The one that counts, among those known at `as_of`.
    #[default]
    Winning,
    /// All that were known at `as_of`.
    All,
}

/// A question: which rows and columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// Which datastreams.
    pub streams: Streams,
    /// Which phenomenon times.
    pub time: TimeRange,
    /// Whether each stream's last winning row before `time.start` comes too (in its sorted place):
    /// what a state holds at the start.
    pub with_lead: bool,
    /// Only versions known at this moment; absent: all.
    pub as_of: Option<Timestamp>,
    /// Which versions.
    pub versions: Versions,
    /// Columns as indexes into `kept_schema`, ascending; absent: all.
    pub columns: Option<Vec<usize>>,
    /// At most so many rows in all, counted over the streams in order.
    pub limit: Option<usize>,
    /// How many streams are welcome; a store may answer with fewer.
    pub partitions: usize,
}

impl Scan {
    /// All winning rows of some streams within a range, in one stream.
    pub fn of(streams: Streams, time: TimeRange) -> Self {
        Self {
            streams,
            time,
            with_lead: false,
            as_of: None,
            versions: Versions::Winning,
            columns: None,
            limit: None,
            partitions: 1,
        }
    }
}

/// What changed after a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// Datastreams, ascending, with the times of their new versions: one or more ranges each,
    /// ascending and disjoint; `end` is one microsecond after the last time.
    pub ranges: Vec<(DatastreamKey, TimeRange)>,
    /// The newest commit that is included: ask again from here.
    pub known_at: Timestamp,
}
