//! Questions through the one door, over the in-memory store.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly")]

mod function;
mod limit;
mod own_product;
mod product;
mod refused;
mod table;
mod view;
mod wifi;
mod world;
