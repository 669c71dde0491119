//! The engine behind one handle.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use arno_model::Timestamp;
use arno_store::{Backend, Registry};
use arrow::array::RecordBatch;
use tokio::sync::{Mutex, watch};

use crate::error::{RollupError, store_error};
use crate::query::{AreaQuery, IntervalQuery, MomentQuery, RollupQuery, RollupStream};
use crate::rollup::answer;
use crate::rollup::codec::DayTables;
use crate::rollup::dirty::Dirt;
use crate::rollup::keep;
use crate::rollup::row::Thresholds;
use crate::rollup::view::{Day, View};
use crate::rollup::work::Work;
use crate::signal::bucket_floor;

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
    inner: Arc<Inner>,
}

/// Does CPU work on a blocking thread.
///
/// # Errors
/// What the work says; [`RollupError::Stopped`] when its thread ended without an answer.
pub async fn aside<T, W>(work: W) -> Result<T, RollupError>
where
    T: Send + 'static,
    W: FnOnce() -> Result<T, RollupError> + Send + 'static,
{
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_cause| RollupError::Stopped)?
}

/// What the handles share.
#[derive(Debug)]
pub struct Inner {
    backend: Arc<dyn Backend>,
    registry: watch::Receiver<Arc<Registry>>,
    config: RollupConfig,
    view: RwLock<Arc<View>>,
    flight: Mutex<()>,
    ticks: AtomicU64,
}

impl Inner {
    /// The store.
    pub fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    /// The registry as it stands.
    pub fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.registry.borrow())
    }

    /// What counts as known and saturated.
    pub const fn thresholds(&self) -> Thresholds {
        Thresholds {
            saturation_percent: self.config.saturation_percent,
            known_percent: self.config.known_percent,
        }
    }

    /// What is kept.
    pub fn view(&self) -> Arc<View> {
        let view = self.view.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&view)
    }

    /// A day's rows.
    ///
    /// # Errors
    /// [`RollupError::Store`] or [`RollupError::Damaged`].
    pub async fn tables(&self, day: &Day) -> Result<DayTables, RollupError> {
        let tick = self.ticks.fetch_add(1, Ordering::Relaxed);
        day.tables(&self.backend, tick).await
    }

    /// Lets days leave memory above the limit.
    pub fn evict(&self) {
        self.view().evict(self.config.cache_bytes_max);
    }

    /// Shows a whole view to readers; writes it first when much of it is not written yet.
    ///
    /// # Errors
    /// [`RollupError::Store`].
    pub async fn show(&self, view: &mut View) -> Result<(), RollupError> {
        let (_, dirty) = view.bytes();
        if dirty > self.config.cache_bytes_max / 2 {
            keep::write(&self.backend, view, self.thresholds()).await?;
        }
        view.evict(self.config.cache_bytes_max);
        let shown = Arc::new(view.clone());
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = shown;
        Ok(())
    }

    async fn refresh(&self) -> Result<Refreshed, RollupError> {
        let _flight = self.flight.lock().await;
        self.refresh_from(View::clone(&self.view())).await
    }

    async fn rebuild(&self) -> Result<Refreshed, RollupError> {
        let _flight = self.flight.lock().await;
        let old = self.view();
        let mut view = View::empty();
        view.gone = old.days.keys().chain(&old.gone).copied().collect();
        view.slots = Arc::clone(&old.slots);
        self.refresh_from(view).await
    }

    async fn refresh_from(&self, view: View) -> Result<Refreshed, RollupError> {
        let last = self.backend.last_commit().as_micros();
        let touched = if last == view.known_at {
            None
        } else {
            let since = Timestamp::from_micros(view.known_at);
            let asked = self.backend.touched(since).await;
            Some(asked.map_err(store_error("ask what was touched"))?)
        };
        // After `touched`, so that every touched datastream is among these.
        let datastreams = self.backend.datastreams();
        let registry = self.registry();
        let now = self.backend.now().as_micros();
        let target = bucket_floor(now).max(view.frontier);
        let is_planned = view.before.is_none()
            && Arc::ptr_eq(&view.registry, &registry)
            && view.layout.stream_count == datastreams.len();
        let is_closed = view.frontier == target || view.begin.is_none();
        if is_planned && is_closed && touched.is_none() {
            return Ok(refreshed(&view, now, (0, 0)));
        }
        let mut work = Work::new(self, view, now);
        let mut dirt = Dirt::default();
        if !is_planned {
            work.plan(&registry, &datastreams, &mut dirt).await?;
        }
        if let Some(touched) = touched {
            work.touch(&touched, &mut dirt).await?;
        }
        work.mend(dirt).await?;
        work.close_until(target).await?;
        let counts = (work.thing_rows, work.area_rows);
        let mut view = work.view;
        self.show(&mut view).await?;
        Ok(refreshed(&view, now, counts))
    }

    async fn persist(&self) -> Result<(), RollupError> {
        let _flight = self.flight.lock().await;
        let mut view = View::clone(&self.view());
        keep::write(&self.backend, &mut view, self.thresholds()).await?;
        self.show(&mut view).await
    }
}

