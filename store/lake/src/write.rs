//! Sorted kept rows come in, a Parquet file goes out.
//!
//! # Why
//! Times are nearly regular: differences packed in bits, then zstd, take a byte or two. Everything
//! else repeats: dictionaries. Measured on a simulated region this is a third of the default's
//! size.
//!
//! # Limits
//! [`ROW_GROUP_ROWS`] is what a reader holds decoded-on-demand of one file; the file itself is
//! built in memory, so callers bound its rows.

use std::ops::Range;

use arno_model::observation::ObservationColumns;
use arno_store::{BatchStream, Datastreams};
use bytes::Bytes;
use futures::StreamExt as _;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::{KeyValue, RowGroupMetaData, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;

use crate::columns::{NAME_COLUMNS, file_schema, with_names};
use crate::error::LakeError;
use crate::index::{CHECKS_NAME, INDEX_NAME, SpanBuilder, encode, encode_checks};

/// Rows of a row group: a column chunk of it is tens of kilobytes, one read each.
const ROW_GROUP_ROWS: usize = 131_072;
/// zstd's level: 3 is its default; higher ones gain a twentieth at several times the cost.
const ZSTD_LEVEL: i32 = 3;

/// Encodes a sorted stream of kept rows; `None` when it is empty.
pub(crate) async fn encode_file(
    mut rows: BatchStream,
    names: &Datastreams,
) -> Result<Option<Bytes>, LakeError> {
    let failed = |source| LakeError::Encode { source };
    let options = ArrowWriterOptions::new()
        .with_properties(properties())
        .with_skip_arrow_metadata(true);
    let mut writer =
        ArrowWriter::try_new_with_options(Vec::new(), file_schema(), options).map_err(failed)?;
    let mut spans = SpanBuilder::default();
    while let Some(batch) = rows.next().await {
        let batch = batch.map_err(|source| LakeError::Rows {
            source: Box::new(source),
        })?;
        let view = ObservationColumns::view(&batch)
            .map_err(|source| LakeError::damaged("rows for the lake", source))?;
        let stamps = view
            .known_at
            .as_ref()
            .map(|stamps| stamps.values().as_ref());
        spans.add(
            view.datastream.values(),
            view.time.values(),
            stamps.unwrap_or_default(),
        );
        writer
            .write(&with_names(&batch, &view, names))
            .map_err(failed)?;
    }
    let spans = spans.finish();
    if spans.is_empty() {
        return Ok(None);
    }
    writer.flush().map_err(failed)?;
    writer.sync().map_err(LakeError::disk("encode a file"))?;
    let places: Vec<Range<usize>> = writer
        .flushed_row_groups()
        .iter()
        .flat_map(RowGroupMetaData::columns)
        .map(|chunk| {
            let (offset, length) = chunk.byte_range();
            let at = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
            at(offset)..at(offset + length)
        })
        .collect();
    let written = writer.inner();
    let crc =
        |place: &Range<usize>| crc32fast::hash(written.get(place.clone()).unwrap_or_default());
    let checks: Vec<u32> = places.iter().map(crc).collect();
    for (name, value) in [
        (INDEX_NAME, encode(&spans)),
        (CHECKS_NAME, encode_checks(&checks)),
    ] {
        writer.append_key_value_metadata(KeyValue::new(name.to_owned(), value));
    }
    Ok(Some(writer.into_inner().map_err(failed)?.into()))
}

fn properties() -> WriterProperties {
    let level = ZstdLevel::try_new(ZSTD_LEVEL).unwrap_or_default();
    let sorted = [3, 4, 9].map(|column_idx| SortingColumn {
        column_idx,
        descending: false,
        nulls_first: false,
    });
    let mut builder = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_sorting_columns(Some(sorted.to_vec()));
    for name in ["time", "received", "result_time", "known_at"] {
        let path = ColumnPath::from(name);
        builder = builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
    }
    debug_assert_eq!(NAME_COLUMNS, 3, "the sorting columns count the names");
    builder.build()
}
