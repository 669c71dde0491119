//! The one door of this crate: who asks and what come in, bounded streams of rows go out.
//!
//! # Shape
//! Every answer is a `SendableRecordBatchStream`; text comes as views, times as microseconds UTC.
//! The first batch is there when the call returns, so that most errors are the call's; an error in
//! the stream sorts with [`AnalyticsError::of_engine`].
//!
//! # Invariants
//! An answer stands on the last commit: rollups are refreshed before it, and all its tables share
//! one snapshot of registry, datastreams and now.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use arno_analytics_rollup::Rollups;
use arno_model::{Timestamp, Zone};
use arno_store::{Backend, Registry, Role};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlanBuilder;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::config::{AnalyticsConfig, Limits};
use crate::error::AnalyticsError;
use crate::history::{self, ObservationQuery};
use crate::product::bind::{self, Binding};
use crate::product::shelf::Shelf;
use crate::product::{Product, ProductQuery, Refused, ask};
use crate::question::{Question, zone_of};
use crate::session::lane::{Lane, Prepared};
use crate::session::watch::Watch;
use crate::session::{self, Sessions, guard};
use crate::table::catalog;
use crate::table::scope::EVERYWHERE;
use crate::view::View;

/// How often a region's own products are looked at.
const OWN_LOOK_TIME: Duration = Duration::from_secs(2);

/// Answers questions; a cheap handle.
#[derive(Debug, Clone)]
pub struct Analytics {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    backend: Arc<dyn Backend>,
    registry: watch::Receiver<Arc<Registry>>,
    rollups: Rollups,
    lane: Lane,
    sessions: Sessions,
    shelf: RwLock<Arc<Shelf>>,
    products_dir: Option<PathBuf>,
    people_count_min: u32,
    /// The files of own products as they were when they were last read.
    looked_at: Mutex<Files>,
}

/// Files, when each was written, and how long it is.
type Files = Vec<(PathBuf, Option<SystemTime>, u64)>;

impl Analytics {
    /// Opens rollups and products over a store.
    ///
    /// # Errors
    /// `Rollup` when kept rollups can't be read, `Products` when the products folder can't, `Start`
    /// when there are no threads. A single bad product is refused, and no error.
    pub async fn open(
        backend: Arc<dyn Backend>,
        registry: watch::Receiver<Arc<Registry>>,
        config: AnalyticsConfig,
    ) -> Result<Self, AnalyticsError> {
        let rollups = Rollups::open(Arc::clone(&backend), registry.clone()).await?;
        Self::with_rollups(backend, registry, rollups, config).await
    }

