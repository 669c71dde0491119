//! One Parquet file of the lake: written once, sorted, with its index; then only read.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arno_model::DatastreamKey;
use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData,
};

use crate::error::LakeError;
use crate::index::{CHECKS_NAME, INDEX_NAME, Span, decode, decode_checks};
use crate::month::Month;

/// Read of a file's end before the footer's length is known: enough for some thousand datastreams.
const FOOTER_GUESS_BYTES: u64 = 131_072;

/// A file that the lake's log names, or is about to.
#[derive(Debug)]
pub struct LakeFile {
    pub(crate) path: Path,
    pub(crate) month: Month,
    pub(crate) size_bytes: u64,
    pub(crate) row_count: u64,
    pub(crate) spans: Vec<Span>,
    pub(crate) metadata: ArrowReaderMetadata,
    /// Checksums by where a column chunk begins: length and crc32.
    pub(crate) checks: HashMap<u64, (u64, u32)>,
    is_damaged: AtomicBool,
}

impl LakeFile {
    /// Opens a file by its end.
    pub(crate) async fn open(
        store: &dyn ObjectStore,
        path: Path,
        month: Month,
        size_bytes: u64,
    ) -> Result<Self, LakeError> {
        let mut guess = FOOTER_GUESS_BYTES.min(size_bytes);
        loop {
            let end = store.get_range(&path, size_bytes - guess..size_bytes).await;
            let end = end.map_err(LakeError::object("read a file's footer"))?;
            let mut reader = ParquetMetaDataReader::new();
            match reader.try_parse_sized(&end, size_bytes) {
                Ok(()) => return Self::parsed(reader, path, month, size_bytes),
                Err(ParquetError::NeedMoreData(needed)) => {
                    guess = u64::try_from(needed)
                        .unwrap_or(u64::MAX)
                        .clamp(guess + 1, size_bytes);
                }
                Err(source) => return Err(LakeError::damaged(path.to_string(), source)),
            }
        }
    }

    /// A file that was just made.
    pub(crate) fn of_bytes(path: Path, month: Month, bytes: &Bytes) -> Result<Self, LakeError> {
        let mut reader = ParquetMetaDataReader::new();
        let parsed = reader.try_parse(bytes);
        parsed.map_err(|source| LakeError::Encode { source })?;
        Self::parsed(
            reader,
            path,
            month,
            u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        )
    }

    fn parsed(
        mut reader: ParquetMetaDataReader,
        path: Path,
        month: Month,
        size_bytes: u64,
    ) -> Result<Self, LakeError> {
        let footer = reader
            .finish()
            .map_err(|source| LakeError::damaged(path.to_string(), source))?;
        Self::of(path, month, size_bytes, Arc::new(footer))
    }

    /// Reads what the footer says.
    fn of(
        path: Path,
        month: Month,
        size_bytes: u64,
        footer: Arc<ParquetMetaData>,
    ) -> Result<Self, LakeError> {
        let lacking =
            |what: &str| LakeError::damaged(path.to_string(), format!("its footer lacks {what}"));
        let pairs = footer.file_metadata().key_value_metadata();
        let value = |name: &str| {
            let pair = pairs?.iter().find(|pair| pair.key == name)?;
            pair.value.as_deref()
        };
        let spans = value(INDEX_NAME)
            .and_then(decode)
            .ok_or_else(|| lacking("its index"))?;
        let checks = value(CHECKS_NAME)
            .and_then(decode_checks)
            .ok_or_else(|| lacking("its checksums"))?;
        let places = footer
            .row_groups()
            .iter()
            .flat_map(RowGroupMetaData::columns)
            .map(ColumnChunkMetaData::byte_range);
        let checks = places
            .zip(checks)
            .map(|((offset, length), crc)| (offset, (length, crc)))
            .collect();
        let row_count = spans.iter().map(|span| u64::from(span.row_count)).sum();
        if u64::try_from(footer.file_metadata().num_rows()) != Ok(row_count) {
            return Err(lacking("as many rows as its index counts"));
        }
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = ArrowReaderMetadata::try_new(footer, options)
            .map_err(|source| LakeError::damaged(path.to_string(), source))?;
        Ok(Self {
            path,
            month,
            size_bytes,
            row_count,
            spans,
            metadata,
            checks,
            is_damaged: AtomicBool::new(false),
        })
    }

    /// Its place within the lake.
    pub fn path(&self) -> &str {
        self.path.as_ref()
    }

    /// The month of all its times.
    pub fn month(&self) -> Month {
        self.month
    }

    /// Its size.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// How many versions it holds.
    pub fn row_count(&self) -> u64 {
        self.row_count
    }

    /// Its datastreams, ascending.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The rows of one datastream.
    pub fn span(&self, key: DatastreamKey) -> Option<&Span> {
        let at = self
            .spans
            .binary_search_by_key(&key, |span| span.key)
            .ok()?;
        self.spans.get(at)
    }

    /// Whether reading it failed by its checksums: it is set aside, and scans go on without it.
    pub fn is_damaged(&self) -> bool {
        self.is_damaged.load(Ordering::Acquire)
    }

    pub(crate) fn set_damaged(&self) {
        self.is_damaged.store(true, Ordering::Release);
    }
}
