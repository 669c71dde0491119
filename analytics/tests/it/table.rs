//! Tables over small histories with answers computed by hand.

use arno_analytics::ObservationQuery;
use arno_store::Role;

use crate::world::{Said, World, at, first, full, read, thing_id};

/// A morning: lot 1 holds 50, then 80; lot 2 holds 10; the hotspot 7 clients.
const MORNING: &[Said<'_>] = &[
    ("prato:lot-1", "vehicles", "2026-05-01T08:00:00Z", 50.0),
    ("prato:lot-1", "vehicles", "2026-05-01T08:30:00Z", 80.0),
    ("prato:lot-2", "vehicles", "2026-05-01T08:00:00Z", 10.0),
    ("vinci:lot-3", "vehicles", "2026-05-01T08:15:00Z", 12.0),
    ("prato:ap-1", "clients", "2026-05-01T08:00:00Z", 7.0),
];

async fn morning() -> World {
    let world = World::new(full(), "2026-05-01T10:00:00Z").await;
    world.say(MORNING).await;
    world
}

#[tokio::test]
async fn the_registry_is_there_to_join() {
    let world = morning().await;
    for (query, expected) in [
        ("SELECT count(*) FROM publishers", "2"),
        (
            "SELECT count(*) FROM areas WHERE level = 'municipality'",
            "3",
        ),
        ("SELECT zone FROM areas WHERE id = 'centro'", "Europe/Rome"),
        (
            "SELECT parents[1] FROM areas WHERE id = 'it-mun-1'",
            "group-piana",
        ),
        (
            "SELECT capacity FROM things WHERE id = 'prato:lot-1'",
            "100",
        ),
        (
            "SELECT municipality FROM things WHERE id = 'prato:lot-1'",
            "it-mun-1",
        ),
        ("SELECT lon FROM things WHERE id = 'prato:lot-1'", "11.2"),
        ("SELECT valid_from FROM things WHERE id = 'prato:lot-1'", ""),
        (
            "SELECT signal FROM properties WHERE id = 'vehicles'",
            "state",
        ),
        (
            "SELECT counts_people FROM properties WHERE id = 'clients'",
            "true",
        ),
        ("SELECT count(*) FROM datastreams", "4"),
        (
            "SELECT round(st_area(geometry) / 1e6) FROM areas WHERE id = 'centro'",
            "2256.0",
        ),
        (
            "SELECT count(*) FROM memberships WHERE thing = 'prato:lot-1' AND level = 'zone'",
            "1",
        ),
    ] {
        assert_eq!(
            first(&world.rows(&Role::Operator, query).await),
            [expected],
            "{query}"
        );
    }
}

#[tokio::test]
async fn observations_are_filtered_where_they_lie() {
    let world = morning().await;
    let query = "SELECT thing, property, time, result, quality FROM observations
        WHERE thing IN ('prato:lot-1', 'prato:lot-2') AND property = 'vehicles'
          AND time >= '2026-05-01T08:00:00Z' AND time < '2026-05-01T08:30:00Z' ORDER BY thing";
    let rows = world.rows(&Role::Anonymous, query).await;
    let expected = [
        [
            "prato:lot-1",
            "vehicles",
            "2026-05-01T08:00:00Z",
            "50.0",
            "good",
        ],
        [
            "prato:lot-2",
            "vehicles",
            "2026-05-01T08:00:00Z",
            "10.0",
            "good",
        ],
    ];
    assert_eq!(rows, expected);
    let counts = "SELECT count(*) FROM observations WHERE publisher = 'prato'";
    assert_eq!(world.rows(&Role::Anonymous, counts).await, [["3"]]);
    assert_eq!(world.rows(&Role::Operator, counts).await, [["4"]]);
    let last =
        "SELECT result FROM observations WHERE thing = 'prato:lot-1' ORDER BY time DESC LIMIT 1";
    assert_eq!(world.rows(&Role::Anonymous, last).await, [["80.0"]]);
    let none = "SELECT * FROM observations WHERE thing = 'nobody:none'";
    assert!(world.rows(&Role::Anonymous, none).await.is_empty());
}

