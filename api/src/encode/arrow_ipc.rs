//! An Apache Arrow IPC stream: batches as they are, with the schema before them.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;

use super::{EncodeError, Encoder};
use crate::format::Format;

/// An IPC stream on its way.
pub(super) struct Arrow {
    writer: StreamWriter<Vec<u8>>,
}

impl Arrow {
    pub(super) fn try_new(schema: &SchemaRef) -> Result<Self, EncodeError> {
        let writer = StreamWriter::try_new(Vec::new(), schema).map_err(failed)?;
        Ok(Self { writer })
    }

    fn drain(&mut self, out: &mut Vec<u8>) {
        out.append(self.writer.get_mut());
    }
}

impl Encoder for Arrow {
    fn head(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.drain(out);
        Ok(())
    }

    fn rows(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.writer.write(batch).map_err(failed)?;
        self.drain(out);
        Ok(())
    }

    fn tail(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.writer.finish().map_err(failed)?;
        self.drain(out);
        Ok(())
    }
}

fn failed(source: ArrowError) -> EncodeError {
    EncodeError::Column {
        format: Format::Arrow,
        source,
    }
}
