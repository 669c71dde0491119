//! A cell as a row: the rollup engine's columns come in, the table's columns go out.

use std::sync::Arc;

use arno_model::{TimeRange, Timestamp};
use arrow::array::{
    Array as _, ArrayRef, ArrowPrimitiveType, AsArray as _, BooleanArray, Float64Array, Int64Array,
    PrimitiveArray, RecordBatch, StringViewArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{
    DataType, Field, Float64Type, Int64Type, Schema, SchemaRef, TimestampMicrosecondType,
};
use datafusion::error::{DataFusionError, Result};

use crate::error::AnalyticsError;
use crate::question::Question;
use crate::table::areas::name_of;
use crate::table::cells::Ask;
use crate::table::provider::{text, time};
use crate::table::scope::Scope;

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) area: String,
    pub(super) outside: bool,
    pub(super) bucket: TimeRange,
    pub(super) things: i64,
    pub(super) things_reporting: Option<i64>,
    pub(super) value: Option<f64>,
    pub(super) peak: Option<f64>,
    pub(super) known_us: Option<i64>,
    pub(super) expected_us: Option<i64>,
    pub(super) suppressed: bool,
    pub(super) open: bool,
    pub(super) computed_at: Timestamp,
    pub(super) revision: i64,
}

impl Row {
    /// Reads the engine's answer.
    pub(super) fn read(batch: &RecordBatch) -> std::result::Result<Vec<Self>, AnalyticsError> {
        Columns::of(batch)
            .map(|columns| columns.rows())
            .map_err(AnalyticsError::of_engine)
    }

    /// How much of the cell was known; 0 where nothing was expected.
    pub(super) fn known_share(&self) -> Option<f64> {
        let expected_us = self.expected_us.filter(|expected_us| *expected_us > 0)?;
        #[expect(
            clippy::cast_precision_loss,
            reason = "a share needs no more than 53 bits"
        )]
        Some((self.known_us.unwrap_or(0) as f64 / expected_us as f64).min(1.0))
    }
}

struct Columns<'a> {
    areas: &'a arrow::array::StringArray,
    outside: &'a BooleanArray,
    starts: &'a TimestampMicrosecondArray,
    ends: &'a TimestampMicrosecondArray,
    things: &'a Int64Array,
    things_reporting: &'a Int64Array,
    values: &'a Float64Array,
    peaks: &'a Float64Array,
    known_us: &'a Int64Array,
    expected_us: &'a Int64Array,
    open: &'a BooleanArray,
    computed_at: &'a TimestampMicrosecondArray,
    revisions: &'a Int64Array,
}

fn lacks(name: &str) -> DataFusionError {
    DataFusionError::Internal(format!("area rows lack `{name}`"))
}

fn numbers<'a, T: ArrowPrimitiveType>(
    batch: &'a RecordBatch,
    name: &str,
) -> Result<&'a PrimitiveArray<T>> {
    let column = batch.column_by_name(name);
    column
        .and_then(|array| array.as_primitive_opt::<T>())
        .ok_or_else(|| lacks(name))
}

fn truths<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a BooleanArray> {
    let column = batch.column_by_name(name);
    column
        .and_then(|array| array.as_boolean_opt())
        .ok_or_else(|| lacks(name))
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self> {
        let areas = batch
            .column_by_name("area")
            .and_then(|array| array.as_string_opt());
        Ok(Self {
            areas: areas.ok_or_else(|| lacks("area"))?,
            outside: truths(batch, "outside")?,
            starts: numbers::<TimestampMicrosecondType>(batch, "bucket_start")?,
            ends: numbers::<TimestampMicrosecondType>(batch, "bucket_end")?,
            things: numbers::<Int64Type>(batch, "things")?,
            things_reporting: numbers::<Int64Type>(batch, "things_reporting")?,
            values: numbers::<Float64Type>(batch, "value")?,
            peaks: numbers::<Float64Type>(batch, "peak")?,
            known_us: numbers::<Int64Type>(batch, "known_us")?,
            expected_us: numbers::<Int64Type>(batch, "expected_us")?,
            open: truths(batch, "open")?,
            computed_at: numbers::<TimestampMicrosecondType>(batch, "computed_at")?,
            revisions: numbers::<Int64Type>(batch, "revision")?,
        })
    }

    fn rows(&self) -> Vec<Row> {
        fn at<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>, row: usize) -> Option<T::Native> {
            array.is_valid(row).then(|| array.value(row))
        }
        let rows = 0..self.areas.len();
        rows.map(|row| Row {
            area: self.areas.value(row).to_owned(),
            outside: self.outside.value(row),
            bucket: TimeRange::new(
                Timestamp::from_micros(self.starts.value(row)),
                Timestamp::from_micros(self.ends.value(row)),
            ),
            things: self.things.value(row),
            things_reporting: at(self.things_reporting, row),
            value: at(self.values, row),
            peak: at(self.peaks, row),
            known_us: at(self.known_us, row),
            expected_us: at(self.expected_us, row),
            suppressed: false,
            open: self.open.value(row),
            computed_at: Timestamp::from_micros(self.computed_at.value(row)),
            revision: self.revisions.value(row),
        })
        .collect()
    }
}

