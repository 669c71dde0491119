//! The HTTP face, asked from outside: requests go into a router over a store in memory, answers are
//! read as a client reads them.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test may fail loudly, its helpers too, and reads top to bottom"
)]

mod admin;
mod bench;
mod broken;
mod document;
mod doubles;
mod formats;
mod guards;
mod listening;
mod real;
mod registry;
mod served;
mod streaming;
