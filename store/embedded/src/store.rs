//! The embedded store itself: opening, recovery, and the capabilities it offers.
//!
//! # Shape
//! Changes go through the queue to the [`writer`](crate::writer); questions look at the shared
//! moment and at the log.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use arno_model::{DatastreamKey, Timestamp};
use arno_store::{Clock, StoreError};
use arno_store_lake::{Lake, Opened};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::config::EmbeddedConfig;
use crate::disk::{Disk, LocalDisk};
use crate::error::{gone, io_failed};
use crate::flush::{Flusher, WRITER};
use crate::folder::Folder;
use crate::job::{Job, QUEUE_JOBS_MAX, Reply};
use crate::log::Log;
use crate::recovery::{Recovery, recover};
use crate::segment::SegmentFolder;
use crate::shared::{Moment, Shared};
use crate::touch::Recent;
use crate::writer::{Parts, Writer};

/// A store in a folder, of one process.
#[derive(Debug)]
pub struct EmbeddedStore {
    pub(crate) config: EmbeddedConfig,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) folder: Arc<Folder>,
    pub(crate) log: Arc<Log>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) segments: Arc<SegmentFolder>,
    pub(crate) queue_rows: Arc<Semaphore>,
    pub(crate) lake: Arc<Lake>,
    pub(crate) flusher: Arc<Flusher>,
    jobs: mpsc::Sender<Job>,
    writer: Mutex<Option<JoinHandle<()>>>,
    tracker: TaskTracker,
    token: CancellationToken,
    /// Ends the flusher when the store is dropped without being closed.
    _ending: DropGuard,
    is_closing: AtomicBool,
}

impl EmbeddedStore {
    /// Opens the store in `dir`, or makes it; what was appended before, also before a crash, is
    /// there.
    ///
    /// # Errors
    /// `Held` when another process has it, `NewerFormat` when a newer Arno wrote it, `Damaged` when
    /// it cannot be read, `Full` or `Unavailable` when the disk fails.
    pub async fn open(
        dir: &Path,
        config: EmbeddedConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, StoreError> {
        Self::open_on(dir, config, clock, Arc::new(LocalDisk)).await
    }

    /// Opens the store with its log on a disk of the caller's.
    pub(crate) async fn open_on(
        dir: &Path,
        config: EmbeddedConfig,
        clock: Arc<dyn Clock>,
        disk: Arc<dyn Disk>,
    ) -> Result<Arc<Self>, StoreError> {
        let folder = {
            let dir = dir.to_owned();
            let opening = tokio::task::spawn_blocking(move || Folder::open(&dir));
            Arc::new(opening.await.map_err(|_source| gone("open the folder"))??)
        };
        let own = folder.join("lake").display().to_string();
        let place = config.lake.clone().unwrap_or(own);
        let opened = Lake::open(&place, config.lake_options.clone(), WRITER).await?;
        opened.lake.sweep(&opened.files).await?;
        let runtime = Handle::current();
        let opening = tokio::task::spawn_blocking(move || {
            let recovery = recover(&folder, &opened, disk)?;
            Self::start(folder, (recovery, opened), &runtime, (config, clock))
        });
        opening.await.map_err(|_source| gone("open the store"))?
    }

    /// Starts the threads and tasks over recovered parts.
    fn start(
        folder: Arc<Folder>,
        (recovery, opened): (Recovery, Opened),
        runtime: &Handle,
        (config, clock): (EmbeddedConfig, Arc<dyn Clock>),
    ) -> Result<Arc<Self>, StoreError> {
        let segments = Arc::new(SegmentFolder::open(folder.join("segments"), &recovery.log)?);
        let log = Arc::new(recovery.log);
        let lake = Arc::new(opened.lake);
        let active_since_us = (recovery.active.len() > 0).then(|| clock.now().as_micros());
        let shared = Arc::new(Shared::new(Moment {
            active: recovery.active,
            active_since_us,
            flushing: None,
            flushing_position: 0,
            files: opened.files,
            lake_fault: None,
            state: recovery.state,
            datastreams: Arc::new(recovery.datastreams),
            recent: Recent::new(recovery.state.known_at_us.unwrap_or(i64::MIN)),
            fault: None,
            aside: recovery.aside,
            is_closed: false,
        }));
        let (jobs, queue) = mpsc::channel(QUEUE_JOBS_MAX);
        let (tracker, token) = (TaskTracker::new(), CancellationToken::new());
        let writer = Writer::new(Parts {
            log: Arc::clone(&log),
            shared: Arc::clone(&shared),
            clock: Arc::clone(&clock),
            tails: recovery.tails,
            lake: Arc::clone(&lake),
            runtime: runtime.clone(),
            flush_rows: config.flush_rows,
            free_bytes_min: config.free_bytes_min,
            ending: token.clone(),
        });
        let thread = thread::Builder::new().name("arno-store-writer".to_owned());
        let writer = thread.spawn(move || writer.run(queue));
        let writer = writer.map_err(|source| io_failed("start the writer", source))?;
        let flusher = Arc::new(Flusher::new(
            Arc::clone(&lake),
            Arc::clone(&shared),
            Arc::clone(&clock),
            jobs.clone(),
            config.clone(),
        ));
        tracker.spawn_on(Arc::clone(&flusher).run(token.clone()), runtime);
        Ok(Arc::new(Self {
            queue_rows: Arc::new(Semaphore::new(config.queue_rows)),
            config,
            clock,
            folder,
            log,
            lake,
            shared,
            segments,
            flusher,
            jobs,
            writer: Mutex::new(Some(writer)),
            tracker,
            _ending: token.clone().drop_guard(),
            token,
            is_closing: AtomicBool::new(false),
        }))
    }

    /// Queues a job and waits for its answer.
    pub(crate) async fn ask<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.jobs
            .send(job(reply))
            .await
            .map_err(|_source| StoreError::Closed)?;
        answer.await.map_err(|_source| StoreError::Closed)?
    }

    /// Runs a reading of the log or of files where it may block.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        action: &'static str,
        work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let working = tokio::task::spawn_blocking(work);
        working.await.map_err(|_source| gone(action))?
    }

    /// Ends the writer and lets the folder go.
    pub(crate) async fn shut(&self) -> Result<(), StoreError> {
        if self.is_closing.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        self.token.cancel();
        self.tracker.close();
        self.tracker.wait().await;
        let asked = self.ask(|reply| Job::Close { reply }).await;
        let writer = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(writer) = writer {
            let join = move || writer.join().map_err(|_panic| gone("close the store"));
            self.blocking("close the store", join).await?;
        }
        self.shared.write().is_closed = true;
        self.log.close();
        self.folder.release();
        asked
    }
}

/// The newest commit of a state; before the first the beginning of time.
pub(crate) fn newest(known_at_us: Option<i64>) -> Timestamp {
    known_at_us.map_or(Timestamp::MIN, Timestamp::from_micros)
}

/// Whether every key of a column is registered.
pub(crate) fn are_registered(keys: &[i32], count: usize) -> bool {
    let most = i32::try_from(count).unwrap_or(i32::MAX);
    keys.iter()
        .all(|key| DatastreamKey(*key) >= DatastreamKey(1) && *key <= most)
}

#[cfg(test)]
mod tests;
