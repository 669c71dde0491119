//! Capacity of the plan's things over time: what they reported comes in, timelines go out.

use std::sync::Arc;

use crate::layout::{Layout, ThingPlan};
use crate::rollup::load::SeriesSet;
use crate::rollup::tally::{Horizon, ThingView};
use crate::signal::Span;
use crate::signal::timeline::Timeline;

/// The key of a thing's `capacity`, where it matters and was ever reported.
pub fn capacity_key(thing: &ThingPlan) -> Option<i32> {
    thing.load?;
    let stream = thing.streams.get(thing.capacity?)?;
    stream.key.map(|key| key.0)
}

/// A thing's capacity over its life, its last word holding on.
pub fn timeline(thing: &ThingPlan, set: &SeriesSet, horizon: Horizon) -> Timeline {
    if thing.load.is_none() {
        return Timeline::default();
    }
    let view = ThingView::new(thing, set, horizon);
    Timeline::of(
        &view.capacity_samples(),
        thing.capacity_hold_us,
        thing.valid,
    )
}

/// The timelines with what was reported within a span from the frontier on.
pub fn extended(
    timelines: &Arc<Vec<Arc<Timeline>>>,
    layout: &Layout,
    set: &SeriesSet,
    span: Span,
) -> Arc<Vec<Arc<Timeline>>> {
    let horizon = Horizon {
        states_end: i64::MAX,
        samples_end: span.end,
    };
    let mut changed: Vec<(usize, Arc<Timeline>)> = Vec::new();
    for (place, thing) in layout.things().iter().enumerate() {
        let Some(key) = capacity_key(thing) else {
            continue;
        };
        let is_reported = set
            .of(key)
            .last()
            .is_some_and(|last| last.time >= span.start);
        if let (true, Some(kept)) = (is_reported, timelines.get(place)) {
            let later = timeline(thing, set, horizon);
            changed.push((place, Arc::new(kept.replaced_from(span.start, &later))));
        }
    }
    if changed.is_empty() {
        return Arc::clone(timelines);
    }
    let mut extended = Vec::clone(timelines);
    for (place, timeline) in changed {
        if let Some(kept) = extended.get_mut(place) {
            *kept = timeline;
        }
    }
    Arc::new(extended)
}
