//! A folder with a store of a few datastreams, and short ways to fill and read it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arno_model::observation::{ObservationBuilder, ObservationColumns};
use arno_model::{DatastreamKey, Observation, Quality, TimeRange, Timestamp};
use arno_store::testkit::TestClock;
use arno_store::{
    Append, Appended, Clock, ClockMark, DatastreamName, DatastreamRegister as _,
    ObservationReader as _, ObservationWriter as _, Scan, StoreError, Streams,
};
use arno_store_embedded::{EmbeddedConfig, EmbeddedStore};
use futures::StreamExt as _;

/// 2026-03-30T00:00:00Z.
pub(crate) const BEGIN_US: i64 = 1_774_828_800_000_000;
/// Datastreams of a store made here.
pub(crate) const STREAMS_COUNT: i32 = 4;

/// Everything is flushed by every `maintain`, and nothing by itself.
pub(crate) fn config() -> EmbeddedConfig {
    EmbeddedConfig {
        flush_age: Duration::ZERO,
        vacuum_age: Duration::ZERO,
        ..EmbeddedConfig::default()
    }
}

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(TestClock::at(Timestamp::from_micros(BEGIN_US)))
}

pub(crate) async fn open(dir: &Path, config: EmbeddedConfig) -> Arc<EmbeddedStore> {
    let store = EmbeddedStore::open(dir, config, clock()).await.unwrap();
    let name = |stream| DatastreamName {
        thing: format!("prato:lot-{stream}").parse().unwrap(),
        property: "vehicles".parse().unwrap(),
    };
    let names: Vec<_> = (1..=STREAMS_COUNT).map(name).collect();
    store.register(&names).await.unwrap();
    store
}

/// One row per datastream at each of some minutes.
pub(crate) fn rows(minutes: impl IntoIterator<Item = i64>) -> Vec<Observation> {
    let at = |minute: i64| {
        (1..=STREAMS_COUNT).map(move |stream| Observation {
            datastream: DatastreamKey(stream),
            time: Timestamp::from_micros(BEGIN_US + minute * 60_000_000),
            result: Some(f64::from(stream)),
            quality: Quality::Good,
            received: Timestamp::from_micros(BEGIN_US + minute * 60_000_000 + 500),
            result_time: None,
        })
    };
    minutes.into_iter().flat_map(at).collect()
}

pub(crate) async fn append(
    store: &EmbeddedStore,
    rows: &[Observation],
) -> Result<Appended, StoreError> {
    let mut builder = ObservationBuilder::default();
    for row in rows {
        builder.push(row);
    }
    let observations = builder.finish().unwrap();
    let clock = ClockMark::Live;
    store
        .append(Append {
            observations,
            quarantine: Vec::new(),
            ignored_count: 0,
            clock,
        })
        .await
}

/// All winning rows as (datastream, minute).
pub(crate) async fn minutes(store: &EmbeddedStore) -> Result<Vec<(i32, i64)>, StoreError> {
    let mut found = Vec::new();
    for mut stream in store.scan(Scan::of(Streams::All, TimeRange::ALL)).await? {
        while let Some(batch) = stream.next().await {
            let view = ObservationColumns::view(&batch?).unwrap();
            let rows = (0..view.len()).map(|index| view.row(index).unwrap());
            found.extend(rows.map(|row| {
                (
                    row.datastream.0,
                    (row.time.as_micros() - BEGIN_US) / 60_000_000,
                )
            }));
        }
    }
    Ok(found)
}

/// What [`minutes`] answers when some minutes are there.
pub(crate) fn expected(all: impl Iterator<Item = i64>) -> Vec<(i32, i64)> {
    let all: Vec<i64> = all.collect();
    let of = |stream| all.iter().map(move |minute| (stream, *minute));
    (1..=STREAMS_COUNT).flat_map(of).collect()
}
