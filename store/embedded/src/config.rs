//! What an operator can set on the embedded store.

use std::collections::HashMap;
use std::time::Duration;

/// Settings of an embedded store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedConfig {
    /// Rows in the hot part at which it is flushed into the lake.
    pub flush_rows: usize,
    /// Age of the oldest hot row at which it is flushed into the lake.
    pub flush_age: Duration,
    /// Where the lake is: a path or an object store's address; absent: the folder `lake` within.
    pub lake: Option<String>,
    /// The object store's options, as `object_store` names them.
    pub lake_options: HashMap<String, String>,
    /// How long files that left the lake stay for other readers.
    pub vacuum_age: Duration,
    /// Bytes that stay free on the disk: with less, nothing is taken any more, so that what is kept
    /// can still be flushed and trimmed.
    pub free_bytes_min: u64,
    /// Rows that may wait for the log; appends beyond it wait outside the queue.
    pub queue_rows: usize,
}

impl Default for EmbeddedConfig {
    fn default() -> Self {
        Self {
            // A million rows are 50 MB in memory and about 5 MB in the lake.
            flush_rows: 1_000_000,
            flush_age: Duration::from_hours(1),
            lake: None,
            lake_options: HashMap::new(),
            // Longer than anybody's query.
            vacuum_age: Duration::from_hours(1),
            // A flush's files and the log's own pages.
            free_bytes_min: 64 << 20,
            // Four of the largest appends.
            queue_rows: 4 * arno_store::append::APPEND_ROWS_MAX,
        }
    }
}
