//! Sums of an area question's cells over the buckets of one window.

use std::sync::Arc;

use arno_model::SignalKind;
use arno_model::bucket::BASE_US;

use crate::layout::cell::CellMode;
use crate::rollup::answer::area_cells::AnswerCell;
use crate::rollup::answer::base_row::Part;
use crate::rollup::answer::sight::Sight;
use crate::rollup::cells::{CellJob, CellSum, PropertySum, Source as _, expected_us};
use crate::rollup::row::{AreaRow, Row as _, ThingSum, Thresholds};
use crate::signal::Span;

/// One row of an answer, of a cell in a bucket.
#[derive(Debug, Clone, Copy)]
pub struct OutRow {
    /// Which bucket.
    pub bucket: Span,
    /// Parking's sums, and the peak, changes and time of computing of all.
    pub sum: CellSum,
    /// Other measures' sums.
    pub property: PropertySum,
    /// Members known for some time; absent where it does not merge.
    pub reporting: Option<u32>,
    /// Things that count at some time.
    pub things: u32,
}

/// No row was computed yet: what rows that are made anew say of themselves.
const NEVER: i64 = 0;

/// What members come to in one bucket.
#[derive(Debug, Clone, Copy, Default)]
struct MemberFacts {
    property: PropertySum,
    changes: i64,
    computed_at: i64,
}

/// What a question asks for, resolved.
#[derive(Debug)]
pub struct Question {
    /// Where it stands in time.
    pub sight: Sight,
    /// What counts as known and saturated.
    pub thresholds: Thresholds,
    /// How cells add up.
    pub mode: CellMode,
    /// The cells.
    pub cells: Vec<AnswerCell>,
}

/// The sums of one window.
#[derive(Debug)]
pub struct WindowSums {
    question: Arc<Question>,
    buckets: Vec<Span>,
    sums: Vec<CellSum>,
    reporting: Vec<u32>,
    members: Vec<ThingSum>,
}

impl Question {
    /// How many members its cells have.
    pub fn member_count(&self) -> usize {
        self.cells.iter().map(|cell| cell.members.len()).sum()
    }

    fn job<'a>(&'a self, cell: &'a AnswerCell) -> CellJob<'a> {
        CellJob {
            layout: &self.sight.view.layout,
            mode: self.mode,
            members: &cell.members,
            until: self.sight.now,
            thresholds: self.thresholds,
        }
    }

    /// A cell's kept rows of a part; what is not kept is computed: nothing known, so much expected.
    fn kept_rows(&self, cell: &AnswerCell, slot: i32, part: &Part) -> Vec<AreaRow> {
        let kept = part.kept.cells.of_series(slot, part.span);
        let count = usize::try_from(part.span.length_us() / BASE_US).unwrap_or(0);
        if kept.len() == count && kept.iter().all(|row| !row.is_blank()) {
            return kept.to_vec();
        }
        let mut rows = Vec::with_capacity(count);
        let mut rest = kept;
        let mut blank_from: Option<i64> = None;
        for bucket in part.span.buckets() {
            let row = rest.first().filter(|row| row.start == bucket.start);
            if row.is_some() {
                rest = rest.get(1..).unwrap_or(&[]);
            }
            match row.filter(|row| !row.is_blank()) {
                None => {
                    blank_from.get_or_insert(bucket.start);
                    if let Some(row) = row {
                        rows.push(*row);
                    }
                }
                Some(row) => {
                    if let Some(from) = blank_from.take() {
                        self.add_blank(cell, Span::new(from, bucket.start), part, &mut rows);
                    }
                    rows.push(*row);
                }
            }
        }
        if let Some(from) = blank_from {
            self.add_blank(cell, Span::new(from, part.span.end), part, &mut rows);
        }
        rows
    }

    fn add_blank(&self, cell: &AnswerCell, span: Span, part: &Part, rows: &mut Vec<AreaRow>) {
        let mut computed = self.job(cell).rows(0, span, part);
        for row in &mut computed {
            row.revision = 1;
            row.computed_at = row.start + BASE_US;
        }
        rows.extend(computed);
    }
}

impl WindowSums {
    /// Empty sums.
    pub fn new(question: Arc<Question>, buckets: Vec<Span>) -> Self {
        let member_count = match question.mode {
            CellMode::Parking => 0,
            CellMode::Property { .. } => question.member_count(),
        };
        let count = question.cells.len() * buckets.len();
        Self {
            sums: vec![CellSum::default(); count],
            reporting: vec![0; count],
            members: vec![ThingSum::EMPTY; member_count * buckets.len()],
            question,
            buckets,
        }
    }

    /// Adds a part of the window.
    pub fn add(&mut self, part: &Part) {
        match self.question.mode {
            CellMode::Parking => self.add_parking(part),
            CellMode::Property { signal, .. } => {
                self.add_members(part, signal);
                self.add_cell_facts(part);
            }
        }
    }

    fn bucket_at(&self, start: i64) -> usize {
        self.buckets.partition_point(|bucket| bucket.end <= start)
    }

    fn add_row(&mut self, cell: usize, row: &AreaRow) {
        let place = cell * self.buckets.len() + self.bucket_at(row.start);
        if let Some(sum) = self.sums.get_mut(place) {
            sum.add(row);
        }
        if let Some(reporting) = self.reporting.get_mut(place) {
            *reporting = (*reporting).max(row.reporting);
        }
    }

