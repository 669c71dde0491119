//! One refresh: the kept view comes in, the same view brought up to the store's present goes out.
//!
//! # Why
//! What an append, a registry change or the passing of time touches is computed anew, and nothing
//! else. First what lies before the frontier: registry changes and late data. Then the frontier
//! moves, window by window; after each one the view is whole and may be shown and written.
//!
//! # Invariants
//! Rows before the frontier are a function of the plan and of the winning observations before the
//! frontier.

use std::collections::BTreeMap;
use std::sync::Arc;

use arno_model::{DatastreamKey, SignalKind, TimeRange, Timestamp};
use arno_store::{Datastreams, Registry, Scan, Streams, Touched};
use futures::StreamExt as _;

use crate::error::{RollupError, store_error};
use crate::layout::Layout;
use crate::rollup::capacity::{capacity_key, timeline};
use crate::rollup::compute::{Input, Output, compute, peak_keys};
use crate::rollup::dirty::{Dirt, Window};
use crate::rollup::engine::{Inner, aside};
use crate::rollup::load::{Reading, SAMPLES_MAX, SeriesSet, read};
use crate::rollup::plan::Plan;
use crate::rollup::table::Stamp;
use crate::rollup::tally::Horizon;
use crate::rollup::view::{Day, PlanBefore, Slots, View, days_of};
use crate::signal::series::{COLUMNS, micros};
use crate::signal::timeline::Timeline;
use crate::signal::{Span, bucket_floor};

/// Streams × days of a window of late data: a stream has a few hundred observations a day, so this
/// is about half of [`SAMPLES_MAX`].
const STREAM_DAYS_MAX: usize = 8_192;
/// A refresh in progress.
#[derive(Debug)]
pub struct Work<'a> {
    pub(super) inner: &'a Inner,
    /// What stands so far.
    pub view: View,
    computed_at: i64,
    pub(super) closed_before: i64,
    /// Rows of datastreams computed.
    pub thing_rows: u64,
    /// Rows of cells computed.
    pub area_rows: u64,
}

impl<'a> Work<'a> {
    /// Begins at a view.
    pub fn new(inner: &'a Inner, view: View, now: i64) -> Self {
        let closed_before = if view.begin.is_some() {
            view.frontier
        } else {
            i64::MIN
        };
        Self {
            inner,
            view,
            computed_at: now,
            closed_before,
            thing_rows: 0,
            area_rows: 0,
        }
    }

    /// Takes a registry and the known datastreams in, and marks what they change.
    ///
    /// # Errors
    /// [`RollupError`] from the store.
    pub async fn plan(
        &mut self,
        registry: &Arc<Registry>,
        datastreams: &Arc<Datastreams>,
        dirt: &mut Dirt,
    ) -> Result<(), RollupError> {
        let before = match self.view.before.take() {
            Some(before) => before,
            None => Arc::new(PlanBefore::of(&self.view)),
        };
        let (slots, registry_now) = (Slots::clone(&self.view.slots), Arc::clone(registry));
        let datastreams = Arc::clone(datastreams);
        let planning = aside(move || Ok(Plan::of(&registry_now, &datastreams, &before, slots)));
        let plan = planning.await?;
        let timelines = self.fill_timelines(&plan.layout, plan.timelines).await?;
        self.view.layout = Arc::new(plan.layout);
        self.view.registry = Arc::clone(registry);
        self.view.cell_slots = Arc::new(plan.cell_slots);
        self.view.cell_prints = Arc::new(plan.cell_prints);
        self.view.thing_prints = Arc::new(plan.thing_prints);
        self.view.timelines = Arc::new(timelines);
        self.view.slots = Arc::new(plan.slots);
        if let Some(first) = self.view.first() {
            let life = Span::new(first, self.view.frontier);
            plan.changed_things
                .iter()
                .for_each(|thing| dirt.add_thing(*thing, life, true));
            plan.changed_cells
                .iter()
                .for_each(|cell| dirt.add_cell(*cell, life));
        }
        Ok(())
    }

