//! Base rows for an answer, part by part: kept ones where buckets are closed, computed ones where
//! they are open, as of an earlier moment, or of streams whose rows are not kept.
//!
//! # Shape
//! A part lies within one UTC day and is either closed or not.
//!
//! # Limits
//! What is computed is read window by window, at most [`SAMPLES_MAX`] samples each.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use arno_model::bucket::BASE_US;
use arno_model::time::DAY_US;
use arno_store::Streams;

use crate::error::RollupError;
use crate::layout::Layout;
use crate::rollup::answer::sight::Sight;
use crate::rollup::capacity::timeline;
use crate::rollup::cells::Source;
use crate::rollup::codec::DayTables;
use crate::rollup::compute::add_pieces;
use crate::rollup::engine::{Inner, aside};
use crate::rollup::load::{Reading, SAMPLES_MAX, SeriesSet, read};
use crate::rollup::row::{Row as _, ThingRow, Thresholds};
use crate::rollup::table::Table;
use crate::rollup::tally::{Horizon, ThingView, Wanted};
use crate::rollup::view::{day_of, days_of};
use crate::signal::state::Piece;
use crate::signal::timeline::Timeline;
use crate::signal::{Span, bucket_ceil, bucket_floor};

/// What an answer needs of its things.
#[derive(Debug, Clone, Default)]
pub struct Wants {
    /// Which things, by place.
    pub things: Vec<usize>,
    /// Whether rows that are not kept are wanted of closed buckets too.
    pub unkept: bool,
    /// Whether pieces are wanted of closed buckets too: peaks that are not kept.
    pub pieces: bool,
}

/// A part of an answer's time.
#[derive(Debug)]
pub struct Part {
    /// Whole buckets.
    pub span: Span,
    /// The day's kept rows, where the part is closed.
    pub kept: DayTables,
    /// Whether the part is closed.
    pub is_closed: bool,
    computed: Arc<Computed>,
    timelines: Arc<Vec<Arc<Timeline>>>,
}

#[derive(Debug, Default)]
struct Computed {
    rows: BTreeMap<i32, Table<ThingRow>>,
    pieces: HashMap<i32, Vec<Piece>>,
    timelines: HashMap<usize, Timeline>,
}

impl Part {
    fn computed_rows(&self, key: i32, span: Span) -> &[ThingRow] {
        let table = self.computed.rows.get(&day_of(self.span.start));
        table.map_or(&[], |table| table.of_series(key, span))
    }
}

impl Source for Part {
    fn rows(&self, key: i32, span: Span) -> &[ThingRow] {
        let kept = self.kept.things.of_series(key, span);
        if kept.is_empty() {
            self.computed_rows(key, span)
        } else {
            kept
        }
    }

    fn capacity(&self, thing: usize) -> Option<&Timeline> {
        if self.is_closed {
            return self.timelines.get(thing).map(Arc::as_ref);
        }
        self.computed.timelines.get(&thing)
    }

    fn pieces(&self, key: i32) -> &[Piece] {
        self.computed.pieces.get(&key).map_or(&[], Vec::as_slice)
    }
}

/// Streams × days of one reading.
const STREAM_DAYS_MAX: i64 = 8_192;

/// Reads parts in time order.
#[derive(Debug)]
pub struct BaseReader<'a> {
    inner: &'a Inner,
    sight: &'a Sight,
    wants: &'a Wants,
    keys: Streams,
    ahead_us: i64,
    window_us: i64,
    cursor: i64,
    end: i64,
    ready: VecDeque<Part>,
}

impl<'a> BaseReader<'a> {
    /// Reads a range of whole buckets, up to now.
    pub fn new(inner: &'a Inner, sight: &'a Sight, wants: &'a Wants, range: Span) -> Self {
        let layout = &sight.view.layout;
        let plans = wants.things.iter().filter_map(|thing| layout.thing(*thing));
        let streams: Vec<_> = plans.flat_map(|plan| &plan.streams).collect();
        let keys: Vec<_> = streams.iter().filter_map(|stream| stream.key).collect();
        let ahead_us = streams
            .iter()
            .map(|stream| stream.reach_back_us())
            .max()
            .unwrap_or(0);
        let stream_count = i64::try_from(keys.len()).unwrap_or(i64::MAX).max(1);
        Self {
            inner,
            sight,
            wants,
            keys: Streams::of(keys),
            ahead_us,
            window_us: (STREAM_DAYS_MAX / stream_count).clamp(1, 32) * DAY_US,
            cursor: range.start,
            end: range.end.min(bucket_ceil(sight.now)),
            ready: VecDeque::new(),
        }
    }

