//! Durable acknowledgements a second of the store alone, beside bare fdatasync of as many bytes.
//!
//! `cargo bench -p arno-store-embedded --bench acknowledge -- [seconds]`
//!
//! # Shape
//! Appends of one row each; 1 and 200 of them in flight; times ascend.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints and may fail loudly"
)]

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use arno_model::observation::ObservationBuilder;
use arno_model::{DatastreamKey, Observation, Quality, Timestamp};
use arno_store::{
    Append, Clock, ClockMark, DatastreamName, DatastreamRegister as _, Maintenance as _,
    ObservationWriter as _,
};
use arno_store_embedded::{EmbeddedConfig, EmbeddedStore};
use tokio_util::task::TaskTracker;

/// About what one such append puts into the log.
const ENTRY_BYTES: usize = 1_200;

#[derive(Debug)]
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.fetch_add(1, Ordering::AcqRel))
    }
}

fn main() {
    let seconds = std::env::args()
        .skip(1)
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(3);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.unwrap().block_on(run(Duration::from_secs(seconds)));
}

async fn run(time: Duration) {
    let dir = tempfile::tempdir_in(".").unwrap();
    bare(dir.path(), time);
    for in_flight in [1, 200] {
        let home = dir.path().join(in_flight.to_string());
        let clock = Arc::new(Ticking(AtomicI64::new(1_774_828_800_000_000)));
        let store = EmbeddedStore::open(&home, EmbeddedConfig::default(), clock)
            .await
            .unwrap();
        let name = |stream| DatastreamName {
            thing: format!("prato:lot-{stream}").parse().unwrap(),
            property: "vehicles".parse().unwrap(),
        };
        let names: Vec<_> = (0..in_flight).map(name).collect();
        store.register(&names).await.unwrap();
        let tasks = TaskTracker::new();
        let began = Instant::now();
        let mut counts = Vec::new();
        for stream in 1..=in_flight {
            let store = Arc::clone(&store);
            counts.push(tasks.spawn(async move {
                let mut count = 0_i64;
                while began.elapsed() < time {
                    store.append(one(stream, count)).await.unwrap();
                    count += 1;
                }
                count
            }));
        }
        let mut total = 0;
        for count in counts {
            total += count.await.unwrap();
        }
        println!(
            "{in_flight:4} in flight: {:8.0} acknowledgements/s",
            rate(total, began.elapsed())
        );
        store.close().await.unwrap();
    }
}

fn bare(dir: &std::path::Path, time: Duration) {
    let mut file = File::create(dir.join("bare")).unwrap();
    let began = Instant::now();
    let mut count = 0;
    while began.elapsed() < time {
        file.write_all(&[7; ENTRY_BYTES]).unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    println!(
        "bare fdatasync: {:8.0} a second",
        rate(count, began.elapsed())
    );
}

fn one(stream: i32, index: i64) -> Append {
    let mut builder = ObservationBuilder::with_capacity(1);
    let time = Timestamp::from_micros(1_774_828_800_000_000 + index * 1_000_000);
    builder.push(&Observation {
        datastream: DatastreamKey(stream),
        time,
        result: Some(1.0),
        quality: Quality::Good,
        received: time,
        result_time: None,
    });
    let observations = builder.finish().unwrap();
    Append {
        observations,
        quarantine: Vec::new(),
        ignored_count: 0,
        clock: ClockMark::Live,
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn rate(count: i64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}
