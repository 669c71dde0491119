//! Known intervals of states, streamed: observations come in, one row for every unbroken piece of
//! one goes out, sorted by thing, property and time.
//!
//! # Shape
//! Intervals that meet the asked range, unclipped by it; hold, nulls, implausible results and
//! offline time applied; the last one of a stream ends at now at the latest. What the registry
//! declares as capacity is an observation like any other.
//!
//! # Limits
//! A chunk of things × a window of time is read at once, [`SAMPLES_MAX`] samples at most: one with
//! more is cut by things, then by properties, then by time.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use arno_model::bucket::BASE_US;
use arno_model::{SignalKind, ThingId, time};
use arrow::array::RecordBatch;
use futures::stream;

use crate::error::RollupError;
use crate::layout::{Layout, ThingPlan};
use crate::query::{IntervalQuery, RollupStream};
use crate::rollup::answer::columns::{floats, names, times};
use crate::rollup::answer::interval_read::{Of, Sets, read_chunk};
use crate::rollup::answer::sight::Sight;
use crate::rollup::engine::{Inner, aside};
use crate::rollup::load::SAMPLES_MAX;
use crate::schema::interval_schema;
use crate::signal::Span;
use crate::signal::series::micros;
use crate::signal::state::Piece;

/// Rows of one batch.
const BATCH_ROWS_MAX: usize = 8_192;
/// Streams × days of one reading: see the rollups' own windows.
const STREAM_DAYS_MAX: i64 = 4_096;

/// Answers thing by thing.
pub fn row_stream(inner: &Arc<Inner>, query: &IntervalQuery) -> RollupStream {
    let answer = match Answer::new(inner, query) {
        Ok(answer) => answer,
        Err(error) => return Box::pin(stream::once(async { Err(error) })),
    };
    Box::pin(stream::try_unfold(answer, |mut answer| async move {
        let batch = answer.next().await?;
        Ok(batch.map(|batch| (batch, answer)))
    }))
}

/// Some states of some things in a window of time.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// Things, by place, with what is asked of each, by property.
    pub asked: Vec<(usize, Vec<Of>)>,
    /// Pieces that begin in here are answered.
    pub window: Span,
    /// Whether pieces that reach into the window from before are answered too.
    pub is_first: bool,
}

impl Chunk {
    /// Two smaller chunks that together are this one; `None` when it is as small as can be.
    fn halves(&self) -> Option<[Self; 2]> {
        let with = |asked: Vec<(usize, Vec<Of>)>| Self {
            asked,
            ..self.clone()
        };
        if let [(thing, of)] = self.asked.as_slice() {
            if of.len() > 1 {
                let (left, right) = of.split_at(of.len() / 2);
                return Some([left, right].map(|of| with(vec![(*thing, of.to_vec())])));
            }
            if self.window.length_us() <= BASE_US {
                return None;
            }
            let middle = self.window.start + self.window.length_us() / 2;
            let left = Span::new(self.window.start, middle);
            let right = Span::new(middle, self.window.end);
            let left = Self {
                window: left,
                ..self.clone()
            };
            return Some([
                left,
                Self {
                    window: right,
                    is_first: false,
                    ..self.clone()
                },
            ]);
        }
        let (left, right) = self.asked.split_at(self.asked.len() / 2);
        Some([left, right].map(|asked| with(asked.to_vec())))
    }

    fn answers(&self, piece: &Piece) -> bool {
        let begins_here = self.window.contains(piece.start);
        begins_here
            || (self.is_first && piece.start < self.window.start && piece.end > self.window.start)
    }
}

#[derive(Debug)]
struct Answer {
    inner: Arc<Inner>,
    sight: Sight,
    chunks: VecDeque<Chunk>,
    ready: VecDeque<RecordBatch>,
}

/// A row to come: thing, property, piece.
type Found<'a> = (&'a ThingPlan, &'a str, Piece);

impl Answer {
    fn new(inner: &Arc<Inner>, query: &IntervalQuery) -> Result<Self, RollupError> {
        let sight = Sight::of(inner, query.as_of);
        let asked = asked(&sight, query)?;
        let now = sight.now;
        let begin = sight.view.begin.unwrap_or(now);
        let range = Span::new(micros(query.range.start), micros(query.range.end));
        let window = range.intersect(Span::new(begin, now.saturating_add(1)));
        let days = window.length_us() / time::DAY_US + 1;
        let room = usize::try_from(STREAM_DAYS_MAX / days.max(1)).unwrap_or(1);
        let mut chunks: VecDeque<Chunk> = VecDeque::new();
        let mut used = usize::MAX;
        for (thing, of) in asked.into_iter().filter(|_| !window.is_empty()) {
            if used.saturating_add(of.len()) > room.max(1) {
                chunks.push_back(Chunk {
                    asked: Vec::new(),
                    window,
                    is_first: true,
                });
                used = 0;
            }
            used += of.len();
            if let Some(chunk) = chunks.back_mut() {
                chunk.asked.push((thing, of));
            }
        }
        Ok(Self {
            inner: Arc::clone(inner),
            sight,
            chunks,
            ready: VecDeque::new(),
        })
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>, RollupError> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Some(batch));
            }
            let Some(chunk) = self.chunks.pop_front() else {
                return Ok(None);
            };
            let halves = chunk.halves();
            let samples_max = if halves.is_some() {
                SAMPLES_MAX
            } else {
                usize::MAX
            };
            let sets = read_chunk(&self.inner, &self.sight, &chunk, samples_max).await?;
            match (sets, halves) {
                (Some(sets), _) => {
                    let sight = self.sight.clone();
                    self.ready
                        .extend(aside(move || batches(&sight, &chunk, &sets)).await?);
                }
                (None, Some([left, right])) => {
                    self.chunks.push_front(right);
                    self.chunks.push_front(left);
                }
                (None, None) => return Err(RollupError::Stopped),
            }
        }
    }
}

