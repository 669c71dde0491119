//! What a chunk of intervals is made of: reads as little as tells every piece whole.
//!
//! # Why
//! A piece must be told from its beginning to its end, and both may lie outside of what was asked.
//! With a hold, they lie within one hold of it. Without one the end is wherever the next
//! observation is; it is looked for in windows that double, in the streams that still lack it.

use arno_model::time::DAY_US;
use arno_model::{DatastreamKey, Timestamp};
use arno_store::Streams;

use crate::error::RollupError;
use crate::layout::{Layout, ThingPlan};
use crate::rollup::answer::interval::Chunk;
use crate::rollup::answer::sight::Sight;
use crate::rollup::engine::Inner;
use crate::rollup::load::{Reading, SeriesSet, read};
use crate::rollup::tally::{Horizon, ThingView};
use crate::signal::Span;
use crate::signal::state::{HOLD_UNLIMITED_US, Piece};

/// What is asked of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// A stream, by place.
    Stream(usize),
    /// Capacity, declared and reported.
    Capacity,
}

/// How far around a window a state must be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// So many microseconds both ways.
    Hold(i64),
    /// From the last observation before to the next one after: it holds, offline or not.
    Neighbours,
    /// From the very beginning to now: it holds without limit, but for offline time.
    Everything,
}

impl Of {
    /// The property's name.
    pub fn property(self, thing: &ThingPlan) -> &str {
        match self {
            Self::Stream(place) => {
                let stream = thing.streams.get(place);
                stream.map_or("", |stream| stream.property.id.as_str())
            }
            Self::Capacity => "capacity",
        }
    }

    fn stream(self, thing: &ThingPlan) -> Option<usize> {
        match self {
            Self::Stream(place) => Some(place),
            Self::Capacity => thing.capacity,
        }
    }

    fn reach(self, thing: &ThingPlan) -> Reach {
        let stream = self
            .stream(thing)
            .and_then(|place| thing.streams.get(place));
        let hold_us = match self {
            Self::Stream(_) => stream.map_or(HOLD_UNLIMITED_US, |stream| stream.hold_us),
            Self::Capacity => thing.capacity_hold_us,
        };
        let survives = stream.is_none_or(|stream| stream.property.survives_offline());
        match (hold_us, survives) {
            (HOLD_UNLIMITED_US, true) => Reach::Neighbours,
            (HOLD_UNLIMITED_US, false) => Reach::Everything,
            (hold_us, _) => Reach::Hold(hold_us),
        }
    }
}

/// The series of a chunk, by how far they were read.
#[derive(Debug, Default)]
pub struct Sets {
    held: SeriesSet,
    lasting: SeriesSet,
    whole: SeriesSet,
}

impl Sets {
    /// Known pieces of a state, those around the window included.
    pub fn pieces(&self, thing: &ThingPlan, of: Of, horizon: Horizon) -> Vec<Piece> {
        let set = match of.reach(thing) {
            Reach::Hold(_) => &self.held,
            Reach::Neighbours => &self.lasting,
            Reach::Everything => &self.whole,
        };
        let view = ThingView::new(thing, set, horizon);
        match of {
            Of::Stream(place) => view.pieces(place),
            Of::Capacity => view.capacity_pieces(),
        }
    }
}

/// Reads a chunk; `None` when some part of it holds more than `samples_max`.
///
/// # Errors
/// [`RollupError`] from the store.
pub async fn read_chunk(
    inner: &Inner,
    sight: &Sight,
    chunk: &Chunk,
    samples_max: usize,
) -> Result<Option<Sets>, RollupError> {
    let mut keys: [Vec<i32>; 3] = Default::default();
    let [held, lasting, whole] = &mut keys;
    let mut hold_us = 0;
    for (thing, of) in asked(&sight.view.layout, chunk) {
        let key = |place: usize| Some(thing.streams.get(place)?.key?.0);
        let stream = of.stream(thing).and_then(key);
        let online = thing.online.and_then(key);
        match of.reach(thing) {
            Reach::Hold(of_state_us) => {
                hold_us = hold_us.max(of_state_us);
                held.extend(stream.into_iter().chain(online));
            }
            Reach::Neighbours => lasting.extend(stream),
            Reach::Everything => whole.extend(stream.into_iter().chain(online)),
        }
    }
    let window = chunk.window;
    let end = sight.now.saturating_add(1);
    let around = Span::new(
        window.start.saturating_sub(hold_us),
        window.end.saturating_add(hold_us),
    );
    let first = if chunk.is_first {
        Timestamp::MIN.as_micros()
    } else {
        window.start
    };
    let [held, lasting, whole] = keys;
    let reader = Reader {
        inner,
        sight,
        samples_max,
    };
    let Some(held) = reader
        .read(held, around.intersect(Span::new(i64::MIN, end)))
        .await?
    else {
        return Ok(None);
    };
    let Some(whole) = reader.read(whole, Span::new(first, end)).await? else {
        return Ok(None);
    };
    let Some(lasting) = reader.read_to_next(lasting, window, end).await? else {
        return Ok(None);
    };
    Ok(Some(Sets {
        held,
        lasting,
        whole,
    }))
}

fn asked<'a>(layout: &'a Layout, chunk: &'a Chunk) -> impl Iterator<Item = (&'a ThingPlan, Of)> {
    let things = chunk.asked.iter();
    let things = things.filter_map(|(thing, of)| Some((layout.thing(*thing)?, of)));
    things.flat_map(|(thing, of)| of.iter().map(move |of| (thing, *of)))
}

struct Reader<'a> {
    inner: &'a Inner,
    sight: &'a Sight,
    samples_max: usize,
}

impl Reader<'_> {
    async fn read(&self, keys: Vec<i32>, span: Span) -> Result<Option<SeriesSet>, RollupError> {
        let reading = Reading {
            streams: Streams::of(keys.into_iter().map(DatastreamKey).collect()),
            span,
            as_of: self.sight.as_of,
        };
        read(self.inner.backend(), reading, self.samples_max).await
    }

    /// Reads a window and on to each stream's next observation.
    async fn read_to_next(
        &self,
        mut keys: Vec<i32>,
        window: Span,
        end: i64,
    ) -> Result<Option<SeriesSet>, RollupError> {
        keys.sort_unstable();
        keys.dedup();
        let Some(mut found) = self.read(keys.clone(), window).await? else {
            return Ok(None);
        };
        let mut from = window.end;
        let mut width_us = DAY_US;
        while from < end && !keys.is_empty() {
            let ahead = Span::new(from, from.saturating_add(width_us).min(end));
            let Some(more) = self.read(keys.clone(), ahead).await? else {
                return Ok(None);
            };
            keys.retain(|key| {
                more.of(*key)
                    .last()
                    .is_none_or(|last| last.time < ahead.start)
            });
            found = found.with_next_of(&more, ahead.start);
            from = ahead.end;
            width_us = width_us.saturating_mul(2);
        }
        Ok(Some(found))
    }
}
