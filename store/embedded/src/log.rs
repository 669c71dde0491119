//! The durable log: one redb file with the batches as they came, and everything that must change
//! together with them (counts, clock, refusals, datastream keys, documents, segments).
//!
//! # Why
//! One transaction and one fsync make all of it durable or none. redb and not fjall: as many small
//! commits a second, three times the bulk rate, and a file that stays small
//! (`docs/decisions/009-log-database.md`).
//!
//! # Invariants
//! Every value is an [`envelope`](crate::envelope). After a failed write the database refuses all
//! others, so it is closed, and the next commit opens it again and takes back what was answered
//! with an error ([`Log::commit`]).

mod restore;
mod table;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use arno_model::{DatastreamKey, Ledger};
use arno_store::{ClockState, DatastreamName, Document, QuarantineEntry, StoreError};
use redb::{Database, ReadableDatabase as _};
use serde::{Deserialize, Serialize};

pub(crate) use self::restore::restore;
use self::table::{
    DOCUMENTS, LOG, MARKS, QUARANTINE, SEGMENTS, open_database, parse, recovered, take_back, write,
};
use crate::disk::Disk;
use crate::envelope::open;
use crate::error::{damaged, database_failed, io_failed};
use crate::refusal;

/// What the log knows about itself and the store's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct State {
    /// Database commits so far: the stamp of every value.
    pub(crate) stamp: u64,
    /// The newest group's number in the log.
    pub(crate) seq: u64,
    /// The newest commit, in microseconds; absent before the first.
    pub(crate) known_at_us: Option<i64>,
    /// The counts of the store's life.
    pub(crate) ledger: Ledger,
    /// The clock.
    pub(crate) clock: ClockState,
    /// Whether a live append was ever made.
    pub(crate) is_live: bool,
    /// The newest refusal's number.
    pub(crate) quarantine_id: u64,
}

/// A segment's file, as the log knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SegmentFile {
    /// Its name within the kind's folder.
    pub(crate) file: String,
    /// The checksum of its bytes.
    pub(crate) crc32: u32,
}

/// Segments of one kind to swap in.
#[derive(Debug, Clone)]
pub(crate) struct SegmentSwap {
    /// The kind.
    pub(crate) kind: String,
    /// Days with their new files; without one the segment goes.
    pub(crate) days: Vec<(i32, Option<SegmentFile>)>,
    /// What the kind includes now.
    pub(crate) mark: Vec<u8>,
}

/// Everything that one transaction changes.
#[derive(Debug, Default)]
pub(crate) struct Commit {
    /// The state after it; `stamp` is set by the log.
    pub(crate) state: State,
    /// The group's rows, under the number `state.seq`.
    pub(crate) rows: Option<Vec<u8>>,
    /// Refusals with their numbers.
    pub(crate) quarantine: Vec<(u64, QuarantineEntry)>,
    /// New datastreams.
    pub(crate) streams: Vec<(DatastreamKey, DatastreamName)>,
    /// Documents by name.
    pub(crate) documents: Vec<(String, Document)>,
    /// Segments.
    pub(crate) segments: Vec<SegmentSwap>,
    /// Groups up to this number are in the lake: drop them.
    pub(crate) trim: Option<u64>,
    /// Damaged groups that were set aside.
    pub(crate) drop: Vec<u64>,
}

/// The log.
#[derive(Debug)]
pub(crate) struct Log {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    slot: RwLock<Slot>,
}

#[derive(Debug)]
struct Slot {
    database: Option<Database>,
    state: State,
    is_closed: bool,
}

/// What is found when the log is opened.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    /// The state.
    pub(crate) state: State,
    /// All datastreams, by ascending key.
    pub(crate) streams: Vec<(DatastreamKey, DatastreamName)>,
    /// The oldest and the newest group's number.
    pub(crate) seqs: Option<(u64, u64)>,
    /// Groups whose bytes are damaged: number and raw bytes.
    pub(crate) damaged: Vec<(u64, Vec<u8>)>,
}

impl Log {
    /// Opens or makes the log and checks every group's bytes.
    pub(crate) fn open(disk: Arc<dyn Disk>, path: &Path) -> Result<(Self, Recovered), StoreError> {
        let database = open_database(disk.as_ref(), path)?;
        let found = recovered(&database);
        let found = found.map_err(|source| database_failed("read the log", source))??;
        let slot = Slot {
            database: Some(database),
            state: found.state,
            is_closed: false,
        };
        Ok((
            Self {
                disk,
                path: path.to_owned(),
                slot: RwLock::new(slot),
            },
            found,
        ))
    }

    /// Bytes that may still be written.
    pub(crate) fn free_bytes(&self) -> Result<u64, StoreError> {
        let free = self.disk.free_bytes(&self.path);
        free.map_err(|source| io_failed("ask how much room the disk has", source))
    }

    fn write_slot(&self) -> RwLockWriteGuard<'_, Slot> {
        self.slot.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a commit durable, and returns the state with its stamp. All or nothing, also when the
    /// disk gave an error after it had taken everything: such a commit is taken back first thing.
    pub(crate) fn commit(&self, commit: &Commit) -> Result<State, StoreError> {
        let mut slot = self.write_slot();
        self.reopen(&mut slot)?;
        let mut state = commit.state;
        state.stamp = slot.state.stamp + 1;
        let Some(database) = slot.database.as_ref() else {
            return Err(StoreError::Closed);
        };
        match write(database, commit, &state) {
            Ok(()) => {
                slot.state = state;
                Ok(state)
            }
            Err(source) => {
                // The database takes nothing more after a failed write: begin again from the file.
                slot.database = None;
                if let Err(source) = self.reopen(&mut slot) {
                    tracing::debug!(%source, "the log stays closed until the next commit");
                }
                Err(database_failed("commit to the log", source))
            }
        }
    }

