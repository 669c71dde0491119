//! One value as text: an Arrow column comes in, JSON or CSV text of its rows goes out.
//!
//! # Why
//! Arrow's own JSON writer leaves out nulls and writes times its own way. Here null is said, times
//! are RFC 3339 in UTC as everywhere else in the service, and numbers are the shortest text that
//! reads back the same.
//!
//! # Shape
//! Narrow types are widened once per batch (Arrow's cast kernels), then read row by row without
//! allocation. NaN and infinities, which JSON has not, are null.

use std::io::Write as _;
use std::sync::Arc;

use arno_model::Timestamp;
use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BooleanArray, Float64Array, Int64Array, ListArray,
    RecordBatch, StringArray, StructArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, UInt64Type};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// How other types print.
const OPTIONS: FormatOptions<'static> = FormatOptions::new();

/// A column of a batch, ready to be written row by row.
#[derive(Debug)]
pub(crate) enum Cells {
    /// Nothing but nulls.
    Null,
    /// Yes or no.
    Boolean(BooleanArray),
    /// Whole numbers.
    Integer(Int64Array),
    /// Whole numbers without a sign.
    Unsigned(UInt64Array),
    /// Numbers.
    Number(Float64Array),
    /// Exact decimal numbers, whose text is a JSON number already.
    Decimal(ArrayRef),
    /// Text.
    Text(StringArray),
    /// Moments in UTC.
    Moment(TimestampMicrosecondArray),
    /// Lists.
    List(ListArray, Box<Self>),
    /// Objects.
    Object(StructArray, Vec<(Vec<u8>, Self)>),
    /// What prints as text of its own kind: dates, durations, bytes.
    Other(ArrayRef),
}

impl Cells {
    /// Views a column.
    pub(crate) fn view(array: &ArrayRef) -> Result<Self, ArrowError> {
        use DataType as Type;
        let to = |kind: &DataType| cast(array, kind);
        Ok(match array.data_type() {
            Type::Null => Self::Null,
            Type::Boolean => Self::Boolean(array.as_boolean().clone()),
            Type::Int8 | Type::Int16 | Type::Int32 | Type::Int64 => {
                Self::Integer(to(&Type::Int64)?.as_primitive().clone())
            }
            Type::UInt8 | Type::UInt16 | Type::UInt32 | Type::UInt64 => {
                Self::Unsigned(to(&Type::UInt64)?.as_primitive::<UInt64Type>().clone())
            }
            Type::Float16 | Type::Float32 | Type::Float64 => {
                Self::Number(to(&Type::Float64)?.as_primitive().clone())
            }
            Type::Decimal32(..)
            | Type::Decimal64(..)
            | Type::Decimal128(..)
            | Type::Decimal256(..) => Self::Decimal(Arc::clone(array)),
            Type::Utf8 | Type::LargeUtf8 | Type::Utf8View => {
                Self::Text(to(&Type::Utf8)?.as_string().clone())
            }
            Type::Dictionary(_, values) => Self::view(&cast(array, values)?)?,
            Type::Timestamp(_, Some(zone)) => {
                let kind = Type::Timestamp(TimeUnit::Microsecond, Some(Arc::clone(zone)));
                Self::Moment(to(&kind)?.as_primitive().clone())
            }
            Type::List(_) => {
                let list: ListArray = array.as_list().clone();
                let items = Self::view(list.values())?;
                Self::List(list, Box::new(items))
            }
            Type::LargeList(field) | Type::FixedSizeList(field, _) => {
                Self::view(&cast(array, &Type::List(Arc::clone(field)))?)?
            }
            Type::Struct(fields) => {
                let parts: StructArray = array.as_struct().clone();
                let members = fields
                    .iter()
                    .zip(parts.columns())
                    .map(|(field, column)| Ok((key(field.name()), Self::view(column)?)));
                let members = members.collect::<Result<_, ArrowError>>()?;
                Self::Object(parts, members)
            }
            _ => Self::Other(Arc::clone(array)),
        })
    }

