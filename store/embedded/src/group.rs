//! A group's rows as bytes and back: an Arrow IPC stream of batches in the kept schema.

use std::io::Cursor;

use arno_model::observation::{ObservationColumns, kept_schema};
use arno_store::StoreError;
use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

use crate::error::damaged;

/// Bytes that Arrow's framing adds to a batch, at most; only sizes a buffer.
const FRAME_BYTES: usize = 2_048;

/// The batches as one IPC stream.
///
/// # Errors
/// `Invalid` when a batch is not in the kept schema.
pub(crate) fn encode(batches: &[RecordBatch]) -> Result<Vec<u8>, StoreError> {
    let data: usize = batches.iter().map(RecordBatch::get_array_memory_size).sum();
    let written = (|| -> Result<Vec<u8>, ArrowError> {
        let buffer = Vec::with_capacity(data + FRAME_BYTES);
        let mut writer = StreamWriter::try_new(buffer, &kept_schema())?;
        for batch in batches {
            writer.write(batch)?;
        }
        writer.into_inner()
    })();
    written.map_err(|_source| StoreError::Invalid {
        reason: "the batch cannot be written",
    })
}

/// Views of the batches in an IPC stream.
///
/// # Errors
/// `Damaged` when the bytes are no such stream; `name` says whose they are.
pub(crate) fn decode(name: &str, bytes: &[u8]) -> Result<Vec<ObservationColumns>, StoreError> {
    let reader = StreamReader::try_new(Cursor::new(bytes), None);
    let reader = reader.map_err(|source| damaged(name, source))?;
    let mut views = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|source| damaged(name, source))?;
        let view = ObservationColumns::view(&batch).map_err(|source| damaged(name, source))?;
        if view.known_at.is_none() {
            return Err(damaged(name, "it lacks the column `known_at`"));
        }
        views.push(view);
    }
    Ok(views)
}
