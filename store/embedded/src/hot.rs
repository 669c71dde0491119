//! The hot part: what is durable in the log and not yet in the lake, sorted, in memory.
//!
//! # Why
//! The newest hours are asked for most; they answer from memory, and the log stays a log.
//!
//! # Shape
//! Per datastream a list of chunks of at most [`CHUNK_ROWS_MAX`] rows, ascending by (time, commit).
//! A row in order costs one push, a late one a search and a move within one chunk. A view shares
//! the chunks; a chunk that is shared is copied once when it is next written.
//!
//! # Invariants
//! Within a datastream rows ascend by time, and by arrival among equals (commits only grow).

use std::collections::BTreeSet;
use std::sync::Arc;

use arno_model::{DatastreamKey, Timestamp};
use arno_store::Streams;
use arno_store_lake::Month;

use crate::row::Row;
use crate::view::{Chunk, HotView};

/// Most rows of one chunk: what a late row moves and a written shared chunk copies (25 kB).
pub(crate) const CHUNK_ROWS_MAX: usize = 512;

/// Rows of many datastreams.
#[derive(Debug, Default, Clone)]
pub(crate) struct Hot {
    streams: Vec<Vec<Chunk>>,
    row_count: usize,
}

fn place(key: DatastreamKey) -> Option<usize> {
    usize::try_from(key.0).ok()?.checked_sub(1)
}

impl Hot {
    /// Rows held.
    pub(crate) fn len(&self) -> usize {
        self.row_count
    }

    /// The greatest datastream key that may have rows.
    pub(crate) fn key_count(&self) -> i32 {
        i32::try_from(self.streams.len()).unwrap_or(i32::MAX)
    }

    /// All rows, by datastream and time.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (DatastreamKey, &Row)> {
        (1_i32..)
            .map(DatastreamKey)
            .zip(&self.streams)
            .flat_map(|(key, chunks)| {
                chunks
                    .iter()
                    .flat_map(|chunk| chunk.iter())
                    .map(move |row| (key, row))
            })
    }

    /// The months that rows lie in.
    pub(crate) fn months(&self) -> BTreeSet<Month> {
        let mut months = BTreeSet::new();
        let mut range = 0..0;
        let mut note = |time_us: i64| {
            if !range.contains(&time_us) {
                let month = Month::of(Timestamp::from_micros(time_us));
                range = month.range().start.as_micros()..month.range().end.as_micros();
                months.insert(month);
            }
        };
        for chunk in self.streams.iter().flatten() {
            for row in chunk.iter() {
                note(row.time);
            }
        }
        months
    }

    /// Adds a version of a registered datastream.
    pub(crate) fn insert(&mut self, key: DatastreamKey, row: Row) {
        let Some(place) = place(key) else { return };
        if place >= self.streams.len() {
            self.streams.resize_with(place + 1, Vec::new);
        }
        self.row_count += 1;
        let chunks = &mut self.streams[place];
        match chunks.last_mut() {
            Some(last) if last.last().is_some_and(|newest| newest.time <= row.time) => {
                if last.len() < CHUNK_ROWS_MAX {
                    Arc::make_mut(last).push(row);
                } else {
                    chunks.push(Arc::new(vec![row]));
                }
            }
            Some(_) => insert_late(chunks, row),
            None => chunks.push(Arc::new(vec![row])),
        }
    }

    /// The versions kept under an identity, in order of arrival.
    pub(crate) fn versions(&self, key: DatastreamKey, time: i64, found: &mut Vec<Row>) {
        let Some(chunks) = place(key).and_then(|place| self.streams.get(place)) else {
            return;
        };
        let first = chunks.partition_point(|chunk| newest_time(chunk) < time);
        for chunk in &chunks[first..] {
            let begin = chunk.partition_point(|row| row.time < time);
            let end = chunk.partition_point(|row| row.time <= time);
            found.extend_from_slice(&chunk[begin..end]);
            if end < chunk.len() {
                break;
            }
        }
    }

    /// The chunks of the asked datastreams that meet `[start, end)`.
    pub(crate) fn view(&self, streams: &Streams, start: i64, end: i64) -> HotView {
        let mut view = HotView::default();
        let mut add = |place: usize, key: DatastreamKey| {
            let Some(chunks) = self.streams.get(place) else {
                return;
            };
            let first = chunks.partition_point(|chunk| newest_time(chunk) < start);
            let last = chunks.partition_point(|chunk| oldest_time(chunk) < end);
            if first < last {
                view.streams.push((key, chunks[first..last].to_vec()));
            }
        };
        match streams {
            Streams::All => {
                for (place, key) in (0..self.streams.len()).zip(1_i32..) {
                    add(place, DatastreamKey(key));
                }
            }
            Streams::Some(keys) => {
                for key in keys.iter() {
                    if let Some(place) = place(*key) {
                        add(place, *key);
                    }
                }
            }
        }
        view
    }

    /// All versions of the newest identity before `start` that is known at `as_of`.
    pub(crate) fn lead(&self, key: DatastreamKey, start: i64, as_of: i64, found: &mut Vec<Row>) {
        let Some(chunks) = place(key).and_then(|place| self.streams.get(place)) else {
            return;
        };
        let end = chunks.partition_point(|chunk| oldest_time(chunk) < start);
        let known = chunks[..end]
            .iter()
            .rev()
            .flat_map(|chunk| chunk.iter().rev())
            .filter(|row| row.time < start && row.known_at <= as_of);
        let mut time = None;
        let from = found.len();
        for row in known {
            if *time.get_or_insert(row.time) != row.time {
                break;
            }
            found.push(*row);
        }
        found[from..].reverse();
    }
}

fn newest_time(chunk: &Chunk) -> i64 {
    chunk.last().map_or(i64::MIN, |row| row.time)
}

fn oldest_time(chunk: &Chunk) -> i64 {
    chunk.first().map_or(i64::MAX, |row| row.time)
}

fn insert_late(chunks: &mut Vec<Chunk>, row: Row) {
    // The last chunk that begins at or before the row: equals stay in order of arrival.
    let after = chunks.partition_point(|chunk| oldest_time(chunk) <= row.time);
    let index = after.saturating_sub(1);
    let chunk = Arc::make_mut(&mut chunks[index]);
    let at = chunk.partition_point(|kept| kept.time <= row.time);
    chunk.insert(at, row);
    if chunk.len() > CHUNK_ROWS_MAX {
        let upper = chunk.split_off(CHUNK_ROWS_MAX / 2);
        chunks.insert(index + 1, Arc::new(upper));
    }
}
