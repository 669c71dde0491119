//! Time passes: the frontier moves, window by window, and the buckets behind it close.
//!
//! # Invariants
//! After each window the view is whole: it may be shown and written. A counter's growth into a
//! bucket that closed before shows once the bucket of its next sample closes; so does a delta's
//! amount.

use std::sync::Arc;

use arno_model::SignalKind;
use arno_model::bucket::BASE_US;
use arno_model::time::DAY_US;

use crate::error::RollupError;
use crate::layout::Layout;
use crate::rollup::capacity;
use crate::rollup::dirty::{Dirt, ThingDirt, WINDOW_DAYS_MAX, Window};
use crate::rollup::engine::aside;
use crate::rollup::load::{SAMPLES_MAX, SeriesSet};
use crate::rollup::work::Work;
use crate::signal::{Span, bucket_floor};

/// Closing windows grow while they hold fewer samples than this, and shrink above four times it.
const SAMPLES_WANTED: usize = 500_000;

impl Work<'_> {
    /// Moves the frontier to `target`, showing and writing what stands as it goes.
    ///
    /// # Errors
    /// [`RollupError`] from the store; what was shown before stays right.
    pub async fn close_until(&mut self, target: i64) -> Result<(), RollupError> {
        let Some(first) = self.view.first() else {
            return Ok(());
        };
        if self.view.frontier < first && self.closed_before == i64::MIN {
            self.view.frontier = first.min(target);
        }
        let mut days: i64 = 1;
        while self.view.frontier < target {
            let from = self.view.frontier;
            let end = (from.div_euclid(DAY_US) + days) * DAY_US;
            let mut span = Span::new(from, end.min(target));
            let read_count = loop {
                let is_least = span.length_us() <= BASE_US;
                let samples_max = if is_least { usize::MAX } else { SAMPLES_MAX };
                if let Some(count) = self.close(span, samples_max).await? {
                    break count;
                }
                let middle = bucket_floor(span.start + span.length_us() / 2);
                span.end = middle.max(span.start + BASE_US);
            };
            if read_count < SAMPLES_WANTED {
                days = (days * 2).min(i64::try_from(WINDOW_DAYS_MAX).unwrap_or(1));
            } else if read_count > SAMPLES_WANTED * 4 {
                days = (days / 2).max(1);
            }
            self.inner.show(&mut self.view).await?;
        }
        Ok(())
    }

    /// Closes the buckets of a span from the frontier on; `None` when it holds too many samples.
    async fn close(
        &mut self,
        span: Span,
        samples_max: usize,
    ) -> Result<Option<usize>, RollupError> {
        let layout = Arc::clone(&self.view.layout);
        let streams = layout.things().iter().flat_map(|plan| &plan.streams);
        let keys = streams
            .filter_map(|stream| stream.key)
            .map(|key| key.0)
            .collect();
        let Some(set) = self.read(keys, span, samples_max).await? else {
            return Ok(None);
        };
        let set = Arc::new(set);
        let count = set.len();
        let things = (0..layout.things().len())
            .map(|thing| ThingDirt {
                thing,
                span,
                has_cells: true,
            })
            .collect();
        let window = Window {
            span,
            things,
            cells: Vec::new(),
        };
        let (timelines, samples) = (Arc::clone(&self.view.timelines), Arc::clone(&set));
        let (timelines, reached) = aside(move || {
            let timelines = capacity::extended(&timelines, &layout, &samples, span);
            Ok((timelines, reach_back(&layout, &samples, span)))
        })
        .await?;
        self.view.timelines = timelines;
        self.compute(set, window, span.end).await?;
        self.view.frontier = span.end;
        if !reached.is_empty() {
            Box::pin(self.mend(reached)).await?;
        }
        Ok(Some(count))
    }
}

/// Marks what samples within a span from the frontier on say about buckets closed before.
fn reach_back(layout: &Layout, set: &SeriesSet, span: Span) -> Dirt {
    let mut dirt = Dirt::default();
    for (place, plan) in layout.things().iter().enumerate() {
        for stream in &plan.streams {
            let Some(key) = stream.key else { continue };
            let samples = set.of(key.0);
            let first = samples.partition_point(|sample| sample.time < span.start);
            let Some(sample) = samples.get(first) else {
                continue;
            };
            let from = match stream.property.signal {
                SignalKind::Delta => Some(sample.time - stream.reach_back_us()),
                SignalKind::Counter => {
                    let before = first.checked_sub(1).and_then(|before| samples.get(before));
                    let before = before.map(|before| before.time);
                    before.filter(|before| sample.time - before <= stream.gap_us())
                }
                SignalKind::State | SignalKind::Gauge | SignalKind::Distinct => None,
            };
            if let Some(from) = from.filter(|from| *from < span.start) {
                dirt.add_thing(place, Span::new(from, span.start), false);
            }
        }
    }
    dirt
}
