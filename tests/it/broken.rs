//! Bad input: thirty kinds each of broken payloads, registry files, configurations, queries and
//! addresses. Each gets an error that a person can act on, nothing is stored, nothing crashes.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PubAckReason};
use rumqttc::v5::{Client, Event, MqttOptions};
use serde_json::{Value, json};

use crate::house::{House, agent, arno, small_registry};

/// Payloads of which nothing can be stored, sent to `prato/lot-1` (a number: to that thing).
const PAYLOADS: [(&str, &[u8]); 30] = [
    ("lot-1", b""),
    ("lot-1", b"{"),
    ("lot-1", b"null"),
    ("lot-1", b"41"),
    ("lot-1", b"\"vehicles\""),
    ("lot-1", b"[]x"),
    ("lot-1", b"[1,2]"),
    ("lot-1", b"[[{\"vehicles\":1}]]"),
    ("lot-1", b"{\"vehicles\":\"41\"}"),
    ("lot-1", b"{\"vehicles\":[41]}"),
    ("lot-1", b"{\"vehicles\":{\"value\":41}}"),
    ("lot-1", b"{\"vehicles\":1e999}"),
    ("lot-1", b"{\"vehicles\":NaN}"),
    ("lot-1", b"{\"vehicles\":41.5}"),
    ("lot-1", b"{\"vehicles\":041}"),
    ("lot-1", b"{\"vehicles\":41,}"),
    ("lot-1", b"{vehicles:41}"),
    ("lot-1", b"{'vehicles':41}"),
    ("lot-1", b"\xff\xfe{\"vehicles\":41}"),
    ("lot-1", b"{\"vehicles\":41} {\"vehicles\":42}"),
    ("lot-1", b"{\"cars\":41}"),
    ("lot-1", b"{\"Vehicles\":41}"),
    ("lot-1", b"{\"time\":\"yesterday\",\"vehicles\":41}"),
    (
        "lot-1",
        b"{\"time\":\"2026-05-01T08:00:00\",\"vehicles\":41}",
    ),
    (
        "lot-1",
        b"{\"time\":\"2100-01-01T00:00:00Z\",\"vehicles\":41}",
    ),
    (
        "lot-1",
        b"{\"time\":\"1999-01-01T00:00:00Z\",\"vehicles\":41}",
    ),
    ("lot-1", b"{\"time\":true,\"vehicles\":41}"),
    ("bay-1", b"{\"occupied\":2}"),
    ("bay-1", b"{\"occupied\":\"yes\"}"),
    ("no-such-lot", b"{\"vehicles\":41}"),
];

#[test]
fn broken_payloads_are_quarantined_with_a_reason_and_nothing_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let registry = small_registry(dir.path());
    let house = House::up(dir.path(), &[]);
    assert!(
        house
            .command(&["registry", "apply", registry.to_str().unwrap()])
            .status
            .success()
    );

    let mut options = MqttOptions::new("broken", "127.0.0.1", house.mqtt.unwrap().port());
    options.set_keep_alive(Duration::from_secs(5));
    let (client, mut incoming) = Client::new(options, 100);
    for (thing, payload) in PAYLOADS {
        let topic = format!("arno/v1/obs/prato/{thing}");
        client
            .publish(topic, QoS::AtLeastOnce, false, payload)
            .unwrap();
    }
    let mut answers = Vec::new();
    while answers.len() < PAYLOADS.len() {
        if let Event::Incoming(Packet::PubAck(ack)) = incoming
            .recv_timeout(Duration::from_secs(20))
            .unwrap()
            .unwrap()
        {
            answers.push(ack.reason);
        }
    }
    for (answer, (thing, payload)) in answers.iter().zip(PAYLOADS) {
        let text = String::from_utf8_lossy(payload);
        assert_eq!(
            *answer,
            PubAckReason::PayloadFormatInvalid,
            "{thing}: {text}"
        );
    }
    assert_eq!(
        house.query("SELECT count(*) AS n FROM observations")[0]["n"],
        json!(0)
    );
    let (_, metrics) = house.fetch("/metrics");
    let start = "arno_ingest_observations_total{outcome=\"quarantined\"} ";
    let count = metrics.lines().find_map(|line| line.strip_prefix(start));
    // One payload has two members that are wrong.
    assert_eq!(count, Some("31"), "{metrics}");
    house.stop();
}