    fn reopen(&self, slot: &mut Slot) -> Result<(), StoreError> {
        if slot.is_closed {
            return Err(StoreError::Closed);
        }
        if slot.database.is_none() {
            let database = open_database(self.disk.as_ref(), &self.path)?;
            take_back(&database, &slot.state)
                .map_err(|source| database_failed("take back a failed commit", source))?;
            slot.database = Some(database);
        }
        Ok(())
    }

    /// Closes the file, after taking back what a failed commit may have left; everything after is
    /// refused.
    pub(crate) fn close(&self) {
        let mut slot = self.write_slot();
        if let Err(source) = self.reopen(&mut slot) {
            tracing::warn!(%source, "the log could not be put in order before it was closed");
        }
        slot.database = None;
        slot.is_closed = true;
    }

    fn read<T>(
        &self,
        action: &'static str,
        ask: impl FnOnce(&redb::ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, StoreError> {
        if self
            .slot
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .database
            .is_none()
        {
            self.reopen(&mut self.write_slot())?;
        }
        let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
        let database = slot.database.as_ref().ok_or(StoreError::Closed)?;
        let transaction = database.begin_read();
        let answer = transaction
            .map_err(redb::Error::from)
            .and_then(|read| ask(&read));
        answer.map_err(|source| database_failed(action, source))
    }

    /// The rows of the groups after `after`, in order; damaged ones are left out.
    pub(crate) fn groups(
        &self,
        after: u64,
        mut take: impl FnMut(u64, &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut refused = Ok(());
        self.read("read the log", |read| {
            let table = read.open_table(LOG)?;
            for entry in table.range(after + 1..)? {
                let (key, value) = entry?;
                if let Ok(opened) = open(value.value()) {
                    refused = take(key.value(), opened.payload);
                    if refused.is_err() {
                        break;
                    }
                }
            }
            Ok(())
        })?;
        refused
    }

    /// A document.
    pub(crate) fn document(&self, name: &str) -> Result<Option<Document>, StoreError> {
        let sealed = self.read("read a document", |read| {
            let table = read.open_table(DOCUMENTS)?;
            Ok(table.get(name)?.map(|value| value.value().to_vec()))
        })?;
        let Some(sealed) = sealed else {
            return Ok(None);
        };
        let opened = open(&sealed).map_err(|source| damaged(name, source))?;
        let (revision, bytes) = opened
            .payload
            .split_first_chunk::<8>()
            .ok_or_else(|| damaged(name, "it is too short"))?;
        Ok(Some(Document {
            bytes: bytes.to_vec(),
            revision: u64::from_le_bytes(*revision),
        }))
    }

    /// Refusals with numbers below `before`, newest first, until `take` says stop.
    pub(crate) fn quarantine(
        &self,
        before: u64,
        mut take: impl FnMut(u64, QuarantineEntry) -> bool,
    ) -> Result<(), StoreError> {
        let mut refused = Ok(());
        self.read("read the quarantine", |read| {
            let table = read.open_table(QUARANTINE)?;
            for entry in table.range(..before)?.rev() {
                let (key, value) = entry?;
                let name = || format!("refusal {}", key.value());
                let parsed = open(value.value())
                    .map_err(|source| damaged(name(), source))
                    .and_then(|opened| refusal::decode(&name(), opened.payload));
                match parsed {
                    Ok(entry) => {
                        if !take(key.value(), entry) {
                            break;
                        }
                    }
                    Err(source) => {
                        refused = Err(source);
                        break;
                    }
                }
            }
            Ok(())
        })?;
        refused
    }

    /// A segment's file.
    pub(crate) fn segment(&self, kind: &str, day: i32) -> Result<Option<SegmentFile>, StoreError> {
        let sealed = self.read("read a segment's place", |read| {
            let table = read.open_table(SEGMENTS)?;
            Ok(table.get((kind, day))?.map(|value| value.value().to_vec()))
        })?;
        let name = format!("{kind}/{day}");
        sealed.map(|sealed| parse(&name, &sealed)).transpose()
    }

    /// All segments' files of a kind, by ascending day.
    pub(crate) fn segments(&self, kind: &str) -> Result<Vec<(i32, SegmentFile)>, StoreError> {
        let sealed = self.read("list segments", |read| {
            let table = read.open_table(SEGMENTS)?;
            let mut found = Vec::new();
            for entry in table.range((kind, i32::MIN)..=(kind, i32::MAX))? {
                let (key, value) = entry?;
                found.push((key.value().1, value.value().to_vec()));
            }
            Ok(found)
        })?;
        let parsed = sealed
            .into_iter()
            .map(|(day, sealed)| Ok((day, parse(&format!("{kind}/{day}"), &sealed)?)));
        parsed.collect()
    }

    /// A kind's mark.
    pub(crate) fn mark(&self, kind: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let sealed = self.read("read a mark", |read| {
            let table = read.open_table(MARKS)?;
            Ok(table.get(kind)?.map(|value| value.value().to_vec()))
        })?;
        let Some(sealed) = sealed else {
            return Ok(None);
        };
        let opened = open(&sealed).map_err(|source| damaged(format!("mark {kind}"), source))?;
        Ok(Some(opened.payload.to_vec()))
    }
}
