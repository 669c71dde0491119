//! Capacity over a thing's life: what the registry declares and what the thing reported come in,
//! one step function goes out.
//!
//! # Why
//! Capacity holds without limit. A row for every quarter of an hour of a lot that fell silent years
//! ago would be kept for ever and say nothing; the step function says the same in a few numbers.
//!
//! # Invariants
//! The registry's capacity is an observation at its `valid_from`; a reported value replaces it from
//! its own time on (at the same time the report wins), and a later declaration replaces that.

use crate::signal::Span;
use crate::signal::series::Sample;
use crate::signal::state::{Piece, pieces, whole};

/// Merges declared capacities into reported ones; both sorted by time.
pub fn with_declared(declared: &[Sample], reported: &[Sample]) -> Vec<Sample> {
    let mut merged = Vec::with_capacity(declared.len() + reported.len());
    let mut rest = reported;
    for sample in declared {
        let before = rest.partition_point(|report| report.time < sample.time);
        let (earlier, later) = rest.split_at(before);
        merged.extend_from_slice(earlier);
        rest = later;
        if rest.first().is_none_or(|report| report.time != sample.time) {
            merged.push(*sample);
        }
    }
    merged.extend_from_slice(rest);
    merged
}

/// Known capacity as a step function of whole places; sorted, disjoint, neighbours differ.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Timeline {
    steps: Vec<Piece>,
}

impl Timeline {
    /// From merged samples, within the thing's life and up to now.
    pub fn of(samples: &[Sample], hold_us: i64, clip: Span) -> Self {
        let mut timeline = Self::default();
        for piece in pieces(samples, hold_us, &[], clip) {
            timeline.push(piece);
        }
        timeline
    }

    /// From kept steps.
    pub fn from_steps(steps: impl IntoIterator<Item = (i64, i64, i64)>) -> Self {
        let mut timeline = Self::default();
        for (start, end, places) in steps {
            timeline.push(Piece {
                start,
                end,
                value: places_float(places),
            });
        }
        timeline
    }

    /// The steps: start, end, places.
    pub fn steps(&self) -> impl Iterator<Item = (i64, i64, i64)> + '_ {
        let steps = self.steps.iter();
        steps.map(|step| (step.start, step.end, whole(step.value)))
    }

    /// Adds a step after the last one.
    fn push(&mut self, piece: Piece) {
        let value = places_float(whole(piece.value));
        match self.steps.last_mut() {
            Some(last) if last.end == piece.start && last.value.to_bits() == value.to_bits() => {
                last.end = piece.end;
            }
            _ => self.steps.push(Piece { value, ..piece }),
        }
    }

    /// What was, with everything from `from` on replaced by `later`'s.
    #[must_use]
    pub fn replaced_from(&self, from: i64, later: &Self) -> Self {
        let mut joined = Self::default();
        let cut = |steps: &[Piece], within: Span, joined: &mut Self| {
            for step in steps {
                let span = step.span().intersect(within);
                if !span.is_empty() {
                    joined.push(Piece {
                        start: span.start,
                        end: span.end,
                        value: step.value,
                    });
                }
            }
        };
        cut(&self.steps, Span::new(i64::MIN, from), &mut joined);
        cut(&later.steps, Span::new(from, i64::MAX), &mut joined);
        joined
    }

    /// ∫capacity dt over a span, places · µs.
    pub fn integral(&self, span: Span) -> i128 {
        let first = self.steps.partition_point(|step| step.end <= span.start);
        let steps = self.steps.get(first..).unwrap_or(&[]).iter();
        steps
            .take_while(|step| step.start < span.end)
            .map(|step| {
                let length_us = step.span().intersect(span).length_us();
                i128::from(whole(step.value)) * i128::from(length_us)
            })
            .sum()
    }

    /// The first moment from `from` on at which two timelines differ, up to `to`.
    pub fn first_difference(&self, other: &Self, from: i64, to: i64) -> Option<i64> {
        let window = Span::new(from, to);
        let within = |timeline: &Self| -> Vec<(i64, i64, u64)> {
            let steps = timeline
                .steps
                .iter()
                .map(|step| (step.span().intersect(window), step));
            let steps = steps.filter(|(span, _)| !span.is_empty());
            steps
                .map(|(span, step)| (span.start, span.end, step.value.to_bits()))
                .collect()
        };
        let (mine, theirs) = (within(self), within(other));
        let same = mine
            .iter()
            .zip(&theirs)
            .take_while(|(left, right)| left == right)
            .count();
        match (mine.get(same), theirs.get(same)) {
            (None, None) => None,
            (Some(step), None) | (None, Some(step)) => Some(step.0),
            (Some(left), Some(right)) if left.0 != right.0 => Some(left.0.min(right.0)),
            (Some(left), Some(right)) if left.2 != right.2 => Some(left.0),
            (Some(left), Some(right)) => Some(left.1.min(right.1)),
        }
    }

    /// Whether nothing is known at any time.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Bytes it takes, about.
    pub fn bytes(&self) -> usize {
        self.steps.len() * size_of::<Piece>()
    }
}

/// A whole number of places as a sample's value.
#[expect(
    clippy::cast_precision_loss,
    reason = "whole numbers here are within ±2⁵³"
)]
pub const fn places_float(places: i64) -> f64 {
    places as f64
}
