//! Ingest from outside: real MQTT clients against the gateway on a free port, and the bridge against
//! a real broker.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]
#![expect(clippy::panic, reason = "a test that can't go on fails")]
mod acks;
mod backend;
mod bridge;
mod broker;
mod canary;
mod client;
mod live;
mod rights;
mod stop;
mod tools;
mod wills;
mod world;
