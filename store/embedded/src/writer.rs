//! The one thread that writes: it takes everything that queued while the last fsync ran, makes one
//! commit of it, and answers all.
//!
//! # Why
//! Many waiting appends share one fsync, and a lone one waits for nobody: there is no timer. A
//! thread of its own, since it sleeps in fsync most of the time.
//!
//! # Invariants
//! Readers see a version only after it is durable. A group that fails leaves nothing behind.

mod admit;
mod group;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use arno_store::{Clock, StoreError};
use arno_store_lake::Lake;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::group::{Group, answer};
use crate::job::{Job, QUEUE_JOBS_MAX, Reply};
use crate::judge::Tails;
use crate::log::{Commit, Log, State};
use crate::lookup::Cache;
use crate::row::RowReader;
use crate::shared::Shared;
use crate::touch::Gather;

/// Rows of one group, about: twice the largest append, so that judging and copying stay short.
const GROUP_ROWS_MAX: usize = 524_288;

/// Hot parts of the flushed size that may gather while one is being flushed; then appends wait.
const HOT_FLUSHES_MAX: usize = 2;
/// How long the writer sleeps before it looks for room again.
const ROOM_WAIT: Duration = Duration::from_millis(200);

/// The writer's own things.
#[derive(Debug)]
pub(crate) struct Writer {
    log: Arc<Log>,
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    tails: Tails,
    gather: Gather,
    cache: Cache,
    lake: Arc<Lake>,
    runtime: Handle,
    flush_rows: usize,
    free_bytes_min: u64,
    ending: CancellationToken,
}

/// What a writer works with.
#[derive(Debug)]
pub(crate) struct Parts {
    /// The log.
    pub(crate) log: Arc<Log>,
    /// What readers see.
    pub(crate) shared: Arc<Shared>,
    /// The process's clock.
    pub(crate) clock: Arc<dyn Clock>,
    /// The newest times of everything kept.
    pub(crate) tails: Tails,
    /// The lake, for late rows.
    pub(crate) lake: Arc<Lake>,
    /// Where the lake is read.
    pub(crate) runtime: Handle,
    /// Hot rows at which a flush is due.
    pub(crate) flush_rows: usize,
    /// Bytes that stay free on the disk.
    pub(crate) free_bytes_min: u64,
    /// Cancelled when nothing is flushed any more.
    pub(crate) ending: CancellationToken,
}

impl Writer {
    /// A writer over a recovered log.
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            log: parts.log,
            shared: parts.shared,
            clock: parts.clock,
            tails: parts.tails,
            gather: Gather::default(),
            cache: Cache::default(),
            lake: parts.lake,
            runtime: parts.runtime,
            flush_rows: parts.flush_rows,
            free_bytes_min: parts.free_bytes_min,
            ending: parts.ending,
        }
    }

    /// Writes until told to close or until nobody can send any more.
    pub(crate) fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(first) = jobs.blocking_recv() {
            let mut row_count = rows_of(&first);
            let mut group = vec![first];
            while row_count < GROUP_ROWS_MAX && group.len() < QUEUE_JOBS_MAX {
                let Ok(job) = jobs.try_recv() else { break };
                row_count += rows_of(&job);
                group.push(job);
            }
            if let Some(reply) = self.write(group) {
                jobs.close();
                answer(reply, Ok(()));
                break;
            }
        }
    }

    fn write(&mut self, jobs: Vec<Job>) -> Option<Reply<()>> {
        let row_count = jobs.iter().map(rows_of).sum();
        let room = self.await_room(row_count);
        let mut group = Group::new(self.shared.read().state);
        for job in jobs {
            group.take(job, &self.shared, &self.log);
        }
        if group.is_awaited() {
            let room = room.and_then(|()| self.check_disk());
            match room.and_then(|()| self.prepare(&mut group)) {
                Ok(()) => return self.commit(group),
                Err(source) => {
                    self.trim(&group);
                    self.fault(&source);
                    return group.fail(&source);
                }
            }
        }
        self.trim(&group);
        group.close
    }

    fn commit(&mut self, mut group: Group) -> Option<Reply<()>> {
        match self.log.commit(&group.commit) {
            Ok(state) => {
                self.publish(&mut group, state);
                group.succeed()
            }
            Err(source) => {
                self.fault(&source);
                group.fail(&source)
            }
        }
    }

    /// Lets the log drop what the lake has, without anything else; a failure is tried again by the
    /// next flush.
    fn trim(&self, group: &Group) {
        let Some(upto) = group.commit.trim else {
            return;
        };
        let state = self.shared.read().state;
        let commit = Commit {
            state,
            trim: Some(upto),
            ..Commit::default()
        };
        match self.log.commit(&commit) {
            Ok(state) => self.shared.write().state = state,
            Err(source) => tracing::warn!(%source, "the log was not trimmed"),
        }
    }

    /// Waits while the hot part is full and a flush is on its way; not at the end, when none comes.
    fn await_room(&self, row_count: usize) -> Result<(), StoreError> {
        if row_count == 0 {
            return Ok(());
        }
        loop {
            let moment = self.shared.read();
            if self.ending.is_cancelled()
                || moment.active.len() < self.flush_rows.saturating_mul(HOT_FLUSHES_MAX)
            {
                return Ok(());
            }
            if let Some(fault) = &moment.lake_fault {
                let source = fault.clone().into();
                return Err(StoreError::Unavailable {
                    action: "flush into the lake",
                    source,
                });
            }
            drop(moment);
            self.shared.flush_due.notify_one();
            self.shared.await_room(ROOM_WAIT);
        }
    }

    /// Refuses to write when the disk is nearly full; trimming goes on.
    fn check_disk(&self) -> Result<(), StoreError> {
        let free_bytes = self.log.free_bytes()?;
        if free_bytes >= self.free_bytes_min {
            return Ok(());
        }
        let source = format!(
            "{free_bytes} bytes are free, {} stay free",
            self.free_bytes_min
        );
        Err(StoreError::Full {
            action: "keep readings",
            source: source.into(),
        })
    }

    /// Shows a durable group to the readers.
    fn publish(&self, group: &mut Group, state: State) {
        let mut moment = self.shared.write();
        if moment.active.len() == 0 && !group.arrivals.is_empty() {
            moment.active_since_us = Some(self.clock.now().as_micros());
        }
        for arrivals in &group.arrivals {
            let reader = RowReader::new(&arrivals.columns);
            for index in 0..arrivals.columns.len() {
                if arrivals.is_accepted(index) {
                    let row = reader.row(index, arrivals.known_at_us);
                    moment.active.insert(reader.datastream(index), row);
                }
            }
        }
        for (arrivals, ranges) in group.arrivals.iter().zip(group.touched.drain(..)) {
            moment.recent.add(arrivals.known_at_us, ranges);
        }
        if let Some(datastreams) = group.datastreams.take() {
            moment.datastreams = datastreams;
        }
        moment.state = state;
        moment.fault = None;
        if moment.active.len() >= self.flush_rows {
            self.shared.flush_due.notify_one();
        }
    }

    /// After a failed commit: the newest times may include rows that were not kept. A tail too new
    /// only costs lookups, so it stays.
    fn fault(&self, source: &StoreError) {
        tracing::error!(error = source as &dyn Error, "the log took no commit");
        self.shared.write().fault = Some(source.to_string());
    }
}

fn rows_of(job: &Job) -> usize {
    match job {
        Job::Append { append, .. } => append.observations.num_rows(),
        _ => 0,
    }
}
