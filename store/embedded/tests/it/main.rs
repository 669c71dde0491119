//! The embedded store from outside.
#![expect(clippy::unwrap_used, reason = "tests may fail loudly")]

mod conformance;
mod crash;
mod damage;
mod files;
mod moment;
mod place;
