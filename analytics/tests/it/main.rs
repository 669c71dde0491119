//! Questions through the one door, over the in-memory store.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "tests may fail loudly, and read top to bottom"
)]

mod function;
mod limit;
mod own_product;
mod product;
mod refused;
mod table;
mod view;
mod wifi;
mod world;
