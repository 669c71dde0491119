//! Known intervals of states, streamed: observations come in, one row for every unbroken piece of
//! one goes out, sorted by thing, property and time.
//!
//! # Shape
//! Intervals that meet the asked range, unclipped by it; hold, nulls, implausible results and
//! offline time applied; the last one of a stream ends at now at the latest.
//!
//! # Limits
//! A chunk of things × the range is read at once, [`SAMPLES_MAX`] samples at most; a single thing with
//! more is read stream by stream, whole.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use arno_model::{SignalKind, ThingId, Timestamp};
use arno_store::Streams;
use arrow::array::RecordBatch;
use futures::stream;

use crate::error::RollupError;
use crate::layout::{Layout, ThingPlan};
use crate::query::{IntervalQuery, RollupStream};
use crate::rollup::answer::columns::{floats, names, times};
use crate::rollup::answer::sight::Sight;
use crate::rollup::engine::{Inner, aside};
use crate::rollup::load::{Reading, SAMPLES_MAX, SeriesSet, read};
use crate::rollup::tally::ThingView;
use crate::schema::interval_schema;
use crate::signal::Span;
use crate::signal::series::micros;
use crate::signal::state::{HOLD_UNLIMITED_US, Piece};

/// Rows of one batch.
const BATCH_ROWS_MAX: usize = 8_192;
/// Streams × days of one reading: see the rollups' own windows.
const STREAM_DAYS_MAX: i64 = 4_096;

/// Answers thing by thing.
pub fn row_stream(inner: &Arc<Inner>, query: IntervalQuery) -> RollupStream {
    let answer = match Answer::new(inner, query) {
        Ok(answer) => answer,
        Err(error) => return Box::pin(stream::once(async { Err(error) })),
    };
    Box::pin(stream::try_unfold(answer, |mut answer| async move {
        let batch = answer.next().await?;
        Ok(batch.map(|batch| (batch, answer)))
    }))
}

#[derive(Debug)]
struct Answer {
    inner: Arc<Inner>,
    sight: Sight,
    range: Span,
    chunks: VecDeque<Vec<(usize, Vec<usize>)>>,
    ready: VecDeque<RecordBatch>,
}

/// A row to come: thing, stream in it, piece.
type Found = (usize, usize, Piece);

impl Answer {
    fn new(inner: &Arc<Inner>, query: IntervalQuery) -> Result<Self, RollupError> {
        let sight = Sight::of(inner, query.as_of);
        let layout = Arc::clone(&sight.view.layout);
        let asked = asked(&sight, &query)?;
        let now = sight.now;
        let begin = sight.view.begin.unwrap_or(now);
        let range = Span::new(micros(query.range.start), micros(query.range.end));
        let range = range.intersect(Span::new(begin, now.saturating_add(1)));
        let days = range.length_us() / arno_model::time::DAY_US + 1;
        let room = usize::try_from(STREAM_DAYS_MAX / days.max(1)).unwrap_or(1).max(1);
        let mut chunks: VecDeque<Vec<(usize, Vec<usize>)>> = VecDeque::new();
        let mut used = usize::MAX;
        for (thing, streams) in asked {
            let size = layout.thing(thing).map_or(1, |plan| plan.streams.len());
            if used.saturating_add(size) > room {
                chunks.push_back(Vec::new());
                used = 0;
            }
            used += size;
            if let Some(chunk) = chunks.back_mut() {
                chunk.push((thing, streams));
            }
        }
        Ok(Self { inner: Arc::clone(inner), sight, range, chunks, ready: VecDeque::new() })
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>, RollupError> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Some(batch));
            }
            let Some(chunk) = self.chunks.pop_front() else {
                return Ok(None);
            };
            if self.range.is_empty() {
                return Ok(None);
            }
            if let Some(halves) = self.answer_chunk(&chunk).await? {
                for half in halves.into_iter().rev() {
                    self.chunks.push_front(half);
                }
            }
        }
    }

    /// Makes a chunk's batches ready; gives smaller chunks back when it holds too much.
    async fn answer_chunk(
        &mut self,
        chunk: &[(usize, Vec<usize>)],
    ) -> Result<Option<Vec<Vec<(usize, Vec<usize>)>>>, RollupError> {
        let is_least = matches!(chunk, [(_, streams)] if streams.len() == 1);
        let samples_max = if is_least { usize::MAX } else { SAMPLES_MAX };
        let layout = Arc::clone(&self.sight.view.layout);
        let keys = keys(&layout, chunk);
        let reading = Reading {
            streams: Streams::of(keys.into_iter().map(arno_model::DatastreamKey).collect()),
            span: self.span(&layout, chunk),
            as_of: self.sight.as_of,
        };
        let Some(set) = read(self.inner.backend(), reading, samples_max).await? else {
            return Ok(Some(smaller(chunk)));
        };
        let chunk = chunk.to_vec();
        let (range, sight) = (self.range, self.sight.clone());
        let batches = aside(move || batches(&sight, &chunk, &set, range)).await?;
        self.ready.extend(batches);
        Ok(None)
    }

    /// What is read: from where a piece that reaches into the range can begin, to where the last one
    /// must have ended.
    fn span(&self, layout: &Layout, chunk: &[(usize, Vec<usize>)]) -> Span {
        let plans = chunk.iter().filter_map(|(thing, streams)| Some((layout.thing(*thing)?, streams)));
        let holds = plans.flat_map(|(plan, streams)| {
            streams.iter().filter_map(|place| plan.streams.get(*place)).map(|stream| stream.hold_us)
        });
        let hold_us = holds.max().unwrap_or(0);
        let (first, last) = (Timestamp::MIN.as_micros(), self.sight.now.saturating_add(1));
        if hold_us == HOLD_UNLIMITED_US {
            return Span::new(first, last);
        }
        let start = self.range.start.saturating_sub(hold_us).max(first);
        Span::new(start, self.range.end.saturating_add(hold_us).min(last))
    }
}

