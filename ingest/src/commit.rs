//! Commits: admitted rows and refusals come in, one append carries many of them to the store, and
//! each sender hears when its own are durable.
//!
//! # Why
//! An fsync costs the same for one row and for ten thousand. So one append runs at a time, and
//! whatever queued up meanwhile is the next one: no timer. When nothing runs and nothing waits, a
//! sender appends by itself: two hand-overs between threads are a fifth of what a lone
//! acknowledgement costs.
//! The store counts an append as a whole; who needs counts of his own (push, replay, back-fill)
//! gets an append of his own, and the store groups those.
//!
//! # Limits
//! [`QUEUE_ROWS_MAX`], [`QUEUE_BYTES_MAX`], [`QUEUE_DELIVERIES_MAX`] → the sender waits, so its
//! device's acknowledgement is withheld. [`COMMIT_S_MAX`] → the sender gives up with `Stalled`.
//!
//! # Invariants
//! A sender is told "durable" only after the append that holds all its rows returned. What a sender
//! no longer waits for is left out of the next append: its device will send it again. Data that the
//! store calls invalid refuse their own sender alone.

use std::sync::Arc;
use std::time::Duration;

use arno_model::observation::ObservationBuilder;
use arno_model::{Ledger, Observation, Timestamp};
use arno_store::append::APPEND_ROWS_MAX;
use arno_store::{
    Append, Appended, ClockMark, ObservationWriter, QuarantineEntry, Retry, StoreError,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::error::IngestError;

/// Most rows and refusals that wait for their commit: one append's worth beside the one that runs.
pub const QUEUE_ROWS_MAX: usize = APPEND_ROWS_MAX;
/// Most bytes that wait, rows at [`ROW_BYTES`] each and refusals with their payloads.
pub const QUEUE_BYTES_MAX: usize = 32 << 20;
/// Most deliveries that wait.
pub const QUEUE_DELIVERIES_MAX: usize = 65_536;
/// Longest time from queueing to durable; then the sender gives up and its client is disconnected.
pub const COMMIT_S_MAX: u64 = 10;
/// What a row is counted as.
pub const ROW_BYTES: usize = 48;
/// Most refusals of one append; above it a gateway's append is cut in two.
pub const APPEND_REFUSALS_MAX: usize = 8_192;
/// First pause before a failed append is tried again; it doubles up to a second.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// What one delivery brings to a commit.
#[derive(Debug, Default)]
pub struct Load {
    /// Admitted rows.
    pub rows: Vec<Observation>,
    /// Refusals.
    pub quarantine: Vec<QuarantineEntry>,
    /// Fields left out by a mapping's word.
    pub ignored_count: u64,
}

impl Load {
    fn items(&self) -> usize {
        self.rows.len() + self.quarantine.len()
    }

    fn bytes(&self) -> usize {
        let payloads = self
            .quarantine
            .iter()
            .map(|entry| 256 + entry.detail.len() + entry.payload.as_ref().map_or(0, Vec::len));
        self.rows.len() * ROW_BYTES + payloads.sum::<usize>()
    }
}

/// One append of several loads, in their order.
fn append_of(loads: &[&Load], clock: ClockMark) -> Result<Append, IngestError> {
    let rows_count = loads.iter().map(|load| load.rows.len()).sum();
    let mut builder = ObservationBuilder::with_capacity(rows_count);
    for row in loads.iter().flat_map(|load| &load.rows) {
        builder.push(row);
    }
    let observations = builder
        .finish()
        .map_err(|source| IngestError::Batch { source })?;
    let quarantine = loads
        .iter()
        .flat_map(|load| load.quarantine.iter().cloned())
        .collect();
    let ignored_count = loads.iter().map(|load| load.ignored_count).sum();
    Ok(Append {
        observations,
        quarantine,
        ignored_count,
        clock,
    })
}

/// The way to the store, for all gateways; cheap to clone.
#[derive(Debug, Clone)]
pub struct Committer {
    writer: Arc<dyn ObservationWriter>,
    queue: mpsc::Sender<Waiting>,
    rows_room: Arc<Semaphore>,
    bytes_room: Arc<Semaphore>,
    /// Whose turn it is to append.
    turn: Arc<Semaphore>,
}

/// One delivery on its way.
struct Waiting {
    load: Load,
    answer: oneshot::Sender<Result<Timestamp, Failure>>,
    deadline: Instant,
    /// Held until the answer.
    room: (OwnedSemaphorePermit, OwnedSemaphorePermit),
}

/// A failed commit, as every waiter hears it.
#[derive(Debug, Clone, Copy)]
struct Failure {
    reason: &'static str,
    retry: Retry,
    /// Whether the data themselves were refused: then one sender's are the cause.
    is_of_data: bool,
}

impl Committer {
    /// Starts the task that appends; it drains the queue and ends when `token` is cancelled.
    pub fn start(
        writer: Arc<dyn ObservationWriter>,
        tracker: &TaskTracker,
        token: CancellationToken,
    ) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE_DELIVERIES_MAX);
        let turn = Arc::new(Semaphore::new(1));
        let appender = Appender {
            writer: Arc::clone(&writer),
            waiting,
            next: None,
            turn: Arc::clone(&turn),
        };
        tracker.spawn(appender.run(token));
        Self {
            writer,
            queue,
            rows_room: Arc::new(Semaphore::new(QUEUE_ROWS_MAX)),
            bytes_room: Arc::new(Semaphore::new(QUEUE_BYTES_MAX)),
            turn,
        }
    }

    /// Commits a load together with whatever else waits; returns its stamp when it is durable.
    ///
    /// # Errors
    /// `Stalled` after [`COMMIT_S_MAX`]; `Commit` when the store refused; `Closed`.
    ///
    /// # Cancel
    /// The load may or may not become durable; sending it again is safe.
    pub async fn commit_shared(&self, load: Load) -> Result<Timestamp, IngestError> {
        let limit = Duration::from_secs(COMMIT_S_MAX);
        let deadline = Instant::now() + limit;
        let shared = async {
            let room = self.room(&load).await?;
            if let Some(_turn) = self.idle_turn() {
                let verdict = append(self.writer.as_ref(), &[&load], deadline).await;
                return verdict.map_err(refused);
            }
            let (answer, heard) = oneshot::channel();
            let waiting = Waiting {
                load,
                answer,
                deadline,
                room,
            };
            self.queue
                .send(waiting)
                .await
                .map_err(|_closed| IngestError::Closed)?;
            let verdict = heard.await.map_err(|_closed| IngestError::Closed)?;
            verdict.map_err(refused)
        };
        let stalled = |_elapsed| IngestError::Stalled {
            limit_s: COMMIT_S_MAX,
        };
        timeout(limit, shared).await.map_err(stalled)?
    }

    /// The turn, when nothing is being appended and nothing waits to be.
    fn idle_turn(&self) -> Option<SemaphorePermit<'_>> {
        let is_idle = !self.queue.is_closed() && self.queue.capacity() == self.queue.max_capacity();
        self.turn.try_acquire().ok().filter(|_turn| is_idle)
    }

    /// Commits a load by itself, split into appends where it is too large for one; returns the last
    /// stamp and the exact counts.
    ///
    /// # Errors
    /// `Store`: what was appended before stays; sending all of it again is safe.
    ///
    /// # Cancel
    /// As `commit_shared`.
    pub async fn commit_alone(
        &self,
        load: Load,
        clock: ClockMark,
    ) -> Result<Appended, IngestError> {
        let mut total = Ledger::default();
        let mut rest = load;
        loop {
            let (part, is_last) = split(&mut rest);
            let append = append_of(&[&part], clock)?;
            let appended = self.writer.append(append).await;
            let appended = appended.map_err(|source| IngestError::Store { source })?;
            count(&appended.ledger);
            total += appended.ledger;
            if is_last {
                return Ok(Appended {
                    known_at: appended.known_at,
                    ledger: total,
                });
            }
        }
    }

    async fn room(
        &self,
        load: &Load,
    ) -> Result<(OwnedSemaphorePermit, OwnedSemaphorePermit), IngestError> {
        let permits = |count: usize, max: usize| u32::try_from(count.clamp(1, max)).unwrap_or(1);
        let rows = permits(load.items(), QUEUE_ROWS_MAX);
        let bytes = permits(load.bytes(), QUEUE_BYTES_MAX);
        let rows_room = Arc::clone(&self.rows_room).acquire_many_owned(rows).await;
        let bytes_room = Arc::clone(&self.bytes_room).acquire_many_owned(bytes).await;
        match (rows_room, bytes_room) {
            (Ok(rows), Ok(bytes)) => Ok((rows, bytes)),
            _ => Err(IngestError::Closed),
        }
    }
}

