//! Limits stop what would not end, and leave the others alone.

use std::time::{Duration, Instant};

use arno_analytics::{AnalyticsConfig, AnalyticsError, Bound, Limits};
use arno_store::Role;
use futures::StreamExt as _;

use crate::world::{World, full, read};

fn small() -> AnalyticsConfig {
    AnalyticsConfig {
        memory_bytes_max: 32 << 20,
        query_time_max: Duration::from_secs(3),
        rows_max: 100_000,
        concurrency_max: 2,
        spill_bytes_max: 16 << 20,
        ..AnalyticsConfig::default()
    }
}

/// A table of n⁶ rows out of ten values.
const MANY: &str = "(VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9))";

fn cross(times: usize) -> String {
    let tables: Vec<_> = (0..times)
        .map(|index| format!("{MANY} AS t{index}(n{index})"))
        .collect();
    tables.join(" CROSS JOIN ")
}

fn bound(error: &AnalyticsError) -> Option<Bound> {
    match error {
        AnalyticsError::Exceeded { bound, .. } => Some(*bound),
        _ => None,
    }
}

#[tokio::test]
async fn a_cross_join_stops_when_its_time_is_up() {
    let world = World::with(full(), "2026-05-02T12:00:00Z", small()).await;
    let query = format!("SELECT sum(n0 * n1 + n2) FROM {}", cross(12));
    let begun = Instant::now();
    let error = world.ask(&Role::Anonymous, &query).await.unwrap_err();
    assert_eq!(bound(&error), Some(Bound::Time), "{error:?}");
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(world.rows(&Role::Anonymous, "SELECT 1").await, [["1"]]);
}

#[tokio::test]
async fn a_join_that_finds_nothing_stops_when_its_time_is_up() {
    let world = World::with(full(), "2026-05-02T12:00:00Z", small()).await;
    let many = format!("SELECT n0 + n1 * 10 + n2 * 100 AS n FROM {}", cross(5));
    for condition in [
        "a.n * b.n = -1",
        "a.n < b.n - 1000000",
        "a.n % 2 = b.n % 2 AND a.n + b.n < -1",
    ] {
        let query = format!("SELECT count(*) FROM ({many}) AS a JOIN ({many}) AS b ON {condition}");
        let begun = Instant::now();
        let error = world.ask(&Role::Anonymous, &query).await.unwrap_err();
        assert_eq!(bound(&error), Some(Bound::Time), "{condition}: {error:?}");
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{condition}: {:?}",
            begun.elapsed()
        );
    }
}

#[tokio::test]
async fn an_answer_ends_with_an_error_at_its_last_row() {
    let world = World::with(full(), "2026-05-02T12:00:00Z", small()).await;
    let query = format!("SELECT n0 FROM {}", cross(6));
    let limits = Limits {
        rows: 10_000,
        ..world.analytics.limits()
    };
    let mut stream = world
        .analytics
        .sql(&Role::Anonymous, &query, limits)
        .await
        .unwrap();
    let mut rows = 0;
    let error = loop {
        match stream.next().await.unwrap() {
            Ok(batch) => rows += batch.num_rows(),
            Err(error) => break AnalyticsError::of_engine(error),
        }
    };
    assert_eq!(rows, 10_000);
    assert_eq!(bound(&error), Some(Bound::Rows), "{error:?}");
    let query = format!("SELECT n0 FROM {} LIMIT 10000", cross(6));
    let stream = world
        .analytics
        .sql(&Role::Anonymous, &query, limits)
        .await
        .unwrap();
    assert_eq!(read(stream).await.unwrap().len(), 10_000);
}