/// (file, what its text is replaced by, a word that the report must have).
const FILES: [(&str, &str, &str); 30] = [
    ("publishers.toml", "[[publisher]", "publishers.toml"),
    (
        "publishers.toml",
        "[[publisher]]\nname = \"x\"\nkind = \"municipality\"",
        "id",
    ),
    (
        "publishers.toml",
        "[[publisher]]\nid = \"Prato\"\nname = \"x\"\nkind = \"municipality\"",
        "Prato",
    ),
    (
        "publishers.toml",
        "[[publisher]]\nid = \"live\"\nname = \"x\"\nkind = \"utility\"",
        "reserved",
    ),
    (
        "publishers.toml",
        "[[publisher]]\nid = \"prato\"\nname = \"x\"\nkind = \"town\"",
        "municipality",
    ),
    (
        "publishers.toml",
        "[[publisher]]\nid = \"prato\"\nkind = \"utility\"",
        "name",
    ),
    (
        "publishers.toml",
        "[[publisher]]\nid = \"prato\"\nname = \"x\"\nkind = \"utility\"\nmax_age = \"5\"",
        "max_age",
    ),
    (
        "publishers.toml",
        "[[publisher]]\nid = \"prato\"\nname = \"x\"\nkind = \"utility\"\nmunicipality = \"it-mun-999999\"",
        "it-mun-999999",
    ),
    (
        "publishers.toml",
        "[[publisher]]\nid = \"prato\"\nname = \"x\"\nkind = \"utility\"\ncolour = \"red\"",
        "colour",
    ),
    (
        "publishers.toml",
        "[[publisher]]\nid = \"prato\"\nname = \"x\"\nkind = \"utility\"\n[[publisher]]\nid = \"prato\"\nname = \"y\"\nkind = \"utility\"",
        "prato",
    ),
    ("properties.toml", "[[property]]\nid = \"level\"", "unit"),
    (
        "properties.toml",
        "[[property]]\nid = \"level\"\nunit = \"m\"\nsignal = \"wave\"",
        "gauge",
    ),
    ("properties.toml", "not toml at all [", "properties.toml"),
    ("areas.geojson", "{", "areas.geojson"),
    ("areas.geojson", "[]", "FeatureCollection"),
    (
        "areas.geojson",
        r#"{"type":"FeatureCollection","features":[{"type":"Feature","geometry":null,"properties":{}}]}"#,
        "id",
    ),
    (
        "areas.geojson",
        r#"{"type":"FeatureCollection","features":[{"type":"Feature","id":"it-mun-1","geometry":null,"properties":{"name":"x","level":"village"}}]}"#,
        "municipality",
    ),
    (
        "areas.geojson",
        r#"{"type":"FeatureCollection","features":[{"type":"Feature","id":"it-mun-1","geometry":{"type":"Polygon","coordinates":[[[11,43],[11,44]]]},"properties":{"name":"x","level":"municipality"}}]}"#,
        "it-mun-1",
    ),
    (
        "areas.geojson",
        r#"{"type":"FeatureCollection","features":[{"type":"Feature","id":"it-mun-1","geometry":{"type":"Polygon","coordinates":[[[11,430],[11,44],[12,44],[11,430]]]},"properties":{"name":"x","level":"municipality"}}]}"#,
        "it-mun-1",
    ),
    (
        "areas.geojson",
        r#"{"type":"FeatureCollection","features":[{"type":"Feature","id":"it-mun-1","geometry":null,"properties":{"name":"x","level":"municipality","zone":"Europe/Prato"}}]}"#,
        "Europe/Prato",
    ),
    ("things.geojson", "", "things.geojson"),
    (
        "things.geojson",
        r#"{"type":"FeatureCollection","features":[{"type":"Feature","geometry":null,"properties":{"id":"lot-1","publisher":"nobody","name":"x","kind":"parking_lot"}}]}"#,
        "nobody",
    ),
    (
        "things.geojson",
        r#"{"type":"FeatureCollection","features":[{"type":"Feature","geometry":null,"properties":{"publisher":"prato","name":"x","kind":"parking_lot"}}]}"#,
        "id",
    ),
    (
        "things.geojson",
        r#"{"type":"FeatureCollection","features":[{"type":"Feature","geometry":null,"properties":{"id":"lot-1","publisher":"prato","name":"x","kind":"garage"}}]}"#,
        "parking_lot",
    ),
    (
        "things.geojson",
        r#"{"type":"FeatureCollection","features":[{"type":"Feature","geometry":null,"properties":{"id":"lot-1","publisher":"prato","name":"x","kind":"parking_lot","capacity":-3}}]}"#,
        "capacity",
    ),
    (
        "things.geojson",
        r#"{"type":"FeatureCollection","features":[{"type":"Feature","geometry":null,"properties":{"id":"lot-1","publisher":"prato","name":"x","kind":"parking_lot","part_of":"lot-9"}}]}"#,
        "lot-9",
    ),
    (
        "things.geojson",
        r#"{"type":"FeatureCollection","features":[{"type":"Feature","geometry":null,"properties":{"id":"lot-1","publisher":"prato","name":"x","kind":"parking_lot","part_of":"lot-1"}}]}"#,
        "lot-1",
    ),
    (
        "things.geojson",
        r#"{"type":"FeatureCollection","features":[{"type":"Feature","geometry":{"type":"Point","coordinates":[200,43]},"properties":{"id":"lot-1","publisher":"prato","name":"x","kind":"parking_lot"}}]}"#,
        "lot-1",
    ),
    (
        "things.geojson",
        r#"{"type":"FeatureCollection","features":[{"type":"Feature","geometry":null,"properties":{"id":"lot-1","publisher":"prato","name":"x","kind":"parking_lot","properties":["cars"]}}]}"#,
        "cars",
    ),
    (
        "things.geojson",
        r#"{"type":"FeatureCollection","features":[{"type":"Feature","geometry":null,"properties":{"id":"lot-1","publisher":"prato","name":"x","kind":"parking_lot","valid_from":"soon"}}]}"#,
        "soon",
    ),
];

