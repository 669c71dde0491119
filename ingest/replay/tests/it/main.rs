//! Replay from outside: the project's own fixtures into a store, the recorded data of Trento and
//! Birmingham where they stand beside the checkout, and a broker.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests fail loudly and say what they skip"
)]

mod broker;
mod fixtures;
mod recorded;
mod world;
