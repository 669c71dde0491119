//! The vocabulary of Arno as types: what a publisher, an area, a thing, an observed property and an
//! observation are, and the laws that hold for them wherever they are stored or computed.
//!
//! # Why
//! Every room (store, ingest, analytics, api) speaks these words and no other, so that a number
//! keeps its meaning from the device to the planner's page.
//!
//! # Invariants
//! No I/O and no async here; a value that exists is valid, since constructors check.

pub mod area;
pub mod bucket;
pub mod id;
pub mod ledger;
pub mod observation;
pub mod property;
pub mod publisher;
pub mod thing;
pub mod time;
pub mod version;

pub use area::{Area, AreaLevel, Membership};
pub use bucket::{Bucket, Zone};
pub use id::{AreaId, DatastreamKey, IdError, LocalId, PropertyId, PublisherId, ThingId};
pub use ledger::{Ledger, Outcome};
pub use observation::{Observation, ObservationError, Quality};
pub use property::{AreaMode, NumberType, ObservedProperty, SignalKind};
pub use publisher::{Publisher, PublisherKind};
pub use thing::{Location, Thing, ThingKind, VehicleKind};
pub use time::{TimeError, TimeRange, Timestamp};
pub use version::{Arrival, Version};
