//! Rollups through their public face, over the in-memory store.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "tests may fail loudly, and read top to bottom"
)]

mod area;
mod fast;
mod history;
mod law;
mod naive;
mod restart;
mod speed;
mod time;
mod world;
