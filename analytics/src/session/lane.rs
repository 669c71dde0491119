//! The lane on which questions are answered: a plan to make comes in, a bounded stream goes out.
//!
//! # Why
//! Analysis is heavy and must not delay an acknowledgement to a device: it has threads of its own.
//! The one task of a question plans and runs it, hands batches over a short channel, and ends when
//! the reader is gone, when time is up or when it panics; nothing of it is left behind.
//!
//! # Limits
//! Questions at once, working time (waiting for the reader does not count), rows: see [`Limits`].
//! A reader that takes nothing for [`READER_STALL_TIME_MAX`] loses its answer, so that it does not
//! hold a place for ever. The channel holds `BATCHES_COUNT_MAX` batches; the task waits when
//! full.

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::{FutureExt as _, Stream, StreamExt as _};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::config::{AnalyticsConfig, Limits};
use crate::error::{AnalyticsError, Bound};
use crate::session::watch::Watch;

/// Batches that wait between a question and its reader.
const BATCHES_COUNT_MAX: usize = 2;
/// How long a reader may take nothing before its answer ends.
pub const READER_STALL_TIME_MAX: Duration = Duration::from_mins(1);
/// Stack of a thread that plans and runs: deep expressions recurse.
const STACK_BYTES: usize = 16 << 20;

/// A plan that can run, and what it runs in.
pub(crate) struct Prepared {
    pub(crate) plan: Arc<dyn ExecutionPlan>,
    pub(crate) context: Arc<TaskContext>,
}

/// The threads and places for questions.
pub(crate) struct Lane {
    runtime: Option<Runtime>,
    tracker: TaskTracker,
    places: Arc<Semaphore>,
    places_count: usize,
    limits: Limits,
}

impl fmt::Debug for Lane {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Lane")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Lane {
    /// Starts the threads.
    ///
    /// # Errors
    /// `Start`, when the system gives none.
    pub(crate) fn start(config: &AnalyticsConfig) -> Result<Self, AnalyticsError> {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("arno-question")
            .thread_stack_size(STACK_BYTES)
            .enable_all()
            .build()
            .map_err(|source| AnalyticsError::Start { source })?;
        let places_count = config.concurrency_max.max(1);
        Ok(Self {
            runtime: Some(runtime),
            tracker: TaskTracker::new(),
            places: Arc::new(Semaphore::new(places_count)),
            places_count,
            limits: Limits {
                time: config.query_time_max,
                rows: config.rows_max,
            },
        })
    }

    /// What the configuration allows.
    pub(crate) const fn limits(&self) -> Limits {
        self.limits
    }

    /// Makes and runs a plan; returns when its first batch, its end or its error is there.
    ///
    /// # Errors
    /// What making the plan says, `Busy`, or what came instead of the first batch.
    ///
    /// # Cancel
    /// Dropping the future or the stream ends the question.
    pub(crate) async fn answer<F>(
        &self,
        rows_max: usize,
        watch: Arc<Watch>,
        prepare: F,
    ) -> Result<SendableRecordBatchStream, AnalyticsError>
    where
        F: Future<Output = Result<Prepared, AnalyticsError>> + Send + 'static,
    {
        let rows_max = rows_max.min(self.limits.rows);
        let busy = || AnalyticsError::Busy {
            running: self.places_count,
        };
        let place = timeout(self.limits.time, Arc::clone(&self.places).acquire_owned()).await;
        let place = place.map_err(|_late| busy())?.map_err(|_closed| busy())?;
        let runtime = self.runtime.as_ref().ok_or_else(busy)?;
        let (schema_out, schema_in) = oneshot::channel();
        let (batches_out, mut batches_in) = mpsc::channel(BATCHES_COUNT_MAX);
        let task_watch = Arc::clone(&watch);
        let task = async move {
            let run = Run {
                rows_max,
                watch: task_watch,
                schema_out: Some(schema_out),
                batches_out,
            };
            run.guarded(prepare).await;
            drop(place);
        };
        let task = self.tracker.spawn_on(task, runtime.handle());
        let task = Task {
            _handle: AbortOnDropHandle::new(task),
            watch,
        };
        let schema = match schema_in.await {
            Ok(schema) => schema,
            Err(_closed) => {
                let error = batches_in.recv().await.and_then(Result::err);
                let broken = AnalyticsError::Broken {
                    place: "planning",
                    source: None,
                };
                return Err(error.unwrap_or(broken));
            }
        };
        let first = match batches_in.recv().await {
            Some(Err(error)) => return Err(error),
            Some(Ok(batch)) => Some(batch),
            None => None,
        };
        Ok(Box::pin(Answer {
            schema,
            first,
            batches_in,
            _task: task,
        }))
    }
}

