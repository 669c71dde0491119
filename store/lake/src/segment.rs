//! A batch as the bytes of one Parquet file, and back.
//!
//! # Why
//! Derived segments (rollups) are written and read whole; their types come back exactly, since the
//! file carries the Arrow schema.
//!
//! # Limits
//! A segment is read into memory as one batch.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::error::ArrowError;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

/// Rows decoded at a time; only bounds the decoder's own memory.
const DECODE_ROWS: usize = 65_536;

/// Why a segment's bytes could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// Parquet refused.
    #[error("the segment is not readable Parquet")]
    Parquet {
        /// What Parquet says.
        #[source]
        source: ParquetError,
    },
    /// Arrow refused.
    #[error("the segment's batches do not fit together")]
    Arrow {
        /// What Arrow says.
        #[source]
        source: ArrowError,
    },
}

/// The batch as a Parquet file.
///
/// # Errors
/// `Parquet` for column types that Parquet does not have.
pub fn encode(batch: &RecordBatch) -> Result<Vec<u8>, SegmentError> {
    let failed = |source| SegmentError::Parquet { source };
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    let mut writer =
        ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).map_err(failed)?;
    writer.write(batch).map_err(failed)?;
    writer.into_inner().map_err(failed)
}

/// The batch that [`encode`] made a file of.
///
/// # Errors
/// `Parquet` for other bytes, `Arrow` for columns that do not fit.
pub fn decode(bytes: Bytes) -> Result<RecordBatch, SegmentError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes)
        .map_err(|source| SegmentError::Parquet { source })?;
    let schema = Arc::clone(builder.schema());
    let reader = builder
        .with_batch_size(DECODE_ROWS)
        .build()
        .map_err(|source| SegmentError::Parquet { source })?;
    let batches: Result<Vec<_>, _> = reader.collect();
    let joined = batches.and_then(|batches| concat_batches(&schema, &batches));
    joined.map_err(|source| SegmentError::Arrow { source })
}
