//! People are public as published cells alone.

use arno_analytics::{AnalyticsConfig, ProductQuery};
use arno_model::time::{HOUR_US, MINUTE_US};
use arno_store::Role;
use arno_store::registry::Bundle;

use crate::world::{CENTRE, TOWN_1, TOWN_2, TOWN_3, World, area_id, areas, at, hotspot, publisher};

const COLUMNS: [&str; 5] = [
    "area",
    "clients_mean",
    "clients_max",
    "suppressed",
    "access_points",
];

/// Steady clients for the hour from eight, every ten minutes.
async fn steady(world: &World, clients: &[(&str, f64)]) {
    let start = at("2026-05-01T08:00:00Z");
    let mut said = Vec::new();
    for (thing, count) in clients {
        said.extend((0..7).map(|step| {
            (
                *thing,
                "clients",
                start.plus_us(step * 10 * MINUTE_US),
                *count,
            )
        }));
    }
    world.say_at(&said).await;
}

/// Hotspots: two in the centre, one elsewhere in town 1, one each in towns 2 and 3.
fn hotspots() -> Bundle {
    [
        hotspot("prato:a", CENTRE),
        hotspot("prato:b", CENTRE),
        hotspot("prato:c", TOWN_1),
        hotspot("prato:d", TOWN_2),
        hotspot("vinci:e", TOWN_3),
    ]
    .into_iter()
    .fold(areas(), Bundle::with_thing)
}

fn hour(level: &str, area: Option<&str>) -> ProductQuery {
    ProductQuery {
        level: Some(level.to_owned()),
        area: area.map(area_id),
        from: Some(at("2026-05-01T08:00:00Z")),
        to: Some(at("2026-05-01T09:00:00Z")),
        ..ProductQuery::of("wifi_usage")
    }
}

async fn world(clients: &[(&str, f64)]) -> World {
    let world = World::new(hotspots(), "2026-05-01T10:00:00Z").await;
    steady(&world, clients).await;
    world
}

#[tokio::test]
async fn cells_are_rounded_and_small_ones_suppressed() {
    let world = world(&[
        ("prato:a", 11.0),
        ("prato:b", 12.0),
        ("prato:c", 40.0),
        ("prato:d", 3.0),
        ("vinci:e", 52.0),
    ])
    .await;
    let rows = world
        .product(&Role::Anonymous, &hour("municipality", None), &COLUMNS)
        .await
        .unwrap();
    let expected = [
        ["it-mun-1", "", "", "true", "3"],
        ["it-mun-2", "", "", "true", "1"],
        ["it-mun-3", "50.0", "50.0", "false", "1"],
    ];
    assert_eq!(
        rows, expected,
        "town 1 goes with town 2: the province shows their sum"
    );
    let rows = world
        .product(&Role::Anonymous, &hour("province", None), &COLUMNS)
        .await
        .unwrap();
    assert_eq!(rows[1], ["it-prov-100", "65.0", "65.0", "false", "4"]);
    let rows = world
        .product(&Role::Operator, &hour("municipality", None), &COLUMNS)
        .await
        .unwrap();
    assert_eq!(rows[0], ["it-mun-1", "63.0", "63.0", "false", "3"]);
    assert_eq!(rows[1], ["it-mun-2", "3.0", "3.0", "false", "1"]);
}

#[tokio::test]
async fn a_cell_is_the_same_however_it_is_asked() {
    let world = world(&[
        ("prato:a", 11.0),
        ("prato:b", 12.0),
        ("prato:c", 40.0),
        ("prato:d", 3.0),
        ("vinci:e", 52.0),
    ])
    .await;
    let own = world
        .product(
            &Role::Anonymous,
            &hour("municipality", Some("it-mun-1")),
            &COLUMNS,
        )
        .await
        .unwrap();
    assert_eq!(own, [["it-mun-1", "", "", "true", "3"]]);
    let query =
        "SELECT value, suppressed FROM cells WHERE measure = 'clients' AND area = 'it-mun-1'
        AND bucket_start = '2026-05-01T08:00:00Z'";
    assert_eq!(world.rows(&Role::Anonymous, query).await, [["", "true"]]);
    let query = "SELECT clients_mean FROM products.wifi_usage WHERE level = 'municipality' AND bucket = '1h'
        AND bucket_start = '2026-05-01T08:00:00Z' AND area = 'it-mun-1'";
    assert_eq!(world.rows(&Role::Anonymous, query).await, [[""]]);
}

#[tokio::test]
async fn what_is_outside_the_zones_is_told_but_not_counted() {
    let world = world(&[
        ("prato:a", 11.0),
        ("prato:b", 12.0),
        ("prato:c", 40.0),
        ("prato:d", 9.0),
        ("vinci:e", 52.0),
    ])
    .await;
    let rows = world
        .product(&Role::Anonymous, &hour("zone", Some("it-mun-1")), &COLUMNS)
        .await
        .unwrap();
    assert_eq!(
        rows,
        [
            ["centro", "25.0", "25.0", "false", "2"],
            ["outside", "", "", "true", "1"]
        ]
    );
}

