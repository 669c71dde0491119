//! States: a series and its hold come in, the pieces of time in which a value is known go out, and
//! what they come to in each 15-minute bucket.
//!
//! # Why
//! The mean of a state's events is a wrong number: ten flickers in a minute outweigh a car parked
//! all day. So states are integrated over the time in which they are known.
//!
//! # Invariants
//! The value at a moment is that of the last sample at or before it, known while it has a value, is
//! younger than the hold and the thing is not offline. Pieces are sorted and disjoint, one for each
//! unbroken stretch of one observation. Integrals of whole numbers are exact.

use crate::signal::Span;
use crate::signal::series::Sample;

/// A stretch of time with a known value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Piece {
    /// From here,
    pub start: i64,
    /// to just before here.
    pub end: i64,
    /// The value.
    pub value: f64,
}

impl Piece {
    /// When.
    pub const fn span(&self) -> Span {
        Span::new(self.start, self.end)
    }
}

/// Hold without limit.
pub const HOLD_UNLIMITED_US: i64 = i64::MAX;

/// The known pieces of a state within `clip`: what lies outside the thing's life or after now.
///
/// `offline` are spans without the thing's measurements, sorted and disjoint; `hold_us` is the
/// longest time a value holds.
pub fn pieces(series: &[Sample], hold_us: i64, offline: &[Span], clip: Span) -> Vec<Piece> {
    let mut found = Vec::with_capacity(series.len());
    let mut offline_place = 0;
    for (place, sample) in series.iter().enumerate() {
        let Some(value) = sample.value else { continue };
        let next = series.get(place + 1).map_or(i64::MAX, |next| next.time);
        let end = next.min(sample.time.saturating_add(hold_us));
        let mut span = Span::new(sample.time, end).intersect(clip);
        while offline
            .get(offline_place)
            .is_some_and(|off| off.end <= span.start)
        {
            offline_place += 1;
        }
        for off in offline.get(offline_place..).unwrap_or(&[]) {
            if off.start >= span.end {
                break;
            }
            if off.start > span.start {
                found.push(piece(Span::new(span.start, off.start), value));
            }
            span.start = off.end.max(span.start);
        }
        if !span.is_empty() {
            found.push(piece(span, value));
        }
    }
    found
}

const fn piece(span: Span, value: f64) -> Piece {
    Piece {
        start: span.start,
        end: span.end,
        value,
    }
}

/// When a thing is offline: the known time of `online` = 0.
pub fn offline_spans(online: &[Sample], hold_us: i64) -> Vec<Span> {
    let known = pieces(online, hold_us, &[], Span::ALL);
    let zeros = known.iter().filter(|piece| piece.value == 0.0);
    let mut spans: Vec<Span> = Vec::new();
    for zero in zeros {
        match spans.last_mut() {
            Some(last) if last.end == zero.start => last.end = zero.end,
            _ => spans.push(zero.span()),
        }
    }
    spans
}

/// What a state comes to in one bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StateTally {
    /// Known time.
    pub known_us: i64,
    /// Σ value · µs, each value rounded to a whole number; exact for whole-number states.
    pub whole: i128,
    /// Σ value · µs as it is.
    pub real: f64,
    /// Least known value; infinite when none is known.
    pub min: f64,
    /// Greatest known value; −infinite when none is known.
    pub max: f64,
    /// 0→1 while the 0 was still known.
    pub arrivals: u32,
}

impl StateTally {
    /// Nothing known.
    pub const EMPTY: Self = Self {
        known_us: 0,
        whole: 0,
        real: 0.0,
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
        arrivals: 0,
    };
}

/// Greatest whole number that a result holds exactly: 2⁵³; greater ones count as this.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// A result as the nearest whole number, held within ±2⁵³.
#[expect(
    clippy::cast_possible_truncation,
    reason = "held within ±2⁵³, and NaN never is a result (it would become 0)"
)]
pub fn whole(value: f64) -> i64 {
    value.round().clamp(-WHOLE_MAX, WHOLE_MAX) as i64
}

/// Microseconds as a float: exact below 2⁵³ µs, that is 285 years.
#[expect(
    clippy::cast_precision_loss,
    reason = "spans here are far shorter than 285 years"
)]
pub const fn float_us(micros: i64) -> f64 {
    micros as f64
}

/// Goes through sorted pieces bucket by bucket without looking at any twice.
#[derive(Debug)]
pub struct StateWalk<'a> {
    pieces: &'a [Piece],
    place: usize,
}

impl<'a> StateWalk<'a> {
    /// A walk over sorted, disjoint pieces.
    pub const fn new(pieces: &'a [Piece]) -> Self {
        Self { pieces, place: 0 }
    }

    /// The tally of a bucket; buckets must come in ascending order.
    pub fn tally(&mut self, bucket: Span) -> StateTally {
        let mut tally = StateTally::EMPTY;
        while let Some(piece) = self.pieces.get(self.place) {
            if piece.start >= bucket.end {
                break;
            }
            let length_us = piece.span().intersect(bucket).length_us();
            if length_us > 0 {
                tally.known_us += length_us;
                tally.whole += i128::from(whole(piece.value)) * i128::from(length_us);
                tally.real += piece.value * float_us(length_us);
                tally.min = tally.min.min(piece.value);
                tally.max = tally.max.max(piece.value);
                tally.arrivals += u32::from(bucket.contains(piece.start) && self.is_arrival());
            }
            if piece.end > bucket.end {
                break;
            }
            self.place += 1;
        }
        tally
    }

    /// Whether the present piece begins with the arrival of a vehicle: before it, without a gap, a
    /// known 0, and now something else.
    fn is_arrival(&self) -> bool {
        let now = self.pieces.get(self.place);
        let before = self.place.checked_sub(1);
        let before = before.and_then(|place| self.pieces.get(place));
        match (before, now) {
            (Some(before), Some(now)) => {
                before.end == now.start && before.value == 0.0 && now.value > 0.0
            }
            _ => false,
        }
    }
}
