//! CSV: a header line, then one line a row.
//!
//! # Shape
//! UTF-8 without a mark, lines end with CR LF, null is an empty field, an empty text is `""`, a
//! field with a separator, quote or line break is quoted.
//!
//! # Source
//! RFC 4180.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::cell::Cells;
use super::{EncodeError, Encoder};
use crate::format::Format;

/// A header line, then one line a row.
#[derive(Debug)]
pub(super) struct Csv {
    schema: SchemaRef,
    separator: u8,
    field: Vec<u8>,
}

impl Csv {
    pub(super) fn new(schema: &SchemaRef, separator: u8) -> Self {
        Self {
            schema: SchemaRef::clone(schema),
            separator,
            field: Vec::new(),
        }
    }

    fn write_field(&self, is_text: bool, out: &mut Vec<u8>) {
        let must_quote = |byte: &u8| [self.separator, b'"', b'\r', b'\n'].contains(byte);
        let is_empty_text = is_text && self.field.is_empty();
        if !is_empty_text && !self.field.iter().any(must_quote) {
            out.extend_from_slice(&self.field);
            return;
        }
        out.push(b'"');
        for byte in &self.field {
            if *byte == b'"' {
                out.push(b'"');
            }
            out.push(*byte);
        }
        out.push(b'"');
    }
}

impl Encoder for Csv {
    fn head(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let schema = SchemaRef::clone(&self.schema);
        for (place, field) in schema.fields().iter().enumerate() {
            if place > 0 {
                out.push(self.separator);
            }
            self.field.clear();
            self.field.extend_from_slice(field.name().as_bytes());
            self.write_field(false, out);
        }
        out.extend_from_slice(b"\r\n");
        Ok(())
    }

    fn rows(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let columns = batch
            .columns()
            .iter()
            .map(Cells::view)
            .collect::<Result<Vec<_>, _>>();
        let columns = columns.map_err(|source| EncodeError::Column {
            format: Format::Csv,
            source,
        })?;
        for row in 0..batch.num_rows() {
            for (place, cells) in columns.iter().enumerate() {
                if place > 0 {
                    out.push(self.separator);
                }
                self.field.clear();
                cells.plain(row, &mut self.field);
                self.write_field(is_empty_text(cells, row), out);
            }
            out.extend_from_slice(b"\r\n");
        }
        Ok(())
    }

    fn tail(&mut self, _out: &mut Vec<u8>) -> Result<(), EncodeError> {
        Ok(())
    }
}

/// Whether a value is text and there, so that an empty one must not look like null.
fn is_empty_text(cells: &Cells, row: usize) -> bool {
    use arrow::array::Array as _;
    matches!(cells, Cells::Text(array) if array.is_valid(row))
}
