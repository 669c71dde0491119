//! A question to one file becomes a sorted stream of its kept rows.
//!
//! # Why
//! The index names the rows of the asked datastreams, so that row groups and pages without any are
//! neither fetched nor decoded.
//!
//! # Invariants
//! Every column chunk is held against its checksum when it is fetched; the first that does not hold
//! sets the file aside.

use std::ops::Range;
use std::sync::Arc;

use arno_model::observation::{ObservationColumns, kept_schema};
use arno_store::scan::SCAN_BATCH_ROWS_MAX;
use arno_store::{StoreError, Streams};
use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use object_store::{ObjectStore, ObjectStoreExt as _};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, RowSelection, RowSelector};
use parquet::arrow::async_reader::{AsyncFileReader, ParquetRecordBatchStreamBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;

use crate::columns::{NAME_COLUMNS, as_kept};
use crate::error::LakeError;
use crate::file::LakeFile;
use crate::index::Span;
use crate::merge::Source;

/// Which rows of the lake.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Of these datastreams.
    pub streams: Streams,
    /// From this time on, in microseconds.
    pub start_us: i64,
    /// Before this time, in microseconds; `i64::MAX` for all.
    pub end_us: i64,
    /// Committed after this moment, in microseconds; `i64::MIN` for all.
    pub after_us: i64,
    /// Committed at this moment or before, in microseconds; `i64::MAX` for all.
    pub as_of_us: i64,
}

impl Ask {
    /// Every row.
    pub const ALL: Self = Self {
        streams: Streams::All,
        start_us: i64::MIN,
        end_us: i64::MAX,
        after_us: i64::MIN,
        as_of_us: i64::MAX,
    };

    /// Whether a datastream's rows in a file may answer.
    pub fn meets(&self, span: &Span) -> bool {
        self.streams.contains(span.key)
            && span.first_us < self.end_us
            && span.last_us >= self.start_us
            && span.first_known_us <= self.as_of_us
            && span.last_known_us > self.after_us
    }

    fn holds(&self, span: &Span) -> bool {
        span.first_us >= self.start_us
            && span.last_us < self.end_us
            && span.last_known_us <= self.as_of_us
            && span.first_known_us > self.after_us
    }
}

/// The rows of a file that answer; `None` when it has none.
pub(crate) fn source(
    store: &Arc<dyn ObjectStore>,
    file: &Arc<LakeFile>,
    ask: &Ask,
) -> Option<Source> {
    let mut selectors: Vec<RowSelector> = Vec::new();
    let (mut is_any, mut is_whole) = (false, true);
    for span in &file.spans {
        let rows = usize::try_from(span.row_count).unwrap_or(usize::MAX);
        if ask.meets(span) {
            is_any = true;
            is_whole &= ask.holds(span);
            selectors.push(RowSelector::select(rows));
        } else {
            selectors.push(RowSelector::skip(rows));
        }
    }
    let filter = (!is_whole).then(|| ask.clone());
    is_any.then(|| selected(store, file, selectors.into(), filter))
}

/// The last `row_count` rows of some spans, without further filters.
pub(crate) fn tails(
    store: &Arc<dyn ObjectStore>,
    file: &Arc<LakeFile>,
    streams: &Streams,
    row_count: u32,
) -> Source {
    let mut selectors: Vec<RowSelector> = Vec::new();
    for span in &file.spans {
        let asked = if streams.contains(span.key) {
            span.row_count.min(row_count)
        } else {
            0
        };
        let size = |rows: u32| usize::try_from(rows).unwrap_or(usize::MAX);
        selectors.push(RowSelector::skip(size(span.row_count - asked)));
        selectors.push(RowSelector::select(size(asked)));
    }
    selected(store, file, selectors.into(), None)
}