fn asked(sight: &Sight, query: &IntervalQuery) -> Result<Vec<(usize, Vec<Of>)>, RollupError> {
    let layout = &sight.view.layout;
    let registry = &sight.view.registry;
    let mut properties = query.properties.iter().flatten();
    if let Some(property) = properties.find(|id| registry.property(id.as_str()).is_none()) {
        let property = property.clone();
        return Err(RollupError::UnknownProperty { property });
    }
    let place = |thing: &ThingId| {
        let unknown = || RollupError::UnknownThing {
            thing: thing.clone(),
        };
        layout.place(thing.as_str()).ok_or_else(unknown)
    };
    let mut places: Vec<usize> = match &query.things {
        None => (0..layout.things().len()).collect(),
        Some(things) => things.iter().map(place).collect::<Result<_, _>>()?,
    };
    places.sort_unstable();
    places.dedup();
    let is_asked = |property: &str| {
        let asked = query.properties.as_ref();
        asked.is_none_or(|asked| asked.iter().any(|asked| asked.as_str() == property))
    };
    let of_thing = |thing: &ThingPlan| -> Vec<Of> {
        let states = thing.streams.iter().enumerate().filter(|(place, stream)| {
            stream.key.is_some()
                && stream.property.signal == SignalKind::State
                && thing.capacity != Some(*place)
        });
        let mut of: Vec<(&str, Of)> = states
            .map(|(place, stream)| (stream.property.id.as_str(), Of::Stream(place)))
            .collect();
        let reported = thing
            .capacity
            .and_then(|place| thing.streams.get(place)?.key);
        if reported.is_some() || !thing.declared.is_empty() {
            of.push(("capacity", Of::Capacity));
        }
        of.retain(|(property, _)| is_asked(property));
        of.sort_unstable_by_key(|(property, _)| *property);
        of.into_iter().map(|(_, of)| of).collect()
    };
    let places = places.into_iter();
    let asked = places.filter_map(|place| Some((place, of_thing(layout.thing(place)?))));
    Ok(asked.filter(|(_, of)| !of.is_empty()).collect())
}

fn batches(sight: &Sight, chunk: &Chunk, sets: &Sets) -> Result<Vec<RecordBatch>, RollupError> {
    let layout: &Layout = &sight.view.layout;
    let mut found: Vec<Found<'_>> = Vec::new();
    let mut batches = Vec::new();
    for (thing, of) in &chunk.asked {
        let Some(plan) = layout.thing(*thing) else {
            continue;
        };
        for of in of {
            for piece in sets.pieces(plan, *of, sight.horizon()) {
                if !chunk.answers(&piece) {
                    continue;
                }
                found.push((plan, of.property(plan), piece));
                if found.len() == BATCH_ROWS_MAX {
                    batches.push(batch(&found)?);
                    found.clear();
                }
            }
        }
    }
    if !found.is_empty() {
        batches.push(batch(&found)?);
    }
    Ok(batches)
}

fn batch(found: &[Found<'_>]) -> Result<RecordBatch, RollupError> {
    let mut publishers = Dictionary::default();
    let mut things = Dictionary::default();
    let mut properties = Dictionary::default();
    for (plan, property, _) in found {
        publishers.add(plan.publisher.as_str());
        things.add(plan.id.as_str());
        properties.add(property);
    }
    let columns = vec![
        names(
            publishers.names.iter().copied(),
            publishers.places.iter().copied(),
        )?,
        names(things.names.iter().copied(), things.places.iter().copied())?,
        names(
            properties.names.iter().copied(),
            properties.places.iter().copied(),
        )?,
        times(found.iter().map(|(_, _, piece)| Some(piece.start))),
        times(found.iter().map(|(_, _, piece)| Some(piece.end))),
        floats(found.iter().map(|(_, _, piece)| Some(piece.value))),
    ];
    Ok(RecordBatch::try_new(interval_schema(), columns)?)
}

#[derive(Default)]
struct Dictionary<'a> {
    names: Vec<&'a str>,
    known: HashMap<&'a str, i32>,
    places: Vec<i32>,
}

impl<'a> Dictionary<'a> {
    fn add(&mut self, name: &'a str) {
        let next = i32::try_from(self.names.len()).unwrap_or(i32::MAX);
        let place = *self.known.entry(name).or_insert(next);
        if place == next {
            self.names.push(name);
        }
        self.places.push(place);
    }
}
