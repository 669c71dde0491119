//! A question becomes sorted sources of one moment, and those become merged streams.

use std::sync::Arc;

use arno_model::observation::kept_schema;
use arno_model::{DatastreamKey, Timestamp};
use arno_store::scan::SCAN_BATCH_ROWS_MAX;
use arno_store::{BatchStream, Scan, StoreError, Streams};
use arrow::array::RecordBatch;
use futures::stream;

use crate::hot::{Hot, HotView};
use crate::merge::{Shape, Source, merge};
use crate::row::{Row, RowColumns};
use crate::shared::Shared;

/// Answers a scan.
pub(crate) fn scan(shared: &Shared, scan: &Scan) -> Result<Vec<BatchStream>, StoreError> {
    let shape = shape(scan)?;
    let as_of_us = scan.as_of.map_or(i64::MAX, Timestamp::as_micros);
    let (start_us, end_us) = (scan.time.start.as_micros(), scan.time.end.as_micros());
    let moment = shared.read();
    if moment.is_closed {
        return Err(StoreError::Closed);
    }
    let parts: Vec<&Hot> = moment.flushing.as_deref().into_iter().chain([&moment.active]).collect();
    let mut views = Vec::new();
    if scan.with_lead {
        views.push(lead(&parts, scan, as_of_us));
    }
    let window = (!scan.time.is_empty()).then_some((start_us, end_us));
    if let Some((start_us, end_us)) = window {
        let within = parts.iter().map(|part| part.view(&scan.streams, start_us, end_us));
        let trimmed = within.map(|view| trim(view, start_us, end_us, as_of_us));
        views.extend(trimmed);
    }
    drop(moment);
    let sources = views.into_iter().map(rows_source).collect();
    Ok(vec![merge(sources, &shape)])
}

fn shape(scan: &Scan) -> Result<Shape, StoreError> {
    let all = kept_schema().fields().len();
    let columns = scan.columns.clone().unwrap_or_else(|| (0..all).collect());
    let is_ascending = columns.windows(2).all(|pair| pair[0] < pair[1]);
    if !is_ascending || columns.last().is_some_and(|last| *last >= all) {
        return Err(StoreError::Invalid { reason: "columns must ascend within the kept schema" });
    }
    Ok(Shape { versions: scan.versions, columns, limit: scan.limit.unwrap_or(usize::MAX) })
}

/// Each stream's last winning row before the start.
fn lead(parts: &[&Hot], scan: &Scan, as_of_us: i64) -> HotView {
    let start_us = scan.time.start.as_micros();
    let keys: Vec<DatastreamKey> = match &scan.streams {
        Streams::Some(keys) => keys.to_vec(),
        Streams::All => {
            let most = parts.iter().map(|part| part.key_count()).max().unwrap_or(0);
            (1..=most).map(DatastreamKey).collect()
        }
    };
    let mut view = HotView::default();
    let mut found: Vec<Row> = Vec::new();
    for key in keys {
        found.clear();
        for part in parts {
            part.lead(key, start_us, as_of_us, &mut found);
        }
        let newest = found.iter().map(|row| row.time).max();
        let versions = found.iter().filter(|row| Some(row.time) == newest);
        if let Some(winner) = versions.max_by_key(|row| row.order()) {
            view.streams.push((key, vec![Arc::new(vec![*winner])]));
        }
    }
    view
}

/// Cuts the chunks at the window's edges and leaves out what was not known yet.
fn trim(mut view: HotView, start_us: i64, end_us: i64, as_of_us: i64) -> HotView {
    let is_in = |row: &Row| row.time >= start_us && row.time < end_us && row.known_at <= as_of_us;
    for (_key, chunks) in &mut view.streams {
        for chunk in chunks.iter_mut() {
            let is_whole = chunk.first().is_some_and(|row| row.time >= start_us)
                && chunk.last().is_some_and(|row| row.time < end_us)
                && (as_of_us == i64::MAX || chunk.iter().all(is_in));
            if !is_whole {
                *chunk = Arc::new(chunk.iter().filter(|row| is_in(row)).copied().collect());
            }
        }
    }
    view
}

/// Streams a view's rows as batches.
fn rows_source(view: HotView) -> Source {
    let mut chunks = view
        .streams
        .into_iter()
        .flat_map(|(key, chunks)| chunks.into_iter().map(move |chunk| (key, chunk)));
    let batches = std::iter::from_fn(move || {
        let mut columns = RowColumns::with_capacity(SCAN_BATCH_ROWS_MAX);
        for (key, chunk) in chunks.by_ref() {
            columns.extend(key, &chunk);
            if columns.len() >= SCAN_BATCH_ROWS_MAX {
                break;
            }
        }
        (columns.len() > 0).then(|| Ok::<RecordBatch, StoreError>(columns.finish()))
    });
    Box::pin(stream::iter(batches))
}
