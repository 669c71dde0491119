//! A day's rows as one Arrow batch and back: what segments keep.
//!
//! # Shape
//! Rows of datastreams carry their key (from 1 up) in `series`, rows of cells their slot (from −1
//! down), so that one batch holds a whole day and is replaced all or nothing. Cells use `count` for
//! the members that report, `whole` for the expected time, `real` for the value and `min` for the
//! peak. The columns are format [`FORMAT`]; the mark says which one was written.

use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array, ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, UInt32Array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::error::RollupError;
use crate::rollup::row::{AreaRow, Row as _, ThingRow};
use crate::rollup::table::Table;

/// The format of segments and mark; another one is not read but built anew.
pub const FORMAT: u32 = 1;

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let field = |name, kind| Field::new(name, kind, false);
    Arc::new(Schema::new(vec![
        field("series", DataType::Int32),
        field("start_us", DataType::Int64),
        field("readings", DataType::UInt32),
        field("count", DataType::UInt32),
        field("known_us", DataType::Int64),
        field("whole", DataType::Int64),
        field("real", DataType::Float64),
        field("min", DataType::Float64),
        field("max", DataType::Float64),
        field("load", DataType::Int64),
        field("capacity", DataType::Int64),
        field("expected", DataType::Int64),
        field("flags", DataType::UInt32),
        field("revision", DataType::UInt32),
        field("computed_at_us", DataType::Int64),
    ]))
});

/// A day's tables.
#[derive(Debug, Clone, Default)]
pub struct DayTables {
    /// Of datastreams.
    pub things: Arc<Table<ThingRow>>,
    /// Of cells.
    pub cells: Arc<Table<AreaRow>>,
}

impl DayTables {
    /// Bytes held, about.
    pub fn bytes(&self) -> usize {
        self.things.bytes() + self.cells.bytes()
    }

    /// Whether no row is in it.
    pub fn is_empty(&self) -> bool {
        self.things.rows().is_empty() && self.cells.rows().is_empty()
    }
}

struct Wide {
    series: i32,
    start: i64,
    counts: [u32; 4],
    wholes: [i64; 5],
    floats: [f64; 3],
    computed_at: i64,
}

impl Wide {
    fn of_thing(row: &ThingRow) -> Self {
        Self {
            series: row.key,
            start: row.start,
            counts: [row.readings, row.count, u32::from(row.flags), row.revision],
            wholes: [
                i64::from(row.known_us),
                row.whole,
                row.load,
                row.capacity,
                row.expected,
            ],
            floats: [row.real, row.min, row.max],
            computed_at: row.computed_at,
        }
    }

    fn of_cell(row: &AreaRow) -> Self {
        Self {
            series: row.slot,
            start: row.start,
            counts: [
                row.readings,
                row.reporting,
                u32::from(row.flags),
                row.revision,
            ],
            wholes: [
                row.known_us,
                row.expected_us,
                row.load,
                row.capacity,
                row.expected,
            ],
            floats: [row.value, row.peak, 0.0],
            computed_at: row.computed_at,
        }
    }
}

/// A day as one batch.
///
/// # Errors
/// [`RollupError::Columns`] never happens.
pub fn encode(day: &DayTables) -> Result<RecordBatch, RollupError> {
    let cells = day.cells.rows().iter().map(Wide::of_cell);
    let rows: Vec<Wide> = cells
        .chain(day.things.rows().iter().map(Wide::of_thing))
        .collect();
    let int64 = |pick: &dyn Fn(&Wide) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(rows.iter().map(pick)))
    };
    let count = |place: usize| -> ArrayRef {
        let values = rows
            .iter()
            .map(|row| row.counts.get(place).copied().unwrap_or(0));
        Arc::new(UInt32Array::from_iter_values(values))
    };
    let whole = |place: usize| int64(&|row| row.wholes.get(place).copied().unwrap_or(0));
    let float = |place: usize| -> ArrayRef {
        let values = rows
            .iter()
            .map(|row| row.floats.get(place).copied().unwrap_or(0.0));
        Arc::new(Float64Array::from_iter_values(values))
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from_iter_values(
            rows.iter().map(|row| row.series),
        )),
        int64(&|row| row.start),
        count(0),
        count(1),
        whole(0),
        whole(1),
        float(0),
        float(1),
        float(2),
        whole(2),
        whole(3),
        whole(4),
        count(2),
        count(3),
        int64(&|row| row.computed_at),
    ];
    Ok(RecordBatch::try_new(Arc::clone(&SCHEMA), columns)?)
}

