//! Registry items as columns: objects come in, a record batch goes out.

use std::sync::Arc;

use arno_model::Timestamp;
use arno_model::observation::time_type;
use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, ListBuilder, RecordBatch, StringArray,
    StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use serde_json::{Map, Value};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text.
    Text,
    /// Whole numbers.
    Integer,
    /// Numbers.
    Number,
    /// Yes or no.
    Boolean,
    /// Moments.
    Time,
    /// Lists of text.
    Texts,
    /// The longitude of a point.
    Lon,
    /// The latitude of a point.
    Lat,
}

/// A column: its name, what it holds, and the member it is taken from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) member: &'static str,
}

impl Column {
    /// A column that is called like its member.
    pub(crate) const fn of(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            member: name,
        }
    }
}

/// The columns of these objects; a missing member is null.
pub(crate) fn batch(
    columns: &[Column],
    items: &[Map<String, Value>],
) -> Result<RecordBatch, ArrowError> {
    let fields: Vec<Field> = columns
        .iter()
        .map(|column| Field::new(column.name, data_type(column.kind), true))
        .collect();
    let arrays = columns.iter().map(|column| array(column, items)).collect();
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(items.len()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
}

fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text => DataType::Utf8,
        Kind::Integer => DataType::Int64,
        Kind::Number | Kind::Lon | Kind::Lat => DataType::Float64,
        Kind::Boolean => DataType::Boolean,
        Kind::Time => time_type(),
        Kind::Texts => DataType::new_list(DataType::Utf8, true),
    }
}

fn array(column: &Column, items: &[Map<String, Value>]) -> ArrayRef {
    let values = items.iter().map(|item| item.get(column.member));
    let coordinate = |place: usize| {
        let points = values.clone();
        let numbers = points.map(move |value| value?.get("coordinates")?.get(place)?.as_f64());
        Arc::new(numbers.collect::<Float64Array>()) as ArrayRef
    };
    match column.kind {
        Kind::Text => Arc::new(values.map(|value| value?.as_str()).collect::<StringArray>()),
        Kind::Integer => Arc::new(values.map(|value| value?.as_i64()).collect::<Int64Array>()),
        Kind::Number => Arc::new(
            values
                .map(|value| value?.as_f64())
                .collect::<Float64Array>(),
        ),
        Kind::Boolean => Arc::new(
            values
                .map(|value| value?.as_bool())
                .collect::<BooleanArray>(),
        ),
        Kind::Time => {
            let moments = values.map(|value| {
                Timestamp::parse(value?.as_str()?)
                    .ok()
                    .map(Timestamp::as_micros)
            });
            Arc::new(
                moments
                    .collect::<TimestampMicrosecondArray>()
                    .with_timezone("UTC"),
            )
        }
        Kind::Texts => {
            let mut builder = ListBuilder::new(StringBuilder::new());
            for value in values {
                let list = value.and_then(Value::as_array);
                for text in list.into_iter().flatten() {
                    builder.values().append_option(text.as_str());
                }
                builder.append(list.is_some());
            }
            Arc::new(builder.finish())
        }
        Kind::Lon => coordinate(0),
        Kind::Lat => coordinate(1),
    }
}
