//! Sorted sources come in, one sorted stream with the winning versions goes out.
//!
//! # Why
//! The hot part and the lake's files are each sorted by (datastream, time, commit); a merge keeps
//! memory bounded whatever the answer's size. It moves runs, not rows: a run ends where another
//! source has something to say, which is seldom, since files cover different times.
//!
//! # Shape
//! In: batches of the kept schema. Out: batches of at most [`SCAN_BATCH_ROWS_MAX`] rows of the
//! asked columns.
//!
//! # Invariants
//! Sources are listed oldest first, so that of equal commits the earlier arrival comes first.

use std::pin::Pin;
use std::sync::Arc;

use arno_model::observation::{ObservationColumns, kept_schema};
use arno_store::scan::SCAN_BATCH_ROWS_MAX;
use arno_store::{BatchStream, StoreError, Versions};
use arrow::array::{
    Array as _, Float64Builder, Int32Builder, RecordBatch, RecordBatchOptions,
    TimestampMicrosecondArray, TimestampMicrosecondBuilder, UInt8Builder,
};
use arrow::datatypes::SchemaRef;
use futures::{Stream, StreamExt as _, stream};

use crate::error::LakeError;

/// A sorted source.
pub type Source = Pin<Box<dyn Stream<Item = Result<RecordBatch, StoreError>> + Send>>;

/// What of the merged rows goes out. Its columns must ascend within the kept schema.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Which versions.
    pub versions: Versions,
    /// Columns of the kept schema.
    pub columns: Vec<usize>,
    /// At most so many rows.
    pub limit: usize,
}

/// Merges the sources into a stream.
pub fn merge(sources: Vec<Source>, shape: &Shape) -> BatchStream {
    let cursors = sources
        .into_iter()
        .map(|source| Cursor {
            source,
            block: None,
            at: 0,
        })
        .collect();
    let merge = Merge {
        cursors,
        held: None,
        versions: shape.versions,
        output: Output::new(&shape.columns),
        left: shape.limit,
    };
    Box::pin(stream::try_unfold(merge, |mut merge| async move {
        Ok(merge.next().await?.map(|batch| (batch, merge)))
    }))
}

type Block = Arc<ObservationColumns>;
type Place = (i32, i64);

struct Cursor {
    source: Source,
    block: Option<Block>,
    at: usize,
}

impl Cursor {
    async fn fill(&mut self) -> Result<(), StoreError> {
        while self
            .block
            .as_ref()
            .is_none_or(|block| self.at >= block.len())
        {
            self.block = None;
            self.at = 0;
            let Some(batch) = self.source.next().await else {
                return Ok(());
            };
            let view = ObservationColumns::view(&batch?)
                .map_err(|source| LakeError::damaged("a scanned batch", source))?;
            self.block = Some(Arc::new(view));
        }
        Ok(())
    }

    fn head(&self) -> Option<(Place, i64)> {
        let block = self.block.as_ref()?;
        let place = (block.datastream.value(self.at), block.time.value(self.at));
        Some((place, known_at(block, self.at)))
    }
}

fn known_at(block: &ObservationColumns, index: usize) -> i64 {
    block
        .known_at
        .as_ref()
        .map_or(0, |column| column.value(index))
}

fn order(block: &ObservationColumns, index: usize) -> (i64, i64) {
    let source = if block.result_time.is_valid(index) {
        block.result_time.value(index)
    } else {
        block.received.value(index)
    };
    (source, known_at(block, index))
}

struct Merge {
    cursors: Vec<Cursor>,
    /// The best version so far of the newest identity.
    held: Option<(Block, usize)>,
    versions: Versions,
    output: Output,
    left: usize,
}

impl Merge {
    async fn next(&mut self) -> Result<Option<RecordBatch>, StoreError> {
        while self.left > 0 && self.output.row_count < SCAN_BATCH_ROWS_MAX.min(self.left) {
            for cursor in &mut self.cursors {
                cursor.fill().await?;
            }
            self.cursors.retain(|cursor| cursor.block.is_some());
            let Some((block, from, to)) = self.next_run() else {
                if let Some((block, index)) = self.held.take() {
                    self.output.append(&block, index, 1);
                }
                break;
            };
            match self.versions {
                Versions::All => self.output.append(&block, from, to - from),
                Versions::Winning => self.append_winners(&block, from, to),
            }
        }
        if self.output.row_count == 0 {
            return Ok(None);
        }
        let batch = self.output.finish(self.left);
        self.left -= batch.num_rows();
        Ok(Some(batch))
    }

    /// The longest run of one source that comes before all others, at most a batch's rest.
    fn next_run(&mut self) -> Option<(Block, usize, usize)> {
        let mut first: Option<(Place, i64, usize)> = None;
        let mut bound: Option<Place> = None;
        for (index, cursor) in self.cursors.iter().enumerate() {
            let Some((place, known_at)) = cursor.head() else {
                continue;
            };
            let is_first = first.is_none_or(|(at, known, _)| (place, known_at) < (at, known));
            let other = if is_first {
                first.replace((place, known_at, index)).map(|(at, ..)| at)
            } else {
                Some(place)
            };
            bound = match (bound, other) {
                (Some(bound), Some(other)) => Some(bound.min(other)),
                (bound, other) => bound.or(other),
            };
        }
        let (_place, _known_at, index) = first?;
        let cursor = &mut self.cursors[index];
        let block = Arc::clone(cursor.block.as_ref()?);
        let from = cursor.at;
        let room = SCAN_BATCH_ROWS_MAX
            .saturating_sub(self.output.row_count)
            .max(1);
        let most = block.len().min(from + room);
        let to = bound.map_or(most, |bound| run_end(&block, from, most, bound));
        cursor.at = to;
        Some((block, from, to))
    }

