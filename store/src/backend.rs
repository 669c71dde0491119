//! What a backend can do, one trait a capability.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;

use arno_model::{DatastreamKey, Ledger, PropertyId, PublisherId, ThingId, Timestamp};
use arrow::array::RecordBatch;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::append::{Append, Appended, QuarantineReason, Quarantined};
use crate::clock::ClockState;
use crate::error::StoreError;
use crate::scan::{BatchStream, Scan, Touched};

/// Takes observations.
#[async_trait]
pub trait ObservationWriter: Send + Sync + Debug {
    /// Makes one append durable: observations, quarantine, counts and clock, all or nothing.
    ///
    /// # Errors
    /// `Full` and `Unavailable`: nothing of it was kept; `Invalid`: a batch of another schema, of
    /// too many rows, or of datastreams that were never registered.
    ///
    /// # Cancel
    /// Dropping the future leaves open whether the append happens; sending it again is safe.
    async fn append(&self, append: Append) -> Result<Appended, StoreError>;
}

/// Gives observations back.
#[async_trait]
pub trait ObservationReader: Send + Sync + Debug {
    /// Answers a question with disjoint, ascending, sorted streams, of one moment of the store.
    ///
    /// # Errors
    /// `Unavailable` or `Damaged`, here or in a stream; `Invalid` for unsorted columns.
    async fn scan(&self, scan: Scan) -> Result<Vec<BatchStream>, StoreError>;

    /// What changed by the commits after `since`.
    ///
    /// # Errors
    /// `Unavailable` or `Damaged`.
    async fn touched(&self, since: Timestamp) -> Result<Touched, StoreError>;

    /// The newest commit's stamp.
    fn last_commit(&self) -> Timestamp;

    /// The store's clock.
    fn clock(&self) -> ClockState;

    /// The store's "now": the process's clock, or the end of a recording.
    fn now(&self) -> Timestamp;

    /// The counts over the store's life.
    fn ledger(&self) -> Ledger;
}

/// The name of a datastream: one property of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DatastreamName {
    /// The thing.
    pub thing: ThingId,
    /// The property.
    pub property: PropertyId,
}

/// All datastreams known, both ways round; a cheap snapshot.
#[derive(Debug, Clone, Default)]
pub struct Datastreams {
    by_name: HashMap<DatastreamName, DatastreamKey>,
    by_thing: HashMap<ThingId, Vec<(PropertyId, DatastreamKey)>>,
    names: Vec<DatastreamName>,
}

impl Datastreams {
    /// Adds the next name and returns its key (its place, from 1), or the key it has already.
    pub fn insert(&mut self, name: DatastreamName) -> DatastreamKey {
        if let Some(key) = self.by_name.get(&name) {
            return *key;
        }
        let place = i32::try_from(self.names.len() + 1).unwrap_or(i32::MAX);
        let key = DatastreamKey(place);
        let of_thing = self.by_thing.entry(name.thing.clone()).or_default();
        of_thing.push((name.property.clone(), key));
        self.by_name.insert(name.clone(), key);
        self.names.push(name);
        key
    }

    /// The key of a name.
    pub fn key(&self, name: &DatastreamName) -> Option<DatastreamKey> {
        self.by_name.get(name).copied()
    }

    /// The name of a key.
    pub fn name(&self, key: DatastreamKey) -> Option<&DatastreamName> {
        let place = usize::try_from(key.0).ok()?.checked_sub(1)?;
        self.names.get(place)
    }

    /// The datastreams of a thing.
    pub fn of_thing(&self, thing: &ThingId) -> &[(PropertyId, DatastreamKey)] {
        self.by_thing.get(thing).map_or(&[], Vec::as_slice)
    }

