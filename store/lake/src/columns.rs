//! A lake file's columns: the kept ones, and names that outsiders can read.
//!
//! # Shape
//! `publisher, thing, property` (text), then the kept schema's columns; `quality` is signed, since
//! Delta has no unsigned types. The partition column `month` stands in the path.

use std::sync::{Arc, LazyLock};

use arno_model::DatastreamKey;
use arno_model::observation::{ObservationColumns, kept_schema, time_type};
use arno_store::Datastreams;
use arrow::array::{
    Array as _, ArrayRef, DictionaryArray, Int8Array, Int32Array, RecordBatch, StringArray,
    UInt8Array,
};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use deltalake::kernel::{DataType as DeltaType, PrimitiveType, StructField};

/// Columns before the kept ones.
pub(crate) const NAME_COLUMNS: usize = 3;
/// The partition column.
pub(crate) const MONTH_COLUMN: &str = "month";

static FILE: LazyLock<SchemaRef> = LazyLock::new(|| {
    let name = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    Arc::new(Schema::new(vec![
        Field::new("publisher", name.clone(), false),
        Field::new("thing", name.clone(), false),
        Field::new("property", name, false),
        Field::new("datastream", DataType::Int32, false),
        Field::new("time", time_type(), false),
        Field::new("result", DataType::Float64, true),
        Field::new("quality", DataType::Int8, false),
        Field::new("received", time_type(), false),
        Field::new("result_time", time_type(), true),
        Field::new("known_at", time_type(), false),
    ]))
});

/// The schema that files are written in.
pub(crate) fn file_schema() -> SchemaRef {
    Arc::clone(&FILE)
}

/// The table's columns as Delta knows them; all nullable, as readers of Delta expect.
pub(crate) fn delta_columns() -> Vec<StructField> {
    let of =
        |name: &str, kind: PrimitiveType| StructField::new(name, DeltaType::Primitive(kind), true);
    vec![
        of("publisher", PrimitiveType::String),
        of("thing", PrimitiveType::String),
        of("property", PrimitiveType::String),
        of("datastream", PrimitiveType::Integer),
        of("time", PrimitiveType::Timestamp),
        of("result", PrimitiveType::Double),
        of("quality", PrimitiveType::Byte),
        of("received", PrimitiveType::Timestamp),
        of("result_time", PrimitiveType::Timestamp),
        of("known_at", PrimitiveType::Timestamp),
        of(MONTH_COLUMN, PrimitiveType::String),
    ]
}

/// A kept batch, sorted by datastream, with its names.
pub(crate) fn with_names(
    batch: &RecordBatch,
    view: &ObservationColumns,
    names: &Datastreams,
) -> RecordBatch {
    let mut runs: Vec<(DatastreamKey, usize)> = Vec::new();
    for key in view.datastream.values() {
        match runs.last_mut() {
            Some((last, count)) if last.0 == *key => *count += 1,
            _ => runs.push((DatastreamKey(*key), 1)),
        }
    }
    let mut codes: Vec<i32> = Vec::with_capacity(batch.num_rows());
    for (code, (_key, count)) in (0_i32..).zip(&runs) {
        codes.extend(std::iter::repeat_n(code, *count));
    }
    let codes = Int32Array::from(codes);
    let column = |text: &dyn Fn(DatastreamKey) -> String| -> ArrayRef {
        let values = StringArray::from_iter_values(runs.iter().map(|(key, _count)| text(*key)));
        let column = DictionaryArray::<Int32Type>::try_new(codes.clone(), Arc::new(values));
        Arc::new(column.expect("every code has its value"))
    };
    let name = |key| names.name(key);
    let quality: Int8Array = view.quality.unary(u8::cast_signed);
    let mut columns = vec![
        column(&|key| {
            name(key).map_or_else(String::new, |name| {
                name.thing.publisher().as_str().to_owned()
            })
        }),
        column(&|key| name(key).map_or_else(String::new, |name| name.thing.as_str().to_owned())),
        column(&|key| name(key).map_or_else(String::new, |name| name.property.as_str().to_owned())),
    ];
    columns.extend(batch.columns().iter().cloned());
    columns[NAME_COLUMNS + 3] = Arc::new(quality);
    RecordBatch::try_new(file_schema(), columns).expect("the columns are the file's")
}

/// A file's kept columns as a kept batch.
pub(crate) fn as_kept(batch: &RecordBatch) -> Option<RecordBatch> {
    let mut columns = Vec::with_capacity(kept_schema().fields().len());
    for field in kept_schema().fields() {
        let column = batch.column_by_name(field.name())?;
        let column: ArrayRef = match column.data_type() {
            DataType::Int8 => {
                let codes = column.as_any().downcast_ref::<Int8Array>()?;
                let codes: UInt8Array = codes.unary(i8::cast_unsigned);
                Arc::new(codes)
            }
            _ => Arc::clone(column),
        };
        columns.push(column);
    }
    RecordBatch::try_new(kept_schema(), columns).ok()
}
