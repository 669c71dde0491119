//! Functions against known answers.

use arno_store::Role;

use crate::world::{World, full};

async fn one(world: &World, expression: &str) -> String {
    let rows = world
        .rows(&Role::Anonymous, &format!("SELECT {expression}"))
        .await;
    rows[0][0].clone()
}

#[tokio::test]
async fn local_days_weeks_and_hours_follow_the_clock_of_the_place() {
    let world = World::new(full(), "2026-05-02T12:00:00Z").await;
    for (expression, expected) in [
        (
            "time_bucket('15m', '2026-05-01T08:59:59Z')",
            "2026-05-01T08:45:00Z",
        ),
        (
            "time_bucket('1h', '2026-10-25T00:30:00Z')",
            "2026-10-25T00:00:00Z",
        ),
        (
            "time_bucket('1h', '2026-10-25T01:30:00Z')",
            "2026-10-25T01:00:00Z",
        ),
        (
            "time_bucket('1d', '2026-03-29T21:59:59Z', 'Europe/Rome')",
            "2026-03-28T23:00:00Z",
        ),
        (
            "time_bucket('1d', '2026-03-29T22:00:00Z', 'Europe/Rome')",
            "2026-03-29T22:00:00Z",
        ),
        (
            "time_bucket('1d', '2026-10-25T22:59:59Z', 'Europe/Rome')",
            "2026-10-24T22:00:00Z",
        ),
        (
            "time_bucket('1d', '2026-10-25T23:00:00Z', 'Europe/Rome')",
            "2026-10-25T23:00:00Z",
        ),
        (
            "time_bucket('1w', '2026-05-03T21:59:59Z', 'Europe/Rome')",
            "2026-04-26T22:00:00Z",
        ),
        (
            "time_bucket('1mo', '2026-10-31T23:30:00Z', 'Europe/Rome')",
            "2026-10-31T23:00:00Z",
        ),
        (
            "local_day('2026-05-01T22:30:00Z', 'Europe/Rome')",
            "2026-05-02",
        ),
        ("local_day('1969-12-31T23:30:00Z', 'UTC')", "1969-12-31"),
        ("hour_of_week('2026-10-25T00:30:00Z', 'Europe/Rome')", "146"),
        ("hour_of_week('2026-10-25T01:30:00Z', 'Europe/Rome')", "146"),
        ("hour_of_week('2026-05-03T22:00:00Z', 'Europe/Rome')", "0"),
        ("now()", "2026-05-02T12:00:00Z"),
        ("occupancy(50, 200)", "0.25"),
        ("occupancy(250, 200)", "1.25"),
        ("occupancy(5, 0)", ""),
        ("known_share(0, 100)", "0.0"),
        ("known_share(110, 100)", "1.0"),
        ("'a' || 'b' || 1", "ab1"),
        ("'a' || NULL", ""),
    ] {
        assert_eq!(one(&world, expression).await, expected, "{expression}");
    }
}

#[tokio::test]
async fn distances_and_areas_are_metres_on_the_ellipsoid() {
    let world = World::new(full(), "2026-05-02T12:00:00Z").await;
    // Computed with GeographicLib: Prato to Florence; one degree at the equator; half a degree
    // square.
    for (expression, expected, within) in [
        (
            "st_distance(st_point(0, 0), st_point(1, 0))",
            111_319.490_793,
            1e-3,
        ),
        (
            "st_distance(st_point(0, 0), st_point(0, 1))",
            110_574.388_558,
            1e-3,
        ),
        ("st_distance('POINT(11 43)', 'POINT(11 43)')", 0.0, 1e-9),
        (
            "st_distance('POINT(0 0)', 'LINESTRING(1 -1, 1 1)')",
            111_319.490_793,
            1e-1,
        ),
        (
            "st_distance('POINT(11.5 43.5)', 'POLYGON((11 43,12 43,12 44,11 44,11 43))')",
            0.0,
            1e-9,
        ),
        (
            "st_distance('LINESTRING(0 0, 0 1)', 'LINESTRING(1 0, 1 1)')",
            111_302.65,
            20.0,
        ),
        (
            "st_area('POLYGON((0 0,1 0,1 1,0 1,0 0))')",
            12_308_778_361.469,
            1.0,
        ),
        (
            "st_area('POLYGON((0 0,0 1,1 1,1 0,0 0))')",
            12_308_778_361.469,
            1.0,
        ),
        ("st_area('LINESTRING(0 0, 1 1)')", 0.0, 1e-9),
        ("st_x('POINT(11.25 43.5)')", 11.25, 0.0),
        ("st_y('POINT(11.25 43.5)')", 43.5, 0.0),
    ] {
        let found: f64 = one(&world, expression).await.parse().unwrap();
        assert!(
            (found - expected).abs() <= within,
            "{expression}: {found}, not {expected}"
        );
    }
}

