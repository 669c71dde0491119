//! From what lies in the folder to what the store was.
//!
//! # Why
//! The log holds what the lake does not have yet; the lake says how far it goes. Rows of groups up
//! to there are in its files, rows of later ones are read back into memory.
//!
//! # Invariants
//! Numbers and stamps never go back, also if the log was lost: they continue after the lake's.

use std::fs;
use std::io;
use std::sync::Arc;

use arno_model::{DatastreamKey, PropertyId, ThingId};
use arno_store::{DatastreamName, Datastreams, StoreError};
use arno_store_lake::Opened;

use crate::disk::Disk;
use crate::error::io_failed;
use crate::folder::{Folder, sync_dir, write_durably};
use crate::group;
use crate::hot::Hot;
use crate::judge::Tails;
use crate::log::{Commit, Log, Recovered, SegmentFile, State, restore};
use crate::row::RowReader;
use crate::salvage::{Salvaged, move_aside};

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
    /// What is damaged or missing and was set aside.
    pub(crate) aside: Vec<String>,
}

/// Recovers.
pub(crate) fn recover(
    folder: &Folder,
    opened: &Opened,
    disk: Arc<dyn Disk>,
) -> Result<Recovery, StoreError> {
    let mut aside = Vec::new();
    let (log, recovered) = match Log::open(Arc::clone(&disk), &folder.join("log.redb")) {
        Err(StoreError::Damaged { source, .. }) => {
            tracing::error!(%source, "the log is damaged; what is whole is taken out of it");
            aside.push(salvage(folder, disk.as_ref())?);
            Log::open(disk, &folder.join("log.redb"))?
        }
        opened => opened?,
    };
    aside.extend(set_aside(folder, &recovered)?);
    let position = opened.position.unwrap_or(0);
    let mut state = recovered.state;
    let last = recovered.seqs.map_or(0, |(_first, last)| last);
    state.seq = state.seq.max(position).max(last);
    let spans = || opened.files.iter().flat_map(|file| file.spans());
    let newest = spans().map(|span| span.last_known_us).max();
    state.known_at_us = state.known_at_us.max(newest);
    let is_trimmable = recovered
        .seqs
        .is_some_and(|(first, _last)| first <= position);
    if is_trimmable || !recovered.damaged.is_empty() {
        let damaged = recovered.damaged.iter().map(|(seq, _bytes)| *seq).collect();
        let commit = Commit {
            state,
            trim: Some(position),
            drop: damaged,
            ..Commit::default()
        };
        state = log.commit(&commit)?;
    }
    let (mut active, mut tails) = (Hot::default(), Tails::default());
    for span in spans() {
        tails.raise(span.key, span.last_us);
    }
    let reloaded = reload(&log, (position, state.seq), &mut active, &mut tails)?;
    state.known_at_us = state.known_at_us.max(reloaded.newest_us);
    aside.extend(reloaded.missing);
    aside.extend(opened.damaged.iter().cloned());
    let datastreams = name_streams(recovered.streams, &mut aside);
    Ok(Recovery {
        log,
        state,
        datastreams,
        active,
        tails,
        aside,
    })
}

/// Gives every datastream its key. A name that was lost leaves its key taken: rows under it must
/// never appear under another name.
fn name_streams(
    streams: Vec<(DatastreamKey, DatastreamName)>,
    aside: &mut Vec<String>,
) -> Datastreams {
    let mut datastreams = Datastreams::default();
    for (key, name) in streams {
        while let Some(lost) = next_key(&datastreams).filter(|next| *next < key) {
            tracing::error!(key = lost.0, "a datastream's name is lost");
            aside.push(format!("the name of datastream {}", lost.0));
            datastreams.insert(lost_name(lost));
        }
        datastreams.insert(name);
    }
    datastreams
}

fn next_key(datastreams: &Datastreams) -> Option<DatastreamKey> {
    i32::try_from(datastreams.len() + 1).ok().map(DatastreamKey)
}

fn lost_name(key: DatastreamKey) -> DatastreamName {
    let thing = ThingId::parse(&format!("lost:datastream-{}", key.0));
    let property = PropertyId::parse("lost");
    DatastreamName {
        thing: thing.expect("the text is a thing's name"),
        property: property.expect("the text is a property's name"),
    }
}

/// Copies damaged groups out of the way, and names them.
fn set_aside(folder: &Folder, recovered: &Recovered) -> Result<Vec<String>, StoreError> {
    let mut names = Vec::new();
    for (seq, bytes) in &recovered.damaged {
        let path = folder.join("damaged").join(format!("log-{seq}.bin"));
        let written = write_durably(&path, bytes);
        written.map_err(|source| io_failed("set a damaged entry aside", source))?;
        tracing::error!(path = %path.display(), "a damaged log entry was set aside");
        names.push(format!("log entry {seq}"));
    }
    Ok(names)
}

/// Makes a new log of what is whole in one that the database refuses.
fn salvage(folder: &Folder, disk: &dyn Disk) -> Result<String, StoreError> {
    let failed = |source| io_failed("salvage the log", source);
    let (path, draft) = (folder.join("log.redb"), folder.join("log.redb.new"));
    let salvaged = Salvaged::read(&path).map_err(failed)?;
    match fs::remove_file(&draft) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(failed(source)),
        _ => {}
    }
    let segments = folder.join("segments");
    let has_file = |kind: &str, file: &SegmentFile| {
        segments
            .join(kind)
            .join(&file.file)
            .try_exists()
            .unwrap_or(true)
    };
    restore(disk, &draft, &salvaged, has_file)?;
    let aside = move_aside(&path, &folder.join("damaged")).map_err(failed)?;
    fs::rename(&draft, &path).map_err(failed)?;
    sync_dir(&folder.join(".")).map_err(failed)?;
    tracing::error!(aside = %aside.display(), values = salvaged.values.len(), "a damaged log was set aside");
    Ok(aside.display().to_string())
}

/// What reading the log back found.
struct Reloaded {
    /// Groups that should be there.
    missing: Vec<String>,
    /// The newest commit among the rows.
    newest_us: Option<i64>,
}

/// Reads the log's rows back into memory, and names the groups that are missing.
fn reload(
    log: &Log,
    (after, last): (u64, u64),
    hot: &mut Hot,
    tails: &mut Tails,
) -> Result<Reloaded, StoreError> {
    let mut missing = Vec::new();
    let mut newest_us = None;
    let mut next = after + 1;
    log.groups(after, |seq, bytes| {
        missing.extend((next..seq).map(|seq| format!("log entry {seq}")));
        next = seq + 1;
        for columns in group::decode(&format!("log entry {seq}"), bytes)? {
            let reader = RowReader::new(&columns);
            for index in 0..columns.len() {
                let key: DatastreamKey = reader.datastream(index);
                let stamp = columns
                    .known_at
                    .as_ref()
                    .map_or(0, |stamps| stamps.value(index));
                newest_us = newest_us.max(Some(stamp));
                hot.insert(key, reader.row(index, stamp));
                tails.raise(key, reader.time(index));
            }
        }
        Ok(())
    })?;
    missing.extend((next..=last).map(|seq| format!("log entry {seq}")));
    for name in &missing {
        tracing::error!(name, "a log entry is missing");
    }
    Ok(Reloaded { missing, newest_us })
}
