//! One window of time: series, marks and the days' tables come in, the changed tables go out.
//!
//! # Why
//! Closing buckets, late data, corrections and registry changes all end here: rows are a pure
//! function of the series before the frontier, so what was refreshed can't differ from what is
//! rebuilt. No I/O; it runs on a blocking thread.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arno_model::DatastreamKey;

use crate::layout::{Layout, ThingPlan};
use crate::rollup::cells::{CellJob, Source};
use crate::rollup::codec::DayTables;
use crate::rollup::dirty::Window;
use crate::rollup::load::SeriesSet;
use crate::rollup::row::{AreaRow, Row as _, ThingRow, Thresholds, bucket_of};
use crate::rollup::table::{Stamp, Stretch, Table};
use crate::rollup::tally::{Horizon, ThingView, Wanted};
use crate::rollup::view::{day_of, days_of};
use crate::signal::Span;
use crate::signal::state::Piece;
use crate::signal::timeline::Timeline;

/// What a window is computed from.
#[derive(Debug)]
pub struct Input {
    /// The plan.
    pub layout: Arc<Layout>,
    /// The slots of its cells.
    pub cell_slots: Arc<Vec<i32>>,
    /// Capacity of its things.
    pub timelines: Arc<Vec<Arc<Timeline>>>,
    /// The series of all streams of the marked things, and of what [`peak_keys`] names.
    pub set: Arc<SeriesSet>,
    /// What to compute.
    pub window: Window,
    /// Where closed buckets end, for this computing.
    pub frontier: i64,
    /// When it is computed.
    pub stamp: Stamp,
    /// See [`Thresholds`].
    pub thresholds: Thresholds,
    /// The tables of the window's days, as far as there are any.
    pub days: BTreeMap<i32, DayTables>,
}

/// What came out.
#[derive(Debug, Default)]
pub struct Output {
    /// Tables that differ from before.
    pub days: Vec<(i32, DayTables)>,
    /// Rows of datastreams computed.
    pub thing_rows: u64,
    /// Rows of cells computed.
    pub area_rows: u64,
}

/// The kept cells that need series beside rows: those with a peak.
fn has_peak(layout: &Layout, cell: usize) -> bool {
    let cell = layout.cells().get(cell);
    cell.is_some_and(|cell| cell.mode.has_peak())
}

/// The streams whose series a window needs beside those of its marked things: the members, with
/// their `online`, of marked cells with a peak.
pub fn peak_keys(layout: &Layout, window: &Window) -> Vec<i32> {
    let of_things = window.things.iter().filter(|dirt| dirt.has_cells);
    let of_things = of_things.flat_map(|dirt| layout.cells_of(dirt.thing));
    let marked = of_things.map(|(cell, _)| *cell);
    let marked = marked.chain(window.cells.iter().map(|(cell, _)| *cell));
    let mut cells: Vec<usize> = marked.filter(|cell| has_peak(layout, *cell)).collect();
    cells.sort_unstable();
    cells.dedup();
    let cells = cells.iter().filter_map(|cell| layout.cells().get(*cell));
    let members = cells.flat_map(|cell| &cell.members);
    let keys = members.filter_map(|member| {
        let thing = layout.thing(member.thing)?;
        let online = thing
            .online
            .and_then(|online| thing.streams.get(online)?.key);
        Some([thing.streams.get(member.stream)?.key, online])
    });
    keys.flatten().flatten().map(|key| key.0).collect()
}

/// Computes a window.
pub fn compute(mut input: Input) -> Output {
    let mut output = Output::default();
    let mut marks = Marks::default();
    for (cell, span) in &input.window.cells {
        marks.add(*cell, *span);
    }
    let (mut changed_days, places) = thing_tables(&input, &mut output);
    for dirt in input.window.things.iter().filter(|dirt| dirt.has_cells) {
        for (cell, _) in input.layout.cells_of(dirt.thing) {
            marks.add(*cell, dirt.span);
        }
    }
    for (key, start) in places {
        let stream = input.layout.stream(DatastreamKey(key));
        let Some((thing, stream)) = stream else {
            continue;
        };
        for (cell, of_stream) in input.layout.cells_of(thing) {
            // A peak is marked by its own observations, whose pieces were read.
            if *of_stream == stream && !has_peak(&input.layout, *cell) {
                marks.add(*cell, bucket_of(start));
            }
        }
    }
    for (day, tables) in &changed_days {
        input.days.insert(*day, tables.clone());
    }
    let pieces = peak_pieces(&input, &marks);
    for (day, cells) in &marks.by_day {
        let tables = input.days.get(day).cloned().unwrap_or_default();
        let cells = cell_table(&input, &pieces, &tables, cells, &mut output);
        if let Some(cells) = cells {
            let things = tables.things;
            changed_days.insert(
                *day,
                DayTables {
                    things,
                    cells: Arc::new(cells),
                },
            );
        }
    }
    output.days = changed_days.into_iter().collect();
    output
}

/// Cells to compute, by day.
#[derive(Debug, Default)]
struct Marks {
    by_day: BTreeMap<i32, BTreeMap<usize, Span>>,
}

impl Marks {
    fn add(&mut self, cell: usize, span: Span) {
        for (day, part) in days_of(span) {
            let cells = self.by_day.entry(day).or_default();
            let marked = cells.entry(cell).or_insert(part);
            marked.start = marked.start.min(part.start);
            marked.end = marked.end.max(part.end);
        }
    }
}

