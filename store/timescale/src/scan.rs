//! Scans: a question comes in, `COPY (SELECT …) TO STDOUT BINARY` answers, Arrow batches go out.
//!
//! # Why
//! The binary copy is the server's cheapest way out, and its rows decode straight into columns.
//! Sorting, winning versions, ranges and limits are the server's work; it has the index for it.
//!
//! # Invariants
//! All streams of a scan see the commits up to one stamp: rows are append-only, so a bound on
//! `known_at` is a snapshot.

use std::fmt::Write as _;
use std::sync::Arc;

use arno_model::observation::ObservationBuilder;
use arno_model::{DatastreamKey, TimeRange, Timestamp};
use arno_store::scan::SCAN_BATCH_ROWS_MAX;
use arno_store::{BatchStream, Scan, StoreError, Streams, Touched, Versions};
use arrow::array::RecordBatch;
use futures::StreamExt as _;

use crate::binary::{COLUMNS, Decoder};
use crate::error::failed;
use crate::store::Shared;

/// Streams of one scan at most: each holds a connection while it is read.
const PARTITIONS_COUNT_MAX: usize = 2;

/// Opens a scan.
pub(crate) async fn open(shared: &Arc<Shared>, scan: Scan) -> Result<Vec<BatchStream>, StoreError> {
    if let Some(columns) = &scan.columns {
        let width = arno_model::observation::kept_schema().fields().len();
        let is_ascending = columns.windows(2).all(|pair| pair[0] < pair[1]);
        if !is_ascending || columns.last().is_some_and(|last| *last >= width) {
            return Err(StoreError::Invalid {
                reason: "columns must be ascending and exist",
            });
        }
    }
    shared.refresh().await?;
    let snapshot = last_commit(shared).await?;
    let known_at = scan.as_of.map_or(snapshot, |moment| moment.min(snapshot));
    let keys = asked_keys(shared, &scan.streams);
    let is_split = scan.limit.is_none() && !keys.is_empty();
    let parts = if is_split {
        scan.partitions.clamp(1, PARTITIONS_COUNT_MAX)
    } else {
        1
    };
    let width = keys.len().div_ceil(parts).max(1);
    let mut streams = Vec::new();
    for keys in keys.chunks(width) {
        let sql = question(&scan, keys, known_at);
        streams.push(stream(shared, &sql, scan.columns.clone()).await?);
    }
    Ok(streams)
}

async fn last_commit(shared: &Shared) -> Result<Timestamp, StoreError> {
    let client = shared.client().await?;
    let row = client
        .query_one("SELECT last_commit FROM arno.state", &[])
        .await;
    Ok(Shared::read_time(
        &row.map_err(failed("read the newest commit"))?,
        0,
    ))
}

fn asked_keys(shared: &Shared, streams: &Streams) -> Vec<DatastreamKey> {
    match streams {
        Streams::Some(keys) => keys.to_vec(),
        Streams::All => shared.datastreams().iter().map(|(key, _)| key).collect(),
    }
}

/// A moment as the server reads it, to the microsecond.
fn literal(moment: Timestamp) -> String {
    format!(
        "('epoch'::timestamptz + {} * interval '1 microsecond')",
        moment.as_micros()
    )
}

/// The SQL of one part. All that is pasted are numbers of ours.
fn question(scan: &Scan, keys: &[DatastreamKey], known_at: Timestamp) -> String {
    let mut list = String::new();
    for key in keys {
        let separator = if list.is_empty() { "" } else { "," };
        write!(list, "{separator}{key}").expect("writing to a string does not fail");
    }
    let known = format!("known_at <= {}", literal(known_at));
    let range = format!(
        "time >= {} AND time < {}",
        literal(scan.time.start),
        literal(scan.time.end)
    );
    let newest = "coalesce(result_time, received) DESC, known_at DESC, place DESC";
    let (distinct, order) = match scan.versions {
        Versions::Winning => ("DISTINCT ON (datastream, time) ", newest),
        Versions::All => ("", "known_at, place"),
    };
    let mut sql = format!(
        "SELECT {distinct}{COLUMNS} FROM arno.observations \
         WHERE datastream = ANY('{{{list}}}'::int4[]) AND {range} AND {known}"
    );
    if scan.with_lead {
        write!(
            sql,
            " UNION ALL SELECT lead.* FROM unnest('{{{list}}}'::int4[]) AS asked(key) \
             CROSS JOIN LATERAL (SELECT {COLUMNS} FROM arno.observations \
             WHERE datastream = asked.key AND time < {} AND {known} \
             ORDER BY time DESC, {newest} LIMIT 1) AS lead",
            literal(scan.time.start)
        )
        .expect("writing to a string does not fail");
        // Each half is sorted and resolved by itself; the halves are disjoint in time.
        let half = sql
            .split_once(" UNION ALL ")
            .map_or("", |(first, _)| first)
            .to_owned();
        let rest = sql
            .split_once(" UNION ALL ")
            .map_or("", |(_, second)| second)
            .to_owned();
        sql = format!(
            "SELECT * FROM (({half} ORDER BY datastream, time, {order}) UNION ALL ({rest})) AS rows \
             ORDER BY datastream, time, known_at, place"
        );
    } else {
        write!(sql, " ORDER BY datastream, time, {order}")
            .expect("writing to a string does not fail");
    }
    if let Some(limit) = scan.limit {
        write!(sql, " LIMIT {limit}").expect("writing to a string does not fail");
    }
    format!("COPY ({sql}) TO STDOUT BINARY")
}

