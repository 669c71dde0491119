//! Claims about what is kept: a restart goes on from the mark, and what can't go on begins anew.

use std::sync::Arc;
use std::time::Duration;

use arno_analytics_rollup::{AreaLevelAsked, RollupConfig, Rollups};
use arno_model::Bucket;
use arno_store::testkit::MemoryStore;
use arno_store::{Backend, Segments as _};

use crate::world::{World, ask, at, difference, full, lot, range, said, wholes};

const ASKED: (&str, &str) = ("2026-03-20T00:00:00Z", "2026-03-28T12:00:00Z");

async fn told() -> World {
    let world = World::new(full(), "2026-03-28T12:00:00Z").await;
    let steps = (0..8 * 24).map(|hour| {
        let time = at("2026-03-20T00:05:00Z").plus_us(i64::from(hour) * 3_600_000_000);
        ("prato:lot-1", "vehicles", time, Some(f64::from(hour % 100)))
    });
    world.say_at(&steps.collect::<Vec<_>>()).await;
    world
        .say(&[(
            "prato:lot-1",
            "capacity",
            "2026-03-24T10:00:00Z",
            Some(150.0),
        )])
        .await;
    world
}

async fn load(rollups: &Rollups) -> arrow::array::RecordBatch {
    let mut query = ask(
        &["it-mun-1"],
        AreaLevelAsked::Own,
        "parking",
        range(ASKED.0, ASKED.1),
    );
    query.bucket = Bucket::Hour;
    rollups.area_rows(&query).await.unwrap()
}

#[tokio::test]
async fn a_restart_goes_on_from_the_mark_and_computes_only_what_is_new() {
    let world = told().await;
    world.rollups.refresh().await.unwrap();
    world.rollups.persist().await.unwrap();
    let before = load(&world.rollups).await;
    let again = world.reopened().await;
    let done = again.refresh().await.unwrap();
    assert_eq!((done.thing_rows, done.area_rows), (0, 0));
    assert_eq!(
        load(&again).await,
        before,
        "revisions and times of computing too"
    );
    world.advance(Duration::from_mins(15));
    world
        .say(&[("prato:lot-1", "vehicles", "2026-03-25T00:05:00Z", Some(7.0))])
        .await;
    let once_more = world.reopened().await;
    let done = once_more.refresh().await.unwrap();
    assert!(
        done.thing_rows > 0 && done.thing_rows < 20,
        "{}",
        done.thing_rows
    );
    again.rebuild().await.unwrap();
    assert_eq!(
        difference(&said(&load(&once_more).await), &said(&load(&again).await)),
        None
    );
}

#[tokio::test]
async fn what_was_not_written_is_computed_again() {
    let world = told().await;
    world.rollups.refresh().await.unwrap();
    world.rollups.persist().await.unwrap();
    world.advance(Duration::from_mins(30));
    world
        .say(&[("prato:lot-1", "vehicles", "2026-03-28T11:50:00Z", Some(7.0))])
        .await;
    world.rollups.refresh().await.unwrap();
    let again = world.reopened().await;
    again.refresh().await.unwrap();
    let (kept, anew) = (load(&world.rollups).await, load(&again).await);
    assert_eq!(difference(&said(&kept), &said(&anew)), None);
}

#[tokio::test]
async fn a_registry_that_changed_while_nobody_looked_is_noticed() {
    let world = told().await;
    world.rollups.refresh().await.unwrap();
    world.rollups.persist().await.unwrap();
    world.apply(full().with_thing(lot("prato:lot-1", crate::world::CENTRE, 80, &["vehicles"])));
    let again = world.reopened().await;
    again.refresh().await.unwrap();
    let expected = wholes(&load(&again).await, "capacity_expected");
    let hour_us = arno_model::time::HOUR_US;
    // The other things of the town hold 50 and 1 places.
    assert_eq!(expected[0], (80 + 51) * hour_us);
}

#[tokio::test]
async fn days_leave_memory_and_come_back() {
    let world = told().await;
    let backend: Arc<dyn Backend> = Arc::<MemoryStore>::clone(&world.store);
    let config = RollupConfig {
        cache_bytes_max: 4_096,
        ..RollupConfig::default()
    };
    let small = Rollups::open_with(backend, world.registry.subscribe(), config)
        .await
        .unwrap();
    small.refresh().await.unwrap();
    assert!(
        !world
            .store
            .segment_days("rollups")
            .await
            .unwrap()
            .is_empty(),
        "written to make room"
    );
    world.rollups.refresh().await.unwrap();
    assert_eq!(
        difference(
            &said(&load(&small).await),
            &said(&load(&world.rollups).await)
        ),
        None
    );
    world.advance(Duration::from_mins(1));
    world
        .say(&[(
            "prato:lot-1",
            "vehicles",
            "2026-03-21T00:35:00Z",
            Some(99.0),
        )])
        .await;
    small.refresh().await.unwrap();
    world.rollups.rebuild().await.unwrap();
    assert_eq!(
        difference(
            &said(&load(&small).await),
            &said(&load(&world.rollups).await)
        ),
        None
    );
}

#[tokio::test]
async fn damaged_or_foreign_marks_begin_anew() {
    let world = told().await;
    world.rollups.refresh().await.unwrap();
    let right = load(&world.rollups).await;
    for mark in [&b"not a mark"[..], br#"{"format":99}"#] {
        world.rollups.persist().await.unwrap();
        world
            .store
            .put_segments("rollups", Vec::new(), mark.to_vec())
            .await
            .unwrap();
        let again = world.reopened().await;
        again.refresh().await.unwrap();
        assert_eq!(difference(&said(&load(&again).await), &said(&right)), None);
    }
}
