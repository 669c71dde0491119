//! Moves the hot part into the lake.
//!
//! # Why
//! The hot part is swapped for an empty one, so that writing goes on; the old one is written month
//! by month, together with small files of the month, so that files stay few and large. One commit
//! of the lake's log swaps the files and carries the number of the last log group they hold; only
//! then the log drops those groups. A crash anywhere between leaves rows in the log or in the lake,
//! and never counts them twice: a restart ignores groups that the lake says it has.
//!
//! # Limits
//! [`FILE_ROWS_MAX`]: files of it are left alone; others are merged once the rows coming in are at
//! least [`ABSORB_RATIO`]th of theirs, so that each row is rewritten a few times in all and a month
//! has a handful of files.

use std::sync::Arc;
use std::time::Duration;

use arno_model::Timestamp;
use arno_model::observation::kept_schema;
use arno_store::{Clock, Datastreams, StoreError, Versions};
use arno_store_lake::merge::{Shape, Source, merge};
use arno_store_lake::{Ask, Change, Files, Lake, LakeFile, Month};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use crate::config::EmbeddedConfig;
use crate::error::gone;
use crate::hot::Hot;
use crate::job::Job;
use crate::shared::Shared;

/// Rows at which a file is full: some 40 MB, written from memory.
const FILE_ROWS_MAX: u64 = 8_000_000;
/// A file is merged when it has at most so many times the rows that come in.
const ABSORB_RATIO: u64 = 3;
/// Whose position the lake keeps.
pub(crate) const WRITER: &str = "arno.embedded";
/// How often the hot part's age is looked at.
const AGE_CHECK: Duration = Duration::from_secs(5);

/// Flushes, one at a time.
#[derive(Debug)]
pub(crate) struct Flusher {
    lake: Arc<Lake>,
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    jobs: mpsc::Sender<Job>,
    config: EmbeddedConfig,
    alone: Mutex<()>,
}

impl Flusher {
    /// A flusher of a store's parts.
    pub(crate) fn new(
        lake: Arc<Lake>,
        shared: Arc<Shared>,
        clock: Arc<dyn Clock>,
        jobs: mpsc::Sender<Job>,
        config: EmbeddedConfig,
    ) -> Self {
        Self {
            lake,
            shared,
            clock,
            jobs,
            config,
            alone: Mutex::new(()),
        }
    }

    /// Flushes whenever it is due, until cancelled. Safe to cancel: a flush under way is finished.
    pub(crate) async fn run(self: Arc<Self>, token: CancellationToken) {
        loop {
            tokio::select! {
                () = token.cancelled() => return,
                () = self.shared.flush_due.notified() => {}
                () = tokio::time::sleep(AGE_CHECK) => {}
            }
            if self.shared.read().fault.is_some() && self.jobs.try_send(Job::Probe).is_err() {
                tracing::debug!(
                    "the queue is full: its appends will show whether the disk is well"
                );
            }
            if let Err(source) = Arc::clone(&self).flush_if_due().await {
                tracing::error!(
                    error = &source as &dyn std::error::Error,
                    "the flush failed"
                );
            }
        }
    }

    /// Flushes when the hot part is large or old enough, and deletes what is due.
    pub(crate) async fn flush_if_due(self: Arc<Self>) -> Result<(), StoreError> {
        if self.is_due() {
            let handle = Handle::current();
            let work = move || handle.block_on(self.flush());
            // Sorting and encoding take seconds: not on the runtime's own threads.
            return tokio::task::spawn_blocking(work)
                .await
                .map_err(|_source| gone("flush"))?;
        }
        Ok(())
    }

    /// Deletes files that left the lake long enough ago.
    pub(crate) async fn vacuum(&self) -> Result<(), StoreError> {
        let _alone = self.alone.lock().await;
        Ok(self
            .lake
            .vacuum(self.clock.now(), self.config.vacuum_age)
            .await?)
    }

    fn is_due(&self) -> bool {
        let moment = self.shared.read();
        let age_us = i64::try_from(self.config.flush_age.as_micros()).unwrap_or(i64::MAX);
        let since = moment.active_since_us.map(Timestamp::from_micros);
        let is_old = since.is_some_and(|since| self.clock.now().since_us(since) >= age_us);
        let is_large = moment.active.len() >= self.config.flush_rows;
        moment.flushing.is_some() || (moment.active.len() > 0 && (is_old || is_large))
    }

