//! The embedded store: a folder that keeps a region's observations, of one process, no server.
//!
//! # Why
//! A village has no database administrator. `append` returns when the data are on disk; after
//! kill -9 everything appended is there.
//!
//! # Shape
//! ```text
//! append ─▶ queue ─▶ writer thread: judge ─▶ log (redb, one fsync a group) ─▶ hot part ─▶ readers
//!                                                 hot part ─ flush ─▶ lake (Parquet under Delta)
//! ```
//!
//! # Limits
//! [`EmbeddedConfig`] bounds the queue and the hot part; a full queue makes appends wait.

mod capabilities;
mod config;
mod disk;
mod envelope;
mod error;
mod flush;
mod folder;
mod group;
mod hot;
mod job;
mod judge;
mod log;
mod lookup;
mod recovery;
mod refusal;
mod row;
mod salvage;
mod scan;
mod segment;
mod shared;
mod store;
mod touch;
mod touched;
mod view;
mod writer;

pub use config::EmbeddedConfig;
pub use store::EmbeddedStore;
