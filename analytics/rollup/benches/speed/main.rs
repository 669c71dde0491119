//! How long it takes: a simulated region of 20 towns, 1,300 streams, 30 days, 5 million
//! observations.
//!
//! Run it with `cargo bench --package arno-analytics-rollup`; `-- 6` takes six times as many towns.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a measurement may fail loudly"
)]
#![expect(clippy::too_many_lines, reason = "it reads top to bottom")]

mod fast;
#[expect(dead_code, reason = "the tests use the rest of it")]
#[path = "../../tests/it/world.rs"]
mod world;

use std::sync::{Arc, Mutex};
use std::time::Instant;

use arno_analytics_rollup::{AreaLevelAsked, RollupConfig, Rollups};
use arno_model::time::{DAY_US, MINUTE_US};
use arno_model::{AreaLevel, Bucket, DatastreamKey, ThingKind, TimeRange, Timestamp};
use arno_store::registry::Bundle;
use arno_store::{DatastreamName, Datastreams};
use tokio::sync::watch;

use crate::fast::FastStore;
use crate::world::{area, ask, at, lot, property_id, publisher, snapshot, thing, thing_id};

const TOWNS: usize = 20;
const DAYS: i64 = 30;

/// A number that looks like chance.
fn mixed(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^= mixed >> 29;
    mixed = mixed.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed ^ (mixed >> 32)
}

