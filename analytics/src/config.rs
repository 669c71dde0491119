//! How much answering may cost, and where a region's own products lie.

use std::path::PathBuf;
use std::time::Duration;

/// Settings of [`Analytics`](crate::Analytics); `..AnalyticsConfig::default()` fills the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalyticsConfig {
    /// Memory for joins, sorts and groups of all questions together, in bytes.
    pub memory_bytes_max: usize,
    /// Working time of one question; waiting for a slow reader does not count.
    pub query_time_max: Duration,
    /// Rows of one answer.
    pub rows_max: usize,
    /// Questions answered at once; others wait, at most [`Self::query_time_max`].
    pub concurrency_max: usize,
    /// Temporary space for what does not fit in memory, of all questions together, in bytes.
    pub spill_bytes_max: u64,
    /// Where a region's own products lie, one folder each; absent: none.
    pub products_dir: Option<PathBuf>,
    /// A published cell with fewer people at once than this, but not none, is suppressed; values
    /// under [`crate::privacy::PEOPLE_COUNT_MIN`] count as that.
    pub people_count_min: u32,
}

impl Default for AnalyticsConfig {
    fn default() -> Self {
        Self {
            memory_bytes_max: 1 << 30,
            query_time_max: Duration::from_secs(30),
            rows_max: 10_000_000,
            concurrency_max: 4,
            spill_bytes_max: 4 << 30,
            products_dir: None,
            people_count_min: 5,
        }
    }
}

/// What one question may cost; never more than the configuration allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Working time.
    pub time: Duration,
    /// Rows of the answer; one more is an error.
    pub rows: usize,
}
