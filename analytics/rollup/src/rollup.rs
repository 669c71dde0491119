//! Rollups: closed 15-minute buckets come from observations, are kept by UTC day, and answer.
//!
//! # Why
//! Dashboards ask the same buckets over and over; raw observations are for drill-down. What an
//! append, a registry change or the passing of time touches is computed anew, and nothing else.
//!
//! # Shape
//! [`row`] is what is kept, [`table`] a day of it, [`view`] all of it at one moment. [`dirty`] says
//! what must be computed, [`work`] does it with [`compute`]. `answer` reads; open buckets and
//! `as_of` questions go through the same [`tally`] and [`cells`].

pub mod answer;
pub mod capacity;
pub mod cells;
pub mod close;
pub mod codec;
pub mod compute;
pub mod dirty;
pub mod engine;
pub mod keep;
pub mod load;
pub mod mark;
pub mod plan;
pub mod row;
pub mod table;
pub mod tally;
pub mod view;
pub mod work;

#[cfg(test)]
mod tests;

pub use engine::{Refreshed, RollupConfig, Rollups};
