//! End to end: the built `arno`, real MQTT clients, real files; nothing of the inside is called.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test says loudly what went wrong, and reads top to bottom"
)]

mod broken;
mod broker;
mod browser;
mod canary;
mod crash;
mod house;
mod memory;
mod recorded;
mod river;
mod truth;
