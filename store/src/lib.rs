//! The time-series store as the other rooms see it: traits, the registry and tokens; no database.
//!
//! # Why
//! A village runs on a folder and a region on TimescaleDB; both must give the same answers. So the
//! rooms above speak to the traits here, each backend is a package of its own beside this one, and
//! one suite (feature `testkit`) holds every backend against an in-memory oracle.
//!
//! # Invariants
//! * [`ObservationWriter::append`] returns after the data are durable, and what it counts is
//!   committed together with them.
//! * Versions are append-only under (datastream, time); [`arno_model::version`] judges them.
//! * All backends answer a [`Scan`] with the same rows in the same order.

pub mod append;
pub mod backend;
pub mod clock;
pub mod error;
mod pause;
pub mod registry;
pub mod scan;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod token;

pub use append::{Append, Appended, ClockMark, QuarantineEntry, QuarantineReason, Quarantined};
pub use backend::{
    Backend, DatastreamName, DatastreamRegister, Datastreams, Document, Documents, Maintenance,
    ObservationReader, ObservationWriter, QuarantineFilter, QuarantineLog, Segments, StoreHealth,
};
pub use clock::{Clock, ClockState};
pub use error::{Retry, StoreError};
pub use registry::{Bundle, Registry, RegistryError, RegistryKeeper};
pub use scan::{BatchStream, Scan, Streams, Touched, Versions};
pub use token::{Role, TokenBook, TokenError};
