//! Parquet: rows go in by batches, row groups come out as they fill.
//!
//! # Limits
//! [`GROUP_ROWS_MAX`] rows or [`GROUP_BYTES_MAX`] bytes are held for a row group, then written.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::{EncodeError, Encoder};

/// Rows of a row group: large enough to compress well, small enough to hold for every reader.
const GROUP_ROWS_MAX: usize = 131_072;
/// Bytes of a row group while it is encoded; it is written when it has grown to this.
const GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Takes what the writer writes, until it is fetched.
#[derive(Debug, Clone, Default)]
struct Outlet(Arc<Mutex<Vec<u8>>>);

impl Outlet {
    fn drain(&self, out: &mut Vec<u8>) {
        out.append(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A Parquet file on its way.
pub(super) struct Parquet {
    outlet: Outlet,
    writer: ArrowWriter<Outlet>,
}

impl Parquet {
    pub(super) fn try_new(schema: &SchemaRef) -> Result<Self, EncodeError> {
        let outlet = Outlet::default();
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(GROUP_ROWS_MAX))
            .build();
        let writer =
            ArrowWriter::try_new(outlet.clone(), SchemaRef::clone(schema), Some(properties));
        Ok(Self {
            writer: writer.map_err(failed)?,
            outlet,
        })
    }
}

impl Encoder for Parquet {
    fn head(&mut self, _out: &mut Vec<u8>) -> Result<(), EncodeError> {
        Ok(())
    }

    fn rows(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.writer.write(batch).map_err(failed)?;
        if self.writer.in_progress_size() >= GROUP_BYTES_MAX {
            self.writer.flush().map_err(failed)?;
        }
        self.outlet.drain(out);
        Ok(())
    }

    fn tail(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.writer.finish().map_err(failed)?;
        self.outlet.drain(out);
        Ok(())
    }
}

fn failed(source: ParquetError) -> EncodeError {
    EncodeError::Parquet { source }
}
