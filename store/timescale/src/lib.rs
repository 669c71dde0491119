//! The store on a PostgreSQL server, with TimescaleDB where the server has it: a database address
//! comes in, all of the store's capabilities go out.
//!
//! # Why
//! A region shares one database between several processes, backs it up with the tools its
//! administrators know, and joins it with what else they keep. The answers are the embedded
//! store's, row by row; the same suite holds both.
//!
//! # Shape
//! * [`TimescaleStore::connect`]: migrations under an advisory lock, then a pool.
//! * `writer`: one task; what queued during the last commit is one transaction: judge, `COPY …
//!   BINARY`.
//! * `scan`: `COPY (SELECT …) TO STDOUT BINARY`, decoded straight into Arrow.
//! * `binary`: the server's binary row format, both ways.
//!
//! # Limits
//! [`CONNECTIONS_COUNT_MAX`] → callers wait. [`QUEUE_ROWS_MAX`] → appends wait outside the queue.
//!
//! # Invariants
//! Right answers never depend on TimescaleDB: on plain PostgreSQL the table is one table, and only
//! speed and space are lost; [`TimescaleStore::edition`] says which it is. Every commit takes one
//! advisory lock, so stamps grow over all processes.

mod binary;
mod document;
mod edition;
mod error;
mod group;
mod scan;
mod schema;
mod segment;
mod store;
mod writer;

pub use edition::Edition;
pub use error::TimescaleError;
pub use store::{CONNECTIONS_COUNT_MAX, TimescaleStore};
pub use writer::QUEUE_ROWS_MAX;