    /// The next part; `None` at the end.
    ///
    /// # Errors
    /// [`RollupError`] from the store.
    pub async fn next(&mut self) -> Result<Option<Part>, RollupError> {
        loop {
            if let Some(part) = self.ready.pop_front() {
                return Ok(Some(part));
            }
            if self.cursor >= self.end {
                return Ok(None);
            }
            let is_closed = self.cursor < self.sight.closed_until;
            if is_closed && !self.wants.unkept && !self.wants.pieces {
                return self.kept_part().await.map(Some);
            }
            self.read_window(is_closed).await?;
        }
    }

    async fn kept_part(&mut self) -> Result<Part, RollupError> {
        let day_end = (self.cursor.div_euclid(DAY_US) + 1) * DAY_US;
        let end = day_end.min(self.end).min(self.sight.closed_until);
        let span = Span::new(self.cursor, end);
        self.cursor = end;
        self.part(span, true, Arc::default()).await
    }

    async fn part(
        &self,
        span: Span,
        is_closed: bool,
        computed: Arc<Computed>,
    ) -> Result<Part, RollupError> {
        let day = self
            .sight
            .view
            .days
            .get(&day_of(span.start))
            .filter(|_| is_closed);
        let kept = match day {
            Some(day) => self.inner.tables(day).await?,
            None => DayTables::default(),
        };
        let timelines = Arc::clone(&self.sight.view.timelines);
        Ok(Part {
            span,
            kept,
            is_closed,
            computed,
            timelines,
        })
    }

    async fn read_window(&mut self, is_closed: bool) -> Result<(), RollupError> {
        let end = if is_closed {
            self.end.min(self.sight.closed_until)
        } else {
            self.end
        };
        let day_start = self.cursor.div_euclid(DAY_US) * DAY_US;
        let mut span = Span::new(self.cursor, end.min(day_start + self.window_us));
        let horizon = if is_closed {
            Horizon::closed(self.sight.closed_until)
        } else {
            self.sight.horizon()
        };
        let set = loop {
            let ahead = span
                .end
                .saturating_add(self.ahead_us)
                .min(horizon.samples_end);
            let is_least = span.length_us() <= BASE_US;
            let reading = Reading {
                streams: self.keys.clone(),
                span: Span::new(span.start, ahead.max(span.end).min(horizon.samples_end)),
                as_of: self.sight.as_of,
            };
            let samples_max = if is_least { usize::MAX } else { SAMPLES_MAX };
            match read(self.inner.backend(), reading, samples_max).await? {
                Some(set) => break set,
                None => {
                    let half = bucket_floor(span.start + span.length_us() / 2);
                    span.end = half.max(span.start + BASE_US);
                    self.window_us = (self.window_us / 2).max(DAY_US);
                }
            }
        };
        self.cursor = span.end;
        let job = WindowJob {
            layout: Arc::clone(&self.sight.view.layout),
            things: self.wants.things.clone(),
            set,
            span,
            wanted: if is_closed {
                Wanted::Unkept
            } else {
                Wanted::All
            },
            horizon,
            thresholds: self.inner.thresholds(),
            computed_at: self.sight.now,
        };
        let computed = Arc::new(aside(move || Ok(job.compute())).await?);
        for (_, part) in days_of(span) {
            let part = self.part(part, is_closed, Arc::clone(&computed)).await?;
            self.ready.push_back(part);
        }
        Ok(())
    }
}

struct WindowJob {
    layout: Arc<Layout>,
    things: Vec<usize>,
    set: SeriesSet,
    span: Span,
    wanted: Wanted,
    horizon: Horizon,
    thresholds: Thresholds,
    computed_at: i64,
}

impl WindowJob {
    fn compute(&self) -> Computed {
        let mut computed = Computed::default();
        let mut rows: BTreeMap<i32, Vec<ThingRow>> = BTreeMap::new();
        let mut fresh = Vec::new();
        for place in &self.things {
            let Some(plan) = self.layout.thing(*place) else {
                continue;
            };
            let view = ThingView::new(plan, &self.set, self.horizon);
            view.tally(self.span, self.wanted, self.thresholds, &mut fresh);
            for mut row in fresh.drain(..) {
                row.computed_at = self.computed_at;
                rows.entry(day_of(row.start)).or_default().push(row);
            }
            add_pieces(plan, &view, &mut computed.pieces);
            if self.wanted == Wanted::All && plan.load.is_some() {
                computed
                    .timelines
                    .insert(*place, timeline(plan, &self.set, self.horizon));
            }
        }
        for (day, mut rows) in rows {
            rows.sort_unstable_by_key(ThingRow::place);
            rows.dedup_by_key(|row| row.place());
            computed.rows.insert(day, Table::of(rows));
        }
        computed
    }
}