/// The table's columns.
pub(super) fn schema() -> SchemaRef {
    let integer = |name: &str, is_nullable| Field::new(name, DataType::Int64, is_nullable);
    let number = |name: &str| Field::new(name, DataType::Float64, true);
    let truth = |name: &str| Field::new(name, DataType::Boolean, false);
    Arc::new(Schema::new(vec![
        text("area", false),
        text("level", false),
        text("name", false),
        truth("outside"),
        text("within", false),
        text("measure", false),
        text("bucket", false),
        time("bucket_start", false),
        time("bucket_end", false),
        integer("things", false),
        integer("things_reporting", true),
        number("value"),
        number("peak"),
        integer("known_us", true),
        integer("expected_us", true),
        number("known_share"),
        truth("suppressed"),
        truth("open"),
        time("computed_at", false),
        integer("revision", false),
    ]))
}

/// Rows with the scope that each was asked for by.
#[derive(Debug, Default)]
pub(super) struct Rows {
    rows: Vec<Row>,
    levels: Vec<&'static str>,
    within: Vec<String>,
}

impl Rows {
    pub(super) fn extend(&mut self, scope: &Scope, rows: Vec<Row>) {
        self.levels.extend(rows.iter().map(|_row| scope.level_name));
        self.within
            .extend(rows.iter().map(|_row| scope.within.clone()));
        self.rows.extend(rows);
    }

    /// The rows in the table's columns.
    pub(super) fn batch(&self, ask: &Ask, question: &Question) -> Result<RecordBatch> {
        let rows = self.rows.iter();
        let texts = |of: fn(&Row) -> &str| -> ArrayRef {
            Arc::new(
                rows.clone()
                    .map(|row| Some(of(row)))
                    .collect::<StringViewArray>(),
            )
        };
        let repeated = |text: &str| -> ArrayRef {
            Arc::new(
                rows.clone()
                    .map(|_row| Some(text))
                    .collect::<StringViewArray>(),
            )
        };
        let integers = |of: fn(&Row) -> Option<i64>| -> ArrayRef {
            Arc::new(rows.clone().map(of).collect::<Int64Array>())
        };
        let numbers = |of: fn(&Row) -> Option<f64>| -> ArrayRef {
            Arc::new(rows.clone().map(of).collect::<Float64Array>())
        };
        let truths = |of: fn(&Row) -> bool| -> ArrayRef {
            Arc::new(
                rows.clone()
                    .map(|row| Some(of(row)))
                    .collect::<BooleanArray>(),
            )
        };
        let times = |of: fn(&Row) -> Timestamp| -> ArrayRef {
            let micros = rows.clone().map(|row| of(row).as_micros());
            let array = TimestampMicrosecondArray::from_iter_values(micros);
            Arc::new(array.with_timezone("UTC"))
        };
        let name = |row: &Row| -> String {
            if row.outside {
                "outside".to_owned()
            } else {
                name_of(&row.area, question).to_owned()
            }
        };
        let names: StringViewArray = rows.clone().map(|row| Some(name(row))).collect();
        let levels: StringViewArray = self.levels.iter().map(Some).collect();
        let within: StringViewArray = self.within.iter().map(Some).collect();
        let columns = vec![
            texts(|row| &row.area),
            Arc::new(levels),
            Arc::new(names),
            truths(|row| row.outside),
            Arc::new(within),
            repeated(ask.property.as_str()),
            repeated(ask.bucket.as_str()),
            times(|row| row.bucket.start),
            times(|row| row.bucket.end),
            integers(|row| Some(row.things)),
            integers(|row| row.things_reporting),
            numbers(|row| row.value),
            numbers(|row| row.peak),
            integers(|row| row.known_us),
            integers(|row| row.expected_us),
            numbers(Row::known_share),
            truths(|row| row.suppressed),
            truths(|row| row.open),
            times(|row| row.computed_at),
            integers(|row| Some(row.revision)),
        ];
        Ok(RecordBatch::try_new(schema(), columns)?)
    }
}
