//! Back-fill: rows a second into an embedded store, and what is left on disk and in memory.
//!
//! `cargo bench -p arno-store-embedded --bench back_fill -- [rows] [batch rows] [time|stream]`
//!
//! # Shape
//! 1,300 datastreams (20 towns of 50 bays, 5 lots and 10 access points), 30 days, by time across
//! streams or stream by stream; 10 appends in flight; then one scan of everything.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints and may fail loudly"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use arno_model::observation::ObservationBuilder;
use arno_model::{DatastreamKey, Observation, Quality, TimeRange, Timestamp};
use arno_store::{
    Append, Clock, ClockMark, DatastreamName, DatastreamRegister as _, Maintenance as _,
    ObservationReader as _, ObservationWriter as _, Scan, Streams,
};
use arno_store_embedded::{EmbeddedConfig, EmbeddedStore};
use arrow::array::RecordBatch;
use futures::{StreamExt as _, stream};

const STREAMS: i64 = 1_300;
const BEGIN_US: i64 = 1_774_828_800_000_000;

#[derive(Debug)]
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.fetch_add(1, Ordering::AcqRel))
    }
}

fn row(index: i64, rows: i64, is_by_stream: bool) -> Observation {
    let per_stream = (rows / STREAMS).max(1);
    let (stream, place) = if is_by_stream {
        (index / per_stream % STREAMS, index % per_stream)
    } else {
        (index % STREAMS, index / STREAMS)
    };
    let step_us = 30 * 86_400_000_000 / per_stream;
    let chance = mix(index);
    let jitter_us = chance % 1_000 * 1_000;
    let time = Timestamp::from_micros(BEGIN_US + place * step_us + jitter_us);
    Observation {
        datastream: DatastreamKey(i32::try_from(stream).unwrap() + 1),
        time,
        result: Some(f64::from(u8::try_from(chance / 1_000 % 60).unwrap())),
        quality: Quality::Good,
        received: time.plus_us(250_000),
        result_time: None,
    }
}

/// A number that looks random, from a row's number (splitmix64).
fn mix(index: i64) -> i64 {
    let mut mixed = index.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed >> 20).cast_signed()
}

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    let rows: i64 = args.first().map_or(5_000_000, |text| text.parse().unwrap());
    let batch: i64 = args.get(1).map_or(100_000, |text| text.parse().unwrap());
    let is_by_stream = args.get(2).is_some_and(|text| text == "stream");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.unwrap().block_on(run(rows, batch, is_by_stream));
}

async fn run(rows: i64, batch: i64, is_by_stream: bool) {
    let dir = tempfile::tempdir_in(".").unwrap();
    let clock = Arc::new(Ticking(AtomicI64::new(BEGIN_US)));
    let config = EmbeddedConfig::default();
    let store = EmbeddedStore::open(dir.path(), config, Arc::clone(&clock) as Arc<dyn Clock>)
        .await
        .unwrap();
    let names: Vec<DatastreamName> = (0..STREAMS)
        .map(|stream| DatastreamName {
            thing: format!("town-{}:thing-{stream}", stream / 65)
                .parse()
                .unwrap(),
            property: "vehicles".parse().unwrap(),
        })
        .collect();
    store.register(&names).await.unwrap();
    let batches = batches(rows, batch, is_by_stream);
    let began = Instant::now();
    let appends = stream::iter(batches).map(|observations| {
        let store = Arc::clone(&store);
        async move {
            let clock = ClockMark::Recorded(Timestamp::from_micros(BEGIN_US));
            let append = Append {
                observations,
                quarantine: Vec::new(),
                ignored_count: 0,
                clock,
            };
            store.append(append).await.unwrap()
        }
    });
    let done = appends.buffered(10).count().await;
    let took = began.elapsed().as_secs_f64();
    println!(
        "{rows} rows in {done} appends: {took:.2} s, {:.0} rows/s, {:?}",
        as_f64(rows) / took,
        store.ledger()
    );
    println!("{:?}", store.health());
    read_back(&store).await;
    come_late(&store, rows).await;
    store.close().await.unwrap();
    let began = Instant::now();
    let store = EmbeddedStore::open(dir.path(), EmbeddedConfig::default(), clock)
        .await
        .unwrap();
    println!(
        "opened again in {:.2} s: {:?}",
        began.elapsed().as_secs_f64(),
        store.health()
    );
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM"));
    println!("{}", peak.unwrap_or_default());
    let log = std::fs::metadata(dir.path().join("log.redb"))
        .unwrap()
        .len();
    println!(
        "log file {:.1} MB",
        as_f64(i64::try_from(log).unwrap()) / 1e6
    );
}

fn batches(rows: i64, batch: i64, is_by_stream: bool) -> Vec<RecordBatch> {
    let mut batches = Vec::new();
    for start in (0..rows).step_by(usize::try_from(batch).unwrap()) {
        let mut builder = ObservationBuilder::default();
        for index in start..(start + batch).min(rows) {
            builder.push(&row(index, rows, is_by_stream));
        }
        batches.push(builder.finish().unwrap());
    }
    batches
}

/// Single readings of random datastreams, older than what is kept.
async fn come_late(store: &EmbeddedStore, rows: i64) {
    let began = Instant::now();
    let mut worst = Duration::ZERO;
    for index in 0..300 {
        let mut late = row(mix(index).rem_euclid(rows), rows, false);
        late.time = late.time.plus_us(1);
        let mut builder = ObservationBuilder::default();
        builder.push(&late);
        let observations = builder.finish().unwrap();
        let clock = ClockMark::Recorded(Timestamp::from_micros(BEGIN_US));
        let append = Append {
            observations,
            quarantine: Vec::new(),
            ignored_count: 0,
            clock,
        };
        let each = Instant::now();
        store.append(append).await.unwrap();
        worst = worst.max(each.elapsed());
    }
    println!(
        "300 late readings, one in flight: {:?}, the slowest {worst:?}",
        began.elapsed()
    );
}

async fn read_back(store: &EmbeddedStore) {
    let began = Instant::now();
    let mut found = 0;
    let scan = Scan {
        partitions: 2,
        ..Scan::of(Streams::All, TimeRange::ALL)
    };
    for mut part in store.scan(scan).await.unwrap() {
        while let Some(batch) = part.next().await {
            found += batch.unwrap().num_rows();
        }
    }
    let took = began.elapsed().as_secs_f64();
    println!(
        "scanned {found} rows in {took:.2} s, {:.0} rows/s",
        as_f64(i64::try_from(found).unwrap()) / took
    );
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn as_f64(number: i64) -> f64 {
    number as f64
}
