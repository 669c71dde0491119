//! A column of a Parquet batch, whatever its type: an array comes in, cells go out.
//!
//! # Why
//! Types drift from file to file. Each family of types is cast to one, and a column of no type at
//! all (Parquet `null`) is empty.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use arrow::error::ArrowError;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::cell::Cell;

/// A column, cast to its family's type.
#[derive(Debug)]
pub(super) enum Column {
    Absent,
    Flags(BooleanArray),
    Wholes(Int64Array),
    Numbers(Float64Array),
    Texts(StringArray),
    Instants(TimestampMicrosecondArray),
    Locals(TimestampMicrosecondArray),
    Other(ArrayRef),
}

impl Column {
    /// Casts an array.
    pub(super) fn of(array: Option<&ArrayRef>) -> Result<Self, ArrowError> {
        let Some(array) = array else {
            return Ok(Self::Absent);
        };
        let micros =
            |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Arc::from));
        Ok(match array.data_type() {
            DataType::Null => Self::Absent,
            DataType::Boolean => Self::Flags(typed(&DataType::Boolean, array)?),
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32 => Self::Wholes(typed(&DataType::Int64, array)?),
            DataType::UInt64
            | DataType::Float16
            | DataType::Float32
            | DataType::Float64
            | DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..) => Self::Numbers(typed(&DataType::Float64, array)?),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                Self::Texts(typed(&DataType::Utf8, array)?)
            }
            DataType::Dictionary(_key, value) => {
                return Self::of(Some(&cast(array, value)?));
            }
            DataType::Timestamp(_, Some(_)) => Self::Instants(typed(&micros(Some("UTC")), array)?),
            DataType::Timestamp(_, None) | DataType::Date32 | DataType::Date64 => {
                Self::Locals(typed(&micros(None), array)?)
            }
            _ => Self::Other(Arc::clone(array)),
        })
    }

    /// One row's cell.
    pub(super) fn cell(&self, row: usize) -> Cell<'_> {
        let is_null = match self {
            Self::Absent => true,
            Self::Flags(array) => array.is_null(row),
            Self::Wholes(array) => array.is_null(row),
            Self::Numbers(array) => array.is_null(row),
            Self::Texts(array) => array.is_null(row),
            Self::Instants(array) | Self::Locals(array) => array.is_null(row),
            Self::Other(array) => array.is_null(row),
        };
        if is_null {
            return Cell::Empty;
        }
        match self {
            Self::Absent => Cell::Empty,
            Self::Flags(array) => Cell::Flag(array.value(row)),
            Self::Wholes(array) => Cell::Whole(array.value(row)),
            // pandas writes an absent number as NaN.
            Self::Numbers(array) if array.value(row).is_nan() => Cell::Empty,
            Self::Numbers(array) => Cell::Number(array.value(row)),
            Self::Texts(array) => Cell::of_text(array.value(row)),
            Self::Instants(array) => Cell::Instant(array.value(row)),
            Self::Locals(array) => local_of(array.value(row)).map_or(Cell::Other, Cell::Local),
            Self::Other(_array) => Cell::Other,
        }
    }
}

fn typed<T: Clone + 'static>(wanted: &DataType, array: &ArrayRef) -> Result<T, ArrowError> {
    let cast = cast(array, wanted)?;
    let typed = cast.as_any().downcast_ref::<T>().cloned();
    typed.ok_or_else(|| ArrowError::CastError(format!("a column is no {wanted}")))
}

/// A wall clock's reading from its microseconds.
fn local_of(micros: i64) -> Option<DateTime> {
    let moment = jiff::Timestamp::from_microsecond(micros).ok()?;
    Some(TimeZone::UTC.to_datetime(moment))
}
