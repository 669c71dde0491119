//! One cell in a range of buckets: its members' rows come in, the cell's rows go out.
//!
//! # Invariants
//! Members are added in the order of their names, so that floats come out the same each time.

use arno_model::{AreaMode, SignalKind};

use crate::layout::cell::{CellMode, Member};
use crate::layout::{Layout, ThingPlan};
use crate::rollup::row::{
    AreaRow, FLAG_KNOWN, FLAG_OVER, FLAG_SATURATED, Row as _, ThingRow, ThingSum, Thresholds, held,
};
use crate::signal::Span;
use crate::signal::state::Piece;
use crate::signal::sweep::PeakFinder;
use crate::signal::timeline::Timeline;

/// Where a cell's members' rows, capacities and pieces are found.
pub trait Source {
    /// The kept or computed rows of a datastream within a span of whole buckets, by bucket.
    fn rows(&self, key: i32, span: Span) -> &[ThingRow];
    /// Capacity over the life of a thing, by its place.
    fn capacity(&self, thing: usize) -> Option<&Timeline>;
    /// Known pieces of a state, where peaks are asked for.
    fn pieces(&self, key: i32) -> &[Piece];
}

/// What is computed.
#[derive(Debug, Clone, Copy)]
pub struct CellJob<'a> {
    /// The plan.
    pub layout: &'a Layout,
    /// How the cell adds up.
    pub mode: CellMode,
    /// Who is in it, by name.
    pub members: &'a [Member],
    /// Nothing counts after here.
    pub until: i64,
    /// What counts as known and saturated.
    pub thresholds: Thresholds,
}

/// Exact sums of a parking cell in one bucket.
#[derive(Debug, Clone, Copy, Default)]
struct ParkingSum {
    readings: u64,
    reporting: u32,
    load: i128,
    capacity: i128,
    expected: i128,
    is_over: bool,
    changes: u32,
    computed_at: i64,
}

/// What a property comes to over members.
#[derive(Debug, Clone, Copy, Default)]
pub struct PropertySum {
    /// Observations.
    pub readings: u64,
    /// Members known for some time.
    pub reporting: u32,
    /// Σ of the members' figures.
    pub total: f64,
    /// How many figures that is.
    pub figures: u32,
    /// Σ known time.
    pub known_us: i64,
    /// Σ expected time.
    pub expected_us: i64,
}

impl PropertySum {
    /// Adds a member's merged rows; `length_us` is how long it was expected.
    pub fn add(&mut self, mode: CellMode, sum: &ThingSum, length_us: i64) {
        let CellMode::Property {
            signal,
            is_whole,
            expected_us,
            ..
        } = mode
        else {
            return;
        };
        let known_us = sum.known_of(signal, expected_us, length_us);
        self.readings += u64::try_from(sum.readings).unwrap_or(0);
        self.reporting += u32::from(known_us > 0);
        self.known_us += known_us;
        self.expected_us += length_us;
        if let Some(figure) = sum.figure(signal, is_whole) {
            self.total += figure;
            self.figures += 1;
        }
    }

    /// The cell's value by its area mode; `None` when nothing is known or the mode has none.
    pub fn value(&self, mode: CellMode) -> Option<f64> {
        let CellMode::Property { mode, .. } = mode else {
            return None;
        };
        match mode {
            AreaMode::Sum if self.figures > 0 => Some(self.total),
            AreaMode::Mean if self.figures > 0 => Some(self.total / f64::from(self.figures)),
            _ => None,
        }
    }
}

/// How long a member is expected in a span: while the thing exists, up to now.
pub fn expected_us(thing: &ThingPlan, span: Span, until: i64) -> i64 {
    let told = Span::new(i64::MIN, until);
    span.intersect(thing.valid).intersect(told).length_us()
}