fn refreshed(view: &View, now: i64, (thing_rows, area_rows): (u64, u64)) -> Refreshed {
    let frontier = if view.begin.is_some() {
        view.frontier
    } else {
        bucket_floor(now)
    };
    Refreshed {
        known_at: Timestamp::from_micros(view.known_at),
        frontier: Timestamp::from_micros(frontier),
        thing_rows,
        area_rows,
    }
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
        config: RollupConfig,
    ) -> Result<Self, RollupError> {
        let mut inner = Inner {
            backend,
            registry,
            config,
            view: RwLock::new(Arc::new(View::empty())),
            flight: Mutex::new(()),
            ticks: AtomicU64::new(0),
        };
        let view = keep::open(&inner.backend, inner.thresholds()).await?;
        inner.view = RwLock::new(Arc::new(view));
        Ok(Self {
            inner: Arc::new(inner),
        })
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
        self.inner.refresh().await
    }

    /// Computes everything from scratch; what comes out equals what was refreshed.
    ///
    /// # Errors
    /// As [`Self::refresh`].
    pub async fn rebuild(&self) -> Result<Refreshed, RollupError> {
        self.inner.rebuild().await
    }

    /// Writes changed days to the store's segments, with the mark of what they include.
    ///
    /// # Errors
    /// [`RollupError::Store`]; the changed days stay in memory.
    pub async fn persist(&self) -> Result<(), RollupError> {
        self.inner.persist().await
    }

    /// Rows of datastreams in [`rollup_schema`](crate::schema::rollup_schema): one for every bucket
    /// from the first kept observation to now, by UTC day (15 minutes and hours) or bucket (wider
    /// ones), within it by thing, property and bucket.
    ///
    /// # Errors
    /// [`RollupError::TooManyRows`] above a million rows (use [`Self::thing_row_stream`]), unknown
    /// names, or the store's word.
    pub async fn thing_rows(&self, query: &RollupQuery) -> Result<RecordBatch, RollupError> {
        answer::thing::rows(&self.inner, query).await
    }

    /// The same rows in the same order, without a bound on their number; memory is bounded by a day
    /// or a bucket of them.
    ///
    /// # Errors
    /// As [`Self::thing_rows`], in the stream.
    pub fn thing_row_stream(&self, query: RollupQuery) -> RollupStream {
        answer::thing::row_stream(&self.inner, query)
    }

    /// Rows of areas, or of counting things, in
    /// [`area_rollup_schema`](crate::schema::area_rollup_schema), sorted by area, `outside` last,
    /// vehicle kind and bucket.
    ///
    /// # Errors
    /// As [`Self::thing_rows`].
    pub async fn area_rows(&self, query: &AreaQuery) -> Result<RecordBatch, RollupError> {
        answer::area::rows(&self.inner, query).await
    }

    /// Known intervals of states in [`interval_schema`](crate::schema::interval_schema), sorted by
    /// thing, property and `valid_from`; one for every observation's unbroken piece.
    ///
    /// # Errors
    /// In the stream: unknown names or the store's word.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "as the other questions that stream"
    )]
    pub fn intervals(&self, query: IntervalQuery) -> RollupStream {
        answer::interval::row_stream(&self.inner, &query)
    }

    /// The state of counting things in [`moment_schema`](crate::schema::moment_schema), sorted by
    /// thing.
    ///
    /// # Errors
    /// Unknown names or the store's word.
    pub async fn moment(&self, query: &MomentQuery) -> Result<RecordBatch, RollupError> {
        answer::moment::rows(&self.inner, query).await
    }

    /// The last commit included and where closed buckets end, as the last refresh left them.
    pub fn state(&self) -> Refreshed {
        let now = self.inner.backend().now().as_micros();
        refreshed(&self.inner.view(), now, (0, 0))
    }
}
