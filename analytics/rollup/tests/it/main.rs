//! Rollups through their public face, over the in-memory store.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly")]

mod area;
mod history;
mod law;
mod naive;
mod restart;
mod time;
mod world;
