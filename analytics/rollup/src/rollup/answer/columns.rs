//! Small builders of answer columns.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, DictionaryArray, Float64Builder, Int32Array, Int64Builder,
    RecordBatch, StringArray, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{Int32Type, SchemaRef};

use crate::error::RollupError;

/// A column of microsecond times.
pub fn times(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    let mut builder = TimestampMicrosecondBuilder::new();
    builder.extend(values);
    Arc::new(builder.finish().with_timezone("UTC"))
}

/// A column of whole numbers.
pub fn wholes(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    let mut builder = Int64Builder::new();
    builder.extend(values);
    Arc::new(builder.finish())
}

/// A column of floats; what is not finite is absent.
pub fn floats(values: impl Iterator<Item = Option<f64>>) -> ArrayRef {
    let mut builder = Float64Builder::new();
    builder.extend(values.map(|value| value.filter(|value| value.is_finite())));
    Arc::new(builder.finish())
}

/// A column of truths.
pub fn truths(values: impl Iterator<Item = Option<bool>>) -> ArrayRef {
    let mut builder = BooleanBuilder::new();
    builder.extend(values);
    Arc::new(builder.finish())
}

/// A column of text.
pub fn texts<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    let mut builder = StringBuilder::new();
    builder.extend(values);
    Arc::new(builder.finish())
}

/// A dictionary column: `names` in their order, `places` into them.
///
/// # Errors
/// [`RollupError::Columns`] when a place is outside the names.
pub fn names<'a>(
    names: impl Iterator<Item = &'a str>,
    places: impl Iterator<Item = i32>,
) -> Result<ArrayRef, RollupError> {
    let names: StringArray = names.map(Some).collect();
    let places = Int32Array::from_iter_values(places);
    let array = DictionaryArray::<Int32Type>::try_new(places, Arc::new(names))?;
    Ok(Arc::new(array))
}

/// Joins batches into one.
///
/// # Errors
/// [`RollupError::Columns`] when schemas differ, [`RollupError::TooManyRows`] above the limit.
pub fn joined(
    schema: &SchemaRef,
    batches: &[RecordBatch],
    rows_max: usize,
) -> Result<RecordBatch, RollupError> {
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    if rows > rows_max {
        return Err(RollupError::TooManyRows { rows_max });
    }
    Ok(concat_batches(schema, batches)?)
}
