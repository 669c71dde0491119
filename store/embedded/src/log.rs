//! The durable log: one redb file with the batches as they came, and everything that must change
//! together with them (counts, clock, refusals, datastream keys, documents, segments).
//!
//! # Why
//! One transaction and one fsync make all of it durable or none. redb and not fjall: as many small
//! commits a second, three times the bulk rate, and a file that stays small
//! (`docs/decisions/log-database.md`).
//!
//! # Invariants
//! Every value is an [`envelope`](crate::envelope). After a failed write the database refuses all
//! others, so it is closed, and the next commit opens it again and takes back what was answered
//! with an error ([`Log::commit`]).

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

use arno_model::{DatastreamKey, Ledger};
use arno_store::{ClockState, DatastreamName, Document, QuarantineEntry, StoreError};
use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};
use serde::{Deserialize, Serialize};

use crate::envelope::{Kind, open, seal};
use crate::error::{damaged, database_failed};
use crate::refusal;

/// Pages the database keeps in memory: the log is written once and read at start only.
const CACHE_BYTES: usize = 32 << 20;
/// Refusals kept; beyond it the oldest go. With payloads of at most 16 KiB that is 1.6 GB at most.
pub(crate) const QUARANTINE_ROWS_MAX: u64 = 100_000;

const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
const STATE: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("state");
const QUARANTINE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("quarantine");
const STREAMS: TableDefinition<'_, i32, &[u8]> = TableDefinition::new("streams");
const DOCUMENTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("documents");
const SEGMENTS: TableDefinition<'_, (&str, i32), &[u8]> = TableDefinition::new("segments");
const MARKS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("marks");
const STATE_NAME: &str = "state";

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
    path: PathBuf,
    slot: RwLock<Slot>,
}

#[derive(Debug)]
struct Slot {
    database: Option<Database>,
    state: State,
}

/// What is found when the log is opened.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    /// The state.
    pub(crate) state: State,
    /// All datastreams, by ascending key.
    pub(crate) streams: Vec<DatastreamName>,
    /// The oldest group's number.
    pub(crate) first_seq: Option<u64>,
    /// Groups whose bytes are damaged: number and raw bytes.
    pub(crate) damaged: Vec<(u64, Vec<u8>)>,
}

impl Log {
    /// Opens or makes the log and checks every group's bytes.
    pub(crate) fn open(path: &Path) -> Result<(Self, Recovered), StoreError> {
        let database = open_database(path)?;
        let mut recovered = Recovered::default();
        let read = |source: redb::Error| database_failed("read the log", source);
        let transaction = database.begin_read().map_err(|source| read(source.into()))?;
        let state = transaction.open_table(STATE).map_err(|source| read(source.into()))?;
        if let Some(value) = state.get(STATE_NAME).map_err(|source| read(source.into()))? {
            recovered.state = parse(STATE_NAME, value.value())?;
        }
        let streams = transaction.open_table(STREAMS).map_err(|source| read(source.into()))?;
        for entry in streams.iter().map_err(|source| read(source.into()))? {
            let (key, value) = entry.map_err(|source| read(source.into()))?;
            let name = parse(&format!("datastream {}", key.value()), value.value())?;
            recovered.streams.push(name);
        }
        let log = transaction.open_table(LOG).map_err(|source| read(source.into()))?;
        for entry in log.iter().map_err(|source| read(source.into()))? {
            let (key, value) = entry.map_err(|source| read(source.into()))?;
            recovered.first_seq = recovered.first_seq.or(Some(key.value()));
            if open(value.value()).is_err() {
                recovered.damaged.push((key.value(), value.value().to_vec()));
            }
        }
        drop((state, streams, log, transaction));
        let slot = Slot { database: Some(database), state: recovered.state };
        let log = Self { path: path.to_owned(), slot: RwLock::new(slot) };
        Ok((log, recovered))
    }

    fn write_slot(&self) -> RwLockWriteGuard<'_, Slot> {
        self.slot.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a commit durable, and returns the state with its stamp. All or nothing, also when the
    /// disk gave an error after it had taken everything: such a commit is taken back first thing.
    pub(crate) fn commit(&self, commit: &Commit) -> Result<State, StoreError> {
        let mut slot = self.write_slot();
        if slot.database.is_none() {
            let database = open_database(&self.path)?;
            take_back(&database, &slot.state)
                .map_err(|source| database_failed("take back a failed commit", source))?;
            slot.database = Some(database);
        }
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
                slot.database = None;
                Err(database_failed("commit to the log", source))
            }
        }
    }

    /// Closes the file; everything after is refused.
    pub(crate) fn close(&self) {
        self.write_slot().database = None;
    }

    fn read<T>(
        &self,
        action: &'static str,
        ask: impl FnOnce(&redb::ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, StoreError> {
        let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
        let database = slot.database.as_ref().ok_or(StoreError::Closed)?;
        let transaction = database.begin_read();
        let answer = transaction.map_err(redb::Error::from).and_then(|read| ask(&read));
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
        let Some(sealed) = sealed else { return Ok(None) };
        let opened = open(&sealed).map_err(|source| damaged(name, source))?;
        let (revision, bytes) = opened
            .payload
            .split_first_chunk::<8>()
            .ok_or_else(|| damaged(name, "it is too short"))?;
        Ok(Some(Document { bytes: bytes.to_vec(), revision: u64::from_le_bytes(*revision) }))
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
        let Some(sealed) = sealed else { return Ok(None) };
        let opened = open(&sealed).map_err(|source| damaged(format!("mark {kind}"), source))?;
        Ok(Some(opened.payload.to_vec()))
    }
}

fn open_database(path: &Path) -> Result<Database, StoreError> {
    let opened = Database::builder().set_cache_size(CACHE_BYTES).create(path);
    let database = opened.map_err(|source| match source {
        redb::DatabaseError::DatabaseAlreadyOpen => {
            StoreError::Held { name: path.display().to_string() }
        }
        source => database_failed("open the log", source.into()),
    })?;
    make_tables(&database).map_err(|source| database_failed("open the log", source))?;
    Ok(database)
}

fn make_tables(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(LOG)?;
    transaction.open_table(STATE)?;
    transaction.open_table(QUARANTINE)?;
    transaction.open_table(STREAMS)?;
    transaction.open_table(DOCUMENTS)?;
    transaction.open_table(SEGMENTS)?;
    transaction.open_table(MARKS)?;
    transaction.commit()?;
    Ok(())
}

fn parse<T: for<'de> Deserialize<'de>>(name: &str, sealed: &[u8]) -> Result<T, StoreError> {
    let opened = open(sealed).map_err(|source| damaged(name, source))?;
    serde_json::from_slice(opened.payload).map_err(|source| damaged(name, source))
}

fn json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain structs with text keys always become JSON")
}

