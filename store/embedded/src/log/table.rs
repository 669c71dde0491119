//! The log's tables, and how a commit is written into them.

use std::path::Path;

use arno_model::DatastreamKey;
use arno_store::StoreError;
use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};
use serde::{Deserialize, Serialize};

use super::{Commit, Recovered, SegmentSwap, State};
use crate::disk::Disk;
use crate::envelope::{Kind, open, seal};
use crate::error::{damaged, database_failed};
use crate::refusal;

/// Refusals kept; beyond it the oldest go. With payloads of at most 16 KiB that is 1.6 GB at most.
pub(crate) const QUARANTINE_ROWS_MAX: u64 = 100_000;

pub(super) const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
pub(super) const STATE: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("state");
pub(super) const QUARANTINE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("quarantine");
pub(super) const STREAMS: TableDefinition<'_, i32, &[u8]> = TableDefinition::new("streams");
pub(super) const DOCUMENTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("documents");
pub(super) const SEGMENTS: TableDefinition<'_, (&str, i32), &[u8]> =
    TableDefinition::new("segments");
pub(super) const MARKS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("marks");
pub(super) const STATE_NAME: &str = "state";
const TABLES_COUNT: usize = 7;

pub(super) fn open_database(disk: &dyn Disk, path: &Path) -> Result<Database, StoreError> {
    let database = disk.open(path).map_err(|source| match source {
        redb::DatabaseError::DatabaseAlreadyOpen => StoreError::Held {
            name: path.display().to_string(),
        },
        source => database_failed("open the log", source.into()),
    })?;
    make_tables(&database).map_err(|source| database_failed("open the log", source))?;
    Ok(database)
}

fn make_tables(database: &Database) -> Result<(), redb::Error> {
    if database.begin_read()?.list_tables()?.count() == TABLES_COUNT {
        return Ok(());
    }
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

pub(super) fn recovered(database: &Database) -> Result<Result<Recovered, StoreError>, redb::Error> {
    let transaction = database.begin_read()?;
    let mut found = Recovered::default();
    let state = transaction.open_table(STATE)?;
    if let Some(value) = state.get(STATE_NAME)? {
        match parse(STATE_NAME, value.value()) {
            Ok(state) => found.state = state,
            Err(source) => return Ok(Err(source)),
        }
    }
    for entry in transaction.open_table(STREAMS)?.iter()? {
        let (key, value) = entry?;
        match parse(&format!("datastream {}", key.value()), value.value()) {
            Ok(name) => found.streams.push((DatastreamKey(key.value()), name)),
            Err(source) => return Ok(Err(source)),
        }
    }
    for entry in transaction.open_table(LOG)?.iter()? {
        let (key, value) = entry?;
        let (first, _last) = found.seqs.unwrap_or((key.value(), 0));
        found.seqs = Some((first, key.value()));
        if open(value.value()).is_err() {
            found.damaged.push((key.value(), value.value().to_vec()));
        }
    }
    Ok(Ok(found))
}

pub(super) fn parse<T: for<'de> Deserialize<'de>>(
    name: &str,
    sealed: &[u8],
) -> Result<T, StoreError> {
    let opened = open(sealed).map_err(|source| damaged(name, source))?;
    serde_json::from_slice(opened.payload).map_err(|source| damaged(name, source))
}

fn json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain structs with text keys always become JSON")
}

pub(super) fn write(
    database: &Database,
    commit: &Commit,
    state: &State,
) -> Result<(), redb::Error> {
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
    transaction
        .open_table(STATE)?
        .insert(STATE_NAME, sealed.as_slice())?;
    if !commit.quarantine.is_empty() {
        let mut table = transaction.open_table(QUARANTINE)?;
        for (id, entry) in &commit.quarantine {
            let payload = refusal::encode(entry);
            let sealed = seal(Kind::Quarantine, stamp, &id.to_le_bytes(), &payload);
            table.insert(id, sealed.as_slice())?;
        }
        let oldest = state.quarantine_id.saturating_sub(QUARANTINE_ROWS_MAX);
        if table
            .first()?
            .is_some_and(|(id, _entry)| id.value() <= oldest)
        {
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
    transaction
        .open_table(MARKS)?
        .insert(swap.kind.as_str(), sealed.as_slice())?;
    Ok(())
}

/// Undoes what a commit wrote whose caller was told that it failed: rows, counts and refusals.
/// (Names, documents and segments read back as they are: their callers read before they retry.)
pub(super) fn take_back(database: &Database, state: &State) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction
        .open_table(LOG)?
        .retain_in(state.seq + 1.., |_seq, _rows| false)?;
    transaction
        .open_table(QUARANTINE)?
        .retain_in(state.quarantine_id + 1.., |_id, _entry| false)?;
    let sealed = seal(
        Kind::State,
        state.stamp,
        STATE_NAME.as_bytes(),
        &json(state),
    );
    transaction
        .open_table(STATE)?
        .insert(STATE_NAME, sealed.as_slice())?;
    transaction.commit()?;
    Ok(())
}
