//! Rollups: kept, refreshed, merged, and computed on demand.

mod engine;

pub use engine::{Refreshed, RollupConfig, Rollups};
