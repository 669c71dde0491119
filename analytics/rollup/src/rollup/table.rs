//! A UTC day's rows, sorted: changed stretches come in, a new table and what changed go out.
//!
//! # Invariants
//! Rows stand by (key or slot, bucket) without repeats. A replaced stretch that says the same keeps
//! its rows, with their revision and time of computing.

use std::collections::HashMap;
use std::ops::Range;

use crate::rollup::row::Row;
use crate::signal::Span;

/// Sorted rows with an index of their series.
#[derive(Debug, Clone)]
pub struct Table<R> {
    rows: Vec<R>,
    index: HashMap<i32, Range<usize>>,
}

impl<R> Default for Table<R> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            index: HashMap::new(),
        }
    }
}

/// A stretch of one series that was computed anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The key or slot.
    pub series: i32,
    /// Whole buckets.
    pub span: Span,
}

/// When and for whom rows were computed.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    /// The store's clock.
    pub computed_at: i64,
    /// Buckets that ended before or at this moment had been computed before: what differs is a
    /// change of theirs.
    pub closed_before: i64,
}

impl<R: Row> Table<R> {
    /// From sorted rows.
    pub fn of(rows: Vec<R>) -> Self {
        let mut index: HashMap<i32, Range<usize>> = HashMap::new();
        for (place, row) in rows.iter().enumerate() {
            let range = index.entry(row.place().0).or_insert(place..place);
            range.end = place + 1;
        }
        Self { rows, index }
    }

    /// All rows.
    pub fn rows(&self) -> &[R] {
        &self.rows
    }

    /// Bytes held, about.
    pub fn bytes(&self) -> usize {
        self.rows.len() * size_of::<R>() + self.index.len() * 32
    }

    /// The rows of a series within a span, by bucket.
    pub fn of_series(&self, series: i32, span: Span) -> &[R] {
        let range = self.index.get(&series).cloned().unwrap_or(0..0);
        let rows = self.rows.get(range).unwrap_or(&[]);
        let from = rows.partition_point(|row| row.place().1 < span.start);
        let to = rows.partition_point(|row| row.place().1 < span.end);
        rows.get(from..to).unwrap_or(&[])
    }

    /// The table with stretches replaced by `fresh` rows (both sorted, stretches disjoint), and the
    /// places that say something else than before.
    pub fn replaced(
        &self,
        stretches: &[Stretch],
        fresh: &[R],
        stamp: Stamp,
    ) -> (Self, Vec<(i32, i64)>) {
        let mut rows = Vec::with_capacity(self.rows.len() + fresh.len());
        let mut changed = Vec::new();
        let (mut old_rest, mut fresh_rest) = (self.rows.as_slice(), fresh);
        for stretch in stretches {
            let from = (stretch.series, stretch.span.start);
            let to = (stretch.series, stretch.span.end);
            rows.extend_from_slice(take_until(&mut old_rest, from));
            let old = take_until(&mut old_rest, to);
            let _before = take_until(&mut fresh_rest, from);
            let new = take_until(&mut fresh_rest, to);
            merge_stretch(old, new, stamp, &mut rows, &mut changed);
        }
        rows.extend_from_slice(old_rest);
        (Self::of(rows), changed)
    }
}

/// The rows before a place; takes them away.
fn take_until<'a, R: Row>(rest: &mut &'a [R], place: (i32, i64)) -> &'a [R] {
    let count = rest.partition_point(|row| row.place() < place);
    let (taken, left) = rest.split_at(count);
    *rest = left;
    taken
}

fn merge_stretch<R: Row>(
    mut old: &[R],
    mut new: &[R],
    stamp: Stamp,
    rows: &mut Vec<R>,
    changed: &mut Vec<(i32, i64)>,
) {
    loop {
        let places = (old.first().map(Row::place), new.first().map(Row::place));
        let (take_old, take_new) = match places {
            (None, None) => return,
            (Some(_), None) => (true, false),
            (None, Some(_)) => (false, true),
            (Some(left), Some(right)) => (left <= right, right <= left),
        };
        let kept = if take_old { old.split_first() } else { None };
        let fresh = if take_new { new.split_first() } else { None };
        if let Some((_, rest)) = kept {
            old = rest;
        }
        if let Some((_, rest)) = fresh {
            new = rest;
        }
        let (kept, fresh) = (kept.map(|(row, _)| row), fresh.map(|(row, _)| row));
        if let Some((row, is_change)) = settled(kept, fresh, stamp) {
            rows.push(row);
            if is_change {
                changed.push(row.place());
            }
        }
    }
}

/// The row that stands after a computing, and whether it says something new.
fn settled<R: Row>(kept: Option<&R>, fresh: Option<&R>, stamp: Stamp) -> Option<(R, bool)> {
    let place = kept.or(fresh)?.place();
    let blank = R::blank(place.0, place.1);
    let mut row = fresh.copied().unwrap_or(blank);
    let before = kept.copied().unwrap_or(blank);
    let is_same = row.says_as(&before) || (row.is_blank() && before.is_blank());
    if let Some(kept) = kept.filter(|_| is_same) {
        return Some((*kept, false));
    }
    if is_same {
        return None;
    }
    let was_closed = place.1 < stamp.closed_before;
    let revision = if was_closed {
        before.revision().saturating_add(1)
    } else {
        before.revision()
    };
    row.stamp(revision, stamp.computed_at);
    Some((row, true))
}
