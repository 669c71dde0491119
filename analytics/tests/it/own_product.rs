//! A region's own products: taken without a restart, refused with the reason.

use std::fs;
use std::path::Path;
use std::time::Duration;

use arno_analytics::{AnalyticsConfig, ProductQuery};
use arno_store::Role;
use tokio_util::sync::CancellationToken;

use crate::world::{World, full};

const SQL: &str = "-- How many lots stand there?
SELECT area, level, $bucket AS bucket, $from AS bucket_start, count(*) AS lots
FROM area_things WHERE level = $level AND within = $area GROUP BY area, level ORDER BY area";

const TOML: &str = r#"
levels = ["municipality"]
buckets = ["1d"]
parameters = ["area", "level", "from", "to", "bucket"]
privacy = "open"
licence = "CC-BY-4.0"
themes = ["TRAN"]
title = { it = "Oggetti", en = "Things" }
description = { it = "Quanti oggetti", en = "How many things" }
method = { it = "conteggio", en = "count", source = "own definition" }
chart = { kind = "bar", x = "area", y = ["lots"] }
columns = [
  { name = "area", type = "text", title = { it = "Area", en = "Area" } },
  { name = "level", type = "text", title = { it = "Livello", en = "Level" } },
  { name = "bucket", type = "text", title = { it = "Intervallo", en = "Bucket" } },
  { name = "bucket_start", type = "time", title = { it = "Inizio", en = "Start" } },
  { name = "lots", type = "integer", unit = "1", title = { it = "Oggetti", en = "Things" } },
]
"#;

fn write(folder: &Path, name: &str, toml: &str, sql: &str) {
    let folder = folder.join(name);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("product.toml"), toml).unwrap();
    fs::write(folder.join("query.sql"), sql).unwrap();
}

async fn world(folder: &Path) -> World {
    let config = AnalyticsConfig {
        products_dir: Some(folder.to_owned()),
        ..AnalyticsConfig::default()
    };
    World::with(full(), "2026-05-01T10:00:00Z", config).await
}

#[tokio::test]
async fn a_good_folder_is_a_product_like_the_shipped_ones() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "things_by_town", TOML, SQL);
    let world = world(folder.path()).await;
    assert_eq!(world.analytics.refused_products(), []);
    let query = ProductQuery {
        level: Some("municipality".to_owned()),
        ..ProductQuery::of("things_by_town")
    };
    let rows = world
        .product(&Role::Operator, &query, &["area", "lots"])
        .await
        .unwrap();
    assert_eq!(
        rows,
        [["it-mun-1", "4"], ["it-mun-2", "2"], ["it-mun-3", "3"]]
    );
    let table = "SELECT lots FROM products.things_by_town WHERE level = 'municipality' AND area = 'it-mun-2'";
    assert_eq!(world.rows(&Role::Operator, table).await, [["2"]]);
    assert_eq!(
        world.rows(&Role::Anonymous, table).await,
        [["1"]],
        "its rows are the caller's"
    );
}

#[tokio::test]
async fn a_bad_folder_is_refused_with_the_reason_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write(path, "good", TOML, SQL);
    let cases = [
        ("Upper-Case", TOML.to_owned(), SQL.to_owned(), "name"),
        ("wifi_usage", TOML.to_owned(), SQL.to_owned(), "shipped"),
        (
            "no_toml",
            "levels =".to_owned(),
            SQL.to_owned(),
            "product.toml",
        ),
        (
            "unknown_key",
            format!("colour = 1\n{TOML}"),
            SQL.to_owned(),
            "colour",
        ),
        (
            "bad_level",
            TOML.replace("[\"municipality\"]", "[\"town\"]"),
            SQL.to_owned(),
            "town",
        ),
        (
            "no_unit",
            TOML.replace("\"integer\", unit = \"1\"", "\"number\""),
            SQL.to_owned(),
            "unit",
        ),
        (
            "no_english",
            TOML.replace("en = \"How many things\"", "en = \"\""),
            SQL.to_owned(),
            "both languages",
        ),
        (
            "bad_chart",
            TOML.replace("y = [\"lots\"]", "y = [\"cars\"]"),
            SQL.to_owned(),
            "cars",
        ),
        (
            "no_key",
            TOML.replace("name = \"bucket_start\"", "name = \"begin\""),
            SQL.to_owned(),
            "bucket_start",
        ),
        (
            "no_header",
            TOML.to_owned(),
            SQL.replace("-- How many lots stand there?\n", ""),
            "question",
        ),
        (
            "writes",
            TOML.to_owned(),
            "-- x\nDROP TABLE things".to_owned(),
            "DROP TABLE",
        ),
        (
            "no_table",
            TOML.to_owned(),
            SQL.replace("area_things", "nowhere"),
            "nowhere",
        ),
        (
            "no_value",
            TOML.to_owned(),
            SQL.replace("$area", "$colour"),
            "$level, $area",
        ),
        (
            "renamed",
            TOML.to_owned(),
            SQL.replace("AS lots", "AS cars"),
            "cars",
        ),
        (
            "mistyped",
            TOML.to_owned(),
            SQL.replace("count(*)", "'many'"),
            "`lots`",
        ),
        (
            "forbidden",
            TOML.to_owned(),
            SQL.replace("count(*)", "length(repeat('x', 9))"),
            "repeat",
        ),
        (
            "nested",
            TOML.to_owned(),
            SQL.replace(
                "count(*)",
                "(SELECT count(*) FROM products.parking_now WHERE level = 'region')",
            ),
            "another product",
        ),
    ];
    for (name, toml, sql, _) in &cases {
        write(path, name, toml, sql);
    }
    fs::create_dir_all(path.join("empty")).unwrap();
    let world = world(path).await;
    let refused = world.analytics.refused_products();
    for (name, _, _, says) in &cases {
        let found = refused.iter().find(|refused| refused.folder == *name);
        let found = found.unwrap_or_else(|| panic!("{name} was taken"));
        assert!(found.reason.contains(says), "{name}: {}", found.reason);
    }
    assert_eq!(refused.len(), cases.len() + 1);
    let names: Vec<_> = world
        .analytics
        .products()
        .iter()
        .map(|product| product.id.clone())
        .collect();
    assert_eq!(names.len(), 6);
    assert!(names.contains(&"good".to_owned()));
}

#[tokio::test]
async fn a_changed_folder_is_taken_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let world = world(folder.path()).await;
    let stop = CancellationToken::new();
    let watching = world.analytics.watch_products(stop.clone());
    let changing = async {
        write(folder.path(), "later", TOML, SQL);
        for _round in 0..100 {
            let has = world
                .analytics
                .products()
                .iter()
                .any(|product| product.id == "later");
            if has {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        stop.cancel();
    };
    futures::join!(watching, changing);
    assert!(
        world
            .analytics
            .products()
            .iter()
            .any(|product| product.id == "later")
    );
}