#[tokio::test]
async fn relations_hold_over_columns_and_constants() {
    let world = World::new(full(), "2026-05-02T12:00:00Z").await;
    for (expression, expected) in [
        (
            "st_dwithin('POINT(11 43)', 'POINT(11 43.001)', 112)",
            "true",
        ),
        (
            "st_dwithin('POINT(11 43)', 'POINT(11 43.001)', 110)",
            "false",
        ),
        (
            "st_contains('POLYGON((0 0,2 0,2 2,0 2,0 0))', 'POINT(1 1)')",
            "true",
        ),
        (
            "st_contains('POLYGON((0 0,2 0,2 2,0 2,0 0))', 'POINT(2 1)')",
            "false",
        ),
        (
            "st_within('POINT(1 1)', 'POLYGON((0 0,2 0,2 2,0 2,0 0))')",
            "true",
        ),
        (
            "st_intersects('LINESTRING(0 0,2 2)', 'LINESTRING(0 2,2 0)')",
            "true",
        ),
        ("st_intersects('POLYGON EMPTY', 'POINT(0 0)')", "false"),
        ("st_distance('POLYGON EMPTY', 'POINT(0 0)')", ""),
        ("st_contains('POLYGON EMPTY', 'POLYGON EMPTY')", "false"),
        ("st_area('MULTIPOLYGON EMPTY')", "0.0"),
        ("st_distance(NULL, 'POINT(0 0)')", ""),
        ("st_astext(st_geomfromtext('point( 1   2 )'))", "POINT(1 2)"),
        (
            "st_asgeojson('POINT(1 2)')",
            r#"{"coordinates":[1.0,2.0],"type":"Point"}"#,
        ),
    ] {
        assert_eq!(one(&world, expression).await, expected, "{expression}");
    }
    let joined =
        "SELECT t.id, a.id AS area FROM things AS t JOIN areas AS a ON st_contains(a.geometry, t.geometry)
                  WHERE a.level = 'municipality' AND t.kind = 'parking_lot' ORDER BY t.id";
    let rows = world.rows(&Role::Operator, joined).await;
    let expected = [
        ["prato:lot-1", "it-mun-1"],
        ["prato:lot-2", "it-mun-1"],
        ["vinci:lot-3", "it-mun-3"],
        ["vinci:lot-4", "it-mun-3"],
    ];
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn weighted_means_and_quantiles_are_exact() {
    let world = World::new(full(), "2026-05-02T12:00:00Z").await;
    // 10 for 5 minutes, 40 for 10 minutes, unknown for 5, then 100 outside the window.
    let query = "SELECT time_weighted_avg(v, f, t, '2026-05-01T08:00:00Z', '2026-05-01T08:20:00Z') FROM (VALUES
        (10, '2026-05-01T07:00:00Z', '2026-05-01T08:05:00Z'),
        (40, '2026-05-01T08:05:00Z', '2026-05-01T08:15:00Z'),
        (100, '2026-05-01T08:20:00Z', '2026-05-01T09:00:00Z')) AS s(v, f, t)";
    assert_eq!(world.rows(&Role::Anonymous, query).await, [["30.0"]]);
    let nothing = query
        .replace("07:00", "01:00")
        .replace("08:05:00Z'),", "02:00:00Z'),");
    assert_ne!(world.rows(&Role::Anonymous, &nothing).await, [["30.0"]]);
    let groups = "SELECT k, quantile(v, 0.25), quantile(v, 0.9) FROM (VALUES
        ('a', 1.0), ('a', 2.0), ('a', 3.0), ('a', 4.0), ('b', 7.0), ('c', NULL)) AS s(k, v)
        GROUP BY k ORDER BY k";
    let rows = world.rows(&Role::Anonymous, groups).await;
    assert_eq!(
        rows,
        [["a", "1.75", "3.7"], ["b", "7.0", "7.0"], ["c", "", ""]]
    );
}