    /// Appends the winners of a run but the last, which is held: its next version may follow.
    fn append_winners(&mut self, block: &Block, from: usize, to: usize) {
        let datastream = block.datastream.values();
        let time = block.time.values();
        let same = |left: usize, right: usize| {
            datastream[left] == datastream[right] && time[left] == time[right]
        };
        let mut start = from;
        if let Some((held, at)) = self.held.take() {
            let is_same =
                held.datastream.value(at) == datastream[from] && held.time.value(at) == time[from];
            if is_same {
                let mut end = from + 1;
                let mut best = (held, at);
                for index in from..to {
                    if index > from && !same(index - 1, index) {
                        break;
                    }
                    if order(block, index) >= order(&best.0, best.1) {
                        best = (Arc::clone(block), index);
                    }
                    end = index + 1;
                }
                if end == to {
                    self.held = Some(best);
                    return;
                }
                self.output.append(&best.0, best.1, 1);
                start = end;
            } else {
                self.output.append(&held, at, 1);
            }
        }
        let mut best = start;
        for index in start + 1..to {
            if same(index - 1, index) {
                if order(block, index) >= order(block, best) {
                    self.output.append(block, start, best - start);
                    start = index;
                    best = index;
                }
            } else {
                if best + 1 != index {
                    self.output.append(block, start, best + 1 - start);
                    start = index;
                }
                best = index;
            }
        }
        self.output.append(block, start, best - start);
        self.held = Some((Arc::clone(block), best));
    }
}

/// Where the rows before `bound` end; at least one row, since the first comes before all others.
fn run_end(block: &Block, from: usize, most: usize, bound: Place) -> usize {
    let is_before = |index: usize| (block.datastream.value(index), block.time.value(index)) < bound;
    let mut step = 1;
    let mut low = from;
    while low + step < most && is_before(low + step) {
        low += step;
        step *= 2;
    }
    let mut high = (low + step).min(most);
    let mut end = low + 1;
    while end < high {
        let middle = usize::midpoint(end, high);
        if is_before(middle) {
            end = middle + 1;
        } else {
            high = middle;
        }
    }
    end
}

enum Column {
    Datastream(Int32Builder),
    Time(usize, TimestampMicrosecondBuilder),
    Result(Float64Builder),
    Quality(UInt8Builder),
}

struct Output {
    schema: SchemaRef,
    columns: Vec<Column>,
    row_count: usize,
}

impl Output {
    fn new(columns: &[usize]) -> Self {
        let schema = kept_schema()
            .project(columns)
            .expect("the scan's columns were checked");
        let column = |index: &usize| match index {
            0 => Column::Datastream(Int32Builder::new()),
            2 => Column::Result(Float64Builder::new()),
            3 => Column::Quality(UInt8Builder::new()),
            other => {
                let builder = TimestampMicrosecondBuilder::new().with_timezone("UTC");
                Column::Time(*other, builder)
            }
        };
        Self {
            schema: Arc::new(schema),
            columns: columns.iter().map(column).collect(),
            row_count: 0,
        }
    }

    fn append(&mut self, block: &Block, from: usize, count: usize) {
        if count == 0 {
            return;
        }
        self.row_count += count;
        for column in &mut self.columns {
            match column {
                Column::Datastream(builder) => {
                    builder.append_slice(&block.datastream.values()[from..from + count]);
                }
                Column::Quality(builder) => {
                    builder.append_slice(&block.quality.values()[from..from + count]);
                }
                Column::Result(builder) => builder.append_array(&block.result.slice(from, count)),
                Column::Time(index, builder) => {
                    let times = time_column(block, *index);
                    if times.null_count() == 0 {
                        builder.append_slice(&times.values()[from..from + count]);
                    } else {
                        builder.append_array(&times.slice(from, count));
                    }
                }
            }
        }
    }

    fn finish(&mut self, limit: usize) -> RecordBatch {
        let columns = self.columns.iter_mut().map(|column| match column {
            Column::Datastream(builder) => Arc::new(builder.finish()) as _,
            Column::Result(builder) => Arc::new(builder.finish()) as _,
            Column::Quality(builder) => Arc::new(builder.finish()) as _,
            Column::Time(_index, builder) => Arc::new(builder.finish().with_timezone("UTC")) as _,
        });
        let options = RecordBatchOptions::new().with_row_count(Some(self.row_count));
        let schema = Arc::clone(&self.schema);
        let batch = RecordBatch::try_new_with_options(schema, columns.collect(), &options)
            .expect("the columns are the projected schema's");
        self.row_count = 0;
        batch.slice(0, batch.num_rows().min(limit))
    }
}

fn time_column(block: &Block, index: usize) -> &TimestampMicrosecondArray {
    match index {
        1 => &block.time,
        4 => &block.received,
        5 => &block.result_time,
        _ => block.known_at.as_ref().unwrap_or(&block.time),
    }
}
