//! From what lies in the folder to what the store was.
//!
//! # Why
//! The log holds what the lake does not have yet; the lake says how far it goes. Rows of groups up to
//! there are in its files, rows of later ones are read back into memory.
//!
//! # Invariants
//! Numbers and stamps never go back, also if the log was lost: they continue after the lake's.

use arno_model::DatastreamKey;
use arno_store::{Datastreams, StoreError};
use arno_store_lake::Opened;

use crate::error::io_failed;
use crate::folder::{Folder, write_durably};
use crate::group;
use crate::hot::Hot;
use crate::judge::Tails;
use crate::log::{Commit, Log, Recovered, State};
use crate::row::RowReader;

/// A store's parts as they were.
#[derive(Debug)]
pub(crate) struct Recovery {
    /// The log.
    pub(crate) log: Log,
    /// The state.
    pub(crate) state: State,
    /// All datastreams.
    pub(crate) datastreams: Datastreams,
    /// Rows that the lake does not have.
    pub(crate) active: Hot,
    /// The newest times of everything kept.
    pub(crate) tails: Tails,
}

/// Recovers.
pub(crate) fn recover(folder: &Folder, opened: &Opened) -> Result<Recovery, StoreError> {
    let (log, recovered) = Log::open(&folder.join("log.redb"))?;
    set_aside(folder, &recovered)?;
    let position = opened.position.unwrap_or(0);
    let mut state = recovered.state;
    state.seq = state.seq.max(position);
    let spans = || opened.files.iter().flat_map(|file| file.spans());
    let newest = spans().map(|span| span.last_known_us).max();
    state.known_at_us = state.known_at_us.max(newest);
    let is_trimmable = recovered.first_seq.is_some_and(|first| first <= position);
    if is_trimmable || !recovered.damaged.is_empty() {
        let damaged = recovered.damaged.iter().map(|(seq, _bytes)| *seq).collect();
        let commit = Commit { state, trim: Some(position), drop: damaged, ..Commit::default() };
        state = log.commit(&commit)?;
    }
    let (mut active, mut tails) = (Hot::default(), Tails::default());
    for span in spans() {
        tails.raise(span.key, span.last_us);
    }
    reload(&log, position, &mut active, &mut tails)?;
    let mut datastreams = Datastreams::default();
    for name in recovered.streams {
        datastreams.insert(name);
    }
    Ok(Recovery { log, state, datastreams, active, tails })
}

/// Copies damaged groups out of the way.
fn set_aside(folder: &Folder, recovered: &Recovered) -> Result<(), StoreError> {
    for (seq, bytes) in &recovered.damaged {
        let path = folder.join("damaged").join(format!("log-{seq}.bin"));
        let written = write_durably(&path, bytes);
        written.map_err(|source| io_failed("set a damaged entry aside", source))?;
        tracing::error!(path = %path.display(), "a damaged log entry was set aside");
    }
    Ok(())
}

/// Reads the log's rows back into memory.
fn reload(log: &Log, after: u64, hot: &mut Hot, tails: &mut Tails) -> Result<(), StoreError> {
    log.groups(after, |seq, bytes| {
        for columns in group::decode(&format!("log entry {seq}"), bytes)? {
            let reader = RowReader::new(&columns);
            for index in 0..columns.len() {
                let key: DatastreamKey = reader.datastream(index);
                let stamp = columns.known_at.as_ref().map_or(0, |stamps| stamps.value(index));
                hot.insert(key, reader.row(index, stamp));
                tails.raise(key, reader.time(index));
            }
        }
        Ok(())
    })
}
