//! What signals mean over time and over an area, and the mergeable rollups made of them.
//!
//! # Why
//! Every figure of a data product comes from here, so the meaning of a state, its hold, its known
//! time and its sum over an area is computed in one place, from Arrow columns, with no query engine
//! in sight: it compiles in seconds and is tested against slow, obvious programs.
//!
//! # Shape
//! * [`signal`]: pure functions over one thing's sorted series.
//! * [`layout`]: which things count where, derived from the registry and the known datastreams.
//! * [`rollup`]: closed 15-minute buckets kept per UTC day, refreshed for exactly what was touched,
//!   merged to hours, local days, weeks and months; open buckets and `as_of` questions are computed
//!   on demand by the same functions.
//!
//! # Invariants
//! Refreshed rollups equal rebuilt ones bit for bit, `revision` and `computed_at` aside.

pub mod error;
pub mod layout;
pub mod query;
pub mod rollup;
pub mod schema;
pub mod signal;

pub use error::RollupError;
pub use query::{AreaLevelAsked, AreaQuery, Audience, IntervalQuery, Measure, MomentQuery};
pub use query::{RollupQuery, RollupStream};
pub use rollup::{Refreshed, RollupConfig, Rollups};
