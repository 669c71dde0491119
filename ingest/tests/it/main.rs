//! Ingest from outside: real MQTT clients against the gateway on a free port, and the bridge
//! against a real broker.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test that can't go on fails, and reads top to bottom"
)]
mod acks;
mod backend;
mod bridge;
mod broker;
mod canary;
mod client;
mod live;
mod rights;
mod stop;
mod tls;
mod tools;
mod wills;
mod world;