    fn add_parking(&mut self, part: &Part) {
        let question = Arc::clone(&self.question);
        for (place, cell) in question.cells.iter().enumerate() {
            let kept = cell.kept.filter(|_| part.is_closed);
            let rows = match kept {
                Some(slot) => question.kept_rows(cell, slot, part),
                None => question.job(cell).rows(0, part.span, part),
            };
            for row in rows {
                self.add_row(place, &row);
            }
        }
    }

    fn add_members(&mut self, part: &Part, signal: SignalKind) {
        let question = Arc::clone(&self.question);
        let layout = &question.sight.view.layout;
        let width = self.buckets.len();
        let first = self.bucket_at(part.span.start);
        let members = question.cells.iter().flat_map(|cell| &cell.members);
        for (member, sums) in members.zip(self.members.chunks_mut(width)) {
            let stream = layout
                .thing(member.thing)
                .and_then(|plan| plan.streams.get(member.stream));
            let Some(key) = stream.and_then(|stream| stream.key) else {
                continue;
            };
            let mut at = first;
            for row in part.rows(key.0, part.span.intersect(member.span)) {
                while self
                    .buckets
                    .get(at)
                    .is_some_and(|bucket| bucket.end <= row.start)
                {
                    at += 1;
                }
                if let Some(sum) = sums.get_mut(at) {
                    sum.add(row, signal);
                }
            }
        }
    }

    /// Peaks of all cells, and of kept ones also how often they changed.
    fn add_cell_facts(&mut self, part: &Part) {
        let question = Arc::clone(&self.question);
        for (place, cell) in question.cells.iter().enumerate() {
            let kept = cell.kept.filter(|_| part.is_closed);
            if let Some(slot) = kept {
                for row in part.kept.cells.of_series(slot, part.span) {
                    self.add_row(place, row);
                }
                continue;
            }
            let peaks = question.job(cell).peaks(part.span, part);
            for (bucket, peak) in part.span.buckets().zip(peaks) {
                let at = place * self.buckets.len() + self.bucket_at(bucket.start);
                if let (Some(sum), Some(peak)) = (self.sums.get_mut(at), peak) {
                    sum.peak = Some(sum.peak.map_or(peak, |most: f64| most.max(peak)));
                }
            }
        }
    }

    /// The rows of every cell and bucket.
    pub fn finish(self) -> Vec<Vec<OutRow>> {
        let width = self.buckets.len();
        let mut rows = Vec::with_capacity(self.question.cells.len());
        let mut member_sums = self.members.chunks(width.max(1));
        for (place, cell) in self.question.cells.iter().enumerate() {
            let facts = self.facts(cell, &mut member_sums);
            let of_cell = self.buckets.iter().zip(facts).enumerate();
            let of_cell = of_cell
                .map(|(at, (bucket, facts))| self.row(place * width + at, cell, *bucket, facts));
            rows.push(of_cell.collect());
        }
        rows
    }

    /// What a cell's members come to in every bucket; takes their sums.
    fn facts<'a>(
        &self,
        cell: &AnswerCell,
        sums: &mut impl Iterator<Item = &'a [ThingSum]>,
    ) -> Vec<MemberFacts> {
        let question = &self.question;
        let mut facts = vec![MemberFacts::default(); self.buckets.len()];
        if question.mode == CellMode::Parking {
            return facts;
        }
        for (member, sums) in cell.members.iter().zip(sums) {
            let Some(thing) = question.sight.view.layout.thing(member.thing) else {
                continue;
            };
            for ((bucket, sum), facts) in self.buckets.iter().zip(sums).zip(&mut facts) {
                let within = bucket.intersect(member.span);
                let expected_us = expected_us(thing, within, question.sight.now);
                facts.property.add(question.mode, sum, expected_us);
                facts.changes += sum.changes;
                facts.computed_at = facts.computed_at.max(sum.computed_at);
            }
        }
        facts
    }

    fn row(&self, at: usize, cell: &AnswerCell, bucket: Span, facts: MemberFacts) -> OutRow {
        let mut sum = self.sums.get(at).copied().unwrap_or_default();
        let is_property = self.question.mode != CellMode::Parking;
        if is_property && cell.kept.is_none() {
            sum.changes = facts.changes;
        }
        let stamped = sum.computed_at.unwrap_or(NEVER).max(facts.computed_at);
        let blank = self.question.sight.blank_computed_at(bucket);
        sum.computed_at = Some(if stamped <= NEVER { blank } else { stamped });
        let is_narrow = bucket.length_us() == BASE_US;
        let reporting = match self.question.mode {
            CellMode::Property { .. } => Some(facts.property.reporting),
            CellMode::Parking => is_narrow.then(|| self.reporting.get(at).copied().unwrap_or(0)),
        };
        OutRow {
            bucket,
            sum,
            property: facts.property,
            reporting,
            things: self.things(cell, bucket),
        }
    }

    /// How many things count in a cell at some time in a bucket; a thing that is derived from its
    /// parts is one.
    fn things(&self, cell: &AnswerCell, bucket: Span) -> u32 {
        let sight = &self.question.sight;
        let layout = &sight.view.layout;
        let mut last = None;
        let mut count = 0;
        for member in &cell.members {
            let Some(thing) = layout.thing(member.thing) else {
                continue;
            };
            let within = bucket.intersect(member.span);
            if last != Some(member.thing) && expected_us(thing, within, sight.now) > 0 {
                last = Some(member.thing);
                count += 1;
            }
        }
        if cell.level == "thing" {
            count.min(1)
        } else {
            count
        }
    }
}
