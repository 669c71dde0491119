//! What is not offered is refused with its reason, its mend and what is allowed.

use arno_analytics::AnalyticsError;
use arno_store::Role;

use crate::world::{World, full};

/// Queries that must be refused, and what the refusal must say.
const REFUSED: &[(&str, &str)] = &[
    ("", "empty"),
    ("SELEC 1", "SELEC"),
    ("SELECT 1; SELECT 2", "more than one statement"),
    ("CREATE TABLE x (a int)", "CREATE TABLE"),
    ("CREATE VIEW v AS SELECT 1", "CREATE VIEW"),
    (
        "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
        "CREATE EXTERNAL TABLE",
    ),
    ("DROP TABLE things", "DROP TABLE"),
    ("ALTER TABLE things ADD COLUMN x int", "ALTER TABLE"),
    ("INSERT INTO things VALUES (1)", "INSERT INTO"),
    ("UPDATE things SET name = 'x'", "UPDATE"),
    ("DELETE FROM things", "DELETE FROM"),
    ("TRUNCATE TABLE things", "TRUNCATE TABLE"),
    ("COPY things TO '/tmp/x.csv'", "COPY"),
    ("COPY (SELECT 1) TO '/tmp/x.parquet'", "COPY"),
    ("SET datafusion.execution.batch_size = 1", "SET"),
    ("RESET datafusion.execution.batch_size", "RESET"),
    ("SHOW TABLES", "SHOW TABLES"),
    ("SHOW ALL", "SHOW"),
    ("DESCRIBE things", "DESCRIBE"),
    ("PREPARE p AS SELECT 1", "PREPARE"),
    ("EXECUTE p", "EXECUTE"),
    ("BEGIN", "BEGIN"),
    ("EXPLAIN CREATE TABLE x AS SELECT 1", "CREATE TABLE"),
    ("EXPLAIN ANALYZE INSERT INTO things VALUES (1)", "INSERT"),
    ("SELECT * FROM information_schema.tables", "no table"),
    ("SELECT * FROM '/etc/passwd'", "no table"),
    ("SELECT * FROM 'https://example.org/x.parquet'", "no table"),
    ("SELECT * FROM nowhere", "no table `nowhere`"),
    ("SELECT nothing FROM things", "nothing"),
    ("SELECT * FROM range(0, 5000000000)", "range"),
    (
        "SELECT * FROM generate_series(1, 5000000000)",
        "generate_series",
    ),
    ("SELECT range(0, 5000000000)", "range"),
    ("SELECT repeat('x', 2000000000)", "repeat"),
    ("SELECT lpad('x', 2000000000)", "lpad"),
    ("SELECT rpad('x', 2000000000)", "rpad"),
    ("SELECT array_repeat(1, 2000000000)", "array_repeat"),
    ("SELECT array_resize([1], 2000000000)", "array_resize"),
    ("SELECT replace('a', 'a', 'aa')", "replace"),
    ("SELECT regexp_replace('a', 'a', 'aa')", "regexp_replace"),
    ("SELECT version()", "version"),
    ("SELECT uuid()", "uuid"),
    ("SELECT input_file_name()", "input_file_name"),
    ("SELECT md5('x')", "md5"),
    ("SELECT no_such_function(1)", "no_such_function"),
    ("SELECT [1] || [2]", "array_concat"),
    ("SELECT @@version", "ariable"),
    ("SELECT $1", "no value"),
    (
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT * FROM n",
        "WITH RECURSIVE",
    ),
    ("SELECT time_bucket('7m', now())", "no bucket"),
    ("SELECT time_bucket('1d', now())", "zone"),
    (
        "SELECT time_bucket('1d', now(), 'Nowhere/Town')",
        "time zone",
    ),
    ("SELECT st_area('CIRCLE(1 2)')", "POLYGON"),
    ("SELECT st_point(200, 10)", "longitude"),
    ("SELECT st_distance(1, 2)", "geometry"),
    ("SELECT quantile(2, 1.5)", "0 to 1"),
    ("SELECT 1 / 0", "zero"),
    ("SELECT CAST('x' AS INT)", "x"),
    (
        "SELECT * FROM area_rollups WHERE bucket_start >= '2026-05-01T00:00:00Z'",
        "level",
    ),
    (
        "SELECT * FROM area_rollups WHERE level = 'municipality'",
        "bucket_start",
    ),
    (
        "SELECT * FROM area_rollups WHERE level = 'town' AND bucket_start >= '2026-05-01T00:00:00Z'",
        "`town` does not exist",
    ),
    (
        "SELECT * FROM area_rollups WHERE level = 'zone' AND bucket = '7m' AND bucket_start >= '2026-05-01T00:00:00Z'",
        "bucket",
    ),
    (
        "SELECT * FROM area_rollups WHERE level = 'zone' AND within = 'it-mun-9' AND bucket_start >= '2026-05-01T00:00:00Z'",
        "no area `it-mun-9`",
    ),
    ("SELECT * FROM rollups", "bucket_start"),
    (
        "SELECT * FROM cells WHERE level = 'region' AND bucket = '15m' AND bucket_start >= '2026-05-01T00:00:00Z'",
        "hour or more",
    ),
    (
        "SELECT * FROM moments WHERE moment > '2026-05-01T00:00:00Z'",
        "one moment",
    ),
    ("SELECT * FROM products.parking_occupancy", "level"),
    (
        "SELECT * FROM products.parking_occupancy WHERE level = 'region'",
        "bucket",
    ),
    (
        "SELECT * FROM products.parking_occupancy WHERE bucket = '1h'",
        "level",
    ),
    (
        "SELECT * FROM products.parking_occupancy WHERE level = 'town' AND bucket = '1h'",
        "`town`",
    ),
    (
        "SELECT * FROM products.nothing",
        "no table `products.nothing`",
    ),
];

