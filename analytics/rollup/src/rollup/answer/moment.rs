//! The state of things at one moment: their last observations come in, one row a thing goes out.
//!
//! # Why
//! "Now" is asked on every page; it needs no buckets, only what each thing said last and whether
//! that still holds.
//!
//! # Invariants
//! A value whose age is exactly its hold is still known here; intervals end just before that.

use std::collections::BTreeSet;
use std::sync::Arc;

use arno_model::{AreaId, SignalKind, VehicleKind};
use arno_store::Streams;
use arrow::array::RecordBatch;

use crate::error::RollupError;
use crate::layout::cell::{CellMode, Member};
use crate::layout::{Layout, ThingPlan, has_area_value};
use crate::query::{Measure, MomentQuery};
use crate::rollup::answer::columns::{floats, texts, times, truths};
use crate::rollup::answer::members::own_members;
use crate::rollup::answer::sight::Sight;
use crate::rollup::engine::{Inner, aside};
use crate::rollup::load::{Reading, SeriesSet, read};
use crate::rollup::tally::{Horizon, ThingView};
use crate::schema::moment_schema;
use crate::signal::Span;
use crate::signal::joint::{LoadBy, vehicles};
use crate::signal::series::{Sample, last_at, micros};
use crate::signal::state::whole;
use crate::signal::timeline::places_float;

/// A thing at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct State {
    value: Option<f64>,
    capacity: Option<f64>,
    observed_at: Option<i64>,
}

/// Answers in one batch.
///
/// # Errors
/// Unknown names, or the store's word.
pub async fn rows(inner: &Arc<Inner>, query: &MomentQuery) -> Result<RecordBatch, RollupError> {
    let sight = Sight::of(inner, query.as_of);
    let at = query.at.map_or(sight.now, |at| micros(at).min(sight.now));
    let asked = asked(&sight, query)?;
    let layout = Arc::clone(&sight.view.layout);
    let members = asked.iter().flat_map(|(_, members)| members);
    let keys = members.filter_map(|member| Some(keys(layout.thing(member.thing)?, member.stream)));
    let reading = Reading {
        streams: Streams::of(keys.flatten().collect()),
        span: Span::new(at, at.saturating_add(1)),
        as_of: sight.as_of,
    };
    let set = read(inner.backend(), reading, usize::MAX)
        .await?
        .unwrap_or_default();
    let measure = query.measure.clone();
    aside(move || answer(&layout, &measure, &asked, &set, at)).await
}

type Asked = Vec<(usize, Vec<Member>)>;

fn asked(sight: &Sight, query: &MomentQuery) -> Result<Asked, RollupError> {
    let layout = &sight.view.layout;
    let registry = &sight.view.registry;
    let mode = CellMode::of(registry, &query.measure);
    if let (None, Measure::Property(property)) = (mode, &query.measure) {
        return Err(RollupError::UnknownProperty {
            property: property.clone(),
        });
    }
    let mut areas = query.areas.iter().flatten();
    if let Some(area) = areas.find(|area| registry.area(area.as_str()).is_none()) {
        return Err(RollupError::UnknownArea { area: area.clone() });
    }
    let own = |place: usize| {
        let thing = layout.thing(place)?;
        let members = own_members(layout, &query.measure, &query.audience, place, thing);
        (!members.is_empty()).then_some((place, members))
    };
    if let Some(things) = &query.things {
        let mut places = BTreeSet::new();
        for id in things {
            let unknown = || RollupError::UnknownThing { thing: id.clone() };
            places.insert(layout.place(id.as_str()).ok_or_else(unknown)?);
        }
        return Ok(places.into_iter().filter_map(own).collect());
    }
    let has_value = match mode {
        Some(CellMode::Property { mode, .. }) => has_area_value(mode),
        _ => true,
    };
    let counts = |thing: &ThingPlan| {
        let stream = if has_value {
            thing.counting_stream(&query.measure)
        } else {
            thing.measured_stream(&query.measure)
        };
        stream.is_some()
    };
    let at = query.at.map_or(sight.now, |at| micros(at).min(sight.now));
    let things = layout.things().iter().enumerate();
    let things = things.filter(|(_, thing)| {
        counts(thing) && thing.valid.contains(at) && is_in(thing, query.areas.as_deref(), at)
    });
    Ok(things.filter_map(|(place, _)| own(place)).collect())
}

fn is_in(thing: &ThingPlan, areas: Option<&[AreaId]>, at: i64) -> bool {
    let Some(areas) = areas else { return true };
    thing.areas.iter().any(|belonging| {
        let valid = Span::new(micros(belonging.valid.start), micros(belonging.valid.end));
        valid.contains(at) && areas.contains(&belonging.area)
    })
}