fn write(database: &Database, commit: &Commit, state: &State) -> Result<(), redb::Error> {
    let stamp = state.stamp;
    let transaction = database.begin_write()?;
    if commit.rows.is_some() || commit.trim.is_some() || !commit.drop.is_empty() {
        let mut table = transaction.open_table(LOG)?;
        if let Some(rows) = &commit.rows {
            let sealed = seal(Kind::Log, stamp, &state.seq.to_le_bytes(), rows);
            table.insert(state.seq, sealed.as_slice())?;
        }
        for seq in &commit.drop {
            table.remove(seq)?;
        }
        if let Some(upto) = commit.trim {
            table.retain_in(..=upto, |_seq, _rows| false)?;
        }
    }
    let sealed = seal(Kind::State, stamp, STATE_NAME.as_bytes(), &json(state));
    transaction.open_table(STATE)?.insert(STATE_NAME, sealed.as_slice())?;
    if !commit.quarantine.is_empty() {
        let mut table = transaction.open_table(QUARANTINE)?;
        for (id, entry) in &commit.quarantine {
            let payload = refusal::encode(entry);
            let sealed = seal(Kind::Quarantine, stamp, &id.to_le_bytes(), &payload);
            table.insert(id, sealed.as_slice())?;
        }
        let oldest = state.quarantine_id.saturating_sub(QUARANTINE_ROWS_MAX);
        if table.first()?.is_some_and(|(id, _entry)| id.value() <= oldest) {
            table.retain_in(..=oldest, |_id, _entry| false)?;
        }
    }
    if !commit.streams.is_empty() {
        let mut table = transaction.open_table(STREAMS)?;
        for (key, name) in &commit.streams {
            let sealed = seal(Kind::Stream, stamp, &key.0.to_le_bytes(), &json(name));
            table.insert(key.0, sealed.as_slice())?;
        }
    }
    if !commit.documents.is_empty() {
        let mut table = transaction.open_table(DOCUMENTS)?;
        for (name, document) in &commit.documents {
            let mut payload = document.revision.to_le_bytes().to_vec();
            payload.extend_from_slice(&document.bytes);
            let sealed = seal(Kind::Document, stamp, name.as_bytes(), &payload);
            table.insert(name.as_str(), sealed.as_slice())?;
        }
    }
    for swap in &commit.segments {
        write_segments(&transaction, stamp, swap)?;
    }
    transaction.commit()?;
    Ok(())
}

fn write_segments(
    transaction: &redb::WriteTransaction,
    stamp: u64,
    swap: &SegmentSwap,
) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(SEGMENTS)?;
    for (day, file) in &swap.days {
        let key = (swap.kind.as_str(), *day);
        match file {
            Some(file) => {
                let name = format!("{}/{day}", swap.kind);
                let sealed = seal(Kind::Segment, stamp, name.as_bytes(), &json(file));
                table.insert(key, sealed.as_slice())?;
            }
            None => drop(table.remove(key)?),
        }
    }
    let sealed = seal(Kind::Mark, stamp, swap.kind.as_bytes(), &swap.mark);
    transaction.open_table(MARKS)?.insert(swap.kind.as_str(), sealed.as_slice())?;
    Ok(())
}

/// Undoes what a commit wrote whose caller was told that it failed: rows, counts and refusals.
/// (Names, documents and segments read back as they are: their callers read before they retry.)
fn take_back(database: &Database, state: &State) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(LOG)?.retain_in(state.seq + 1.., |_seq, _rows| false)?;
    transaction
        .open_table(QUARANTINE)?
        .retain_in(state.quarantine_id + 1.., |_id, _entry| false)?;
    let sealed = seal(Kind::State, state.stamp, STATE_NAME.as_bytes(), &json(state));
    transaction.open_table(STATE)?.insert(STATE_NAME, sealed.as_slice())?;
    transaction.commit()?;
    Ok(())
}