type Places = Vec<(i32, i64)>;

/// The tables whose rows of datastreams differ, and the places that do.
fn thing_tables(input: &Input, output: &mut Output) -> (BTreeMap<i32, DayTables>, Places) {
    let mut rows: BTreeMap<i32, Vec<ThingRow>> = BTreeMap::new();
    let mut stretches: BTreeMap<i32, Vec<Stretch>> = BTreeMap::new();
    let mut fresh = Vec::new();
    for dirt in &input.window.things {
        let Some(plan) = input.layout.thing(dirt.thing) else {
            continue;
        };
        let view = ThingView::new(plan, &input.set, Horizon::closed(input.frontier));
        view.tally(dirt.span, Wanted::Kept, input.thresholds, &mut fresh);
        for row in fresh.drain(..) {
            rows.entry(day_of(row.start)).or_default().push(row);
        }
        for (day, span) in days_of(dirt.span) {
            let of_day = stretches.entry(day).or_default();
            let kept = plan.streams.iter().filter(|stream| stream.is_kept);
            let keys = kept.filter_map(|stream| stream.key);
            of_day.extend(keys.map(|key| Stretch {
                series: key.0,
                span,
            }));
        }
    }
    let mut tables = BTreeMap::new();
    let mut places = Vec::new();
    for (day, mut stretches) in stretches {
        let mut rows = rows.remove(&day).unwrap_or_default();
        output.thing_rows += u64::try_from(rows.len()).unwrap_or(0);
        let before = input.days.get(&day);
        if rows.is_empty() && before.is_none_or(|tables| tables.things.rows().is_empty()) {
            continue;
        }
        rows.sort_unstable_by_key(ThingRow::place);
        stretches.sort_unstable_by_key(|stretch| (stretch.series, stretch.span.start));
        let before = before.cloned().unwrap_or_default();
        let (things, changed) = before.things.replaced(&stretches, &rows, input.stamp);
        if !changed.is_empty() {
            places.extend(changed);
            tables.insert(
                day,
                DayTables {
                    things: Arc::new(things),
                    cells: before.cells,
                },
            );
        }
    }
    (tables, places)
}

type Pieces = HashMap<i32, Vec<Piece>>;

/// The pieces of the members of marked cells with a peak.
fn peak_pieces(input: &Input, marks: &Marks) -> Pieces {
    let marked = marks.by_day.values().flat_map(|cells| cells.keys());
    let marked = marked.filter(|cell| has_peak(&input.layout, **cell));
    let cells: BTreeSet<usize> = marked.copied().collect();
    let cells = cells
        .iter()
        .filter_map(|cell| input.layout.cells().get(*cell));
    let members = cells.flat_map(|cell| &cell.members);
    let things: BTreeSet<usize> = members.map(|member| member.thing).collect();
    let mut pieces = Pieces::new();
    for plan in things.iter().filter_map(|thing| input.layout.thing(*thing)) {
        let view = ThingView::new(plan, &input.set, Horizon::closed(input.frontier));
        add_pieces(plan, &view, &mut pieces);
    }
    pieces
}

/// Adds the pieces of a thing's streams whose peak is asked for.
pub fn add_pieces(plan: &ThingPlan, view: &ThingView<'_>, pieces: &mut Pieces) {
    for (place, stream) in plan.streams.iter().enumerate() {
        if let Some(key) = stream.key.filter(|_| stream.has_peak()) {
            pieces.insert(key.0, view.pieces(place));
        }
    }
}

struct DaySource<'a> {
    input: &'a Input,
    pieces: &'a Pieces,
    things: &'a Table<ThingRow>,
}

impl Source for DaySource<'_> {
    fn rows(&self, key: i32, span: Span) -> &[ThingRow] {
        self.things.of_series(key, span)
    }

    fn capacity(&self, thing: usize) -> Option<&Timeline> {
        self.input.timelines.get(thing).map(Arc::as_ref)
    }

    fn pieces(&self, key: i32) -> &[Piece] {
        self.pieces.get(&key).map_or(&[], Vec::as_slice)
    }
}

/// The day's table of cells with the marked ones computed anew; `None` when it says the same.
fn cell_table(
    input: &Input,
    pieces: &Pieces,
    tables: &DayTables,
    cells: &BTreeMap<usize, Span>,
    output: &mut Output,
) -> Option<Table<AreaRow>> {
    let source = DaySource {
        input,
        pieces,
        things: &tables.things,
    };
    let mut stretches = Vec::with_capacity(cells.len());
    let mut rows = Vec::new();
    for (place, span) in cells {
        let cell = input.layout.cells().get(*place)?;
        let slot = *input.cell_slots.get(*place)?;
        stretches.push(Stretch {
            series: slot,
            span: *span,
        });
        if tables.things.rows().is_empty() {
            continue;
        }
        let job = CellJob {
            layout: &input.layout,
            mode: cell.mode,
            members: &cell.members,
            until: input.frontier,
            thresholds: input.thresholds,
        };
        let computed = job.rows(slot, *span, &source);
        rows.extend(computed.into_iter().filter(|row| !row.is_blank()));
    }
    output.area_rows += u64::try_from(rows.len()).unwrap_or(0);
    rows.sort_unstable_by_key(AreaRow::place);
    stretches.sort_unstable_by_key(|stretch| (stretch.series, stretch.span.start));
    let (table, changed) = tables.cells.replaced(&stretches, &rows, input.stamp);
    (!changed.is_empty()).then_some(table)
}