fn smaller(chunk: &[(usize, Vec<usize>)]) -> Vec<Vec<(usize, Vec<usize>)>> {
    if let [(thing, streams)] = chunk {
        return streams.iter().map(|stream| vec![(*thing, vec![*stream])]).collect();
    }
    let (left, right) = chunk.split_at(chunk.len() / 2);
    vec![left.to_vec(), right.to_vec()]
}

fn keys(layout: &Layout, chunk: &[(usize, Vec<usize>)]) -> Vec<i32> {
    let mut keys = Vec::new();
    for (thing, streams) in chunk {
        let Some(plan) = layout.thing(*thing) else { continue };
        let places = streams.iter().copied().chain(plan.online);
        let streams = places.filter_map(|place| plan.streams.get(place));
        keys.extend(streams.filter_map(|stream| stream.key).map(|key| key.0));
    }
    keys
}

fn asked(sight: &Sight, query: &IntervalQuery) -> Result<Vec<(usize, Vec<usize>)>, RollupError> {
    let layout = &sight.view.layout;
    let registry = &sight.view.registry;
    let mut properties = query.properties.iter().flatten();
    if let Some(property) = properties.find(|id| registry.property(id.as_str()).is_none()) {
        return Err(RollupError::UnknownProperty { property: property.clone() });
    }
    let place = |thing: &ThingId| {
        let unknown = || RollupError::UnknownThing { thing: thing.clone() };
        layout.place(thing.as_str()).ok_or_else(unknown)
    };
    let mut places: Vec<usize> = match &query.things {
        None => (0..layout.things().len()).collect(),
        Some(things) => things.iter().map(place).collect::<Result<_, _>>()?,
    };
    places.sort_unstable();
    places.dedup();
    let streams = |thing: &ThingPlan| -> Vec<usize> {
        let streams = thing.streams.iter().enumerate().filter(|(_, stream)| {
            let is_asked = query.properties.as_ref();
            stream.key.is_some()
                && stream.property.signal == SignalKind::State
                && is_asked.is_none_or(|asked| asked.contains(&stream.property.id))
        });
        streams.map(|(place, _)| place).collect()
    };
    let asked = places.into_iter().filter_map(|place| Some((place, streams(layout.thing(place)?))));
    Ok(asked.filter(|(_, streams)| !streams.is_empty()).collect())
}

fn batches(
    sight: &Sight,
    chunk: &[(usize, Vec<usize>)],
    set: &SeriesSet,
    range: Span,
) -> Result<Vec<RecordBatch>, RollupError> {
    let layout = &sight.view.layout;
    let mut found: Vec<Found> = Vec::new();
    let mut batches = Vec::new();
    for (thing, streams) in chunk {
        let Some(plan) = layout.thing(*thing) else { continue };
        let view = ThingView::new(plan, set, sight.horizon());
        for stream in streams {
            for piece in view.pieces(*stream) {
                if piece.start >= range.end || piece.end <= range.start {
                    continue;
                }
                found.push((*thing, *stream, piece));
                if found.len() == BATCH_ROWS_MAX {
                    batches.push(batch(layout, &found)?);
                    found.clear();
                }
            }
        }
    }
    if !found.is_empty() {
        batches.push(batch(layout, &found)?);
    }
    Ok(batches)
}

fn batch(layout: &Layout, found: &[Found]) -> Result<RecordBatch, RollupError> {
    let mut publishers = Dictionary::default();
    let mut things = Dictionary::default();
    let mut properties = Dictionary::default();
    for (thing, stream, _) in found {
        let Some(plan) = layout.thing(*thing) else { continue };
        let property = plan.streams.get(*stream).map(|stream| stream.property.id.as_str());
        publishers.add(plan.publisher.as_str());
        things.add(plan.id.as_str());
        properties.add(property.unwrap_or_default());
    }
    let columns = vec![
        names(publishers.names.iter().copied(), publishers.places.iter().copied())?,
        names(things.names.iter().copied(), things.places.iter().copied())?,
        names(properties.names.iter().copied(), properties.places.iter().copied())?,
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
