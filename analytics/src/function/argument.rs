//! Arguments of our functions: columns or constants of several types come in, one typed view goes
//! out.

use std::sync::Arc;

use arno_model::observation::time_type;
use arrow::array::{
    Array as _, ArrayRef, AsArray as _, StringViewArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ColumnarValue;

use crate::error::AnalyticsError;

/// What an argument is meant to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// A timestamp; dates and texts are taken too.
    Time,
    /// Text.
    Text,
    /// A number.
    Number,
    /// WKB, or WKT text.
    Geometry,
}

impl Kind {
    /// The type that an argument of another one is turned into.
    pub(crate) fn coerced(self, found: &DataType, function: &str) -> Result<DataType> {
        let is_text = matches!(
            found,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..)
        );
        let is_null = *found == DataType::Null;
        match self {
            Self::Time if is_text || is_null => Ok(time_type()),
            Self::Time => match found {
                DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => Ok(time_type()),
                _ => Err(wrong(function, "a timestamp", found)),
            },
            Self::Text if is_text || is_null => Ok(DataType::Utf8View),
            Self::Text => Err(wrong(function, "text", found)),
            Self::Number if found.is_numeric() || is_null => Ok(DataType::Float64),
            Self::Number => Err(wrong(function, "a number", found)),
            Self::Geometry if is_text => Ok(DataType::Utf8View),
            Self::Geometry => match found {
                DataType::Null
                | DataType::Binary
                | DataType::LargeBinary
                | DataType::BinaryView => Ok(DataType::BinaryView),
                _ => Err(wrong(function, "a geometry (WKB or WKT)", found)),
            },
        }
    }
}

/// The types of a call's arguments, if their number is right.
pub(crate) fn coerced(
    function: &str,
    kinds: &[Kind],
    optional_count: usize,
    found: &[DataType],
) -> Result<Vec<DataType>> {
    if found.len() > kinds.len() || found.len() + optional_count < kinds.len() {
        let least = kinds.len() - optional_count;
        let count = if optional_count == 0 {
            least.to_string()
        } else {
            format!("{least} to {}", kinds.len())
        };
        let message = format!("`{function}` takes {count} arguments, not {}", found.len());
        return Err(DataFusionError::Plan(message));
    }
    let pairs = kinds.iter().zip(found);
    pairs
        .map(|(kind, found)| kind.coerced(found, function))
        .collect()
}

fn wrong(function: &str, wanted: &str, found: &DataType) -> DataFusionError {
    DataFusionError::Plan(format!("`{function}` wants {wanted}, not {found}"))
}

/// A caller's mistake in a value, found while rows are computed.
pub(crate) fn mistake(field: &'static str, reason: impl Into<String>) -> DataFusionError {
    AnalyticsError::parameter(field, reason).into()
}

fn array(value: &ColumnarValue, rows: usize) -> Result<ArrayRef> {
    match value {
        ColumnarValue::Array(array) => Ok(Arc::clone(array)),
        ColumnarValue::Scalar(value) => value.to_array_of_size(rows),
    }
}

/// A time column; a constant is repeated.
pub(crate) fn times(value: &ColumnarValue, rows: usize) -> Result<TimestampMicrosecondArray> {
    let array = array(value, rows)?;
    let typed = array.as_primitive_opt::<TimestampMicrosecondType>();
    typed.cloned().ok_or_else(|| unexpected(array.data_type()))
}

/// Text, a column or one for all rows.
#[derive(Debug)]
pub(crate) struct Texts {
    array: StringViewArray,
    is_constant: bool,
}

impl Texts {
    pub(crate) fn of(value: &ColumnarValue, rows: usize) -> Result<Self> {
        let is_constant = matches!(value, ColumnarValue::Scalar(_));
        let array = array(value, if is_constant { 1 } else { rows })?;
        let typed = array.as_string_view_opt();
        let array = typed
            .cloned()
            .ok_or_else(|| unexpected(array.data_type()))?;
        Ok(Self { array, is_constant })
    }

    pub(crate) fn at(&self, row: usize) -> Option<&str> {
        let row = if self.is_constant { 0 } else { row };
        self.array.is_valid(row).then(|| self.array.value(row))
    }
}

pub(crate) fn unexpected(found: &DataType) -> DataFusionError {
    DataFusionError::Internal(format!("an argument of type {found} was not coerced"))
}
