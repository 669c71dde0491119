//! Measurements of the whole: each program here stands a figure of Arno's beside the limit that the
//! machine sets, in the same run.
//!
//! # Why
//! A figure alone says nothing on a shared machine: beside `fdatasync`, or beside the same gateway
//! without its store, it says what is left to win.

pub mod device;
pub mod disk;
pub mod town;