/// Takes from `rest` what fits into one append; whether that is all.
fn split(rest: &mut Load) -> (Load, bool) {
    let rows_end = rest.rows.len().min(APPEND_ROWS_MAX);
    let refusals_end = rest.quarantine.len().min(APPEND_REFUSALS_MAX);
    let later_rows = rest.rows.split_off(rows_end);
    let later_refusals = rest.quarantine.split_off(refusals_end);
    let later = Load {
        rows: later_rows,
        quarantine: later_refusals,
        ignored_count: 0,
    };
    let is_last = later.items() == 0;
    (std::mem::replace(rest, later), is_last)
}

/// The task that appends.
struct Appender {
    writer: Arc<dyn ObservationWriter>,
    waiting: mpsc::Receiver<Waiting>,
    /// What did not fit into the last append.
    next: Option<Waiting>,
    turn: Arc<Semaphore>,
}

impl Appender {
    async fn run(mut self, token: CancellationToken) {
        loop {
            let first = match self.next.take() {
                Some(first) => first,
                None => {
                    // Both arms may be cancelled without loss: `recv` takes nothing until it is
                    // ready.
                    let received = tokio::select! {
                        biased;
                        received = self.waiting.recv() => received,
                        () = token.cancelled() => {
                            self.waiting.close();
                            self.waiting.recv().await
                        }
                    };
                    match received {
                        Some(first) => first,
                        None => return,
                    }
                }
            };
            self.append_with(first).await;
        }
    }

