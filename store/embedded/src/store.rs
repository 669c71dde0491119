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
use arno_store::{Clock, Datastreams, StoreError};
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::config::EmbeddedConfig;
use crate::error::gone;
use crate::folder::{Folder, write_durably};
use crate::group;
use crate::hot::Hot;
use crate::job::{Job, QUEUE_JOBS_MAX, Reply};
use crate::judge::Tails;
use crate::log::{Log, Recovered};
use crate::row::RowReader;
use crate::segment::SegmentFolder;
use crate::shared::{Moment, Shared};
use crate::touch::Recent;
use crate::writer::Writer;

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
    jobs: mpsc::Sender<Job>,
    writer: Mutex<Option<JoinHandle<()>>>,
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
        let dir = dir.to_owned();
        let opening = tokio::task::spawn_blocking(move || Self::open_now(&dir, config, clock));
        opening.await.map_err(|_source| gone("open the store"))?
    }

    fn open_now(
        dir: &Path,
        config: EmbeddedConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, StoreError> {
        let folder = Arc::new(Folder::open(dir)?);
        let (log, recovered) = Log::open(&folder.join("log.redb"))?;
        set_aside(&folder, &recovered)?;
        let (active, tails) = reload(&log)?;
        let segments = Arc::new(SegmentFolder::open(folder.join("segments"), &log)?);
        let state = recovered.state;
        let mut datastreams = Datastreams::default();
        for name in recovered.streams {
            datastreams.insert(name);
        }
        let shared = Arc::new(Shared::new(Moment {
            active_since_us: (active.len() > 0).then(|| clock.now().as_micros()),
            active,
            flushing: None,
            state,
            datastreams: Arc::new(datastreams),
            recent: Recent::new(state.known_at_us.unwrap_or(i64::MIN)),
            fault: None,
            is_closed: false,
        }));
        let log = Arc::new(log);
        let (jobs, queue) = mpsc::channel(QUEUE_JOBS_MAX);
        let writer = Writer::new(
            Arc::clone(&log),
            Arc::clone(&shared),
            Arc::clone(&clock),
            tails,
            config.flush_rows,
        );
        let thread = thread::Builder::new().name("arno-store-writer".to_owned());
        let writer = thread.spawn(move || writer.run(queue));
        let writer = writer.map_err(|source| crate::error::io_failed("start the writer", source))?;
        Ok(Arc::new(Self {
            queue_rows: Arc::new(Semaphore::new(config.queue_rows)),
            config,
            clock,
            folder,
            log,
            shared,
            segments,
            jobs,
            writer: Mutex::new(Some(writer)),
            is_closing: AtomicBool::new(false),
        }))
    }

    /// Queues a job and waits for its answer.
    pub(crate) async fn ask<T>(
        &self,
        job: impl FnOnce(Reply<T>) -> Job,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(job(reply)).await.map_err(|_source| StoreError::Closed)?;
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
        let asked = self.ask(|reply| Job::Close { reply }).await;
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
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

/// Copies damaged groups out of the way and names them in the log.
fn set_aside(folder: &Folder, recovered: &Recovered) -> Result<(), StoreError> {
    for (seq, bytes) in &recovered.damaged {
        let path = folder.join("damaged").join(format!("log-{seq}.bin"));
        write_durably(&path, bytes)
            .map_err(|source| crate::error::io_failed("set a damaged entry aside", source))?;
        tracing::error!(path = %path.display(), "a damaged log entry was set aside");
    }
    Ok(())
}

/// Reads the log's rows back into memory.
fn reload(log: &Log) -> Result<(Hot, Tails), StoreError> {
    let (mut hot, mut tails) = (Hot::default(), Tails::default());
    log.groups(0, |seq, bytes| {
        for columns in group::decode(&format!("log entry {seq}"), bytes)? {
            let reader = RowReader::new(&columns);
            for index in 0..columns.len() {
                let key = reader.datastream(index);
                let stamp = columns.known_at.as_ref().map_or(0, |stamps| stamps.value(index));
                hot.insert(key, reader.row(index, stamp));
                tails.raise(key, reader.time(index));
            }
        }
        Ok(())
    })?;
    Ok((hot, tails))
}

/// The newest commit of a state; before the first the beginning of time.
pub(crate) fn newest(known_at_us: Option<i64>) -> Timestamp {
    known_at_us.map_or(Timestamp::MIN, Timestamp::from_micros)
}

/// Whether every key of a column is registered.
pub(crate) fn are_registered(keys: &[i32], count: usize) -> bool {
    let most = i32::try_from(count).unwrap_or(i32::MAX);
    keys.iter().all(|key| DatastreamKey(*key) >= DatastreamKey(1) && *key <= most)
}
