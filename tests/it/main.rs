//! End to end: the built `arno`, real MQTT clients, real files; nothing of the inside is called.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says loudly what went wrong"
)]

mod house;
mod river;
