//! Replay: recorded files and a mapping come in; readings in the order in which they were once
//! received go out, into ingest or through a broker.
//!
//! # Why
//! The first data a town has are exports: CSV from a car park's office, Parquet from somebody who
//! polled a feed for a year. A declarative mapping says what they mean, and nothing is guessed.
//! Played on the recorded clock, they give the answers that would have been given then.
//!
//! # Shape
//! files → [`source`] (rows of cells) → [`mapping`] (readings, refusals, ignored fields) →
//! [`recording`] (by time of receipt) → [`Replay`] (portions, at a speed) → a [`Sink`].
//!
//! # Invariants
//! Every field that the mapping reads becomes one reading, one refusal or one ignored field: the
//! ledger closes.

#![warn(clippy::indexing_slicing)]

mod cell;
mod decode;
pub mod error;
pub mod mapping;
pub mod recording;
mod replay;
pub mod sink;
pub mod source;

pub use error::{MappingFault, MappingFaults, ReplayError};
pub use mapping::Mapping;
pub use recording::{Portion, Recording};
pub use replay::{Played, Progress, Replay, SPEED_MAX, Speed};
pub use sink::{BrokerSink, IngestSink, Sink};
