//! Measurements of the whole: each program here stands a figure of Arno's beside the limit that the
//! machine sets, in the same run.
//!
//! # Why
//! A figure alone says nothing on a shared machine: beside `fdatasync`, beside the same gateway
//! without its store, or beside a subscriber that discards, it says what is left to win.

pub mod broker;
pub mod device;
pub mod disk;
pub mod machine;
pub mod subscriber;
pub mod town;
