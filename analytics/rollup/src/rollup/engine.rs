//! The engine behind one handle.

use std::sync::Arc;

use arno_model::Timestamp;
use arno_store::{Backend, Registry};
use arrow::array::RecordBatch;
use tokio::sync::watch;

use crate::error::RollupError;
use crate::query::{AreaQuery, IntervalQuery, MomentQuery, RollupQuery, RollupStream};

/// How rollups are kept and judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollupConfig {
    /// Bytes of rows held in memory, about; days beyond it are written to the store's segments and
    /// read back when asked for.
    pub cache_bytes_max: usize,
    /// From this occupancy on, in percent, a 15-minute bucket is saturated.
    pub saturation_percent: u8,
    /// From this known share on, in percent, a 15-minute bucket is known.
    pub known_percent: u8,
}

impl Default for RollupConfig {
    fn default() -> Self {
        Self {
            cache_bytes_max: 768 * 1024 * 1024,
            saturation_percent: 85,
            known_percent: 50,
        }
    }
}

/// What a refresh did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refreshed {
    /// The newest commit that the rollups include.
    pub known_at: Timestamp,
    /// Where closed buckets end.
    pub frontier: Timestamp,
    /// Rows of datastreams computed.
    pub thing_rows: u64,
    /// Rows of areas computed.
    pub area_rows: u64,
}

/// Rollups over a store; a cheap handle.
#[derive(Debug, Clone)]
pub struct Rollups {
    backend: Arc<dyn Backend>,
    registry: watch::Receiver<Arc<Registry>>,
}

impl Rollups {
    /// Opens what was kept; nothing is computed yet. Works with [`RollupConfig::default`].
    ///
    /// # Errors
    /// [`RollupError::Store`] when the store can't be read.
    pub async fn open(
        backend: Arc<dyn Backend>,
        registry: watch::Receiver<Arc<Registry>>,
    ) -> Result<Self, RollupError> {
        Self::open_with(backend, registry, RollupConfig::default()).await
    }

    /// As [`Self::open`], with settings.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_with(
        backend: Arc<dyn Backend>,
        registry: watch::Receiver<Arc<Registry>>,
        _config: RollupConfig,
    ) -> Result<Self, RollupError> {
        Ok(Self { backend, registry })
    }

    /// Brings the kept rollups up to the last commit and to now. Single flight: who comes while it
    /// runs waits for it. Call it before every answer; with nothing new it costs next to nothing.
    ///
    /// # Errors
    /// [`RollupError`] from the store; what was kept before stays.
    ///
    /// # Cancel
    /// Dropping the future loses nothing: the next refresh begins where the last one ended.
    pub async fn refresh(&self) -> Result<Refreshed, RollupError> {
        Err(RollupError::Stopped)
    }

    /// Computes everything from scratch; what comes out equals what was refreshed.
    ///
    /// # Errors
    /// As [`Self::refresh`].
    pub async fn rebuild(&self) -> Result<Refreshed, RollupError> {
        Err(RollupError::Stopped)
    }

    /// Writes changed days to the store's segments, with the mark of what they include.
    ///
    /// # Errors
    /// [`RollupError::Store`]; the changed days stay in memory.
    pub async fn persist(&self) -> Result<(), RollupError> {
        Err(RollupError::Stopped)
    }

    /// Rows of datastreams in [`rollup_schema`](crate::schema::rollup_schema), sorted by thing,
    /// property and bucket; one row for every bucket from the first kept observation to now.
    ///
    /// # Errors
    /// [`RollupError::TooManyRows`] above a million rows (use [`Self::thing_row_stream`]), unknown
    /// names, or the store's word.
    pub async fn thing_rows(&self, _query: &RollupQuery) -> Result<RecordBatch, RollupError> {
        Err(RollupError::Stopped)
    }

    /// The same rows in the same order, thing by thing, without a bound on their number.
    ///
    /// # Errors
    /// As [`Self::thing_rows`], in the stream.
    pub fn thing_row_stream(&self, _query: RollupQuery) -> RollupStream {
        Box::pin(futures::stream::empty())
    }

    /// Rows of areas, or of counting things, in
    /// [`area_rollup_schema`](crate::schema::area_rollup_schema), sorted by area, `outside` last,
    /// vehicle kind and bucket.
    ///
    /// # Errors
    /// As [`Self::thing_rows`].
    pub async fn area_rows(&self, _query: &AreaQuery) -> Result<RecordBatch, RollupError> {
        Err(RollupError::Stopped)
    }

    /// Known intervals of states in [`interval_schema`](crate::schema::interval_schema), sorted by
    /// thing, property and `valid_from`; one for every observation's unbroken piece.
    ///
    /// # Errors
    /// In the stream: unknown names or the store's word.
    pub fn intervals(&self, _query: IntervalQuery) -> RollupStream {
        Box::pin(futures::stream::empty())
    }

    /// The state of counting things in [`moment_schema`](crate::schema::moment_schema), sorted by
    /// thing.
    ///
    /// # Errors
    /// Unknown names or the store's word.
    pub async fn moment(&self, _query: &MomentQuery) -> Result<RecordBatch, RollupError> {
        Err(RollupError::Stopped)
    }

    /// The last commit and where closed buckets end, as the last refresh left them.
    pub fn state(&self) -> Option<Refreshed> {
        None
    }
}
