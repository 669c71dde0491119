//! What the simulator emitted, computed by its own slow program, equals what the API answers to an
//! operator, over both changes of the clock.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::house::House;

/// A file's rows, by their first columns joined, up to and with `bucket_start`.
fn read(path: &Path, keys: usize) -> BTreeMap<String, Vec<String>> {
    let text = fs::read_to_string(path).unwrap();
    let rows = text.lines().skip(1).map(|line| {
        let cells: Vec<String> = line.split(',').map(str::to_owned).collect();
        (cells[..keys].join(" "), cells[keys..].to_vec())
    });
    rows.collect()
}

fn whole(row: &Value, key: &str) -> i64 {
    row[key]
        .as_i64()
        .unwrap_or_else(|| panic!("`{key}` is no whole number in {row}"))
}

fn compare(until: &str) {
    let dir = tempfile::tempdir().unwrap();
    let truth = dir.path().join("truth");
    let args = [
        "demo",
        "--towns",
        "2",
        "--days",
        "3",
        "--seed",
        "5",
        "--live",
        "0",
        "--until",
        until,
        "--truth",
        truth.to_str().unwrap(),
    ];
    let house = House::start(dir.path(), &args, Duration::from_mins(3));

    let ledger: Value =
        serde_json::from_slice(&fs::read(truth.join("ledger.json")).unwrap()).unwrap();
    let (_, metrics) = house.fetch("/metrics");
    for outcome in ["stored", "repeated", "corrected", "quarantined"] {
        let line = format!(
            "arno_ingest_observations_total{{outcome=\"{outcome}\"}} {}",
            ledger[outcome]
        );
        assert!(metrics.contains(&line), "{line}\n{metrics}");
    }

    let wanted = read(&truth.join("towns-1h.csv"), 3);
    let rows = house.query(
        "SELECT area, vehicle_kind, bucket_start, load_integral, capacity_integral, capacity_expected \
         FROM area_rollups WHERE measure = 'parking' AND level = 'municipality' AND bucket = '1h' \
         AND bucket_start >= '2000-01-01T00:00:00Z'",
    );
    let mut found = 0;
    for row in &rows {
        let start = row["bucket_start"].as_str().unwrap();
        let key = format!(
            "{} {} {}",
            row["area"].as_str().unwrap(),
            row["vehicle_kind"].as_str().unwrap(),
            start
        );
        let Some(cells) = wanted.get(&key) else {
            continue;
        };
        let numbers = [
            whole(row, "load_integral"),
            whole(row, "capacity_integral"),
            whole(row, "capacity_expected"),
        ];
        let expected: Vec<i64> = cells[1..]
            .iter()
            .map(|cell| cell.parse().unwrap())
            .collect();
        assert_eq!(numbers[..], expected[..], "{key}");
        found += 1;
    }
    let known = wanted.values().filter(|cells| cells[2] != "0").count();
    assert!(
        found >= known,
        "{found} of {known} hours of towns were answered; {} rows",
        rows.len()
    );

    let wanted = read(&truth.join("streams-15m.csv"), 3);
    let rows = house.query(
        "SELECT thing, property, bucket_start, readings, known_us, integral FROM rollups \
         WHERE bucket = '15m' AND bucket_start >= '2000-01-01T00:00:00Z'",
    );
    let mut found = 0;
    for row in &rows {
        let key = format!(
            "{} {} {}",
            row["thing"].as_str().unwrap(),
            row["property"].as_str().unwrap(),
            row["bucket_start"].as_str().unwrap()
        );
        let Some(cells) = wanted.get(&key) else {
            continue;
        };
        let numbers = [
            whole(row, "readings"),
            whole(row, "known_us"),
            whole(row, "integral"),
        ];
        let expected: Vec<i64> = cells[1..4]
            .iter()
            .map(|cell| cell.parse().unwrap())
            .collect();
        assert_eq!(numbers[..], expected[..], "{key}");
        found += 1;
    }
    assert_eq!(
        found,
        wanted.len(),
        "every bucket in which something was known is there"
    );
    house.stop();
}

#[test]
fn the_truth_equals_the_answers_over_the_march_change() {
    compare("2026-03-30T12:00:00Z");
}

#[test]
fn the_truth_equals_the_answers_over_the_october_change() {
    compare("2026-10-26T12:00:00Z");
}
