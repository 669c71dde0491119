//! Gauges, counters, deltas and distinct estimates: a series comes in, what falls into each bucket
//! goes out.
//!
//! # Why
//! Nothing is known between the samples of these, so they are counted, not integrated. A counter's
//! growth happened between two samples: it is spread over that time, unless that is too long to
//! say when; then the amount is reported, unplaced.
//!
//! # Source
//! A drop is a reset to 0, so what the counter shows afterwards is growth (as Prometheus has it:
//! `increase`); what it grew between the sample before and the reset is lost.

use crate::signal::Span;
use crate::signal::series::{Sample, within};
use crate::signal::state::float_us;

/// Samples of a gauge, or distinct estimates, in a bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleTally {
    /// How many have a value.
    pub samples: u32,
    /// Their sum.
    pub sum: f64,
    /// The least; infinite without any.
    pub min: f64,
    /// The greatest; −infinite without any.
    pub max: f64,
}

/// Tallies the samples in a bucket.
pub fn samples(series: &[Sample], bucket: Span) -> SampleTally {
    let mut tally = SampleTally {
        samples: 0,
        sum: 0.0,
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
    };
    let inside = within(series, bucket.start, bucket.end);
    for value in inside.iter().filter_map(|sample| sample.value) {
        tally.samples += 1;
        tally.sum += value;
        tally.min = tally.min.min(value);
        tally.max = tally.max.max(value);
    }
    tally
}

/// A counter's growth in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CounterTally {
    /// Growth that falls into the bucket.
    pub increase: f64,
    /// Time that lies between two samples near enough.
    pub known_us: i64,
    /// Drops, at the sample that shows them.
    pub resets: u32,
    /// Growth over a gap too long, at the sample that shows it.
    pub unplaced: f64,
}

/// Tallies a counter. The series must reach back to the sample before the bucket, and on to the one
/// after it where that is within `max_gap_us`. A sample without a value breaks the count: growth
/// begins anew after it.
pub fn counter(series: &[Sample], bucket: Span, max_gap_us: i64) -> CounterTally {
    let mut tally = CounterTally::default();
    let first = series.partition_point(|sample| sample.time < bucket.start);
    let before = series.get(..first).unwrap_or(&[]);
    let mut earlier = before.last().and_then(valued);
    for sample in series.get(first..).unwrap_or(&[]) {
        let time = sample.time;
        if let (Some((earlier_time, earlier_value)), Some(value)) = (earlier, sample.value) {
            let span = Span::new(earlier_time, time);
            let is_reset = value < earlier_value;
            let growth = if is_reset {
                value
            } else {
                value - earlier_value
            };
            let is_here = bucket.contains(time);
            tally.resets += u32::from(is_here && is_reset);
            if span.length_us() <= max_gap_us {
                let inside_us = span.intersect(bucket).length_us();
                tally.known_us += inside_us;
                tally.increase += growth * (float_us(inside_us) / float_us(span.length_us()));
            } else if is_here {
                tally.unplaced += growth;
            }
        }
        if time >= bucket.end {
            break;
        }
        earlier = valued(sample);
    }
    tally
}

fn valued(sample: &Sample) -> Option<(i64, f64)> {
    Some((sample.time, sample.value?))
}

/// Amounts reported for a period, in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DeltaTally {
    /// What falls into the bucket.
    pub sum: f64,
    /// Time that some period covers.
    pub known_us: i64,
    /// Reports whose own time is in the bucket.
    pub samples: u32,
}

/// Tallies deltas, each spread evenly over its period before its time. Without a period the amount
/// falls into the bucket of its time, and that bucket counts as covered. The series must reach one
/// period beyond the bucket.
pub fn delta(series: &[Sample], bucket: Span, period_us: Option<i64>) -> DeltaTally {
    let mut tally = DeltaTally::default();
    let period_us = period_us.unwrap_or(0).max(0);
    let to = bucket.end.saturating_add(period_us);
    let mut covered_to = bucket.start;
    for (time, amount) in within(series, bucket.start, to).iter().filter_map(valued) {
        let is_here = bucket.contains(time);
        tally.samples += u32::from(is_here);
        if period_us == 0 {
            tally.sum += amount;
            covered_to = bucket.end;
            tally.known_us = bucket.length_us();
            continue;
        }
        let span = Span::new(time.saturating_sub(period_us), time);
        let inside_us = span.intersect(bucket).length_us();
        tally.sum += amount * (float_us(inside_us) / float_us(period_us));
        let fresh = Span::new(covered_to, i64::MAX);
        tally.known_us += span.intersect(bucket).intersect(fresh).length_us();
        covered_to = covered_to.max(span.end.min(bucket.end));
    }
    tally
}
