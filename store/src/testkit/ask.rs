//! Asks two stores the same question and holds the answers against each other.

use std::sync::Arc;

use arno_model::observation::{ObservationColumns, kept_schema};
use arno_model::{DatastreamKey, TimeRange, Timestamp};
use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use futures::StreamExt as _;

use super::memory::MemoryStore;
use crate::backend::{Backend, ObservationReader as _};
use crate::error::StoreError;
use crate::scan::{SCAN_BATCH_ROWS_MAX, Scan, Touched};

/// What two stores disagree about.
pub(super) type Disagreement = String;

fn failed(what: &str, source: &StoreError) -> Disagreement {
    let cause = std::error::Error::source(source);
    format!("{what}: {source}: {cause:?}")
}

/// All rows of a scan as one batch, after checking what every stream promises.
pub(super) async fn rows(store: &dyn Backend, scan: Scan) -> Result<RecordBatch, Disagreement> {
    let schema: SchemaRef = match &scan.columns {
        None => kept_schema(),
        Some(columns) => Arc::new(kept_schema().project(columns).map_err(|e| e.to_string())?),
    };
    let partitions = scan.partitions;
    let streams = store
        .scan(scan)
        .await
        .map_err(|source| failed("scan", &source))?;
    if streams.len() > partitions.max(1) {
        return Err(format!(
            "{} streams where {partitions} are welcome",
            streams.len()
        ));
    }
    let mut batches = Vec::new();
    for mut stream in streams {
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(|source| failed("scan stream", &source))?;
            if batch.num_rows() == 0 || batch.num_rows() > SCAN_BATCH_ROWS_MAX {
                return Err(format!("a batch of {} rows", batch.num_rows()));
            }
            if batch.schema() != schema {
                return Err(format!("a batch of schema {:?}", batch.schema()));
            }
            batches.push(batch);
        }
    }
    if schema.fields().is_empty() {
        let row_count = batches.iter().map(RecordBatch::num_rows).sum();
        let options = RecordBatchOptions::new().with_row_count(Some(row_count));
        let none: Vec<ArrayRef> = Vec::new();
        return RecordBatch::try_new_with_options(schema, none, &options)
            .map_err(|source| source.to_string());
    }
    concat_batches(&schema, &batches).map_err(|source| source.to_string())
}

/// Compares the answers to one scan.
pub(super) async fn compare_scan(
    store: &dyn Backend,
    oracle: &MemoryStore,
    scan: Scan,
) -> Result<(), Disagreement> {
    let wanted = rows(oracle, scan.clone()).await?;
    let found = rows(store, scan.clone()).await?;
    if wanted == found {
        return Ok(());
    }
    let (wanted, found) = (text(&wanted), text(&found));
    let at = wanted
        .iter()
        .zip(&found)
        .take_while(|(wanted, found)| wanted == found)
        .count();
    Err(format!(
        "{scan:?}\n{} rows wanted, {} found, first difference at {at}:\n  wanted {:?}\n  found  {:?}",
        wanted.len(),
        found.len(),
        wanted.get(at),
        found.get(at),
    ))
}

fn text(batch: &RecordBatch) -> Vec<String> {
    let view = ObservationColumns::view(batch);
    (0..batch.num_rows())
        .map(|index| match &view {
            Ok(view) => {
                let known_at = view.known_at.as_ref().map(|stamps| stamps.value(index));
                format!("{:?} {known_at:?}", view.row(index))
            }
            Err(_) => format!("{:?}", batch.slice(index, 1).columns()),
        })
        .collect()
}

/// Holds what a store says was touched against the times that were: no time is missed, every range
/// begins and ends at a touched time, and ranges ascend without meeting.
pub(super) async fn compare_touched(
    store: &dyn Backend,
    oracle: &MemoryStore,
    since: Timestamp,
) -> Result<(), Disagreement> {
    let found = store
        .touched(since)
        .await
        .map_err(|source| failed("touched", &source))?;
    let times = oracle.touched_times(since);
    if found.known_at != oracle.last_commit() {
        return Err(format!(
            "touched up to {}, not {}",
            found.known_at,
            oracle.last_commit()
        ));
    }
    check_touched(&found, &times).map_err(|why| format!("touched since {since}: {why}: {found:?}"))
}

fn check_touched(found: &Touched, times: &[(DatastreamKey, Timestamp)]) -> Result<(), String> {
    let covers = |range: &(DatastreamKey, TimeRange), (key, time): &(DatastreamKey, Timestamp)| {
        range.0 == *key && range.1.contains(*time)
    };
    for time in times {
        if !found.ranges.iter().any(|range| covers(range, time)) {
            return Err(format!("{time:?} is missing"));
        }
    }
    for (key, range) in &found.ranges {
        let has = |time| times.binary_search(&(*key, time)).is_ok();
        if !has(range.start) || !has(range.end.plus_us(-1)) {
            return Err(format!(
                "{key:?} {range:?} ends at times that were not touched"
            ));
        }
    }
    let is_sorted = found.ranges.windows(2).all(|pair| {
        pair[0].0 < pair[1].0 || (pair[0].0 == pair[1].0 && pair[0].1.end <= pair[1].1.start)
    });
    if is_sorted {
        Ok(())
    } else {
        Err("the ranges do not ascend".to_owned())
    }
}
