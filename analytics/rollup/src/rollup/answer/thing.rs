//! Rows of datastreams: base rows come in, merged rows of every asked bucket go out.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use arno_model::{SignalKind, time};
use arrow::array::{ArrayRef, RecordBatch};
use futures::stream;

use crate::error::RollupError;
use crate::layout::{StreamPlan, ThingPlan};
use crate::query::{RollupQuery, RollupStream};
use crate::rollup::answer::base_row::{BaseReader, Part, Wants};
use crate::rollup::answer::columns::{floats, joined, names, times, truths, wholes};
use crate::rollup::answer::sight::{ANSWER_ROWS_MAX, Sight, windows};
use crate::rollup::cells::{Source as _, expected_us};
use crate::rollup::engine::{Inner, aside};
use crate::rollup::row::{ThingSum, held};
use crate::schema::rollup_schema;
use crate::signal::Span;

/// The streams of a question: place of the thing, place of the stream in it; by name.
type Asked = Vec<(usize, usize)>;

/// A question, resolved.
#[derive(Debug)]
struct Question {
    sight: Sight,
    query: RollupQuery,
    asked: Asked,
}

/// A question, ready to be answered window by window.
#[derive(Debug)]
struct Answer {
    inner: Arc<Inner>,
    question: Arc<Question>,
    wants: Wants,
    windows: VecDeque<Vec<Span>>,
}

/// Answers in one batch.
///
/// # Errors
/// [`RollupError::TooManyRows`], unknown names, or the store's word.
pub async fn rows(inner: &Arc<Inner>, query: &RollupQuery) -> Result<RecordBatch, RollupError> {
    let mut answer = Answer::new(inner, query.clone())?;
    let buckets: usize = answer.windows.iter().map(Vec::len).sum();
    if buckets.saturating_mul(answer.question.asked.len()) > ANSWER_ROWS_MAX {
        return Err(RollupError::TooManyRows {
            rows_max: ANSWER_ROWS_MAX,
        });
    }
    let mut batches = Vec::new();
    while let Some(batch) = answer.next().await? {
        batches.push(batch);
    }
    joined(&rollup_schema(), &batches, ANSWER_ROWS_MAX)
}

/// Answers window by window.
pub fn row_stream(inner: &Arc<Inner>, query: RollupQuery) -> RollupStream {
    let answer = match Answer::new(inner, query) {
        Ok(answer) => answer,
        Err(error) => return Box::pin(stream::once(async { Err(error) })),
    };
    Box::pin(stream::try_unfold(answer, |mut answer| async move {
        let batch = answer.next().await?;
        Ok(batch.map(|batch| (batch, answer)))
    }))
}

impl Answer {
    fn new(inner: &Arc<Inner>, query: RollupQuery) -> Result<Self, RollupError> {
        let sight = Sight::of(inner, query.as_of);
        let asked = asked(&sight, &query)?;
        let buckets = sight.buckets(query.range, query.bucket, &query.zone)?;
        let windows = windows(&buckets, query.bucket)
            .map(<[Span]>::to_vec)
            .collect();
        let things: BTreeSet<usize> = asked.iter().map(|(thing, _)| *thing).collect();
        let mut streams = asked.iter().filter_map(|place| planned(&sight, *place));
        let unkept = streams.any(|(_, stream)| stream.key.is_some() && !stream.is_kept);
        let wants = Wants {
            things: things.into_iter().collect(),
            unkept,
            pieces: false,
        };
        let question = Arc::new(Question {
            sight,
            query,
            asked,
        });
        Ok(Self {
            inner: Arc::clone(inner),
            question,
            wants,
            windows,
        })
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>, RollupError> {
        let Some(buckets) = self.windows.pop_front() else {
            return Ok(None);
        };
        let (Some(first), Some(last)) = (buckets.first(), buckets.last()) else {
            return Ok(None);
        };
        let range = Span::new(first.start, last.end);
        let mut sums = vec![ThingSum::EMPTY; self.question.asked.len() * buckets.len()];
        let buckets: Arc<[Span]> = Arc::from(buckets);
        let mut reader = BaseReader::new(&self.inner, &self.question.sight, &self.wants, range);
        while let Some(part) = reader.next().await? {
            let (question, buckets) = (Arc::clone(&self.question), Arc::clone(&buckets));
            sums = aside(move || {
                question.add(&part, &buckets, &mut sums);
                Ok(sums)
            })
            .await?;
        }
        self.inner.evict();
        let question = Arc::clone(&self.question);
        aside(move || question.batch(&buckets, &sums).map(Some)).await
    }
}

impl Question {
    fn add(&self, part: &Part, buckets: &[Span], sums: &mut [ThingSum]) {
        let first = buckets.partition_point(|bucket| bucket.end <= part.span.start);
        for (place, sums) in self.asked.iter().zip(sums.chunks_mut(buckets.len())) {
            let Some((thing, stream)) = planned(&self.sight, *place) else {
                continue;
            };
            let is_load = thing.load.is_some_and(|(load, _)| load == place.1);
            let mut at = first;
            for row in stream
                .key
                .map_or(&[][..], |key| part.rows(key.0, part.span))
            {
                while buckets
                    .get(at)
                    .is_some_and(|bucket| bucket.end <= row.start)
                {
                    at += 1;
                }
                if let Some(sum) = sums.get_mut(at) {
                    sum.add(row, stream.property.signal);
                }
            }
            let capacity = part.capacity(place.0).filter(|_| is_load);
            let told = part.span.intersect(Span::new(i64::MIN, self.sight.now));
            for (bucket, sum) in buckets.iter().zip(sums).skip(first) {
                if bucket.start >= told.end {
                    break;
                }
                let expected = capacity.map(|capacity| capacity.integral(bucket.intersect(told)));
                sum.capacity_life += expected.unwrap_or(0);
            }
        }
    }