    /// Timelines of new and changed things, from all that they reported before the frontier.
    async fn fill_timelines(
        &self,
        layout: &Layout,
        known: Vec<Option<Arc<Timeline>>>,
    ) -> Result<Vec<Arc<Timeline>>, RollupError> {
        let missing = layout.things().iter().zip(&known);
        let missing = missing.filter(|(_, timeline)| timeline.is_none());
        let keys = missing
            .filter_map(|(thing, _)| capacity_key(thing))
            .collect();
        let span = Span::new(Timestamp::MIN.as_micros(), self.view.frontier);
        let set = if self.view.begin.is_some() {
            self.read(keys, span, usize::MAX).await?.unwrap_or_default()
        } else {
            SeriesSet::default()
        };
        let horizon = Horizon {
            states_end: i64::MAX,
            samples_end: self.view.frontier,
        };
        let things = layout.things().iter().zip(known);
        let timelines = things.map(|(thing, known)| {
            known.unwrap_or_else(|| Arc::new(timeline(thing, &set, horizon)))
        });
        Ok(timelines.collect())
    }

    /// Marks what commits touched, and learns of capacities that changed in the past.
    ///
    /// # Errors
    /// [`RollupError`] from the store.
    pub async fn touch(&mut self, touched: &Touched, dirt: &mut Dirt) -> Result<(), RollupError> {
        let layout = Arc::clone(&self.view.layout);
        let frontier = self.view.frontier;
        let mut capacities: BTreeMap<usize, i64> = BTreeMap::new();
        let firsts = touched
            .ranges
            .iter()
            .map(|(_, times)| bucket_floor(micros(times.start)));
        self.view.begin = firsts.chain(self.view.begin).min();
        for (key, times) in &touched.ranges {
            let Some(stream) = layout.stream(*key) else {
                continue;
            };
            if micros(times.start) >= frontier {
                continue;
            }
            let plan = layout
                .thing(stream.0)
                .and_then(|plan| plan.streams.get(stream.1));
            let is_counter = plan.is_some_and(|plan| plan.property.signal == SignalKind::Counter);
            let mut times = *times;
            if is_counter && let Some(next) = self.next_time(*key, times.end).await? {
                // However far it is: growth over too long a gap is reported there.
                times.end = Timestamp::from_micros(next).plus_us(1);
            }
            dirt.touch(&layout, stream, times, frontier);
            let thing = layout.thing(stream.0);
            if thing.is_some_and(|thing| thing.capacity == Some(stream.1)) {
                let from = capacities.entry(stream.0).or_insert(i64::MAX);
                *from = (*from).min(micros(times.start));
            }
        }
        self.view.known_at = micros(touched.known_at);
        self.change_capacities(&layout, &capacities).await
    }

    /// The time of a datastream's first observation from a moment on, before the frontier.
    async fn next_time(
        &self,
        key: DatastreamKey,
        from: Timestamp,
    ) -> Result<Option<i64>, RollupError> {
        let range = TimeRange::new(from, Timestamp::from_micros(self.view.frontier));
        if range.is_empty() {
            return Ok(None);
        }
        let scan = Scan {
            columns: Some(COLUMNS.to_vec()),
            limit: Some(1),
            ..Scan::of(Streams::of(vec![key]), range)
        };
        let mut set = SeriesSet::default();
        let failed = store_error("find the next observation");
        for mut stream in self.inner.backend().scan(scan).await.map_err(&failed)? {
            while let Some(batch) = stream.next().await {
                set.add(&batch.map_err(&failed)?)?;
            }
        }
        Ok(set.of(key.0).first().map(|sample| sample.time))
    }

    async fn change_capacities(
        &mut self,
        layout: &Layout,
        capacities: &BTreeMap<usize, i64>,
    ) -> Result<(), RollupError> {
        let late = capacities
            .iter()
            .filter(|(_, from)| **from < self.view.frontier);
        let late: Vec<_> = late.map(|(thing, from)| (*thing, *from)).collect();
        let Some(first) = late.iter().map(|(_, from)| *from).min() else {
            return Ok(());
        };
        let keys = late
            .iter()
            .filter_map(|(thing, _)| capacity_key(layout.thing(*thing)?));
        let span = Span::new(first, self.view.frontier);
        let set = self
            .read(keys.collect(), span, usize::MAX)
            .await?
            .unwrap_or_default();
        let horizon = Horizon {
            states_end: i64::MAX,
            samples_end: self.view.frontier,
        };
        let mut timelines = Vec::clone(&self.view.timelines);
        for (thing, from) in late {
            if let (Some(plan), Some(kept)) = (layout.thing(thing), timelines.get_mut(thing)) {
                let later = timeline(plan, &set, horizon);
                *kept = Arc::new(kept.replaced_from(from, &later));
            }
        }
        self.view.timelines = Arc::new(timelines);
        Ok(())
    }