/// The streams that say what a thing's stream is worth at a moment.
fn keys(thing: &ThingPlan, stream: usize) -> Vec<arno_model::DatastreamKey> {
    let places = [Some(stream), thing.online, thing.capacity];
    let streams = places
        .into_iter()
        .flatten()
        .filter_map(|place| thing.streams.get(place));
    streams.filter_map(|stream| stream.key).collect()
}

fn answer(
    layout: &Layout,
    measure: &Measure,
    asked: &Asked,
    set: &SeriesSet,
    at: i64,
) -> Result<RecordBatch, RollupError> {
    let rows: Vec<(&ThingPlan, State)> = asked
        .iter()
        .filter_map(|(place, members)| {
            let states = members.iter().filter_map(|member| {
                Some(state(
                    layout.thing(member.thing)?,
                    member.stream,
                    measure,
                    set,
                    at,
                ))
            });
            Some((
                layout.thing(*place)?,
                states.reduce(together).unwrap_or_default(),
            ))
        })
        .collect();
    let kind = |thing: &ThingPlan| match measure {
        Measure::Parking => thing.vehicle_kind.map(VehicleKind::as_str),
        Measure::Property(_) => None,
    };
    let is_known = |state: &State| {
        state.value.is_some() && (*measure != Measure::Parking || state.capacity.is_some())
    };
    let columns = vec![
        texts(rows.iter().map(|(thing, _)| Some(thing.publisher.as_str()))),
        texts(rows.iter().map(|(thing, _)| Some(thing.id.as_str()))),
        texts(rows.iter().map(|_| Some(measure.as_str()))),
        texts(rows.iter().map(|(thing, _)| kind(thing))),
        floats(rows.iter().map(|(_, state)| state.value)),
        floats(rows.iter().map(|(_, state)| state.capacity)),
        truths(rows.iter().map(|(_, state)| Some(is_known(state)))),
        times(rows.iter().map(|(_, state)| state.observed_at)),
        truths(rows.iter().map(|(thing, _)| Some(thing.is_open))),
        truths(rows.iter().map(|(thing, _)| Some(thing.is_reserved))),
    ];
    Ok(RecordBatch::try_new(moment_schema(), columns)?)
}

/// A lot by its bays: all must be known for their sum to be.
fn together(left: State, right: State) -> State {
    let sum = |left: Option<f64>, right: Option<f64>| Some(left? + right?);
    State {
        value: sum(left.value, right.value),
        capacity: sum(left.capacity, right.capacity),
        observed_at: left.observed_at.max(right.observed_at),
    }
}

fn state(thing: &ThingPlan, place: usize, measure: &Measure, set: &SeriesSet, at: i64) -> State {
    let view = ThingView::new(
        thing,
        set,
        Horizon {
            states_end: i64::MAX,
            samples_end: at.saturating_add(1),
        },
    );
    let series = view.series(place);
    let Some(stream) = thing.streams.get(place) else {
        return State::default();
    };
    let observed_at = last_at(series, at).map(|sample| sample.time);
    let is_alive = thing.valid.contains(at);
    let is_offline = !stream.property.survives_offline() && view.is_offline_at(at);
    let hold_us = match stream.property.signal {
        SignalKind::State => stream.hold_us,
        SignalKind::Gauge | SignalKind::Distinct | SignalKind::Delta | SignalKind::Counter => {
            stream
                .property
                .expected_interval
                .map_or(0, arno_model::time::duration_us)
        }
    };
    let reported = held_at(series, hold_us, at).filter(|_| is_alive && !is_offline);
    if *measure != Measure::Parking {
        return State {
            value: reported,
            capacity: None,
            observed_at,
        };
    }
    let capacity = held_at(&view.capacity_samples(), thing.capacity_hold_us, at);
    let capacity = capacity.filter(|_| is_alive).map(whole);
    let by = thing.load.map_or(LoadBy::Vehicles, |(_, by)| by);
    let value = match (by, reported, capacity) {
        (LoadBy::Free, Some(free), Some(places)) => Some(vehicles(by, free, places)),
        (LoadBy::Free, _, None) | (_, None, _) => None,
        (LoadBy::Vehicles | LoadBy::Occupied, Some(reported), _) => Some(whole(reported)),
    };
    State {
        value: value.map(places_float),
        capacity: capacity.map(places_float),
        observed_at,
    }
}

/// The value that holds at a moment: the last one, while it is no older than its hold.
fn held_at(series: &[Sample], hold_us: i64, at: i64) -> Option<f64> {
    let last = last_at(series, at)?;
    (at.saturating_sub(last.time) <= hold_us).then_some(last.value)?
}
