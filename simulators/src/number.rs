//! Conversions between whole and broken numbers, in one place, so that every cast has its reason.
//!
//! # Invariants
//! Simulated times and counts lie far below 2^53, where both kinds of number agree exactly.

/// A whole number as a broken one.
#[expect(
    clippy::cast_precision_loss,
    reason = "simulated times in microseconds stay below 2^53 until the year 2255"
)]
pub(crate) const fn float_of(number: i64) -> f64 {
    number as f64
}

/// The nearest whole number; the ends of the range for what lies beyond, 0 for NaN.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a float cast saturates, and simulated counts are small"
)]
pub(crate) fn round_of(number: f64) -> i64 {
    number.round() as i64
}

/// The top 53 bits of a random word as a number in `[0, 1)`.
#[expect(
    clippy::cast_precision_loss,
    reason = "53 bits fit a float's mantissa exactly"
)]
pub(crate) fn unit_of(word: u64) -> f64 {
    (word >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
}

/// A count as a word for seeding; sizes here are far below 2^64.
pub(crate) fn word_of(index: usize) -> u64 {
    u64::try_from(index).unwrap_or(u64::MAX)
}