    /// Appends the first one and everything that queued behind it, as far as it fits.
    async fn append_with(&mut self, first: Waiting) {
        let turn = Arc::clone(&self.turn);
        // Never closed; without a turn two appends would run beside each other, which is no harm.
        let _turn = turn.acquire().await.ok();
        let waiters = self.gather(first);
        let Some(deadline) = waiters.iter().map(|waiting| waiting.deadline).max() else {
            return;
        };
        metrics::histogram!("arno_ingest_commit_deliveries").record(count_of(waiters.len()));
        let loads: Vec<&Load> = waiters.iter().map(|waiting| &waiting.load).collect();
        let verdict = append(self.writer.as_ref(), &loads, deadline).await;
        let is_shared_blame = waiters.len() > 1 && verdict.is_err_and(|failure| failure.is_of_data);
        for waiting in waiters {
            // One sender's faulty data must not refuse the others': each is tried by itself.
            let verdict = if is_shared_blame {
                append(self.writer.as_ref(), &[&waiting.load], waiting.deadline).await
            } else {
                verdict
            };
            let Waiting { answer, room, .. } = waiting;
            drop(room);
            // A waiter that gave up meanwhile hears nothing; its data are safe all the same.
            let _heard: Result<(), _> = answer.send(verdict);
        }
    }

    /// The first one and everything that queued behind it, as far as one append takes it.
    fn gather(&mut self, first: Waiting) -> Vec<Waiting> {
        let mut waiters = Vec::new();
        let (mut rows_count, mut refusals_count) = (0, 0);
        let mut next = Some(first);
        while let Some(waiting) = next.take() {
            if waiting.answer.is_closed() {
                next = self.waiting.try_recv().ok();
                continue;
            }
            rows_count += waiting.load.rows.len();
            refusals_count += waiting.load.quarantine.len();
            let fits = rows_count <= APPEND_ROWS_MAX && refusals_count <= APPEND_REFUSALS_MAX;
            if !fits && !waiters.is_empty() {
                self.next = Some(waiting);
                break;
            }
            waiters.push(waiting);
            next = self.waiting.try_recv().ok();
        }
        waiters
    }
}

fn refused(failure: Failure) -> IngestError {
    let Failure { reason, retry, .. } = failure;
    IngestError::Commit { reason, retry }
}

/// Appends, again while that can help and somebody waits.
async fn append(
    writer: &dyn ObservationWriter,
    loads: &[&Load],
    deadline: Instant,
) -> Result<Timestamp, Failure> {
    let append = append_of(loads, ClockMark::Live).map_err(|error| {
        tracing::error!(%error, "a commit could not be formed");
        Failure {
            reason: error.reason(),
            retry: Retry::Never,
            is_of_data: true,
        }
    })?;
    let mut pause = RETRY_PAUSE;
    loop {
        let started = Instant::now();
        let outcome = writer.append(append.clone()).await;
        metrics::histogram!("arno_ingest_commit_duration_seconds")
            .record(started.elapsed().as_secs_f64());
        let error = match outcome {
            Ok(appended) => {
                count(&appended.ledger);
                return Ok(appended.known_at);
            }
            Err(error) => error,
        };
        let failure = Failure {
            reason: error.reason(),
            retry: error.retry(),
            is_of_data: matches!(error, StoreError::Invalid { .. }),
        };
        metrics::counter!("arno_ingest_commit_failures_total", "reason" => failure.reason)
            .increment(1);
        if failure.retry == Retry::Never || Instant::now() + pause >= deadline {
            log_failure(&error);
            return Err(failure);
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

fn log_failure(error: &StoreError) {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(%error, cause, "a commit failed; its senders were not acknowledged");
}

/// Adds a ledger to the metrics; an empty one makes them appear.
pub(crate) fn count(ledger: &Ledger) {
    for (outcome, observations_count) in ledger.entries() {
        metrics::counter!("arno_ingest_observations_total", "outcome" => outcome.as_str())
            .increment(observations_count);
    }
}

fn count_of(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::from(u32::MAX), f64::from)
}
