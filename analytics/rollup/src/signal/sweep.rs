//! The most at once: pieces of several states come in, the greatest sum at any one moment goes out.
//!
//! # Why
//! A cell is hidden by the most clients that it ever held at once. The sum of each thing's own
//! maximum is more than that, the maximum of the means is less.
//!
//! # Invariants
//! What is unknown at a moment adds nothing to it. At a moment where one piece ends and another
//! begins, only the beginning one counts. The result does not depend on the order of the things
//! for whole numbers.

use crate::signal::Span;
use crate::signal::state::Piece;

/// Finds peaks; keeps its memory from bucket to bucket.
#[derive(Debug, Default)]
pub struct PeakFinder {
    events: Vec<(i64, f64)>,
}

impl PeakFinder {
    /// Adds the pieces of one state that meet a bucket.
    pub fn add(&mut self, pieces: &[Piece], bucket: Span) {
        let first = pieces.partition_point(|piece| piece.end <= bucket.start);
        for piece in pieces.get(first..).unwrap_or(&[]) {
            if piece.start >= bucket.end {
                break;
            }
            let span = piece.span().intersect(bucket);
            self.events.push((span.start, piece.value));
            self.events.push((span.end, -piece.value));
        }
    }

    /// The greatest sum at any moment of what was added since the last call; `None` when nothing
    /// was.
    pub fn take(&mut self) -> Option<f64> {
        if self.events.is_empty() {
            return None;
        }
        // Stable: pieces that begin together are added in the order of their things.
        self.events.sort_by_key(|(time, _)| *time);
        let mut at_once = 0.0;
        let mut peak = f64::NEG_INFINITY;
        let mut place = 0;
        while let Some((time, _)) = self.events.get(place).copied() {
            while let Some((_, change)) = self.events.get(place).filter(|event| event.0 == time) {
                at_once += change;
                place += 1;
            }
            if place < self.events.len() {
                peak = peak.max(at_once);
            }
        }
        self.events.clear();
        Some(peak)
    }
}
