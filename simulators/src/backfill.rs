//! Back-fill: a generator and a sink come in, history flows from one to the other.
//!
//! # Why
//! Generating and storing are both work for a core, so they run side by side: a thread generates,
//! the caller's task stores. The channel between them is short: a slow store slows the generator,
//! memory does not grow.
//!
//! # Limits
//! [`CHUNKS_COUNT_MAX`] chunks wait → the generator waits. A chunk spans at most an hour of
//! simulated time, so that `as_of` can look back into the recording.

use std::error::Error;
use std::future::Future;

use arno_model::{TimeRange, Timestamp};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::error::SimulatorError;
use crate::generator::{Chunk, Generator};
use crate::truth::TruthLog;

/// Chunks that wait for the sink. A chunk of a whole region's hour is about 100,000 rows or 4 MB.
pub const CHUNKS_COUNT_MAX: usize = 4;

/// Takes history, in order. Whoever wires the rooms together plugs it to what stores.
pub trait BackfillSink: Send {
    /// Why it could not take a chunk.
    type Error: Error + Send + Sync + 'static;

    /// Takes a chunk; durable when it returns. Its range's end is where the recorded clock stands.
    ///
    /// # Errors
    /// Whatever the sink says; the back-fill stops there.
    fn accept(&mut self, chunk: Chunk) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// How far a back-fill has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackfillReport {
    /// Rows handed over.
    pub rows_count: u64,
    /// Garbage payloads handed over.
    pub garbage_count: u64,
    /// From where to where, by time of receipt.
    pub range: TimeRange,
}

/// Why a back-fill ended early.
#[derive(Debug, thiserror::Error)]
pub enum BackfillError<E: Error + Send + Sync + 'static> {
    /// The sink refused.
    #[error("the history of {range:?} could not be stored")]
    Sink {
        /// Of the refused chunk.
        range: TimeRange,
        /// What the sink says.
        #[source]
        source: E,
    },
    /// The generator.
    #[error("the history could not be generated")]
    Generator {
        /// What it says.
        #[source]
        source: SimulatorError,
    },
}

/// A back-fill to be run.
#[derive(Debug)]
pub struct Backfill<'a> {
    /// Where history comes from; it begins where the generator stands.
    pub generator: Generator,
    /// Where it ends.
    pub until: Timestamp,
    /// Ends it early, between two chunks.
    pub token: CancellationToken,
    /// Remembers what was handed over, when somebody wants the truth.
    pub truth: Option<&'a mut TruthLog>,
}

impl Backfill<'_> {
    /// Runs it, and returns the generator, which can go on living, and the report.
    ///
    /// # Errors
    /// [`BackfillError::Sink`] when the sink refuses a chunk; earlier chunks were stored.
    ///
    /// # Cancel
    /// Dropping the future stops after the chunks under way; the token stops cleanly.
    pub async fn run<S: BackfillSink>(
        self,
        sink: &mut S,
        mut progress: impl FnMut(&BackfillReport),
    ) -> Result<(Generator, BackfillReport), BackfillError<S::Error>> {
        let Self {
            mut generator,
            until,
            token,
            mut truth,
        } = self;
        let start = generator.now();
        let mut report = BackfillReport {
            rows_count: 0,
            garbage_count: 0,
            range: TimeRange::new(start, start),
        };
        let (sender, mut chunks) = mpsc::channel(CHUNKS_COUNT_MAX);
        let stop = token.clone();
        let thread = tokio::task::spawn_blocking(move || {
            while !stop.is_cancelled() {
                let Some(chunk) = generator.hours(until).next() else {
                    break;
                };
                if sender.blocking_send(chunk).is_err() {
                    break;
                }
            }
            generator
        });
        while let Some(chunk) = chunks.recv().await {
            if let Some(truth) = truth.as_deref_mut() {
                truth.record(&chunk);
            }
            let range = chunk.range;
            report.rows_count += chunk.rows.len() as u64;
            report.garbage_count += chunk.garbage.len() as u64;
            report.range.end = range.end;
            let accepted = sink.accept(chunk).await;
            accepted.map_err(|source| BackfillError::Sink { range, source })?;
            progress(&report);
        }
        let stopped = |_cause| BackfillError::Generator {
            source: SimulatorError::GeneratorStopped,
        };
        let generator = thread.await.map_err(stopped)?;
        Ok((generator, report))
    }
}