type Item = Result<RecordBatch, AnalyticsError>;

/// One question while it runs.
struct Run {
    rows_max: usize,
    watch: Arc<Watch>,
    schema_out: Option<oneshot::Sender<SchemaRef>>,
    batches_out: mpsc::Sender<Item>,
}

impl Run {
    async fn guarded<F>(mut self, prepare: F)
    where
        F: Future<Output = Result<Prepared, AnalyticsError>> + Send,
    {
        let begun = Instant::now();
        self.watch.begin();
        let work = AssertUnwindSafe(self.work(prepare)).catch_unwind().await;
        let result = work.unwrap_or_else(|_panic| {
            Err(AnalyticsError::Broken {
                place: "the query engine (it panicked)",
                source: None,
            })
        });
        let outcome = result
            .as_ref()
            .err()
            .map_or("answered", AnalyticsError::reason);
        metrics::counter!("arno_analytics_questions_total", "outcome" => outcome).increment(1);
        metrics::histogram!("arno_analytics_question_seconds").record(begun.elapsed());
        if let Err(error) = result {
            drop(self.schema_out.take());
            // The reader may be gone already: then nobody waits for the error.
            let told = timeout(READER_STALL_TIME_MAX, self.batches_out.send(Err(error))).await;
            drop(told);
        }
    }

    async fn work<F>(&mut self, prepare: F) -> Result<(), AnalyticsError>
    where
        F: Future<Output = Result<Prepared, AnalyticsError>> + Send,
    {
        let prepared = self.timed(prepare).await??;
        let stream = execute_stream(prepared.plan, prepared.context);
        let mut stream = stream.map_err(AnalyticsError::of_engine)?;
        if let Some(schema_out) = self.schema_out.take() {
            drop(schema_out.send(stream.schema()));
        }
        let mut rows_left = self.rows_max;
        while let Some(batch) = self.timed(stream.next()).await? {
            let batch = batch.map_err(AnalyticsError::of_engine)?;
            if batch.num_rows() == 0 {
                continue;
            }
            let is_over = batch.num_rows() > rows_left;
            let kept = if is_over {
                batch.slice(0, rows_left)
            } else {
                batch
            };
            rows_left -= kept.num_rows();
            self.send(kept).await?;
            if is_over {
                let rows = self.rows_max;
                let mend = format!(
                    "the answer has more than {rows} rows; add LIMIT, or ask a shorter time or a wider bucket"
                );
                return Err(AnalyticsError::Exceeded {
                    bound: Bound::Rows,
                    mend,
                });
            }
        }
        Ok(())
    }

    /// Awaits something at the expense of the question's working time.
    async fn timed<T>(&self, work: impl Future<Output = T>) -> Result<T, AnalyticsError> {
        timeout(self.watch.left(), work)
            .await
            .map_err(|_late| self.watch.late())
    }

    async fn send(&self, batch: RecordBatch) -> Result<(), AnalyticsError> {
        let gone = |mend: &str| AnalyticsError::Exceeded {
            bound: Bound::Reader,
            mend: mend.to_owned(),
        };
        let begun = Instant::now();
        let sent = timeout(READER_STALL_TIME_MAX, self.batches_out.send(Ok(batch))).await;
        self.watch.waited(begun.elapsed());
        sent.map_err(|_late| gone("nothing was read for a minute; read faster"))?
            .map_err(|_closed| gone("the reader is gone"))
    }
}

/// The task of a question; dropping it ends the question, in its loops too.
struct Task {
    _handle: AbortOnDropHandle<()>,
    watch: Arc<Watch>,
}

impl Drop for Task {
    fn drop(&mut self) {
        self.watch.end();
    }
}

/// The stream of an answer; dropping it ends the question.
struct Answer {
    schema: SchemaRef,
    first: Option<RecordBatch>,
    batches_in: mpsc::Receiver<Item>,
    _task: Task,
}

impl Stream for Answer {
    type Item = Result<RecordBatch, DataFusionError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        let next = self.batches_in.poll_recv(context);
        next.map(|item| item.map(|item| item.map_err(DataFusionError::from)))
    }
}

impl RecordBatchStream for Answer {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