#[tokio::test]
async fn a_plan_shows_what_was_pushed() {
    let world = morning().await;
    let query = "EXPLAIN SELECT time, result FROM observations
        WHERE thing = 'prato:lot-1' AND time >= '2026-05-01T08:00:00Z' LIMIT 5";
    let rows = world.rows(&Role::Anonymous, query).await;
    let plan = rows
        .iter()
        .map(|row| row.join(" "))
        .collect::<Vec<_>>()
        .join("\n");
    assert!(plan.contains("thing=[prato:lot-1]"), "{plan}");
    assert!(plan.contains("time>=2026-05-01T08:00:00Z"), "{plan}");
    assert!(plan.contains("limit=5"), "{plan}");
    assert!(!plan.contains("FilterExec"), "{plan}");
    let sorted = "EXPLAIN SELECT time FROM observations WHERE thing = 'prato:lot-1' ORDER BY time";
    let rows = world.rows(&Role::Anonymous, sorted).await;
    let plan = rows
        .iter()
        .map(|row| row.join(" "))
        .collect::<Vec<_>>()
        .join("\n");
    assert!(!plan.contains("SortExec"), "{plan}");
    // Casts of the column and of the literal do not hide a bound.
    for bound in [
        "time >= timestamp '2026-05-01T08:00:00Z'",
        "time >= CAST('2026-05-01T08:00:00Z' AS TIMESTAMP)",
        "time BETWEEN '2026-05-01T08:00:00Z' AND '2026-05-01T09:00:00Z'",
        "time > now() - INTERVAL '2 hours'",
    ] {
        let query = format!("EXPLAIN SELECT result FROM observations WHERE {bound}");
        let rows = world.rows(&Role::Anonymous, &query).await;
        let plan = rows
            .iter()
            .map(|row| row.join(" "))
            .collect::<Vec<_>>()
            .join("\n");
        assert!(
            plan.contains("time>=2026-05-01T08:00:00"),
            "{bound}: {plan}"
        );
    }
}

#[tokio::test]
async fn states_are_intervals_with_their_hold() {
    let world = morning().await;
    let query = "SELECT valid_from, valid_to, value FROM state_intervals
        WHERE thing = 'prato:lot-1' AND property = 'vehicles' ORDER BY valid_from";
    let rows = world.rows(&Role::Anonymous, query).await;
    assert_eq!(
        rows[0],
        ["2026-05-01T08:00:00Z", "2026-05-01T08:30:00Z", "50.0"]
    );
    assert_eq!(rows[1][0], "2026-05-01T08:30:00Z");
    assert_eq!(rows[1][2], "80.0");
    let mean = "SELECT thing, time_weighted_avg(value, valid_from, valid_to,
            '2026-05-01T08:00:00Z', '2026-05-01T09:00:00Z') FROM state_intervals
        WHERE property = 'vehicles' AND valid_to > '2026-05-01T08:00:00Z'
          AND valid_from < '2026-05-01T09:00:00Z' GROUP BY thing ORDER BY thing";
    let rows = world.rows(&Role::Anonymous, mean).await;
    assert_eq!(
        rows,
        [
            ["prato:lot-1", "65.0"],
            ["prato:lot-2", "10.0"],
            ["vinci:lot-3", "12.0"]
        ]
    );
}

#[tokio::test]
async fn rollups_carry_exact_integrals() {
    let world = morning().await;
    let query =
        "SELECT bucket_start, integral, known_us, load_integral, capacity_integral FROM rollups
        WHERE thing = 'prato:lot-1' AND property = 'vehicles' AND bucket = '1h'
          AND bucket_start >= '2026-05-01T08:00:00Z' AND bucket_start < '2026-05-01T09:00:00Z'";
    let rows = world.rows(&Role::Anonymous, query).await;
    // (50 + 80) · 30 min, 100 places · 60 min, in microseconds.
    let expected = [
        "2026-05-01T08:00:00Z",
        "234000000000",
        "3600000000",
        "234000000000",
        "360000000000",
    ];
    assert_eq!(rows, [expected]);
    let quarters = "SELECT count(*), min(bucket) FROM rollups WHERE thing = 'prato:lot-1'
        AND property = 'vehicles' AND bucket_start >= '2026-05-01T08:00:00Z'
        AND bucket_start < '2026-05-01T09:00:00Z'";
    assert_eq!(world.rows(&Role::Anonymous, quarters).await, [["4", "15m"]]);
}