    fn batch(&self, buckets: &[Span], sums: &[ThingSum]) -> Result<RecordBatch, RollupError> {
        let mut rows = Vec::with_capacity(sums.len());
        let streams = self
            .asked
            .iter()
            .enumerate()
            .zip(sums.chunks(buckets.len()));
        for ((asked, place), sums) in streams {
            let Some((thing, stream)) = planned(&self.sight, *place) else {
                continue;
            };
            for (bucket, sum) in buckets.iter().zip(sums) {
                let expected_us = expected_us(thing, *bucket, self.sight.now);
                rows.push(OutRow {
                    asked,
                    thing,
                    stream,
                    place: place.1,
                    bucket: *bucket,
                    sum,
                    expected_us,
                });
            }
        }
        let mut columns = self.name_columns(&rows)?;
        columns.extend(number_columns(&rows));
        let last = rows.iter().map(|row| {
            let blank = self.sight.blank_computed_at(row.bucket);
            Some(if row.sum.computed_at == i64::MIN {
                blank
            } else {
                row.sum.computed_at
            })
        });
        columns.push(truths(
            rows.iter().map(|row| Some(self.sight.is_open(row.bucket))),
        ));
        columns.push(times(last));
        columns.push(wholes(rows.iter().map(|row| Some(row.sum.changes + 1))));
        Ok(RecordBatch::try_new(rollup_schema(), columns)?)
    }

    fn name_columns(&self, rows: &[OutRow<'_>]) -> Result<Vec<ArrayRef>, RollupError> {
        let mut publishers: HashMap<&str, i32> = HashMap::new();
        let mut properties: HashMap<&str, i32> = HashMap::new();
        let mut things: HashMap<&str, i32> = HashMap::new();
        let mut thing_names = Vec::new();
        let mut publisher_names = Vec::new();
        let mut property_names = Vec::new();
        let mut places = Vec::with_capacity(self.asked.len());
        for place in &self.asked {
            let Some((thing, stream)) = planned(&self.sight, *place) else {
                continue;
            };
            let publisher = numbered(
                &mut publishers,
                &mut publisher_names,
                thing.publisher.as_str(),
            );
            let property = stream.property.id.as_str();
            let property = numbered(&mut properties, &mut property_names, property);
            let thing = numbered(&mut things, &mut thing_names, thing.id.as_str());
            places.push((publisher, thing, property));
        }
        let place = |row: &OutRow<'_>| places.get(row.asked).copied().unwrap_or((0, 0, 0));
        Ok(vec![
            names(
                publisher_names.into_iter(),
                rows.iter().map(|row| place(row).0),
            )?,
            names(thing_names.into_iter(), rows.iter().map(|row| place(row).1))?,
            names(
                property_names.into_iter(),
                rows.iter().map(|row| place(row).2),
            )?,
            names(
                std::iter::once(self.query.bucket.as_str()),
                rows.iter().map(|_| 0),
            )?,
            times(rows.iter().map(|row| Some(row.bucket.start))),
            times(rows.iter().map(|row| Some(row.bucket.end))),
        ])
    }
}

fn numbered<'a>(known: &mut HashMap<&'a str, i32>, names: &mut Vec<&'a str>, name: &'a str) -> i32 {
    let next = i32::try_from(names.len()).unwrap_or(i32::MAX);
    let place = *known.entry(name).or_insert(next);
    if place == next {
        names.push(name);
    }
    place
}

fn asked(sight: &Sight, query: &RollupQuery) -> Result<Asked, RollupError> {
    let layout = &sight.view.layout;
    let registry = &sight.view.registry;
    if let Some(properties) = &query.properties {
        let unknown = properties
            .iter()
            .find(|id| registry.property(id.as_str()).is_none());
        if let Some(property) = unknown {
            return Err(RollupError::UnknownProperty {
                property: property.clone(),
            });
        }
    }
    let places: Vec<usize> = match &query.things {
        None => (0..layout.things().len()).collect(),
        Some(things) => {
            let places = things.iter().map(|thing| {
                let unknown = || RollupError::UnknownThing {
                    thing: thing.clone(),
                };
                layout.place(thing.as_str()).ok_or_else(unknown)
            });
            let places: BTreeSet<usize> = places.collect::<Result<_, _>>()?;
            places.into_iter().collect()
        }
    };
    let is_asked = |stream: &StreamPlan| {
        let properties = query.properties.as_ref();
        properties.is_none_or(|asked| asked.contains(&stream.property.id))
    };
    let things = places
        .into_iter()
        .filter_map(|place| Some((place, layout.thing(place)?)));
    let streams = things.flat_map(|(place, thing)| {
        let streams = thing.streams.iter().enumerate();
        let streams = streams.filter(|(_, stream)| is_asked(stream));
        streams
            .map(move |(stream, _)| (place, stream))
            .collect::<Vec<_>>()
    });
    Ok(streams.collect())
}

fn planned(sight: &Sight, place: (usize, usize)) -> Option<(&ThingPlan, &StreamPlan)> {
    let thing = sight.view.layout.thing(place.0)?;
    Some((thing, thing.streams.get(place.1)?))
}

struct OutRow<'a> {
    asked: usize,
    thing: &'a ThingPlan,
    stream: &'a StreamPlan,
    place: usize,
    bucket: Span,
    sum: &'a ThingSum,
    expected_us: i64,
}

