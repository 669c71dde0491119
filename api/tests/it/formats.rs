//! The formats: the same rows in each, row by row.

use arno_model::Timestamp;
use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow::ipc::reader::StreamReader;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

use crate::bench::{Bench, rows, schema};

const ROWS: &str = "/api/v1/products/parking_occupancy";

/// Batches as the JSON rows they should be, by other code than the encoders'.
fn expected(batches: &[RecordBatch]) -> Vec<Value> {
    let mut rows = Vec::new();
    for batch in batches {
        let text = |name: &str, row: usize| {
            let array = batch.column_by_name(name).unwrap().as_string::<i32>();
            array.is_valid(row).then(|| array.value(row).to_owned())
        };
        let start = batch
            .column_by_name("bucket_start")
            .unwrap()
            .as_primitive::<TimestampMicrosecondType>();
        let occupancy = batch
            .column_by_name("occupancy")
            .unwrap()
            .as_primitive::<Float64Type>();
        let things = batch
            .column_by_name("things")
            .unwrap()
            .as_primitive::<Int64Type>();
        let open = batch.column_by_name("open").unwrap().as_boolean();
        for row in 0..batch.num_rows() {
            rows.push(json!({
                "area": text("area", row), "level": text("level", row), "bucket": text("bucket", row),
                "bucket_start": Timestamp::from_micros(start.value(row)).to_string(),
                "name": text("name", row),
                "occupancy": occupancy.is_valid(row).then(|| occupancy.value(row)),
                "things": things.value(row), "open": open.value(row),
            }));
        }
    }
    rows
}

/// CSV as JSON rows, with the types of the schema.
fn from_csv(text: &str, separator: char) -> Vec<Value> {
    let mut records: Vec<Vec<Option<String>>> = vec![Vec::new()];
    let mut letters = text.chars().peekable();
    while letters.peek().is_some() {
        let mut field = String::new();
        let is_quoted = letters.next_if_eq(&'"').is_some();
        loop {
            match letters.next() {
                Some('"') if is_quoted && letters.next_if_eq(&'"').is_none() => break,
                Some(letter) if is_quoted => field.push(letter),
                Some(letter) if letter != separator && letter != '\r' => field.push(letter),
                ended => {
                    // A field without quotes ended by its separator: put the separator back.
                    let present = (!field.is_empty()).then_some(field.clone());
                    records.last_mut().unwrap().push(present);
                    if ended == Some('\r') {
                        assert_eq!(letters.next(), Some('\n'));
                        records.push(Vec::new());
                    }
                    break;
                }
            }
        }
        if is_quoted {
            records.last_mut().unwrap().push(Some(field));
            if letters.next() == Some('\r') {
                assert_eq!(letters.next(), Some('\n'));
                records.push(Vec::new());
            }
        }
    }
    assert_eq!(
        records.pop(),
        Some(Vec::new()),
        "the last line ends with a break"
    );
    let mut records = records.into_iter();
    let names: Vec<String> = records.next().unwrap().into_iter().flatten().collect();
    let typed = |name: &str, field: Option<String>| match (name, field) {
        (_, None) => Value::Null,
        ("occupancy" | "things" | "open", Some(text)) => serde_json::from_str(&text).unwrap(),
        (_, Some(text)) => Value::from(text),
    };
    records
        .map(|record| {
            assert_eq!(record.len(), names.len());
            names
                .iter()
                .cloned()
                .zip(record)
                .map(|(name, field)| (name.clone(), typed(&name, field)))
                .collect()
        })
        .collect()
}

fn batches_of(format: &str, body: &Bytes) -> Vec<RecordBatch> {
    if format == "arrow" {
        let reader = StreamReader::try_new(body.as_ref(), None).unwrap();
        return reader.map(Result::unwrap).collect();
    }
    let reader = ParquetRecordBatchReaderBuilder::try_new(body.clone())
        .unwrap()
        .build()
        .unwrap();
    reader.map(Result::unwrap).collect()
}

#[tokio::test]
async fn every_format_gives_the_same_rows() {
    for count in [0, 1, 10, 700, 20_000] {
        let bench = Bench::new().await;
        bench.doubles.rows_count.store(count, Ordering::Release);
        let wanted = expected(&[rows(0, count)]);
        for (format, kind) in [
            ("json", "application/json"),
            ("ndjson", "application/x-ndjson"),
            ("csv", "text/csv; charset=utf-8; header=present"),
            ("geojson", "application/geo+json"),
            ("parquet", "application/vnd.apache.parquet"),
            ("arrow", "application/vnd.apache.arrow.stream"),
        ] {
            let reply = bench.get(&format!("{ROWS}?format={format}")).await;
            assert_eq!(reply.header("content-type"), kind);
            assert!(!reply.is_broken);
            let got = match format {
                "json" => reply.json()["items"].as_array().unwrap().clone(),
                "ndjson" => reply
                    .text()
                    .lines()
                    .map(|line| serde_json::from_str(line).unwrap())
                    .collect(),
                "csv" => from_csv(reply.text(), ','),
                "geojson" => {
                    let features = reply.json()["features"].as_array().unwrap().clone();
                    features
                        .into_iter()
                        .map(|feature| feature["properties"].clone())
                        .collect()
                }
                _ => expected(&batches_of(format, &reply.body)),
            };
            assert_eq!(got.len(), count, "{format}");
            assert!(got == wanted, "{format} differs");
        }
    }
}

