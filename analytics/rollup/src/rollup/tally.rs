//! One thing in a range of buckets: its series come in, rows of its streams go out.

use arno_model::SignalKind;

use crate::layout::{StreamPlan, ThingPlan};
use crate::rollup::load::SeriesSet;
use crate::rollup::row::{Row as _, ThingRow, Thresholds, held};
use crate::signal::amount::{counter, delta, samples};
use crate::signal::joint::{JointWalk, LoadBy};
use crate::signal::series::{Sample, within};
use crate::signal::state::{Piece, StateWalk, offline_spans, pieces};
use crate::signal::timeline::with_declared;
use crate::signal::{Span, bucket_ceil};

/// Up to where the world is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Horizon {
    /// States are known to here at most.
    pub states_end: i64,
    /// Samples from here on do not count yet.
    pub samples_end: i64,
}

impl Horizon {
    /// Of closed buckets: what lies before the frontier.
    pub const fn closed(frontier: i64) -> Self {
        Self {
            states_end: frontier,
            samples_end: frontier,
        }
    }

    /// Of the present moment: a sample at now counts.
    pub const fn open(now: i64) -> Self {
        Self {
            states_end: now,
            samples_end: now.saturating_add(1),
        }
    }
}

/// Which streams' rows are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Those that are kept.
    Kept,
    /// Those that are not.
    Unkept,
    /// All.
    All,
}

impl Wanted {
    fn takes(self, stream: &StreamPlan) -> bool {
        match self {
            Self::Kept => stream.is_kept,
            Self::Unkept => !stream.is_kept,
            Self::All => true,
        }
    }
}

/// A thing's series within a horizon.
#[derive(Debug)]
pub struct ThingView<'a> {
    plan: &'a ThingPlan,
    series: Vec<&'a [Sample]>,
    offline: Vec<Span>,
    clip: Span,
}

impl<'a> ThingView<'a> {
    /// Views the series of a thing.
    pub fn new(plan: &'a ThingPlan, set: &'a SeriesSet, horizon: Horizon) -> Self {
        let of_stream = |stream: &StreamPlan| {
            let series = stream.key.map_or(&[][..], |key| set.of(key.0));
            within(series, i64::MIN, horizon.samples_end)
        };
        let series: Vec<_> = plan.streams.iter().map(of_stream).collect();
        let online = plan.online.and_then(|online| {
            let stream = plan.streams.get(online)?;
            Some(offline_spans(series.get(online)?, stream.hold_us))
        });
        Self {
            plan,
            series,
            offline: online.unwrap_or_default(),
            clip: plan
                .valid
                .intersect(Span::new(i64::MIN, horizon.states_end)),
        }
    }

    /// The series of a stream, up to the horizon.
    pub fn series(&self, stream: usize) -> &'a [Sample] {
        self.series.get(stream).copied().unwrap_or(&[])
    }

    /// Whether the thing is offline at a moment.
    pub fn is_offline_at(&self, moment: i64) -> bool {
        self.offline.iter().any(|span| span.contains(moment))
    }

    /// Known pieces of a state stream.
    pub fn pieces(&self, stream: usize) -> Vec<Piece> {
        let Some(plan) = self.plan.streams.get(stream) else {
            return Vec::new();
        };
        let offline = if plan.property.survives_offline() {
            &[][..]
        } else {
            &self.offline
        };
        pieces(self.series(stream), plan.hold_us, offline, self.clip)
    }

    /// What capacity was said to be: declared and reported.
    pub fn capacity_samples(&self) -> Vec<Sample> {
        let reported = self
            .plan
            .capacity
            .map_or(&[][..], |capacity| self.series(capacity));
        with_declared(&self.plan.declared, reported)
    }

    /// Known pieces of capacity.
    pub fn capacity_pieces(&self) -> Vec<Piece> {
        pieces(
            &self.capacity_samples(),
            self.plan.capacity_hold_us,
            &[],
            self.clip,
        )
    }

    /// Adds the rows of the wanted streams in a range of whole buckets; blank ones are left out.
    pub fn tally(
        &self,
        range: Span,
        wanted: Wanted,
        thresholds: Thresholds,
        into: &mut Vec<ThingRow>,
    ) {
        for (place, stream) in self.plan.streams.iter().enumerate() {
            let Some(key) = stream.key.filter(|_| wanted.takes(stream)) else {
                continue;
            };
            let load = self.plan.load.filter(|(load, _)| *load == place);
            if stream.property.signal == SignalKind::State {
                let state = StateStream {
                    place,
                    key: key.0,
                    load_by: load.map(|(_, by)| by),
                };
                self.tally_state(state, range, thresholds, into);
            } else {
                tally_other(stream, key.0, self.series(place), range, into);
            }
        }
    }

    fn tally_state(
        &self,
        state: StateStream,
        range: Span,
        thresholds: Thresholds,
        into: &mut Vec<ThingRow>,
    ) {
        let series = self.series(state.place);
        let known = self.pieces(state.place);
        let Some(range) = active(series, &known, range) else {
            return;
        };
        let capacity = state
            .load_by
            .map_or_else(Vec::new, |_| self.capacity_pieces());
        let mut states = StateWalk::new(&known);
        let by = state.load_by.unwrap_or(LoadBy::Vehicles);
        let mut joints = JointWalk::new(by, &known, &capacity);
        let mut rest = within(series, range.start, range.end);
        for bucket in range.buckets() {
            let tally = states.tally(bucket);
            let mut row = ThingRow::blank(state.key, bucket.start);
            row.readings = take_before(&mut rest, bucket.end);
            row.known_us = u32::try_from(tally.known_us).unwrap_or(u32::MAX);
            row.count = if self.plan.is_bay { tally.arrivals } else { 0 };
            row.whole = held(tally.whole);
            row.real = tally.real;
            row.min = tally.min;
            row.max = tally.max;
            if state.load_by.is_some() {
                let joint = joints.tally(bucket);
                row.load = held(joint.load);
                row.capacity = held(joint.capacity);
                row.expected = held(joint.expected);
                row.flags =
                    thresholds.flags(joint.load, joint.capacity, joint.expected, joint.is_over);
            }
            if !row.is_blank() {
                into.push(row);
            }
        }
    }
}

