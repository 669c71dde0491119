//! What must be computed anew: touched times come in, spans of whole closed buckets go out.
//!
//! # Invariants
//! The spans hold every bucket whose rows can differ; that they may hold more costs time and
//! nothing else, since rows that say the same stay as they are.

use std::collections::BTreeMap;

use arno_model::SignalKind;
use arno_model::TimeRange;
use arno_model::time::DAY_US;

use crate::layout::{Layout, StreamPlan};
use crate::signal::series::micros;
use crate::signal::{Span, bucket_ceil, bucket_floor};

/// One thing's span to compute anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThingDirt {
    /// The thing, by place.
    pub thing: usize,
    /// Whole buckets.
    pub span: Span,
    /// Whether its cells are computed even where its rows say the same: what is expected of it, or
    /// the pieces under a peak, may differ.
    pub has_cells: bool,
}

/// What to compute anew.
#[derive(Debug, Default)]
pub struct Dirt {
    things: BTreeMap<usize, Vec<(Span, bool)>>,
    cells: BTreeMap<usize, Vec<Span>>,
}

impl Dirt {
    /// Marks a thing; the span is rounded to whole buckets.
    pub fn add_thing(&mut self, thing: usize, span: Span, has_cells: bool) {
        let span = rounded(span);
        if !span.is_empty() {
            self.things
                .entry(thing)
                .or_default()
                .push((span, has_cells));
        }
    }

    /// Marks a cell.
    pub fn add_cell(&mut self, cell: usize, span: Span) {
        let span = rounded(span);
        if !span.is_empty() {
            self.cells.entry(cell).or_default().push(span);
        }
    }

    /// Whether nothing is marked.
    pub fn is_empty(&self) -> bool {
        self.things.is_empty() && self.cells.is_empty()
    }

    /// Marks what an observation in `times` of a stream can have changed before `frontier`.
    pub fn touch(
        &mut self,
        layout: &Layout,
        stream: (usize, usize),
        times: TimeRange,
        frontier: i64,
    ) {
        let (thing, place) = stream;
        let Some(plan) = layout.thing(thing) else {
            return;
        };
        let Some(stream) = plan.streams.get(place) else {
            return;
        };
        let times = Span::new(micros(times.start), micros(times.end));
        let span = reach(stream, times).intersect(Span::new(i64::MIN, frontier));
        let is_capacity = plan.capacity == Some(place);
        let is_online = plan.online == Some(place);
        if !stream.is_kept && !is_capacity && !is_online {
            return;
        }
        let has_peak =
            stream.has_peak() || (is_online && plan.streams.iter().any(StreamPlan::has_peak));
        let has_cells = is_capacity || has_peak;
        self.add_thing(thing, span, has_cells);
    }

    /// Takes the marks of the next window, at most `width` streams × days wide, out; in time order.
    pub fn take_window(&mut self, layout: &Layout, stream_days_max: usize) -> Option<Window> {
        let thing_starts = self.things.values().flatten().map(|(span, _)| span.start);
        let cell_starts = self.cells.values().flatten().map(|span| span.start);
        let start = thing_starts.chain(cell_starts).min()?;
        let streams = |thing: &usize| layout.thing(*thing).map_or(0, |plan| plan.streams.len());
        let cell_size = |cell: &usize| {
            layout
                .cells()
                .get(*cell)
                .map_or(0, |cell| cell.members.len())
        };
        let stream_count: usize = self.things.keys().map(streams).sum::<usize>()
            + self.cells.keys().map(cell_size).sum::<usize>();
        let days = (stream_days_max / stream_count.max(1)).clamp(1, WINDOW_DAYS_MAX);
        let days = i64::try_from(days).unwrap_or(1);
        let end = (start.div_euclid(DAY_US) + days) * DAY_US;
        Some(self.take_until(Span::new(start, end)))
    }

    /// Takes the marks within a span out.
    pub fn take_until(&mut self, span: Span) -> Window {
        let mut window = Window {
            span,
            things: Vec::new(),
            cells: Vec::new(),
        };
        self.things.retain(|thing, spans| {
            let mut left = Vec::new();
            let mut taken: Vec<(Span, bool)> = Vec::new();
            for (marked, has_cells) in spans.drain(..) {
                let inside = marked.intersect(span);
                if !inside.is_empty() {
                    taken.push((inside, has_cells));
                }
                let after = marked.intersect(Span::new(span.end, i64::MAX));
                if !after.is_empty() {
                    left.push((after, has_cells));
                }
            }
            for (span, has_cells) in joined(taken) {
                window.things.push(ThingDirt {
                    thing: *thing,
                    span,
                    has_cells,
                });
            }
            *spans = left;
            !spans.is_empty()
        });
        self.cells.retain(|cell, spans| {
            let taken = spans.iter().map(|marked| (marked.intersect(span), false));
            let taken: Vec<_> = taken.filter(|(span, _)| !span.is_empty()).collect();
            window
                .cells
                .extend(joined(taken).into_iter().map(|(span, _)| (*cell, span)));
            let after = Span::new(span.end, i64::MAX);
            let left = spans.iter().map(|marked| marked.intersect(after));
            *spans = left.filter(|span| !span.is_empty()).collect();
            !spans.is_empty()
        });
        window
    }

    /// Puts a window's marks back, to be taken in smaller parts.
    pub fn put_back(&mut self, window: Window) {
        for dirt in window.things {
            self.add_thing(dirt.thing, dirt.span, dirt.has_cells);
        }
        for (cell, span) in window.cells {
            self.add_cell(cell, span);
        }
    }
}

/// Marks within one stretch of time.
#[derive(Debug)]
pub struct Window {
    /// The stretch.
    pub span: Span,
    /// Things, by place; spans of one thing disjoint and ascending.
    pub things: Vec<ThingDirt>,
    /// Cells, by place; spans of one cell disjoint and ascending.
    pub cells: Vec<(usize, Span)>,
}

/// Longest window: a month keeps the number of scans small and a window's rows in memory.
pub const WINDOW_DAYS_MAX: usize = 32;

fn rounded(span: Span) -> Span {
    if span.is_empty() {
        return Span::new(0, 0);
    }
    Span::new(bucket_floor(span.start), bucket_ceil(span.end))
}

/// The times at which observations within `times` can make a difference.
///
/// A state holds at most its hold; the microsecond more is the arrival at its very end. A counter's
/// growth reaches to both neighbours, a delta back over its period.
fn reach(stream: &StreamPlan, times: Span) -> Span {
    let back_us = stream.reach_back_us();
    let mut on_us = stream.reach_on_us();
    if stream.property.signal == SignalKind::State {
        on_us = on_us.saturating_add(1);
    }
    Span::new(
        times.start.saturating_sub(back_us),
        times.end.saturating_add(on_us),
    )
}

/// Joins spans that meet or overlap.
fn joined(mut spans: Vec<(Span, bool)>) -> Vec<(Span, bool)> {
    spans.sort_by_key(|(span, _)| (span.start, span.end));
    let mut joined: Vec<(Span, bool)> = Vec::with_capacity(spans.len());
    for (span, has_cells) in spans {
        match joined.last_mut() {
            Some((last, last_has)) if span.start <= last.end => {
                last.end = last.end.max(span.end);
                *last_has |= has_cells;
            }
            _ => joined.push((span, has_cells)),
        }
    }
    joined
}