#[tokio::test]
async fn groups_add_published_cells() {
    let world = world(&[
        ("prato:a", 11.0),
        ("prato:b", 12.0),
        ("prato:c", 41.0),
        ("prato:d", 9.0),
        ("vinci:e", 52.0),
    ])
    .await;
    let rows = world
        .product(&Role::Anonymous, &hour("group", None), &COLUMNS)
        .await
        .unwrap();
    // 64 rounds to 65, 52 to 50: the sum of what is shown, not the rounded sum.
    assert_eq!(rows, [["group-piana", "115.0", "", "false", "4"]]);
    let rows = world
        .product(&Role::Anonymous, &hour("union", None), &COLUMNS)
        .await
        .unwrap();
    assert_eq!(
        rows,
        [["union-colli", "60.0", "", "false", "2"]],
        "it lies across two provinces"
    );
}

#[tokio::test]
async fn open_buckets_and_single_hotspots_are_not_public() {
    let world = World::new(hotspots(), "2026-05-01T08:30:00Z").await;
    steady(&world, &[("prato:a", 50.0)]).await;
    let rows = world
        .product(&Role::Anonymous, &hour("zone", None), &COLUMNS)
        .await
        .unwrap();
    assert!(rows.is_empty(), "{rows:?}");
    let rows = world
        .product(&Role::Anonymous, &hour("thing", None), &COLUMNS)
        .await
        .unwrap();
    assert!(rows.is_empty(), "{rows:?}");
    let rows = world
        .product(&Role::Operator, &hour("zone", None), &["area", "open"])
        .await
        .unwrap();
    assert!(
        rows.contains(&vec!["centro".to_owned(), "true".to_owned()]),
        "{rows:?}"
    );
}

#[tokio::test]
async fn a_publisher_sees_its_own_unrounded_and_others_as_published() {
    let world = world(&[
        ("prato:a", 11.0),
        ("prato:b", 12.0),
        ("prato:c", 41.0),
        ("prato:d", 3.0),
        ("vinci:e", 52.0),
    ])
    .await;
    let vinci = publisher("vinci");
    let rows = world
        .product(&vinci, &hour("municipality", None), &COLUMNS)
        .await
        .unwrap();
    let of = |name: &str| rows.iter().find(|row| row[0] == name).unwrap().clone();
    assert_eq!(of("it-mun-3")[1..4], ["52.0", "52.0", "false"]);
    assert_eq!(of("it-mun-1")[1..4], ["", "", "true"]);
    let rows = world
        .product(&vinci, &hour("thing", None), &COLUMNS)
        .await
        .unwrap();
    assert_eq!(rows, [["vinci:e", "52.0", "52.0", "false", "1"]]);
    let prato = publisher("prato");
    let rows = world
        .product(&prato, &hour("municipality", Some("it-mun-2")), &COLUMNS)
        .await
        .unwrap();
    assert_eq!(rows[0][1..4], ["3.0", "3.0", "false"]);
    let rows = world
        .product(&prato, &hour("region", None), &COLUMNS)
        .await
        .unwrap();
    assert_eq!(
        rows[0][1..4],
        ["120.0", "120.0", "false"],
        "119 of two publishers, rounded"
    );
}

#[tokio::test]
async fn k_can_be_raised_but_not_under_three() {
    for (least, is_hidden) in [(0, false), (20, true)] {
        let config = AnalyticsConfig {
            people_count_min: least,
            ..AnalyticsConfig::default()
        };
        let world = World::with(hotspots(), "2026-05-01T10:00:00Z", config).await;
        steady(
            &world,
            &[("vinci:e", 12.0), ("prato:a", 60.0), ("prato:d", 60.0)],
        )
        .await;
        let query = hour("municipality", Some("it-mun-3"));
        let rows = world
            .product(&Role::Anonymous, &query, &["suppressed"])
            .await
            .unwrap();
        assert_eq!(rows, [[is_hidden.to_string()]], "{least}");
    }
}

#[tokio::test]
async fn silence_is_not_nobody() {
    let world = World::new(hotspots(), "2026-05-01T10:00:00Z").await;
    let start = at("2026-05-01T08:00:00Z");
    let mut said: Vec<_> = (0..7)
        .map(|step| {
            (
                "vinci:e",
                "clients",
                start.plus_us(step * 10 * MINUTE_US),
                0.0,
            )
        })
        .collect();
    said.push(("prato:d", "clients", start.plus_us(-3 * HOUR_US), 0.0));
    world.say_at(&said).await;
    let rows = world
        .product(&Role::Anonymous, &hour("municipality", None), &COLUMNS)
        .await
        .unwrap();
    let of = |name: &str| rows.iter().find(|row| row[0] == name).unwrap().clone();
    assert_eq!(of("it-mun-3")[1..4], ["0.0", "0.0", "false"]);
    assert_eq!(of("it-mun-2")[1..4], ["", "", "false"]);
}