#[tokio::test]
async fn memory_is_bounded_whatever_takes_it() {
    let world = World::with(full(), "2026-05-02T12:00:00Z", small()).await;
    let many = cross(7);
    for query in [
        // Groups, a sorted window, a collected array, an ordered answer, a join.
        format!(
            "SELECT count(*) FROM (SELECT n0, n1, n2, n3, n4, n5, n6, random() AS r FROM {many}) GROUP BY r"
        ),
        format!("SELECT max(s) FROM (SELECT sum(n0) OVER () AS s FROM {many})"),
        format!("SELECT max(l) FROM (SELECT lag(n0, 1000000) OVER (ORDER BY n1) AS l FROM {many})"),
        format!("SELECT array_length(array_agg(n0)) FROM {many}"),
        format!("SELECT length(string_agg(CAST(n0 AS VARCHAR), ',')) FROM {many}"),
        format!("SELECT quantile(random(), 0.5) FROM {many}"),
    ] {
        let error = match world.ask(&Role::Anonymous, &query).await {
            Ok(rows) => panic!("{query}: answered {} rows", rows.len()),
            Err(error) => error,
        };
        let bound = bound(&error);
        let is_stopped = matches!(bound, Some(Bound::Memory | Bound::Disk | Bound::Time));
        assert!(is_stopped, "{query}: {error:?}");
    }
    assert_eq!(world.rows(&Role::Anonymous, "SELECT 1").await, [["1"]]);
}

#[tokio::test]
async fn text_that_doubles_stops_in_time() {
    let world = World::with(full(), "2026-05-02T12:00:00Z", small()).await;
    for call in ["x || x", "concat(x, x)", "array_to_string([x, x], '')"] {
        let mut query = "SELECT id AS x FROM things".to_owned();
        for _step in 0..30 {
            query = format!("SELECT {call} AS x FROM ({query})");
        }
        let query = format!("SELECT max(length(x)) FROM ({query})");
        let error = world.ask(&Role::Anonymous, &query).await.unwrap_err();
        assert!(error.is_callers_fault(), "{call}: {error:?}");
    }
    let constant = format!(
        "SELECT length({}) FROM things",
        vec!["'0123456789'"; 500].join(" || ")
    );
    world.ask(&Role::Anonymous, &constant).await.unwrap();
}

#[tokio::test]
async fn a_reader_that_leaves_frees_its_place() {
    let config = AnalyticsConfig {
        concurrency_max: 1,
        ..small()
    };
    let world = World::with(full(), "2026-05-02T12:00:00Z", config).await;
    let query = format!("SELECT n0 FROM {}", cross(10));
    for _round in 0..5 {
        let limits = world.analytics.limits();
        let mut stream = world
            .analytics
            .sql(&Role::Anonymous, &query, limits)
            .await
            .unwrap();
        stream.next().await.unwrap().unwrap();
        drop(stream);
    }
    let begun = Instant::now();
    assert_eq!(world.rows(&Role::Anonymous, "SELECT 1").await, [["1"]]);
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn who_waits_too_long_is_told_to_ask_again() {
    let config = AnalyticsConfig {
        concurrency_max: 1,
        query_time_max: Duration::from_millis(300),
        ..small()
    };
    let world = World::with(full(), "2026-05-02T12:00:00Z", config).await;
    let query = format!("SELECT n0 FROM {}", cross(10));
    let limits = world.analytics.limits();
    // Its reader takes nothing, so it stays in its place, and its working time does not pass.
    let held = world
        .analytics
        .sql(&Role::Anonymous, &query, limits)
        .await
        .unwrap();
    let error = world.ask(&Role::Anonymous, "SELECT 1").await.unwrap_err();
    assert!(matches!(error, AnalyticsError::Busy { .. }), "{error:?}");
    assert!(!error.is_callers_fault());
    drop(held);
    assert_eq!(world.rows(&Role::Anonymous, "SELECT 1").await, [["1"]]);
}

#[tokio::test]
async fn many_questions_at_once_are_all_answered() {
    let world = World::with(full(), "2026-05-02T12:00:00Z", small()).await;
    let asks = (0..20).map(|number| {
        let world = &world;
        async move {
            world
                .rows(&Role::Anonymous, &format!("SELECT {number} + 1"))
                .await
        }
    });
    let answers = futures::future::join_all(asks).await;
    for (number, answer) in answers.iter().enumerate() {
        assert_eq!(*answer, [[(number + 1).to_string()]]);
    }
}
