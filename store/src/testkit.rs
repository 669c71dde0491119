//! The suite that every backend passes, the slow obvious store it is compared with, and a clock
//! that tests move.
//!
//! # Why
//! Village and region get the same answers only if one suite says what the answers are. The oracle
//! keeps rows in a list and looks at all of them for every question: nothing in it is clever.
//!
//! # Shape
//! [`conform`] plays random histories (appends in and out of order, repeats, corrections, nulls,
//! restarts) on a backend and on a [`MemoryStore`] and compares every answer. A failure prints the
//! seed and the smallest history found; `ARNO_TEST_SEED` replays it, `ARNO_TEST_CASES` sets how
//! many histories are played.

mod ask;
mod clock;
mod conform;
mod history;
mod memory;
mod play;

pub use clock::TestClock;
pub use conform::{Bench, Site, conform, seed_from_environment};
pub use memory::MemoryStore;