    /// Writes a row's value as JSON.
    pub(crate) fn json(&self, row: usize, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Text(array) if array.is_valid(row) => json_text(array.value(row), out),
            Self::Moment(array) if array.is_valid(row) => {
                put(
                    out,
                    format_args!("\"{}\"", Timestamp::from_micros(array.value(row))),
                );
            }
            Self::List(list, items) if list.is_valid(row) => {
                out.push(b'[');
                for (place, item) in offsets(list, row).enumerate() {
                    if place > 0 {
                        out.push(b',');
                    }
                    items.json(item, out);
                }
                out.push(b']');
            }
            Self::Object(parts, members) if parts.is_valid(row) => {
                for (place, (key, member)) in members.iter().enumerate() {
                    out.push(if place == 0 { b'{' } else { b',' });
                    out.extend_from_slice(key);
                    member.json(row, out);
                }
                out.extend_from_slice(if members.is_empty() { b"{}" } else { b"}" });
            }
            Self::Other(array) if array.is_valid(row) => json_text(&printed(array, row), out),
            _ => {
                let start = out.len();
                self.plain(row, out);
                if out.len() == start {
                    out.extend_from_slice(b"null");
                }
            }
        }
    }

    /// Writes a row's value as plain text; nothing for null.
    pub(crate) fn plain(&self, row: usize, out: &mut Vec<u8>) {
        match self {
            Self::Boolean(array) if array.is_valid(row) => {
                put(out, format_args!("{}", array.value(row)));
            }
            Self::Integer(array) if array.is_valid(row) => {
                put(out, format_args!("{}", array.value(row)));
            }
            Self::Unsigned(array) if array.is_valid(row) => {
                put(out, format_args!("{}", array.value(row)));
            }
            Self::Number(array) if array.is_valid(row) => number(array.value(row), out),
            Self::Text(array) if array.is_valid(row) => {
                out.extend_from_slice(array.value(row).as_bytes());
            }
            Self::Moment(array) if array.is_valid(row) => {
                put(
                    out,
                    format_args!("{}", Timestamp::from_micros(array.value(row))),
                );
            }
            Self::List(list, _) if list.is_valid(row) => self.json(row, out),
            Self::Object(parts, _) if parts.is_valid(row) => self.json(row, out),
            Self::Decimal(array) | Self::Other(array) if array.is_valid(row) => {
                out.extend_from_slice(printed(array, row).as_bytes());
            }
            _ => {}
        }
    }
}

/// The columns of a batch as JSON members: `"name":` and values.
#[derive(Debug)]
pub(crate) struct Members(Vec<(Vec<u8>, Cells)>);

impl Members {
    /// Views a batch.
    pub(crate) fn view(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let schema = batch.schema();
        let columns = schema.fields().iter().zip(batch.columns());
        let members = columns.map(|(field, column)| Ok((key(field.name()), Cells::view(column)?)));
        Ok(Self(members.collect::<Result<_, ArrowError>>()?))
    }

    /// Writes a row as an object.
    pub(crate) fn object(&self, row: usize, out: &mut Vec<u8>) {
        out.push(b'{');
        for (place, (key, cells)) in self.0.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            out.extend_from_slice(key);
            cells.json(row, out);
        }
        out.push(b'}');
    }
}

/// Writes text as a JSON string.
pub(crate) fn json_text(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(&mut *out, text).expect("writing into memory does not fail");
}

fn key(name: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(name.len() + 3);
    json_text(name, &mut key);
    key.push(b':');
    key
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text)
        .expect("writing into memory does not fail");
}

fn number(value: f64, out: &mut Vec<u8>) {
    if value.is_finite() {
        serde_json::to_writer(&mut *out, &value).expect("writing into memory does not fail");
    }
}

fn printed(array: &ArrayRef, row: usize) -> String {
    let formatter = ArrayFormatter::try_new(array.as_ref(), &OPTIONS);
    let text = formatter
        .ok()
        .and_then(|formatter| formatter.value(row).try_to_string().ok());
    text.unwrap_or_default()
}

fn offsets(list: &ListArray, row: usize) -> std::ops::Range<usize> {
    let at = |place: usize| {
        let offset = list.value_offsets().get(place).copied().unwrap_or(0);
        usize::try_from(offset).unwrap_or(0)
    };
    at(row)..at(row + 1)
}