/// A state stream to tally.
#[derive(Clone, Copy)]
struct StateStream {
    place: usize,
    key: i32,
    load_by: Option<LoadBy>,
}

/// How many samples lie before a moment; takes them away.
fn take_before(rest: &mut &[Sample], end: i64) -> u32 {
    let count = rest.iter().take_while(|sample| sample.time < end).count();
    *rest = rest.get(count..).unwrap_or(&[]);
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The part of a range outside of which a state has neither a sample nor a known moment.
fn active(series: &[Sample], known: &[Piece], range: Span) -> Option<Span> {
    let inside = within(series, range.start, range.end);
    let pieces_first = known.partition_point(|piece| piece.end <= range.start);
    let first_known = known
        .get(pieces_first)
        .map(|piece| piece.start.max(range.start));
    let first = first_known
        .into_iter()
        .chain(inside.first().map(|sample| sample.time))
        .min()?;
    let last_known = known.last().map(|piece| piece.end);
    let after_last = inside.last().map(|sample| sample.time + 1);
    let last = last_known.into_iter().chain(after_last).max()?;
    let start = crate::signal::bucket_floor(first.max(range.start));
    let active = Span::new(start, bucket_ceil(last.min(range.end)));
    (!active.is_empty()).then_some(active)
}

fn tally_other(
    stream: &StreamPlan,
    key: i32,
    series: &[Sample],
    range: Span,
    into: &mut Vec<ThingRow>,
) {
    let period_us = stream.property.period.map(arno_model::time::duration_us);
    let reach_us = stream.reach_back_us();
    for bucket in range.buckets() {
        let inside = within(series, bucket.start, bucket.end);
        let near = within(series, bucket.start, bucket.end.saturating_add(reach_us));
        if near.is_empty() {
            continue;
        }
        let mut row = ThingRow::blank(key, bucket.start);
        row.readings = u32::try_from(inside.len()).unwrap_or(u32::MAX);
        let known_us = match stream.property.signal {
            SignalKind::Counter => {
                let tally = counter(series, bucket, stream.gap_us());
                row.real = tally.increase;
                row.min = tally.unplaced;
                row.count = tally.resets;
                tally.known_us
            }
            SignalKind::Delta => {
                let tally = delta(series, bucket, period_us);
                row.real = tally.sum;
                row.count = tally.samples;
                tally.known_us
            }
            SignalKind::State | SignalKind::Gauge | SignalKind::Distinct => {
                let tally = samples(inside, bucket);
                row.real = tally.sum;
                row.count = tally.samples;
                row.min = tally.min;
                row.max = tally.max;
                0
            }
        };
        row.known_us = u32::try_from(known_us).unwrap_or(u32::MAX);
        if !row.is_blank() {
            into.push(row);
        }
    }
}