    /// All, by ascending key.
    pub fn iter(&self) -> impl Iterator<Item = (DatastreamKey, &DatastreamName)> {
        (1_i32..).map(DatastreamKey).zip(&self.names)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// Gives datastreams their keys.
#[async_trait]
pub trait DatastreamRegister: Send + Sync + Debug {
    /// The keys of these names, in their order; new names get the next keys, durably.
    ///
    /// # Errors
    /// `Full` or `Unavailable`.
    async fn register(&self, names: &[DatastreamName]) -> Result<Vec<DatastreamKey>, StoreError>;

    /// All datastreams registered by now.
    fn datastreams(&self) -> Arc<Datastreams>;
}

/// A small durable text or blob under a name: the registry, tokens, settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Grows by one with every put, from 1.
    pub revision: u64,
}

/// Keeps documents.
#[async_trait]
pub trait Documents: Send + Sync + Debug {
    /// Reads one.
    ///
    /// # Errors
    /// `Unavailable` or `Damaged`.
    async fn document(&self, name: &str) -> Result<Option<Document>, StoreError>;

    /// Writes one durably, if it still has the revision `expected` (0: it must not exist yet), and
    /// returns the new revision.
    ///
    /// # Errors
    /// `Conflict` when the revision is another; `Full` or `Unavailable`.
    async fn put_document(
        &self,
        name: &str,
        bytes: Vec<u8>,
        expected: u64,
    ) -> Result<u64, StoreError>;
}

/// Which refusals to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QuarantineFilter {
    /// Of this publisher.
    pub publisher: Option<PublisherId>,
    /// For this reason.
    pub reason: Option<QuarantineReason>,
    /// With numbers below this one.
    pub before_id: Option<u64>,
    /// At most so many; at least 1.
    pub limit: usize,
}

/// Shows what was refused.
#[async_trait]
pub trait QuarantineLog: Send + Sync + Debug {
    /// Lists refusals, newest first.
    ///
    /// # Errors
    /// `Unavailable` or `Damaged`.
    async fn quarantined(&self, filter: QuarantineFilter) -> Result<Vec<Quarantined>, StoreError>;
}

/// Keeps derived batches by kind and UTC day, together with a mark of what they include.
#[async_trait]
pub trait Segments: Send + Sync + Debug {
    /// Replaces whole segments and the kind's mark, all or nothing. An empty batch removes one.
    ///
    /// # Errors
    /// `Full` or `Unavailable`.
    async fn put_segments(
        &self,
        kind: &str,
        segments: Vec<(i32, RecordBatch)>,
        mark: Vec<u8>,
    ) -> Result<(), StoreError>;

    /// One segment; `day` counts UTC days since 1970-01-01.
    ///
    /// # Errors
    /// `Unavailable` or `Damaged`.
    async fn segment(&self, kind: &str, day: i32) -> Result<Option<RecordBatch>, StoreError>;

    /// The days that have a segment, ascending.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn segment_days(&self, kind: &str) -> Result<Vec<i32>, StoreError>;

    /// The kind's mark; `None` before the first put.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn segment_mark(&self, kind: &str) -> Result<Option<Vec<u8>>, StoreError>;
}

/// How the store is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoreHealth {
    /// Whether it takes data.
    pub is_ready: bool,
    /// One line for people.
    pub summary: String,
    /// Rows not yet in the lake or compressed.
    pub hot_rows: u64,
    /// Observation versions in all.
    pub rows: u64,
    /// Bytes on disk, where known.
    pub bytes: Option<u64>,
}

/// Keeps the store in shape.
#[async_trait]
pub trait Maintenance: Send + Sync + Debug {
    /// Does what is due: flush, compact, retain.
    ///
    /// # Errors
    /// `Full` or `Unavailable`; nothing durable is lost by it.
    async fn maintain(&self) -> Result<(), StoreError>;

    /// How the store is.
    fn health(&self) -> StoreHealth;

    /// Makes everything durable and refuses further appends.
    ///
    /// # Errors
    /// `Full` or `Unavailable`.
    async fn close(&self) -> Result<(), StoreError>;
}

/// All capabilities together: what `src` plugs into the rooms.
pub trait Backend:
    ObservationWriter
    + ObservationReader
    + DatastreamRegister
    + Documents
    + QuarantineLog
    + Segments
    + Maintenance
{
}

impl<T> Backend for T where
    T: ObservationWriter
        + ObservationReader
        + DatastreamRegister
        + Documents
        + QuarantineLog
        + Segments
        + Maintenance
{
}