    /// Computes all that is marked before the frontier.
    ///
    /// # Errors
    /// [`RollupError`] from the store.
    pub async fn mend(&mut self, mut dirt: Dirt) -> Result<(), RollupError> {
        let mut stream_days_max = STREAM_DAYS_MAX;
        while let Some(window) = dirt.take_window(&self.view.layout, stream_days_max) {
            let is_least = stream_days_max == 1;
            let samples_max = if is_least { usize::MAX } else { SAMPLES_MAX };
            if let Some(refused) = self.mend_window(window, samples_max).await? {
                dirt.put_back(refused);
                stream_days_max = (stream_days_max / 8).max(1);
            }
        }
        Ok(())
    }

    /// Computes a window; gives it back when it holds too many samples.
    async fn mend_window(
        &mut self,
        window: Window,
        samples_max: usize,
    ) -> Result<Option<Window>, RollupError> {
        let layout = Arc::clone(&self.view.layout);
        let spans = window.things.iter().map(|dirt| dirt.span);
        let spans = spans.chain(window.cells.iter().map(|(_, span)| *span));
        let hull = spans
            .reduce(|hull, span| Span::new(hull.start.min(span.start), hull.end.max(span.end)));
        let Some(hull) = hull else { return Ok(None) };
        let plans = window
            .things
            .iter()
            .filter_map(|dirt| layout.thing(dirt.thing));
        let streams: Vec<_> = plans.flat_map(|plan| &plan.streams).collect();
        let ahead_us = streams
            .iter()
            .map(|stream| stream.reach_back_us())
            .max()
            .unwrap_or(0);
        let mut keys: Vec<i32> = streams
            .iter()
            .filter_map(|stream| stream.key)
            .map(|key| key.0)
            .collect();
        keys.extend(peak_keys(&layout, &window));
        let end = hull.end.saturating_add(ahead_us).min(self.view.frontier);
        let span = Span::new(hull.start, end.max(hull.end));
        let Some(set) = self.read(keys, span, samples_max).await? else {
            return Ok(Some(window));
        };
        self.compute(Arc::new(set), window, self.view.frontier)
            .await?;
        Ok(None)
    }

    pub(super) async fn compute(
        &mut self,
        set: Arc<SeriesSet>,
        window: Window,
        frontier: i64,
    ) -> Result<(), RollupError> {
        let mut days = BTreeMap::new();
        for (number, _) in days_of(window.span) {
            if let Some(day) = self.view.days.get(&number) {
                days.insert(number, self.inner.tables(day).await?);
            }
        }
        let input = Input {
            layout: Arc::clone(&self.view.layout),
            cell_slots: Arc::clone(&self.view.cell_slots),
            timelines: Arc::clone(&self.view.timelines),
            set,
            window,
            frontier,
            stamp: Stamp {
                computed_at: self.computed_at,
                closed_before: self.closed_before,
            },
            thresholds: self.inner.thresholds(),
            days,
        };
        let output: Output = aside(move || Ok(compute(input))).await?;
        for (number, tables) in output.days {
            self.view.days.insert(number, Day::fresh(number, tables));
        }
        self.thing_rows += output.thing_rows;
        self.area_rows += output.area_rows;
        Ok(())
    }

    pub(super) async fn read(
        &self,
        keys: Vec<i32>,
        span: Span,
        samples_max: usize,
    ) -> Result<Option<SeriesSet>, RollupError> {
        let streams = Streams::of(keys.into_iter().map(DatastreamKey).collect());
        let reading = Reading {
            streams,
            span,
            as_of: None,
        };
        read(self.inner.backend(), reading, samples_max).await
    }
}