#[tokio::test]
async fn areas_add_up_with_what_lies_outside() {
    let world = morning().await;
    let query = "SELECT area, outside, load_integral, capacity_expected, name FROM area_rollups
        WHERE measure = 'parking' AND bucket = '1h' AND level = 'zone' AND within = 'it-mun-1'
          AND bucket_start >= '2026-05-01T08:00:00Z' AND bucket_start < '2026-05-01T09:00:00Z'
        ORDER BY outside";
    let rows = world.rows(&Role::Anonymous, query).await;
    let expected = [
        ["centro", "false", "234000000000", "360000000000", "CENTRO"],
        ["it-mun-1", "true", "36000000000", "180000000000", "outside"],
    ];
    assert_eq!(rows, expected);
    let own = "SELECT load_integral FROM area_rollups WHERE measure = 'parking' AND bucket = '1h'
        AND area = 'it-mun-1' AND bucket_start >= '2026-05-01T08:00:00Z'
        AND bucket_start < '2026-05-01T09:00:00Z'";
    assert_eq!(world.rows(&Role::Anonymous, own).await, [["270000000000"]]);
    let group = own.replace("it-mun-1", "group-piana");
    // Lot 3 counts 45 minutes with 12 cars.
    assert_eq!(
        world.rows(&Role::Anonymous, &group).await,
        [["302400000000"]]
    );
}

#[tokio::test]
async fn a_moment_tells_what_is_known_then() {
    let world = morning().await;
    let query = "SELECT thing, value, capacity, known FROM moments WHERE within = 'it-mun-1'
        AND moment = '2026-05-01T08:20:00Z' ORDER BY thing";
    let rows = world.rows(&Role::Anonymous, query).await;
    let expected = [
        ["prato:lot-1", "50.0", "100.0", "true"],
        ["prato:lot-2", "10.0", "50.0", "true"],
    ];
    assert_eq!(rows, expected);
    let now = "SELECT value FROM moments WHERE within = 'prato:lot-1'";
    assert_eq!(world.rows(&Role::Anonymous, now).await, [["80.0"]]);
}

#[tokio::test]
async fn history_marks_what_exceeds_capacity() {
    let world = morning().await;
    let query = ObservationQuery::of(thing_id("vinci:lot-3"));
    let stream = world
        .analytics
        .observations(&Role::Anonymous, &query)
        .await
        .unwrap();
    let rows = read(stream).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0][..3], ["vehicles", "2026-05-01T08:15:00Z", "12.0"]);
    assert_eq!(rows[0][6], "true", "12 cars on 10 places");
    let query = ObservationQuery {
        from: Some(at("2026-05-01T08:10:00Z")),
        limit: Some(1),
        ..ObservationQuery::of(thing_id("prato:lot-1"))
    };
    let stream = world
        .analytics
        .observations(&Role::Anonymous, &query)
        .await
        .unwrap();
    let rows = read(stream).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0][2], "80.0");
    let query = ObservationQuery {
        cursor: Some(1),
        ..ObservationQuery::of(thing_id("prato:lot-1"))
    };
    let stream = world
        .analytics
        .observations(&Role::Anonymous, &query)
        .await
        .unwrap();
    assert_eq!(read(stream).await.unwrap().len(), 1);
    let hidden = ObservationQuery::of(thing_id("prato:bay-r"));
    assert!(
        world
            .analytics
            .observations(&Role::Anonymous, &hidden)
            .await
            .is_err()
    );
}
