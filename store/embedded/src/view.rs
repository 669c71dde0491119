//! Part of the hot part at one moment, and how its rows leave as batches.

use std::sync::Arc;

use arno_model::DatastreamKey;
use arno_store::scan::SCAN_BATCH_ROWS_MAX;
use arno_store::{StoreError, Streams};
use arno_store_lake::merge::Source;
use arrow::array::RecordBatch;
use futures::stream;

use crate::row::{Row, RowColumns};

/// A sorted piece of a datastream, shared with the hot part.
pub(crate) type Chunk = Arc<Vec<Row>>;

/// Datastreams ascending, each with sorted chunks.
#[derive(Debug, Default, Clone)]
pub(crate) struct HotView {
    /// The datastreams that have rows.
    pub(crate) streams: Vec<(DatastreamKey, Vec<Chunk>)>,
}

impl HotView {
    /// One row a datastream.
    pub(crate) fn of_rows(rows: Vec<(DatastreamKey, Row)>) -> Self {
        let one = |(key, row)| (key, vec![Arc::new(vec![row])]);
        Self {
            streams: rows.into_iter().map(one).collect(),
        }
    }

    /// Cuts the chunks at a window's edges and leaves out what was not known yet.
    pub(crate) fn cut(&mut self, start_us: i64, end_us: i64, as_of_us: i64) {
        let is_in =
            |row: &Row| row.time >= start_us && row.time < end_us && row.known_at <= as_of_us;
        for (_key, chunks) in &mut self.streams {
            for chunk in chunks.iter_mut() {
                let is_whole = chunk.first().is_some_and(|row| row.time >= start_us)
                    && chunk.last().is_some_and(|row| row.time < end_us)
                    && (as_of_us == i64::MAX || chunk.iter().all(is_in));
                if !is_whole {
                    *chunk = Arc::new(chunk.iter().filter(|row| is_in(row)).copied().collect());
                }
            }
        }
    }

    /// The part of it that is of some datastreams.
    pub(crate) fn only(&self, streams: &Streams) -> Self {
        let asked = self
            .streams
            .iter()
            .filter(|(key, _chunks)| streams.contains(*key));
        Self {
            streams: asked.cloned().collect(),
        }
    }

    /// Rows of each datastream.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (DatastreamKey, usize)> {
        let count = |chunks: &Vec<Chunk>| chunks.iter().map(|chunk| chunk.len()).sum();
        self.streams
            .iter()
            .map(move |(key, chunks)| (*key, count(chunks)))
    }

    /// Its rows as a sorted source.
    pub(crate) fn into_source(self) -> Source {
        let mut chunks = self
            .streams
            .into_iter()
            .flat_map(|(key, chunks)| chunks.into_iter().map(move |chunk| (key, chunk)));
        let batches = std::iter::from_fn(move || {
            let mut columns = RowColumns::with_capacity(SCAN_BATCH_ROWS_MAX);
            for (key, chunk) in chunks.by_ref() {
                columns.extend(key, &chunk);
                if columns.len() >= SCAN_BATCH_ROWS_MAX {
                    break;
                }
            }
            (columns.len() > 0).then(|| Ok::<RecordBatch, StoreError>(columns.finish()))
        });
        Box::pin(stream::iter(batches))
    }
}
