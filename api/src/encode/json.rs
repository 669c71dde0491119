//! JSON and NDJSON: one object with `items`, or one object a line.

use arrow::array::RecordBatch;
use serde_json::{Map, Value};

use super::cell::{Members, json_text};
use super::{EncodeError, Encoder, Envelope};
use crate::format::Format;

/// One object; rows under `items`.
#[derive(Debug)]
pub(super) struct Json {
    envelope: Envelope,
    is_first: bool,
}

impl Json {
    pub(super) fn new(envelope: Envelope) -> Self {
        Self {
            envelope,
            is_first: true,
        }
    }
}

impl Encoder for Json {
    fn head(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.push(b'{');
        write_members(&self.envelope.members, out);
        out.extend_from_slice(b"\"items\":[");
        Ok(())
    }

    fn rows(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let members = view(batch, Format::Json)?;
        for row in 0..batch.num_rows() {
            if !std::mem::take(&mut self.is_first) {
                out.push(b',');
            }
            members.object(row, out);
        }
        Ok(())
    }

    fn tail(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.push(b']');
        write_next(self.envelope.next.as_deref(), out);
        out.push(b'}');
        Ok(())
    }
}

/// One object a line.
#[derive(Debug)]
pub(super) struct Lines;

impl Encoder for Lines {
    fn head(&mut self, _out: &mut Vec<u8>) -> Result<(), EncodeError> {
        Ok(())
    }

    fn rows(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let members = view(batch, Format::NdJson)?;
        for row in 0..batch.num_rows() {
            members.object(row, out);
            out.push(b'\n');
        }
        Ok(())
    }

    fn tail(&mut self, _out: &mut Vec<u8>) -> Result<(), EncodeError> {
        Ok(())
    }
}

/// Views a batch for a text format.
pub(super) fn view(batch: &RecordBatch, format: Format) -> Result<Members, EncodeError> {
    Members::view(batch).map_err(|source| EncodeError::Column { format, source })
}

/// Writes the members of an object that goes on: each with a comma after it.
pub(super) fn write_members(members: &Map<String, Value>, out: &mut Vec<u8>) {
    for (name, value) in members {
        json_text(name, out);
        out.push(b':');
        serde_json::to_writer(&mut *out, value).expect("writing into memory does not fail");
        out.push(b',');
    }
}

/// Writes the next page's address, if there is one.
pub(super) fn write_next(next: Option<&str>, out: &mut Vec<u8>) {
    if let Some(next) = next {
        out.extend_from_slice(b",\"next\":");
        json_text(next, out);
    }
}