#[test]
fn broken_registry_files_are_reported_with_file_and_mend() {
    for (file, text, word) in FILES {
        let dir = tempfile::tempdir().unwrap();
        let folder = small_registry(dir.path());
        fs::write(folder.join(file), text).unwrap();
        let output = arno()
            .args(["registry", "check"])
            .arg(&folder)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{file}: {text}\n{said}");
        assert!(said.contains(file), "{file}: {text}\n{said}");
        assert!(said.contains(word), "`{word}` for {file}: {text}\n{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

/// (configuration, a word that the one line must have).
const CONFIGS: [(&str, &str); 30] = [
    ("http", "config.toml"),
    ("http = ", "config.toml"),
    ("http = 8080", "http"),
    ("http = \"8080\"", "http"),
    ("http = \"localhost\"", "http"),
    ("http = \"127.0.0.1:99999\"", "http"),
    ("http = \"\"", "http"),
    ("mqtt = \"on\"", "mqtt"),
    ("mqtt = true", "mqtt"),
    ("mqtt = \"127.0.0.1\"", "mqtt"),
    ("htttp = \"127.0.0.1:1\"", "htttp"),
    ("data_dir = 5", "data_dir"),
    ("data_dir = \"\"", "data_dir"),
    ("log_format = \"xml\"", "log_format"),
    ("[store]\nflush_rowz = 1", "flush_rowz"),
    ("[store]\nflush_rows = \"many\"", "flush_rows"),
    ("[store]\nflush_rows = 0", "flush_rows"),
    ("[store]\nflush_rows = -1", "flush_rows"),
    ("[analytics]\nquery_time_max = \"fast\"", "query_time_max"),
    ("[analytics]\nquery_time_max = 5", "query_time_max"),
    ("[analytics]\nmemory_bytes_max = 0", "memory_bytes_max"),
    ("[analytics]\nrows_max = 1.5", "rows_max"),
    ("[analytics]\nconcurrency_max = 0", "concurrency_max"),
    ("[analytics]\npeople_count_min = 2", "people_count_min"),
    (
        "[analytics]\nproducts_dir = \"/nowhere/at/all\"",
        "products_dir",
    ),
    ("[[brokers]]\nurl = \"nonsense\"", "brokers"),
    ("[[brokers]]\nurl = \"http://localhost\"", "brokers"),
    ("[[brokers]]\ntopics = [\"a\"]", "brokers"),
    (
        "[[routes]]\nfilter = \"a/#/b\"\ndecoder = \"native\"",
        "routes",
    ),
    (
        "[[routes]]\nfilter = \"a/b\"\ndecoder = \"telepathy\"",
        "telepathy",
    ),
];

#[test]
fn broken_configurations_exit_with_two_and_one_line_that_names_the_setting() {
    for (text, word) in CONFIGS {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        fs::write(&file, text).unwrap();
        for command in [&["config", "--check"][..], &["up"][..]] {
            let output = arno()
                .args(command)
                .arg("--config")
                .arg(&file)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{text}: {said}");
            assert_eq!(said.trim().lines().count(), 1, "{text}: {said}");
            assert!(said.contains(word), "`{word}` for {text}: {said}");
        }
        assert!(!Path::new("arno-data").try_exists().unwrap());
    }
}

/// Queries that are refused or fail by their own fault.
const QUERIES: [&str; 30] = [
    "",
    ";",
    "SELEC 1",
    "SELECT",
    "SELECT * FROM nowhere",
    "SELECT nothing FROM observations",
    "SELECT * FROM observations; SELECT 1",
    "DROP TABLE observations",
    "DELETE FROM observations",
    "INSERT INTO observations VALUES (1)",
    "UPDATE observations SET result = 1",
    "CREATE TABLE t (a INT)",
    "CREATE VIEW v AS SELECT 1",
    "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
    "COPY observations TO '/tmp/x.csv'",
    "SET datafusion.execution.batch_size = 1",
    "SHOW ALL",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM range(0, 5000000000)",
    "SELECT * FROM generate_series(1, 5000000000)",
    "SELECT repeat('x', 2000000000)",
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM t) SELECT count(*) FROM t",
    "SELECT no_such_function(1)",
    "SELECT * FROM products.parking_occupancy",
    "SELECT * FROM products.parking_occupancy WHERE level = 'municipality'",
    "SELECT * FROM products.parking_occupancy WHERE level = 'galaxy' AND bucket = '1h'",
    "SELECT * FROM products.parking_occupancy WHERE level = 'region' AND bucket = '7m'",
    "SELECT 1/0",
    "SELECT CAST('x' AS INT)",
];

/// Addresses that ask for what is not there or not so.
const ADDRESSES: [(&str, u16); 30] = [
    ("/api/v1/nothing", 404),
    ("/api/v2/areas", 404),
    ("/api/v1/areas/it-mun-999999", 404),
    ("/api/v1/areas?colour=red", 400),
    ("/api/v1/areas?level=galaxy", 400),
    ("/api/v1/areas?limit=0", 400),
    ("/api/v1/areas?limit=many", 400),
    ("/api/v1/areas?cursor=%00", 400),
    ("/api/v1/areas?format=xlsx", 406),
    ("/api/v1/publishers/nobody", 404),
    ("/api/v1/publishers?format=geojson", 406),
    ("/api/v1/things/prato", 404),
    ("/api/v1/things/prato:nothing", 404),
    ("/api/v1/things/PRATO:LOT", 404),
    (
        "/api/v1/things/prato:lot-1/observations?from=yesterday",
        400,
    ),
    ("/api/v1/things/prato:lot-1/observations?property=cars", 422),
    ("/api/v1/things/prato:lot-1/observations?limit=-1", 400),
    ("/api/v1/properties/cars", 404),
    ("/api/v1/datastreams/x", 404),
    ("/api/v1/products/nothing", 404),
    ("/api/v1/products/parking_occupancy?level=galaxy", 400),
    (
        "/api/v1/products/parking_occupancy?level=region&bucket=7m",
        400,
    ),
    (
        "/api/v1/products/parking_occupancy?level=region&from=2026-13-01T00:00:00Z",
        400,
    ),
    (
        "/api/v1/products/parking_occupancy?level=region&to=soon",
        400,
    ),
    (
        "/api/v1/products/parking_occupancy?level=region&as_of=now",
        400,
    ),
    ("/api/v1/products/parking_occupancy?area=it-mun-999999", 422),
    ("/api/v1/products/parking_occupancy?area=%F0%9F%9A%97", 422),
    ("/api/v1/products/parking_occupancy?vehicle=car", 400),
    (
        "/api/v1/products/wifi_usage?level=municipality&bucket=15m",
        400,
    ),
    ("/api/v1/live?product=nothing", 422),
];

#[test]
fn broken_questions_get_problems_that_name_what_is_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let registry = small_registry(dir.path());
    let house = House::up(dir.path(), &[]);
    assert!(
        house
            .command(&["registry", "apply", registry.to_str().unwrap()])
            .status
            .success()
    );
    for query in QUERIES {
        let body = json!({ "query": query });
        let mut response = agent()
            .post(house.url("/api/v1/sql"))
            .send_json(&body)
            .unwrap();
        let status = response.status().as_u16();
        let text = response.body_mut().read_to_string().unwrap();
        assert!((400..500).contains(&status), "{query}: {status} {text}");
        check_problem(query, status, &text);
    }
    let mut wrong = Vec::new();
    for (address, expected) in ADDRESSES {
        let (status, text) = house.fetch(address);
        check_problem(address, status, &text);
        if status != expected {
            wrong.push(format!("{address}: {status} instead of {expected}: {text}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(house.status("/ready"), 200);
    house.stop();
}

fn check_problem(what: &str, status: u16, text: &str) {
    let problem: Value = serde_json::from_str(text).unwrap_or_else(|_| panic!("{what}: {text}"));
    assert_eq!(
        problem["status"].as_u64(),
        Some(u64::from(status)),
        "{what}: {text}"
    );
    assert!(
        problem["title"]
            .as_str()
            .is_some_and(|title| !title.is_empty()),
        "{what}: {text}"
    );
    assert!(
        problem["detail"]
            .as_str()
            .is_some_and(|detail| detail.len() > 8),
        "{what}: {text}"
    );
}
