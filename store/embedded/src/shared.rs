//! What the writer, the flusher and the readers share: one moment of the store under one lock.
//!
//! # Invariants
//! The lock is held for moments, never over an await. Every durable version is in exactly one of
//! the active part, the part that is being flushed, and the lake's files listed here; the three
//! change together.

use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use arno_store::Datastreams;
use arno_store_lake::Files;
use tokio::sync::Notify;

use crate::hot::Hot;
use crate::log::State;
use crate::touch::Recent;

/// One moment of the store.
#[derive(Debug)]
pub(crate) struct Moment {
    /// Takes new rows.
    pub(crate) active: Hot,
    /// The clock's time at which the active part got its first row.
    pub(crate) active_since_us: Option<i64>,
    /// Rows on their way into the lake.
    pub(crate) flushing: Option<Arc<Hot>>,
    /// The number of the last log group among the rows on their way.
    pub(crate) flushing_position: u64,
    /// The lake's files.
    pub(crate) files: Files,
    /// Why the last flush failed, if it did.
    pub(crate) lake_fault: Option<String>,
    /// The state after the newest commit.
    pub(crate) state: State,
    /// All datastreams.
    pub(crate) datastreams: Arc<Datastreams>,
    /// What the newest commits touched.
    pub(crate) recent: Recent,
    /// Why the last write failed, if it did.
    pub(crate) fault: Option<String>,
    /// What is damaged or missing and was set aside at start.
    pub(crate) aside: Vec<String>,
    /// Whether the store was closed.
    pub(crate) is_closed: bool,
}

/// The moment, and who waits for it to change.
#[derive(Debug)]
pub(crate) struct Shared {
    moment: RwLock<Moment>,
    /// Woken when there is something to flush.
    pub(crate) flush_due: Notify,
    room: (Mutex<()>, Condvar),
}

impl Shared {
    /// Shares a moment.
    pub(crate) fn new(moment: Moment) -> Self {
        Self {
            moment: RwLock::new(moment),
            flush_due: Notify::new(),
            room: Default::default(),
        }
    }

    /// Looks.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Moment> {
        self.moment.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes.
    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Moment> {
        self.moment.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that a flush has ended, well or not.
    pub(crate) fn announce_room(&self) {
        drop(self.room.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.room.1.notify_all();
    }

    /// Waits for a flush to end, at most for `most`; may return early.
    pub(crate) fn await_room(&self, most: Duration) {
        let guard = self.room.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(
            self.room
                .1
                .wait_timeout(guard, most)
                .unwrap_or_else(PoisonError::into_inner),
        );
    }
}