impl CellJob<'_> {
    /// The rows of every bucket of a range of whole buckets, blank ones included.
    pub fn rows(&self, slot: i32, range: Span, source: &impl Source) -> Vec<AreaRow> {
        match self.mode {
            CellMode::Parking => self.parking_rows(slot, range, source),
            CellMode::Property { signal, .. } => self.property_rows(slot, range, signal, source),
        }
    }

    fn parking_rows(&self, slot: i32, range: Span, source: &impl Source) -> Vec<AreaRow> {
        let buckets: Vec<Span> = range.buckets().collect();
        let mut sums = vec![ParkingSum::default(); buckets.len()];
        for (member, thing) in self.planned() {
            let Some(stream) = thing.streams.get(member.stream) else {
                continue;
            };
            let mut rows = stream.key.map_or(&[][..], |key| source.rows(key.0, range));
            let timeline = source.capacity(member.thing);
            for (bucket, sum) in buckets.iter().zip(&mut sums) {
                let row = take_at(&mut rows, bucket.start);
                if !member.span.contains(bucket.start) {
                    continue;
                }
                match row {
                    Some(row) => sum.add(row),
                    None => {
                        let told = bucket.intersect(Span::new(i64::MIN, self.until));
                        sum.expected += timeline.map_or(0, |timeline| timeline.integral(told));
                    }
                }
            }
        }
        let rows = buckets.iter().zip(&sums);
        rows.map(|(bucket, sum)| sum.row(slot, bucket.start, self.thresholds))
            .collect()
    }

    fn property_rows(
        &self,
        slot: i32,
        range: Span,
        signal: SignalKind,
        source: &impl Source,
    ) -> Vec<AreaRow> {
        let buckets: Vec<Span> = range.buckets().collect();
        let mut sums = vec![PropertySum::default(); buckets.len()];
        for (member, thing) in self.planned() {
            let Some(stream) = thing.streams.get(member.stream) else {
                continue;
            };
            let mut rows = stream.key.map_or(&[][..], |key| source.rows(key.0, range));
            for (bucket, sum) in buckets.iter().zip(&mut sums) {
                let row = take_at(&mut rows, bucket.start);
                if !member.span.contains(bucket.start) {
                    continue;
                }
                let mut merged = ThingSum::EMPTY;
                if let Some(row) = row {
                    merged.add(row, signal);
                }
                sum.add(self.mode, &merged, expected_us(thing, *bucket, self.until));
            }
        }
        let peaks = self.peaks(range, source);
        let rows = buckets.iter().zip(&sums).enumerate();
        rows.map(|(place, (bucket, sum))| {
            let mut row = AreaRow::blank(slot, bucket.start);
            row.readings = u32::try_from(sum.readings).unwrap_or(u32::MAX);
            row.reporting = sum.reporting;
            row.value = sum.value(self.mode).unwrap_or(f64::NAN);
            row.known_us = sum.known_us;
            row.expected_us = sum.expected_us;
            row.peak = peaks.get(place).copied().flatten().unwrap_or(f64::NAN);
            row
        })
        .collect()
    }

    /// The most at once in every bucket of a range; empty where it is not asked for.
    pub fn peaks(&self, range: Span, source: &impl Source) -> Vec<Option<f64>> {
        if !self.mode.has_peak() {
            return Vec::new();
        }
        let pieces: Vec<(Span, &[Piece])> = self
            .planned()
            .filter_map(|(member, thing)| {
                let key = thing.streams.get(member.stream)?.key?;
                Some((member.span, source.pieces(key.0)))
            })
            .filter(|(_, pieces)| !pieces.is_empty())
            .collect();
        let mut finder = PeakFinder::default();
        let peaks = range.buckets().map(|bucket| {
            for (span, pieces) in &pieces {
                if span.contains(bucket.start) {
                    finder.add(pieces, bucket);
                }
            }
            finder.take()
        });
        peaks.collect()
    }

    fn planned(&self) -> impl Iterator<Item = (&Member, &ThingPlan)> {
        let members = self.members.iter();
        members.filter_map(|member| Some((member, self.layout.thing(member.thing)?)))
    }
}

impl ParkingSum {
    fn add(&mut self, row: &ThingRow) {
        self.readings += u64::from(row.readings);
        self.reporting += u32::from(row.known_us > 0);
        self.load += i128::from(row.load);
        self.capacity += i128::from(row.capacity);
        self.expected += i128::from(row.expected);
        self.is_over |= row.flags & FLAG_OVER != 0;
        self.changes = self.changes.saturating_add(row.revision - 1);
        self.computed_at = self.computed_at.max(row.computed_at);
    }

    fn row(&self, slot: i32, start: i64, thresholds: Thresholds) -> AreaRow {
        let mut row = AreaRow::blank(slot, start);
        row.readings = u32::try_from(self.readings).unwrap_or(u32::MAX);
        row.reporting = self.reporting;
        row.load = held(self.load);
        row.capacity = held(self.capacity);
        row.expected = held(self.expected);
        row.flags = thresholds.flags(self.load, self.capacity, self.expected, self.is_over);
        row.revision = self.changes.saturating_add(1);
        row.computed_at = self.computed_at;
        row
    }
}

/// The row of a bucket, if the sorted rest has it and it says something; earlier rows are dropped.
fn take_at<'a>(rest: &mut &'a [ThingRow], start: i64) -> Option<&'a ThingRow> {
    while let Some((row, left)) = rest.split_first() {
        if row.start > start {
            return None;
        }
        *rest = left;
        if row.start == start {
            return (!row.is_blank()).then_some(row);
        }
    }
    None
}

/// What a range of a cell's rows merges to, for parking.
#[derive(Debug, Clone, Copy, Default)]
pub struct CellSum {
    /// Observations.
    pub readings: i64,
    /// ∫load dt.
    pub load: i128,
    /// ∫capacity dt, jointly known.
    pub capacity: i128,
    /// ∫capacity dt.
    pub expected: i128,
    /// 15-minute buckets that are known.
    pub buckets_known: i64,
    /// 15-minute buckets that are saturated.
    pub buckets_saturated: i64,
    /// Whether load was above capacity at some moment in some thing.
    pub is_over: bool,
    /// The most at once.
    pub peak: Option<f64>,
    /// Changes to closed rows.
    pub changes: i64,
    /// When the youngest row was computed.
    pub computed_at: Option<i64>,
}

impl CellSum {
    /// Adds a row.
    pub fn add(&mut self, row: &AreaRow) {
        self.readings += i64::from(row.readings);
        self.load += i128::from(row.load);
        self.capacity += i128::from(row.capacity);
        self.expected += i128::from(row.expected);
        self.buckets_known += i64::from(row.flags & FLAG_KNOWN != 0);
        self.buckets_saturated += i64::from(row.flags & FLAG_SATURATED != 0);
        self.is_over |= row.flags & FLAG_OVER != 0;
        if !row.peak.is_nan() {
            self.peak = Some(self.peak.map_or(row.peak, |peak| peak.max(row.peak)));
        }
        self.changes += i64::from(row.revision) - 1;
        self.computed_at = self.computed_at.max(Some(row.computed_at));
    }
}