fn region(scale: usize) -> (Bundle, Vec<(String, &'static str, i64, u64)>) {
    let mut bundle = Bundle::default()
        .with_publisher(publisher("prato"))
        .with_area(area("it-reg-09", AreaLevel::Region, &[]), None);
    for province in 0..4 {
        let id = format!("it-prov-{province}");
        bundle = bundle.with_area(area(&id, AreaLevel::Province, &["it-reg-09"]), None);
    }
    let mut streams = Vec::new();
    for town in 0..TOWNS * scale {
        let id = format!("it-mun-{town}");
        let province = format!("it-prov-{}", town % 4);
        bundle = bundle.with_area(area(&id, AreaLevel::Municipality, &[&province]), None);
        let mut add = |mut thing: arno_model::Thing, property, minutes, below| {
            thing.municipality = Some(world::area_id(&id));
            streams.push((thing.id.as_str().to_owned(), property, minutes, below));
            bundle = std::mem::take(&mut bundle).with_thing(thing);
        };
        for bay in 0..50 {
            let id = format!("prato:bay-{town}-{bay}");
            add(
                thing(&id, ThingKind::ParkingBay, (0.0, 0.0), &["occupied"]),
                "occupied",
                18,
                2,
            );
        }
        for place in 0..5 {
            let id = format!("prato:lot-{town}-{place}");
            add(lot(&id, (0.0, 0.0), 100, &["vehicles"]), "vehicles", 5, 101);
        }
        for point in 0..10 {
            let id = format!("prato:ap-{town}-{point}");
            add(
                thing(&id, ThingKind::AccessPoint, (0.0, 0.0), &["clients"]),
                "clients",
                5,
                30,
            );
        }
    }
    (bundle, streams)
}

fn store(streams: &[(String, &'static str, i64, u64)], end: Timestamp) -> FastStore {
    let mut datastreams = Datastreams::default();
    let start = end.as_micros() - DAYS * DAY_US;
    let mut columns = Vec::new();
    for (place, (thing, property, minutes, below)) in streams.iter().enumerate() {
        datastreams.insert(DatastreamName {
            thing: thing_id(thing),
            property: property_id(property),
        });
        let count = DAYS * DAY_US / (minutes * MINUTE_US);
        let seed = u64::try_from(place).unwrap() << 32;
        let number = |step: i64, below: u64| mixed(seed + u64::try_from(step).unwrap()) % below;
        let jitter = |step: i64| i64::try_from(number(step, 60_000_000)).unwrap();
        let times = (0..count).map(|step| start + step * minutes * MINUTE_US + jitter(step));
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let results = (0..count).map(|step| number(step + 1, *below) as f64);
        columns.push((times.collect(), results.collect()));
    }
    FastStore {
        datastreams: Arc::new(datastreams),
        columns: Mutex::new(Arc::new(columns)),
        now: Mutex::new((end, end)),
        touched: Mutex::new(Vec::new()),
    }
}

#[expect(clippy::print_stdout, reason = "a measurement is read by people")]
async fn timed<T>(what: &str, work: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let done = work.await;
    println!("{what:<52} {:>9.2} ms", start.elapsed().as_secs_f64() * 1e3);
    done
}

#[expect(clippy::print_stdout, reason = "a measurement is read by people")]
async fn measure(scale: usize) {
    let end = at("2026-05-01T00:00:00Z");
    let (bundle, streams) = region(scale);
    let store = Arc::new(store(&streams, end));
    let rows: usize = store
        .columns
        .lock()
        .unwrap()
        .iter()
        .map(|column| column.0.len())
        .sum();
    println!("{} streams, {rows} observations", streams.len());
    let (registry, receiver) = watch::channel(snapshot(bundle));
    let config = RollupConfig {
        cache_bytes_max: 8 << 30,
        ..RollupConfig::default()
    };
    let rollups = Rollups::open_with(Arc::<FastStore>::clone(&store), receiver, config)
        .await
        .unwrap();
    let done = timed("refresh of everything", rollups.refresh())
        .await
        .unwrap();
    println!(
        "{} thing rows, {} area rows",
        done.thing_rows, done.area_rows
    );
    timed("refresh with nothing new", rollups.refresh())
        .await
        .unwrap();
    let late: Vec<_> = (1..=100)
        .map(|key| {
            (
                DatastreamKey(key * 13),
                TimeRange::new(end.plus_us(-MINUTE_US), end),
            )
        })
        .collect();
    store.touched.lock().unwrap().clone_from(&late);
    *store.now.lock().unwrap() = (end.plus_us(MINUTE_US), end.plus_us(MINUTE_US));
    timed("refresh, 100 streams late by a minute", rollups.refresh())
        .await
        .unwrap();
    store.touched.lock().unwrap().clear();
    *store.now.lock().unwrap() = (end.plus_us(15 * MINUTE_US), end.plus_us(15 * MINUTE_US));
    timed("refresh, a bucket closes", rollups.refresh())
        .await
        .unwrap();
    measure_questions(&rollups, end).await;
    let later = end.plus_us(22 * MINUTE_US);
    *store.now.lock().unwrap() = (later, end.plus_us(15 * MINUTE_US));
    timed("refresh, seven minutes later", rollups.refresh())
        .await
        .unwrap();
    let day = TimeRange::new(later.plus_us(-DAY_US), later);
    for (measure, bucket) in [("parking", Bucket::Hour), ("clients", Bucket::Hour)] {
        for (area, name) in [("it-mun-3", "town"), ("it-reg-09", "region")] {
            let mut query = ask(&[area], AreaLevelAsked::Own, measure, day);
            query.bucket = bucket;
            let what = format!("last day of {measure} to now, {name}");
            timed(&what, rollups.area_rows(&query)).await.unwrap();
        }
    }
    let mut query = ask(&["it-reg-09"], AreaLevelAsked::Own, "parking", day);
    query.bucket = Bucket::Hour;
    query.as_of = Some(end);
    timed(
        "last day of parking as of then, region",
        rollups.area_rows(&query),
    )
    .await
    .unwrap();
    let now = world::ask_now("parking");
    timed("now, all that parks", rollups.moment(&now))
        .await
        .unwrap();
    drop(registry);
}

async fn measure_questions(rollups: &Rollups, end: Timestamp) {
    let month = TimeRange::new(end.plus_us(-DAYS * DAY_US), end);
    for bucket in [Bucket::Quarter, Bucket::Hour, Bucket::Day, Bucket::Month] {
        for measure in ["parking", "clients"] {
            for (areas, level, name) in [
                (&["it-mun-3"][..], AreaLevelAsked::Own, "town"),
                (&["it-reg-09"], AreaLevelAsked::Own, "region"),
                (
                    &["it-reg-09"],
                    AreaLevelAsked::Level(AreaLevel::Municipality),
                    "all towns",
                ),
                (&["it-mun-3"], AreaLevelAsked::Thing, "a town's things"),
            ] {
                let mut query = ask(areas, level, measure, month);
                query.bucket = bucket;
                let what = format!("month of {bucket} of {measure}, {name}");
                let batch = timed(&what, rollups.area_rows(&query)).await.unwrap();
                assert!(batch.num_rows() > 0);
            }
        }
    }
}

#[tokio::main]
async fn main() {
    // The runner adds `--bench`.
    let scale = std::env::args().skip(1).find_map(|word| word.parse().ok());
    measure(scale.unwrap_or(1)).await;
}