    /// As [`Self::open`], over rollups that are open already.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn with_rollups(
        backend: Arc<dyn Backend>,
        registry: watch::Receiver<Arc<Registry>>,
        rollups: Rollups,
        config: AnalyticsConfig,
    ) -> Result<Self, AnalyticsError> {
        let inner = Inner {
            backend,
            registry,
            rollups,
            lane: Lane::start(&config)?,
            sessions: Sessions::new(&config),
            shelf: RwLock::new(Arc::new(Shelf::shipped()?)),
            products_dir: config.products_dir,
            people_count_min: config.people_count_min,
            looked_at: Mutex::default(),
        };
        let analytics = Self {
            inner: Arc::new(inner),
        };
        analytics.reload_products().await?;
        Ok(analytics)
    }

    /// All products, by name.
    pub fn products(&self) -> Vec<Arc<Product>> {
        self.shelf().products.values().map(Arc::clone).collect()
    }

    /// The folders of a region's own products that were refused, and why.
    pub fn refused_products(&self) -> Vec<Refused> {
        self.shelf().refused.clone()
    }

    /// The rollups that answers stand on.
    pub fn rollups(&self) -> &Rollups {
        &self.inner.rollups
    }

    /// What one question may cost at most.
    pub fn limits(&self) -> Limits {
        self.inner.lane.limits()
    }

    /// Answers a product.
    ///
    /// # Errors
    /// `Unknown` or `Parameter` for what is asked wrongly, `Exceeded`, `Busy`, or what the store
    /// says.
    ///
    /// # Cancel
    /// Dropping the future or the stream ends the question.
    pub async fn product(
        &self,
        caller: &Role,
        query: &ProductQuery,
    ) -> Result<SendableRecordBatchStream, AnalyticsError> {
        let shelf = self.shelf();
        let product = Arc::clone(ask::find(&shelf.products, &query.product)?);
        self.inner.rollups.refresh().await?;
        let zone = query.zone(&self.inner.registry.borrow());
        let question = self.question(caller, query.as_of, Some(zone));
        let binding = query.binding(&product, &question.registry, question.now)?;
        let watch = self.watch(self.limits());
        let state = self.session(&question, &shelf, &watch)?;
        let (skip, fetch) = (query.cursor, query.limit);
        let publisher = query.publisher.clone();
        let at_work = Arc::clone(&watch);
        let prepare = async move {
            let plan = bind::bound(&state, &product, &binding).await?;
            let plan = match publisher {
                Some(publisher) => bind::of_publisher(plan, publisher.as_str()),
                None => Ok(plan),
            };
            let skip = usize::try_from(skip.unwrap_or(0)).unwrap_or(usize::MAX);
            let plan = plan.and_then(|plan| {
                if skip == 0 && fetch.is_none() {
                    return Ok(plan);
                }
                LogicalPlanBuilder::from(plan).limit(skip, fetch)?.build()
            });
            let plan = plan.map_err(AnalyticsError::of_engine)?;
            session::prepare(&state, &plan, &at_work).await
        };
        self.inner
            .lane
            .answer(self.limits().rows, watch, prepare)
            .await
    }

    /// Answers a query in SQL that only reads.
    ///
    /// # Errors
    /// `Refused` or `Query` for what is not offered or not valid, `Parameter` for a missing
    /// condition, `Exceeded`, `Busy`, or what the store says.
    ///
    /// # Cancel
    /// Dropping the future or the stream ends the question.
    pub async fn sql(
        &self,
        caller: &Role,
        query: &str,
        limits: Limits,
    ) -> Result<SendableRecordBatchStream, AnalyticsError> {
        self.inner.rollups.refresh().await?;
        let shelf = self.shelf();
        let question = self.question(caller, None, None);
        let watch = self.watch(limits);
        let at_work = Arc::clone(&watch);
        let state = self.session(&question, &shelf, &watch)?;
        let query = query.to_owned();
        // Parsing recurses too: it happens on the lane's threads, whose stacks are deep.
        let prepare = async move {
            let statement = guard::parse(&query)?;
            let plan = session::plan(&state, statement).await?;
            session::prepare(&state, &plan, &at_work).await
        };
        self.inner.lane.answer(limits.rows, watch, prepare).await
    }

    /// Answers raw observations of one thing.
    ///
    /// # Errors
    /// `Unknown` for a thing that is not there or not visible, `Busy`, or what the store says.
    ///
    /// # Cancel
    /// Dropping the future or the stream ends the question.
    pub async fn observations(
        &self,
        caller: &Role,
        query: &ObservationQuery,
    ) -> Result<SendableRecordBatchStream, AnalyticsError> {
        // Capacities come from the rollup engine, which learns of new things when it is refreshed.
        self.inner.rollups.refresh().await?;
        let question = self.question(caller, query.as_of, None);
        let watch = self.watch(self.limits());
        let state = self.session(&question, &self.shelf(), &watch)?;
        let plan = history::plan(&question, query)?;
        let prepare = async move {
            let context = state.task_ctx();
            Ok(Prepared { plan, context })
        };
        self.inner
            .lane
            .answer(self.limits().rows, watch, prepare)
            .await
    }

    /// Looks at the folder of a region's own products anew; those that were there are replaced.
    ///
    /// # Errors
    /// `Products` when the folder can't be read; what was there stays.
    pub async fn reload_products(&self) -> Result<(), AnalyticsError> {
        let mut shelf = Shelf::shipped()?;
        if let Some(folder) = &self.inner.products_dir {
            let question = self.question(&Role::Operator, None, None);
            *self
                .inner
                .looked_at
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = newest(folder).await;
            let state = self.session(&question, &shelf, &self.watch(self.limits()))?;
            let now = question.now;
            let binding = Binding {
                level: "municipality".to_owned(),
                within: EVERYWHERE.to_owned(),
                bucket: "1h".to_owned(),
                from: now.plus_us(-arno_model::time::DAY_US),
                to: now,
                now,
                zone: question.zone.clone(),
            };
            shelf.add_own(folder, &state, &binding).await?;
        }
        *self
            .inner
            .shelf
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(shelf);
        Ok(())
    }

    /// Keeps looking at the folder of a region's own products, until told to stop: a changed file
    /// is taken within seconds, without a restart.
    ///
    /// # Cancel
    /// Ends at once with the token; dropping it loses nothing.
    pub async fn watch_products(&self, stop: CancellationToken) {
        let Some(folder) = self.inner.products_dir.clone() else {
            return;
        };
        while stop
            .run_until_cancelled(tokio::time::sleep(OWN_LOOK_TIME))
            .await
            .is_some()
        {
            let found = newest(&folder).await;
            let is_known = {
                let looked_at = self.inner.looked_at.lock();
                *looked_at.unwrap_or_else(PoisonError::into_inner) == found
            };
            if is_known {
                continue;
            }
            if let Err(error) = self.reload_products().await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "products stay as they were"
                );
            }
        }
    }

    fn watch(&self, limits: Limits) -> Arc<Watch> {
        Arc::new(Watch::new(limits.time.min(self.limits().time)))
    }

    fn shelf(&self) -> Arc<Shelf> {
        Arc::clone(
            &self
                .inner
                .shelf
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    fn question(
        &self,
        caller: &Role,
        as_of: Option<Timestamp>,
        zone: Option<Zone>,
    ) -> Arc<Question> {
        let registry = Arc::clone(&self.inner.registry.borrow());
        let now = self.inner.backend.now();
        Arc::new(Question {
            view: View::of(caller.clone()),
            datastreams: self.inner.backend.datastreams(),
            rollups: self.inner.rollups.clone(),
            backend: Arc::clone(&self.inner.backend),
            now: as_of.map_or(now, |as_of| as_of.min(now)),
            as_of,
            zone: zone.unwrap_or_else(|| zone_of(&registry, None)),
            people_count_min: self.inner.people_count_min,
            registry,
        })
    }

    fn session(
        &self,
        question: &Arc<Question>,
        shelf: &Shelf,
        watch: &Arc<Watch>,
    ) -> Result<SessionState, AnalyticsError> {
        let tables = catalog::catalog(question, &shelf.products)?;
        self.inner.sessions.open(tables, question.now, watch)
    }
}

/// The files of a folder of products, as one value to compare.
async fn newest(folder: &Path) -> Files {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    let mut depth = 0;
    while !open.is_empty() && depth < 2 {
        let mut next = Vec::new();
        for folder in open {
            // What can't be read now is found when it can.
            let Ok(mut entries) = tokio::fs::read_dir(&folder).await else {
                continue;
            };
            while let Ok(Some(entry)) = entries.next_entry().await {
                if let Ok(about) = entry.metadata().await {
                    found.push((entry.path(), about.modified().ok(), about.len()));
                    if about.is_dir() {
                        next.push(entry.path());
                    }
                }
            }
        }
        open = next;
        depth += 1;
    }
    found.sort();
    found
}
