//! The pause before a change to a document is tried again: how often it failed comes in, a wait by
//! chance goes out.
//!
//! # Why
//! Writers that try again at once meet again at once: of six that do, one in four loses eight times
//! in a row. A wait that doubles, of which each takes a random part, lets them pass one after
//! another.
//!
//! # Limits
//! [`ATTEMPTS_COUNT_MAX`] tries, about five seconds in all; then the conflict is the caller's.

use std::time::Duration;

/// How often a change is tried: waits of 5 ms to 1 s add up to the patience of whoever applies.
pub(crate) const ATTEMPTS_COUNT_MAX: u32 = 14;
/// The longest first wait: about what one change takes.
const FIRST_MS: u64 = 5;
/// The longest wait.
const WAIT_MS_MAX: u64 = 1_000;

/// Waits before the try after the `attempt`-th, counted from 1.
pub(crate) async fn after(attempt: u32) {
    let longest = FIRST_MS
        .saturating_mul(1 << attempt.min(20))
        .min(WAIT_MS_MAX);
    tokio::time::sleep(Duration::from_millis(rand::random_range(0..=longest))).await;
}