#[tokio::test]
async fn csv_has_other_separators_and_says_null_and_empty_apart() {
    let bench = Bench::new().await;
    let wanted = expected(&[rows(0, 10)]);
    for (name, separator) in [(";", ';'), ("tab", '\t'), (",", ',')] {
        let reply = bench.get(&format!("{ROWS}?format=csv&sep={name}")).await;
        assert_eq!(from_csv(reply.text(), separator), wanted);
        assert!(
            reply
                .header("content-disposition")
                .contains("parking-occupancy.csv")
        );
    }
    let reply = bench.get(&format!("{ROWS}?format=csv&sep=;")).await;
    let mut lines = reply.text().split("\r\n");
    assert_eq!(
        lines.next(),
        Some("area;level;bucket;bucket_start;name;occupancy;things;open")
    );
    assert!(
        lines
            .next()
            .unwrap()
            .contains("\"Prato; \"\"centro\"\",\nnord\"")
    );
    assert!(lines.next().unwrap().contains(";;;1;false"));
    assert!(lines.next().unwrap().contains(";\"\";"));
}

#[tokio::test]
async fn features_have_their_areas_and_things_places() {
    let bench = Bench::new().await;
    let reply = bench
        .send("GET", ROWS, &[("accept", "application/geo+json")], "")
        .await;
    let features = reply.json()["features"].clone();
    assert_eq!(features[0]["geometry"]["type"], "MultiPolygon");
    assert_eq!(
        features[0]["geometry"]["coordinates"][0][0][0],
        json!([11, 43.8])
    );
    assert_eq!(
        features[2]["geometry"],
        json!({"type": "Point", "coordinates": [11.05, 43.85]})
    );
}

#[tokio::test]
async fn pages_join_to_the_whole_in_every_format() {
    let bench = Bench::new().await;
    bench.doubles.rows_count.store(25, Ordering::Release);
    let wanted = expected(&[rows(0, 25)]);
    let mut got = Vec::new();
    let mut path = format!("{ROWS}?limit=10&from=2026-04-01T00:00:00Z");
    for page in 0..3 {
        let reply = bench.get(&path).await;
        let body = reply.json();
        got.extend(body["items"].as_array().unwrap().clone());
        let next = body["next"].as_str().map(str::to_owned);
        assert_eq!(next.is_some(), page < 2);
        if let Some(next) = next {
            let rest = next
                .strip_prefix("http://arno.test")
                .unwrap_or_else(|| panic!("{next}"));
            assert!(
                rest.contains("from=2026-04-01T00:00:00Z") && rest.contains("limit=10"),
                "{rest}"
            );
            rest.clone_into(&mut path);
        }
    }
    assert_eq!(got, wanted);
    let reply = bench.get(&format!("{ROWS}?limit=10&format=csv")).await;
    assert!(
        reply
            .header("link")
            .starts_with("<http://arno.test/api/v1/products/parking_occupancy?")
    );
    assert!(
        reply
            .header("link")
            .ends_with("cursor=after-10>; rel=\"next\"")
    );
    assert_eq!(from_csv(reply.text(), ',').len(), 10);
}

#[tokio::test]
async fn a_long_page_is_streamed_and_still_knows_what_follows() {
    let bench = Bench::new().await;
    bench.doubles.rows_count.store(30_000, Ordering::Release);
    let body = bench.get(&format!("{ROWS}?limit=20000")).await.json();
    assert_eq!(body["items"].as_array().unwrap().len(), 20_000);
    assert!(
        body["next"]
            .as_str()
            .unwrap()
            .ends_with("cursor=after-20000")
    );
    let last = bench
        .get(&format!("{ROWS}?limit=20000&cursor=after-20000"))
        .await
        .json();
    assert_eq!(
        (last["items"].as_array().unwrap().len(), last.get("next")),
        (10_000, None)
    );
}

#[tokio::test]
async fn the_envelope_says_how_the_question_was_understood() {
    let bench = Bench::new().await;
    let body = bench
        .get(&format!(
            "{ROWS}?area=it-prov-100&level=municipality&bucket=1d"
        ))
        .await
        .json();
    let said =
        ["product", "bucket", "level", "zone", "now", "clock"].map(|name| body[name].clone());
    let wanted = [
        "parking_occupancy",
        "1d",
        "municipality",
        "Europe/Rome",
        crate::bench::NOW,
        "live",
    ];
    assert_eq!(said.to_vec(), wanted.map(Value::from).to_vec());
    let asked = bench.doubles.asked.lock().unwrap().clone().unwrap();
    assert_eq!(asked.area.unwrap().as_str(), "it-prov-100");
    assert_eq!(asked.bucket.unwrap().as_str(), "1d");
    assert_eq!(
        schema().fields().len(),
        body["items"][0].as_object().unwrap().len()
    );
    let sql = bench
        .send(
            "POST",
            "/api/v1/sql",
            &[("content-type", "application/json")],
            "{\"query\":\"SELECT\"}",
        )
        .await
        .json();
    assert_eq!(sql["columns"][0], json!({"name": "area", "type": "Utf8"}));
    assert_eq!(sql["items"].as_array().unwrap().len(), 10);
}