    async fn flush(&self) -> Result<(), StoreError> {
        let _alone = self.alone.lock().await;
        let Some(flushing) = self.begin() else {
            return Ok(());
        };
        let flushed = self.move_to_lake(&flushing).await;
        let mut moment = self.shared.write();
        match flushed {
            Ok(files) => {
                moment.files = files;
                moment.flushing = None;
                moment.lake_fault = None;
                drop(moment);
                self.shared.announce_room();
                self.trim(flushing.position);
                Ok(())
            }
            Err(source) => {
                moment.lake_fault = Some(source.to_string());
                drop(moment);
                self.shared.announce_room();
                Err(source)
            }
        }
    }

    /// Swaps the hot part, or takes up the one that an earlier flush could not move.
    fn begin(&self) -> Option<Flushing> {
        let mut moment = self.shared.write();
        if moment.flushing.is_none() {
            if moment.active.len() == 0 {
                return None;
            }
            let rows = std::mem::take(&mut moment.active);
            moment.flushing = Some(Arc::new(rows));
            moment.flushing_position = moment.state.seq;
            moment.active_since_us = None;
        }
        Some(Flushing {
            rows: moment.flushing.clone()?,
            position: moment.flushing_position,
            files: Arc::clone(&moment.files),
            names: Arc::clone(&moment.datastreams),
        })
    }

    async fn move_to_lake(&self, flushing: &Flushing) -> Result<Files, StoreError> {
        let mut change = Change {
            position: Some(flushing.position),
            ..Change::default()
        };
        for month in flushing.rows.months() {
            let range = month.range();
            let (start_us, end_us) = (range.start.as_micros(), range.end.as_micros());
            let mut view = flushing
                .rows
                .view(&arno_store::Streams::All, start_us, end_us);
            view.cut(start_us, end_us, i64::MAX);
            let row_count: usize = view.counts().map(|(_key, count)| count).sum();
            let absorbed = absorb(
                &flushing.files,
                month,
                u64::try_from(row_count).unwrap_or(0),
            );
            let mut sources: Vec<Source> = absorbed
                .iter()
                .filter_map(|file| self.lake.source(file, &Ask::ALL))
                .collect();
            sources.push(view.into_source());
            let rows = merge(sources, &everything());
            let written = self.lake.write(month, rows, &flushing.names).await?;
            change.added.extend(written.map(Arc::new));
            change.removed.extend(absorbed);
        }
        let committed = self
            .lake
            .commit(&flushing.files, change, WRITER, self.clock.now())
            .await;
        match committed {
            Ok(files) => Ok(files),
            Err(source) => {
                // It may have happened all the same: the lake itself says whether.
                let (files, position) = self.lake.reload(&flushing.files, WRITER).await?;
                if position >= Some(flushing.position) {
                    Ok(files)
                } else {
                    Err(source.into())
                }
            }
        }
    }

    /// Lets the log drop what the lake has. Nobody waits for it: the writer may itself be waiting
    /// for the next flush. When its queue is full, the next flush or start trims this too.
    fn trim(&self, upto: u64) {
        if self.jobs.try_send(Job::Trim { upto }).is_err() {
            tracing::debug!(upto, "the log is trimmed later");
        }
    }
}

/// What is on its way.
struct Flushing {
    rows: Arc<Hot>,
    position: u64,
    files: Files,
    names: Arc<Datastreams>,
}

fn everything() -> Shape {
    let columns = (0..kept_schema().fields().len()).collect();
    Shape {
        versions: Versions::All,
        columns,
        limit: usize::MAX,
    }
}

/// The files of a month that are merged with so many new rows: from the smallest up, while they are
/// small beside what comes in.
fn absorb(files: &Files, month: Month, row_count: u64) -> Vec<Arc<LakeFile>> {
    let of_month = files
        .iter()
        .filter(|file| file.month() == month && !file.is_damaged());
    let mut smallest: Vec<&Arc<LakeFile>> = of_month.collect();
    smallest.sort_by_key(|file| file.row_count());
    let mut together = row_count;
    let mut absorbed = Vec::new();
    for file in smallest {
        let is_small = file.row_count() <= together.saturating_mul(ABSORB_RATIO);
        if !is_small || together + file.row_count() > FILE_ROWS_MAX {
            break;
        }
        together += file.row_count();
        absorbed.push(Arc::clone(file));
    }
    absorbed
}
