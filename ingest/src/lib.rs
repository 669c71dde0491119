//! Ingest: bytes from devices and brokers come in; observations that are durable, or refusals that
//! are, go out to the store, and only then the sender hears "yes".
//!
//! # Why
//! A device that was told "yes" forgets its reading. So an acknowledgement is a promise, and all
//! ways in (the embedded MQTT gateway, external brokers, push, replay) keep the same one.
//!
//! # Shape
//! gateway → [`delivery`] → [`decode`] → [`reading`] → [`admit`] → [`commit`] → the store.
//!
//! # Invariants
//! * Nothing accepted is lost silently: it is stored or in quarantine, and counted.
//! * Nothing of a payload that can name people's devices outlives its decoding.

#![warn(clippy::indexing_slicing)]

pub mod admit;
pub mod bridge;
mod chance;
pub mod commit;
pub mod config;
pub mod decode;
pub mod delivery;
pub mod error;
pub mod gateway;
pub mod ingest;
mod personal;
pub mod reading;
pub mod refusal;
pub mod route;

pub use bridge::{Bridge, BridgeParts, BrokerSettings, BrokerUrl};
pub use config::{ConfigError, IngestConfig};
pub use delivery::{Accepted, Delivered, Delivery, Problem, Route};
pub use error::IngestError;
pub use gateway::{Authority, Gateway, GatewayParts, GatewaySettings};
pub use ingest::{Ingest, IngestParts};
pub use reading::Reading;
