//! A simulated region: real municipalities come in, their lots, bays and access points go out, with
//! everything they would have sent, back-filled or live through MQTT, and the truth of it.
//!
//! # Why
//! A planner must be able to try Arno before a town has a single sensor, and a test needs a region
//! whose right answers are known. Recorded feeds give the first but not the second; hand-written
//! fixtures the second but not the first. Faults are part of it: a region that never goes silent,
//! repeats itself or sends garbage proves nothing.
//!
//! # Shape
//! [`Region`] (who and what) → [`Generator`] (rows by time of receipt, in [`Chunk`]s) →
//! [`Backfill`] into a sink, or [`Live`] to a broker. A [`TruthLog`]
//! remembers the rows, and [`Truth`] computes from them what every answer must be.
//!
//! # Invariants
//! The same seed, municipalities and origin give the same rows, however the time is cut into chunks
//! and on however many threads the caller works.

pub mod backfill;
mod calendar;
mod chance;
mod demand;
mod device;
pub mod error;
pub mod fault;
pub mod generator;
pub mod live;
pub mod municipality;
mod number;
pub mod property;
pub mod region;
pub mod truth;

pub use backfill::{Backfill, BackfillError, BackfillReport, BackfillSink};
pub use error::SimulatorError;
pub use fault::FaultRates;
pub use generator::{Chunk, Garbage, Generator, Row};
pub use live::Live;
pub use municipality::Municipality;
pub use property::Property;
pub use region::{Region, RegionConfig};
pub use truth::{Truth, TruthLog};