fn selected(
    store: &Arc<dyn ObjectStore>,
    file: &Arc<LakeFile>,
    selection: RowSelection,
    filter: Option<Ask>,
) -> Source {
    let reader = CheckedReader {
        store: Arc::clone(store),
        file: Arc::clone(file),
    };
    let schema = file.metadata.parquet_schema();
    let kept = NAME_COLUMNS..NAME_COLUMNS + kept_schema().fields().len();
    let builder = ParquetRecordBatchStreamBuilder::new_with_metadata(reader, file.metadata.clone())
        .with_projection(ProjectionMask::leaves(schema, kept))
        .with_row_selection(selection)
        .with_batch_size(SCAN_BATCH_ROWS_MAX);
    let file = Arc::clone(file);
    let opened = async move {
        let failed = {
            let file = Arc::clone(&file);
            move |source| read_failed(&file, source)
        };
        let rows = builder.build().map_err(failed.clone())?;
        Ok::<_, StoreError>(rows.map_err(failed).try_filter_map(move |batch| {
            let kept = as_kept(&batch).ok_or_else(|| {
                file.set_damaged();
                StoreError::from(LakeError::damaged(file.path(), "it has other columns"))
            });
            let cut = kept.and_then(|kept| match &filter {
                Some(ask) => cut(&kept, ask),
                None => Ok(kept),
            });
            let answer = cut.map(|batch| (batch.num_rows() > 0).then_some(batch));
            futures::future::ready(answer)
        }))
    };
    Box::pin(stream::once(opened).try_flatten().boxed())
}

fn read_failed(file: &LakeFile, source: ParquetError) -> StoreError {
    // What is not the object store's failure is the bytes' fault.
    let is_passing = matches!(
        &source,
        ParquetError::External(cause) if cause.downcast_ref::<object_store::Error>().is_some()
    );
    if is_passing {
        return StoreError::Unavailable {
            action: "read a lake file",
            source: Box::new(source),
        };
    }
    file.set_damaged();
    LakeError::damaged(file.path(), source).into()
}

fn cut(batch: &RecordBatch, ask: &Ask) -> Result<RecordBatch, StoreError> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| {
        StoreError::from(LakeError::damaged("a batch of the lake", source))
    };
    let view = ObservationColumns::view(batch).map_err(|source| failed(source.into()))?;
    let stamps = view
        .known_at
        .as_ref()
        .map(|stamps| stamps.values().as_ref())
        .unwrap_or_default();
    let rows = view.time.values().iter().zip(stamps);
    let mask: BooleanArray = rows
        .map(|(time_us, known_us)| {
            *time_us >= ask.start_us
                && *time_us < ask.end_us
                && *known_us <= ask.as_of_us
                && *known_us > ask.after_us
        })
        .map(Some)
        .collect();
    filter_record_batch(batch, &mask).map_err(|source| failed(source.into()))
}

/// Fetches bytes and holds whole column chunks against their checksums.
struct CheckedReader {
    store: Arc<dyn ObjectStore>,
    file: Arc<LakeFile>,
}

/// The bytes are not what was written.
#[derive(Debug, thiserror::Error)]
#[error("the checksum of bytes {0} to {1} does not hold")]
struct BadChecksum(u64, u64);

impl CheckedReader {
    fn check(&self, range: &Range<u64>, bytes: &Bytes) -> Result<(), ParquetError> {
        let Some((length, crc)) = self.file.checks.get(&range.start) else {
            return Ok(());
        };
        if range.end - range.start != *length || crc32fast::hash(bytes) == *crc {
            return Ok(());
        }
        Err(ParquetError::External(Box::new(BadChecksum(
            range.start,
            range.end,
        ))))
    }
}

impl AsyncFileReader for CheckedReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        async move {
            let read = self.store.get_range(&self.file.path, range.clone()).await;
            let bytes = read.map_err(|source| ParquetError::External(Box::new(source)))?;
            self.check(&range, &bytes)?;
            Ok(bytes)
        }
        .boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        async move {
            let read = self.store.get_ranges(&self.file.path, &ranges).await;
            let all = read.map_err(|source| ParquetError::External(Box::new(source)))?;
            for (range, bytes) in ranges.iter().zip(&all) {
                self.check(range, bytes)?;
            }
            Ok(all)
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        let metadata = Arc::clone(self.file.metadata.metadata());
        async move { Ok(metadata) }.boxed()
    }
}
