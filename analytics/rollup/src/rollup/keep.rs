//! Writes the kept view to the store's segments and reads it back.

use std::collections::BTreeMap;
use std::sync::Arc;

use arno_store::Backend;

use crate::error::{RollupError, store_error};
use crate::rollup::capacity::capacity_key;
use crate::rollup::codec::{DayTables, FORMAT, encode};
use crate::rollup::engine::aside;
use crate::rollup::mark::{Mark, ThingMark};
use crate::rollup::row::Thresholds;
use crate::rollup::view::{Day, KIND, PlanBefore, Slots, View};
use crate::signal::timeline::Timeline;

/// Writes what is not written yet, all or nothing.
///
/// # Errors
/// [`RollupError::Store`]; the view is unchanged then.
pub async fn write(
    backend: &Arc<dyn Backend>,
    view: &mut View,
    thresholds: Thresholds,
) -> Result<(), RollupError> {
    let Some(begin) = view.begin else {
        return Ok(());
    };
    let dirty = view.days.values().filter(|day| day.is_dirty);
    let dirty: Vec<(i32, DayTables)> = dirty
        .filter_map(|day| Some((day.number, day.in_memory()?)))
        .collect();
    let marked = view.clone();
    let gone = view.gone.iter().filter(|day| !view.days.contains_key(day));
    let gone: Vec<i32> = gone.copied().collect();
    let encoding = dirty.clone();
    let encoded = aside(move || {
        let mark = mark(&marked, begin, thresholds).encode()?;
        let kept = encoding
            .iter()
            .map(|(day, tables)| Ok((*day, encode(tables)?)));
        let removed = gone
            .into_iter()
            .map(|day| Ok((day, encode(&DayTables::default())?)));
        let segments = kept
            .chain(removed)
            .collect::<Result<Vec<_>, RollupError>>()?;
        Ok((segments, mark))
    });
    let (segments, mark) = encoded.await?;
    let written = backend.put_segments(KIND, segments, mark).await;
    written.map_err(store_error("write rollups"))?;
    for (number, tables) in dirty {
        if tables.is_empty() {
            view.days.remove(&number);
        } else {
            view.days.insert(number, Day::written(number, Some(tables)));
        }
    }
    view.gone.clear();
    Ok(())
}

fn mark(view: &View, begin: i64, thresholds: Thresholds) -> Mark {
    let things = view.layout.things().iter().zip(view.thing_prints.iter());
    let things = things
        .zip(view.timelines.iter())
        .map(|((thing, print), timeline)| {
            let capacity = capacity_key(thing).map(|_| timeline.steps().collect());
            (
                thing.id.clone(),
                ThingMark {
                    fingerprint: *print,
                    capacity,
                },
            )
        });
    let cells = view.cell_slots.iter().zip(view.cell_prints.iter());
    Mark {
        format: FORMAT,
        known_at: view.known_at,
        frontier: view.frontier,
        begin,
        known_percent: thresholds.known_percent,
        saturation_percent: thresholds.saturation_percent,
        slots: view.slots.keys().to_vec(),
        cells: cells.map(|(slot, print)| (*slot, *print)).collect(),
        things: things.collect(),
    }
}

/// Reads the mark and the list of days. What can't go on (no mark, another format or thresholds, a
/// store older than the mark) begins anew; written days are then replaced.
///
/// # Errors
/// [`RollupError::Store`].
pub async fn open(backend: &Arc<dyn Backend>, thresholds: Thresholds) -> Result<View, RollupError> {
    let bytes = backend
        .segment_mark(KIND)
        .await
        .map_err(store_error("read the rollups' mark"))?;
    let days = backend
        .segment_days(KIND)
        .await
        .map_err(store_error("list kept rollups"))?;
    let mut view = View::empty();
    let mark = match bytes.map(|bytes| Mark::decode(&bytes, thresholds)) {
        Some(Ok(mark)) => mark,
        Some(Err(error)) => {
            tracing::warn!(%error, "kept rollups are made anew");
            None
        }
        None => None,
    };
    let Some(mark) = mark.filter(|mark| mark.known_at <= backend.last_commit().as_micros()) else {
        view.gone = days;
        return Ok(view);
    };
    view.known_at = mark.known_at;
    view.frontier = mark.frontier;
    view.begin = Some(mark.begin);
    view.days = days
        .into_iter()
        .map(|number| (number, Day::written(number, None)))
        .collect();
    view.before = Some(Arc::new(before(&mark)));
    view.slots = Arc::new(Slots::of(mark.slots));
    Ok(view)
}

fn before(mark: &Mark) -> PlanBefore {
    let things = mark.things.iter().map(|(thing, kept)| {
        let steps = kept.capacity.clone();
        let timeline = steps.map(|steps| Arc::new(Timeline::from_steps(steps)));
        (thing.as_str().to_owned(), (kept.fingerprint, timeline))
    });
    let slots: BTreeMap<i32, _> = (1..).map(|place: i32| -place).zip(&mark.slots).collect();
    let cells = mark.cells.iter().filter_map(|(slot, print)| {
        let key = slots.get(slot)?;
        Some(((*key).clone(), *print))
    });
    PlanBefore {
        things: things.collect(),
        cells: cells.collect(),
    }
}