async fn stream(
    shared: &Arc<Shared>,
    sql: &str,
    columns: Option<Vec<usize>>,
) -> Result<BatchStream, StoreError> {
    let fail = failed("scan observations");
    let client = shared.client().await?;
    let copy = client.copy_out(sql).await.map_err(fail)?;
    // The connection goes along, and back to the pool when the stream ends.
    let reading = Reading {
        client,
        copy: Box::pin(copy),
        decoder: Decoder::default(),
        rows: ObservationBuilder::default(),
        columns,
        is_done: false,
    };
    Ok(
        futures::stream::try_unfold(reading, |mut reading| async move {
            let batch = reading.next_batch().await?;
            Ok(batch.map(|batch| (batch, reading)))
        })
        .boxed(),
    )
}

struct Reading {
    #[expect(dead_code, reason = "held: the copy lives on this connection")]
    client: deadpool_postgres::Object,
    copy: std::pin::Pin<Box<tokio_postgres::CopyOutStream>>,
    decoder: Decoder,
    rows: ObservationBuilder,
    columns: Option<Vec<usize>>,
    is_done: bool,
}

impl Reading {
    async fn next_batch(&mut self) -> Result<Option<RecordBatch>, StoreError> {
        while !self.is_done && self.rows.len() < SCAN_BATCH_ROWS_MAX {
            match self.copy.next().await {
                Some(piece) => {
                    let piece = piece.map_err(failed("scan observations"))?;
                    self.decoder.feed(&piece, &mut self.rows)?;
                }
                None => self.is_done = true,
            }
        }
        if self.rows.is_empty() {
            return Ok(None);
        }
        let unreadable = |source| StoreError::Unavailable {
            action: "scan observations",
            source,
        };
        let batch = self
            .rows
            .finish_kept()
            .map_err(|error| unreadable(Box::new(error)))?;
        let Some(columns) = &self.columns else {
            return Ok(Some(batch));
        };
        let projected = batch
            .project(columns)
            .map_err(|error| unreadable(Box::new(error)))?;
        Ok(Some(projected))
    }
}

/// What changed after a commit, up to another.
pub(crate) async fn touched(
    shared: &Shared,
    since: Timestamp,
    until: Timestamp,
) -> Result<Touched, StoreError> {
    let client = shared.client().await?;
    let sql = format!(
        "SELECT DISTINCT datastream, time FROM arno.observations \
         WHERE known_at > {} AND known_at <= {} ORDER BY datastream, time",
        literal(since),
        literal(until)
    );
    let rows = client
        .query(&sql, &[])
        .await
        .map_err(failed("ask what changed"))?;
    let mut ranges: Vec<(DatastreamKey, TimeRange)> = Vec::new();
    for row in rows {
        let key = DatastreamKey(row.get(0));
        let time = Shared::read_time(&row, 1);
        let end = time.plus_us(1);
        match ranges.last_mut() {
            Some((last, range)) if *last == key && is_near(*range, time) => range.end = end,
            _ => ranges.push((key, TimeRange::new(time, end))),
        }
    }
    Ok(Touched {
        ranges,
        known_at: until,
    })
}

/// Times in the same 15 minutes touch the same buckets: one range names them.
fn is_near(range: TimeRange, time: Timestamp) -> bool {
    let width = arno_model::bucket::BASE_US;
    range.end.plus_us(-1).floor_to(width).plus_us(width) >= time.floor_to(width)
}