/// A day from its batch.
///
/// # Errors
/// [`RollupError::Damaged`] when a column is missing, of another type or has absent values.
pub fn decode(batch: &RecordBatch, name: &str) -> Result<DayTables, RollupError> {
    let columns = Columns::view(batch).ok_or_else(|| RollupError::Damaged {
        name: name.to_owned(),
    })?;
    let (mut things, mut cells) = (Vec::new(), Vec::new());
    for place in 0..batch.num_rows() {
        if columns.series.value(place) > 0 {
            things.push(columns.thing(place));
        } else {
            cells.push(columns.cell(place));
        }
    }
    things.sort_unstable_by_key(ThingRow::place);
    cells.sort_unstable_by_key(AreaRow::place);
    Ok(DayTables {
        things: Arc::new(Table::of(things)),
        cells: Arc::new(Table::of(cells)),
    })
}

struct Columns<'a> {
    series: &'a Int32Array,
    start: &'a Int64Array,
    readings: &'a UInt32Array,
    count: &'a UInt32Array,
    known: &'a Int64Array,
    whole: &'a Int64Array,
    real: &'a Float64Array,
    min: &'a Float64Array,
    max: &'a Float64Array,
    load: &'a Int64Array,
    capacity: &'a Int64Array,
    expected: &'a Int64Array,
    flags: &'a UInt32Array,
    revision: &'a UInt32Array,
    computed_at: &'a Int64Array,
}

impl<'a> Columns<'a> {
    fn view(batch: &'a RecordBatch) -> Option<Self> {
        Some(Self {
            series: column(batch, "series")?,
            start: column(batch, "start_us")?,
            readings: column(batch, "readings")?,
            count: column(batch, "count")?,
            known: column(batch, "known_us")?,
            whole: column(batch, "whole")?,
            real: column(batch, "real")?,
            min: column(batch, "min")?,
            max: column(batch, "max")?,
            load: column(batch, "load")?,
            capacity: column(batch, "capacity")?,
            expected: column(batch, "expected")?,
            flags: column(batch, "flags")?,
            revision: column(batch, "revision")?,
            computed_at: column(batch, "computed_at_us")?,
        })
    }

    fn flags(&self, place: usize) -> u8 {
        u8::try_from(self.flags.value(place)).unwrap_or(0)
    }

    fn thing(&self, place: usize) -> ThingRow {
        ThingRow {
            key: self.series.value(place),
            readings: self.readings.value(place),
            start: self.start.value(place),
            known_us: u32::try_from(self.known.value(place)).unwrap_or(0),
            count: self.count.value(place),
            whole: self.whole.value(place),
            real: self.real.value(place),
            min: self.min.value(place),
            max: self.max.value(place),
            load: self.load.value(place),
            capacity: self.capacity.value(place),
            expected: self.expected.value(place),
            computed_at: self.computed_at.value(place),
            revision: self.revision.value(place),
            flags: self.flags(place),
        }
    }

    fn cell(&self, place: usize) -> AreaRow {
        AreaRow {
            slot: self.series.value(place),
            readings: self.readings.value(place),
            start: self.start.value(place),
            reporting: self.count.value(place),
            revision: self.revision.value(place),
            load: self.load.value(place),
            capacity: self.capacity.value(place),
            expected: self.expected.value(place),
            value: self.real.value(place),
            known_us: self.known.value(place),
            expected_us: self.whole.value(place),
            peak: self.min.value(place),
            computed_at: self.computed_at.value(place),
            flags: self.flags(place),
        }
    }
}

fn column<'a, T: Array + 'static>(batch: &'a RecordBatch, name: &str) -> Option<&'a T> {
    let array = batch.column_by_name(name)?;
    (array.null_count() == 0).then_some(())?;
    array.as_any().downcast_ref()
}