#[tokio::test]
async fn every_refusal_says_what_is_wrong() {
    let world = World::new(full(), "2026-05-02T12:00:00Z").await;
    let mut wrong = Vec::new();
    for (query, says) in REFUSED {
        match world.ask(&Role::Anonymous, query).await {
            Ok(rows) => wrong.push(format!("{query}: answered {rows:?}")),
            Err(error) if !error.is_callers_fault() => wrong.push(format!("{query}: {error:?}")),
            Err(error) => {
                let text = format!("{error} {:?}", error.field());
                if !text.contains(says) {
                    wrong.push(format!("{query}: `{text}` lacks `{says}`"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn refusals_list_what_is_allowed() {
    let world = World::new(full(), "2026-05-02T12:00:00Z").await;
    let error = world
        .ask(&Role::Anonymous, "SELECT * FROM nowhere")
        .await
        .unwrap_err();
    assert!(error.allowed().contains(&"observations".to_owned()));
    assert!(error.allowed().contains(&"products.parking_now".to_owned()));
    let error = world
        .ask(&Role::Anonymous, "SELECT repeat('x', 3)")
        .await
        .unwrap_err();
    assert!(error.allowed().contains(&"time_bucket".to_owned()));
    assert!(!error.allowed().contains(&"repeat".to_owned()));
    let query = "SELECT * FROM products.wifi_usage WHERE level = 'region'";
    let error = world.ask(&Role::Anonymous, query).await.unwrap_err();
    assert_eq!(error.allowed(), ["1h", "1d", "1w", "1mo"]);
    assert_eq!(error.field(), Some("bucket"));
}

#[tokio::test]
async fn plans_that_explode_are_refused_before_they_are_made() {
    let world = World::new(full(), "2026-05-02T12:00:00Z").await;
    let mut doubling = "WITH a0 AS (SELECT id FROM things)".to_owned();
    for step in 1..40 {
        let last = step - 1;
        doubling.extend([format!(
            ", a{step} AS (SELECT id FROM a{last} UNION ALL SELECT id FROM a{last})"
        )]);
    }
    doubling.push_str(" SELECT count(*) FROM a39");
    let deep = format!("SELECT {}1{}", "(".repeat(1_000), ")".repeat(1_000));
    let long_sum = format!("SELECT {}1", "1+".repeat(1_900));
    let too_long = format!("SELECT '{}'", "x".repeat(40_000));
    let many = format!("SELECT {}", vec!["1"; 3_000].join(","));
    let literal = format!("SELECT '{}' FROM things", "x".repeat(20_000));
    for (name, query) in [
        ("doubling", &doubling),
        ("deep", &deep),
        ("long", &too_long),
        ("many", &many),
        ("literal", &literal),
    ] {
        let error = world.ask(&Role::Anonymous, query).await.unwrap_err();
        assert!(error.is_callers_fault(), "{name}: {error:?}");
        assert!(
            !matches!(error, AnalyticsError::Broken { .. }),
            "{name}: {error:?}"
        );
    }
    // A long sum is harmless: it is answered or refused, and the process lives.
    match world.ask(&Role::Anonymous, &long_sum).await {
        Ok(rows) => assert_eq!(rows, [["1901"]]),
        Err(error) => assert!(error.is_callers_fault(), "{error:?}"),
    }
    let shadow = "WITH things AS (SELECT id FROM things) SELECT count(*) FROM things";
    assert_eq!(world.rows(&Role::Operator, shadow).await, [["9"]]);
}