impl OutRow<'_> {
    fn signal(&self) -> SignalKind {
        self.stream.property.signal
    }

    fn known_us(&self) -> i64 {
        let interval = self
            .stream
            .property
            .expected_interval
            .map(time::duration_us);
        self.sum.known_of(self.signal(), interval, self.expected_us)
    }

    fn is_load(&self) -> bool {
        self.thing.load.is_some_and(|(load, _)| load == self.place)
    }

    fn is_bay_state(&self) -> bool {
        self.thing.is_bay && self.stream.property.id.as_str() == "occupied"
    }

    fn for_signals<T>(&self, signals: &[SignalKind], value: T) -> Option<T> {
        signals.contains(&self.signal()).then_some(value)
    }
}

const SAMPLED: [SignalKind; 3] = [SignalKind::Gauge, SignalKind::Delta, SignalKind::Distinct];
const RANGED: [SignalKind; 3] = [SignalKind::State, SignalKind::Gauge, SignalKind::Distinct];

fn number_columns(rows: &[OutRow<'_>]) -> Vec<ArrayRef> {
    let whole = |pick: &dyn Fn(&OutRow<'_>) -> Option<i64>| wholes(rows.iter().map(pick));
    let float = |pick: &dyn Fn(&OutRow<'_>) -> Option<f64>| floats(rows.iter().map(pick));
    let state = |row: &OutRow<'_>, is_whole: bool| {
        row.signal() == SignalKind::State && row.stream.is_whole() == is_whole
    };
    let counter = [SignalKind::Counter];
    let load = |row: &OutRow<'_>, value: i128| row.is_load().then(|| held(value));
    vec![
        whole(&|row| Some(row.sum.readings)),
        whole(&|row| Some(row.known_us())),
        whole(&|row| Some(row.expected_us)),
        whole(&|row| state(row, true).then(|| held(row.sum.whole))),
        float(&|row| state(row, false).then_some(row.sum.real)),
        float(&|row| row.for_signals(&RANGED, row.sum.min)),
        float(&|row| row.for_signals(&RANGED, row.sum.max)),
        float(&|row| row.for_signals(&SAMPLED, row.sum.real)),
        whole(&|row| row.for_signals(&SAMPLED, row.sum.count)),
        float(&|row| row.for_signals(&counter, row.sum.real)),
        whole(&|row| row.for_signals(&counter, row.sum.count)),
        float(&|row| row.for_signals(&counter, row.sum.unplaced)),
        whole(&|row| load(row, row.sum.load)),
        whole(&|row| load(row, row.sum.capacity)),
        whole(&|row| load(row, row.sum.capacity_life)),
        whole(&|row| row.is_load().then_some(row.sum.buckets_known)),
        whole(&|row| row.is_load().then_some(row.sum.buckets_saturated)),
        truths(
            rows.iter()
                .map(|row| row.is_load().then_some(row.sum.is_over)),
        ),
        whole(&|row| row.is_bay_state().then_some(row.sum.count)),
        whole(&|row| row.is_bay_state().then_some(row.sum.known_us)),
    ]
}
