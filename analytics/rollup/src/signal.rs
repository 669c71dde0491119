//! What signals mean over time: one thing's sorted series come in, known pieces and the tallies of
//! 15-minute buckets go out.
//!
//! # Why
//! Here stands the meaning of every number, as pure functions without I/O. Rollups, open buckets,
//! `as_of` questions and intervals all call these, so they can't disagree.
//!
//! # Shape
//! Times are microseconds since the epoch as `i64`, spans half-open. A series is sorted by time
//! without repeats and holds the winning versions alone.
//!
//! # Invariants
//! What a bucket holds depends on the series and the bucket, never on the range it was computed in:
//! the tests compare with a program that asks every moment.

pub mod amount;
pub mod joint;
pub mod series;
pub mod state;
pub mod sweep;
pub mod timeline;

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

use arno_model::bucket::BASE_US;

/// `[start, end)` in microseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// The first moment inside.
    pub start: i64,
    /// The first moment after.
    pub end: i64,
}

impl Span {
    /// Nothing before, nothing after.
    pub const ALL: Self = Self {
        start: i64::MIN,
        end: i64::MAX,
    };

    /// `[start, end)`.
    pub const fn new(start: i64, end: i64) -> Self {
        Self { start, end }
    }

    /// Whether no moment is inside.
    pub const fn is_empty(self) -> bool {
        self.end <= self.start
    }

    /// Whether a moment is inside.
    pub const fn contains(self, moment: i64) -> bool {
        self.start <= moment && moment < self.end
    }

    /// What lies in both.
    #[must_use]
    pub fn intersect(self, other: Self) -> Self {
        Self {
            start: self.start.max(other.start),
            end: self.end.min(other.end),
        }
    }

    /// Length in microseconds, 0 when empty.
    pub const fn length_us(self) -> i64 {
        let length = self.end.saturating_sub(self.start);
        if length < 0 { 0 } else { length }
    }

    /// The 15-minute buckets that a span from a bucket's start to a bucket's end holds, in order.
    pub fn buckets(self) -> impl Iterator<Item = Self> {
        let count = self.length_us() / BASE_US;
        (0..count).map(move |place| {
            let start = self.start + place * BASE_US;
            Self::new(start, start + BASE_US)
        })
    }
}

/// What of a span lies outside another.
pub fn without(span: Span, other: Span) -> Vec<Span> {
    if span.intersect(other).is_empty() {
        return vec![span];
    }
    vec![
        Span::new(span.start, other.start.min(span.end)),
        Span::new(other.end.max(span.start), span.end),
    ]
    .into_iter()
    .filter(|span| !span.is_empty())
    .collect()
}

/// Joins spans that meet or overlap.
pub fn joined(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable_by_key(|span| (span.start, span.end));
    let mut joined: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match joined.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => joined.push(span),
        }
    }
    joined
}

/// The start of the 15-minute bucket that holds a moment.
pub const fn bucket_floor(moment: i64) -> i64 {
    moment.div_euclid(BASE_US) * BASE_US
}

/// The first start of a 15-minute bucket at or after a moment.
pub const fn bucket_ceil(moment: i64) -> i64 {
    -bucket_floor(-moment)
}
