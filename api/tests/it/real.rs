//! The face over the real analyses and a store in memory: what is observed comes out as figures.

use arno_model::observation::{ObservationBuilder, Quality};
use arno_model::{Observation, PropertyId, ThingId, Timestamp};
use arno_store::{
    Append, ClockMark, DatastreamName, DatastreamRegister as _, ObservationReader as _,
    ObservationWriter as _,
};
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::bench::{Bench, NOW};

/// Thing, property, time, result.
const SAID: [(&str, &str, &str, f64); 8] = [
    ("prato:lot-1", "vehicles", "2026-05-01T06:00:00Z", 40.0),
    ("prato:lot-1", "vehicles", "2026-05-01T06:30:00Z", 60.0),
    ("prato:lot-1", "vehicles", "2026-05-01T07:00:00Z", 120.0),
    ("prato:lot-1", "vehicles", "2026-05-01T08:10:00Z", 70.0),
    ("prato:lot-1b", "vehicles", "2026-05-01T08:15:00Z", 10.0),
    ("prato:closed", "vehicles", "2026-05-01T08:00:00Z", 5.0),
    ("prato:bay-h", "occupied", "2026-05-01T08:00:00Z", 1.0),
    ("prato:ap-1", "clients", "2026-05-01T08:00:00Z", 3.0),
];

async fn said() -> Bench {
    let bench = Bench::real().await;
    let names: Vec<DatastreamName> = SAID
        .iter()
        .map(|(thing, property, _, _)| DatastreamName {
            thing: ThingId::parse(thing).unwrap(),
            property: PropertyId::parse(property).unwrap(),
        })
        .collect();
    let keys = bench.store.register(&names).await.unwrap();
    let mut builder = ObservationBuilder::default();
    for ((_, _, time, result), datastream) in SAID.iter().zip(keys) {
        let time = Timestamp::parse(time).unwrap();
        builder.push(&Observation {
            datastream,
            time,
            result: Some(*result),
            quality: Quality::Good,
            received: time,
            result_time: None,
        });
    }
    let append = Append {
        observations: builder.finish().unwrap(),
        quarantine: Vec::new(),
        ignored_count: 0,
        clock: ClockMark::Live,
    };
    bench.store.append(append).await.unwrap();
    bench
}

fn items(body: &Value) -> Vec<Value> {
    body["items"]
        .as_array()
        .unwrap_or_else(|| panic!("{body}"))
        .clone()
}

#[tokio::test]
async fn the_present_moment_is_what_was_last_observed() {
    let bench = said().await;
    let reply = bench
        .get("/api/v1/products/parking_now?area=it-mun-100005")
        .await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    let rows = items(&reply.json());
    assert_eq!(rows.len(), 1, "{}", reply.text());
    let row = &rows[0];
    assert_eq!(
        (&row["area"], &row["level"]),
        (&json!("it-mun-100005"), &json!("municipality"))
    );
    assert_eq!(
        (&row["vehicles"], &row["capacity"], &row["free"]),
        (&json!(80), &json!(150), &json!(70))
    );
    assert_eq!(row["age_s"], 300);
    let things = bench
        .get("/api/v1/products/parking_now?area=it-mun-100005&level=thing")
        .await
        .json();
    let names: Vec<_> = items(&things)
        .iter()
        .map(|row| row["area"].clone())
        .collect();
    assert_eq!(names, ["prato:lot-1", "prato:lot-1b"]);
    let own = bench
        .operate(
            "GET",
            "/api/v1/products/parking_now?area=it-mun-100005&level=thing",
            "",
        )
        .await
        .json();
    assert!(items(&own).iter().any(|row| row["area"] == "prato:closed"));
}

#[tokio::test]
async fn occupancy_is_weighted_by_time_and_equal_in_every_format() {
    let bench = said().await;
    let path = "/api/v1/products/parking_occupancy?thing=prato:lot-1&level=thing&bucket=1h\
        &from=2026-05-01T06:00:00Z&to=2026-05-01T08:00:00Z";
    let rows = items(&bench.get(path).await.json());
    let figures: Vec<_> = rows
        .iter()
        .map(|row| (row["bucket_start"].clone(), row["occupancy"].clone()))
        .collect();
    let wanted = [("2026-05-01T06:00:00Z", 0.5), ("2026-05-01T07:00:00Z", 1.2)];
    assert_eq!(
        figures,
        wanted.map(|(start, share)| (json!(start), json!(share)))
    );
    assert_eq!(rows[1]["over_capacity"], true);
    assert_eq!(rows[0]["capacity_integral"], 360_000_000_000_i64);
    let lines = bench.get(&format!("{path}&format=ndjson")).await;
    let lines: Vec<Value> = lines
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines, rows);
    let features = bench.get(&format!("{path}&format=geojson")).await.json();
    assert_eq!(features["features"][0]["properties"], rows[0]);
    assert_eq!(
        features["features"][0]["geometry"]["coordinates"],
        json!([11.05, 43.85])
    );
    let csv = bench.get(&format!("{path}&format=csv")).await;
    assert!(
        csv.text().lines().nth(1).unwrap().contains(",0.5,"),
        "{}",
        csv.text()
    );
    for format in ["parquet", "arrow"] {
        let reply = bench.get(&format!("{path}&format={format}")).await;
        assert_eq!(reply.status, StatusCode::OK);
        assert!(reply.body.len() > 500);
    }
    let page = bench.get(&format!("{path}&limit=1")).await.json();
    assert_eq!(items(&page), [rows[0].clone()]);
    let next = page["next"]
        .as_str()
        .unwrap()
        .replace("http://arno.test", "");
    let page = bench.get(&next).await.json();
    assert_eq!(
        (items(&page), page.get("next")),
        (vec![rows[1].clone()], None)
    );
}

#[tokio::test]
async fn every_product_answers_at_its_levels() {
    let bench = said().await;
    let sheets = bench.get("/api/v1/products").await.json();
    assert!(items(&sheets).len() >= 4);
    for sheet in items(&sheets) {
        let id = sheet["id"].as_str().unwrap().to_owned();
        for level in sheet["levels"].as_array().unwrap() {
            let level = level.as_str().unwrap();
            let reply = bench
                .get(&format!("/api/v1/products/{id}?level={level}"))
                .await;
            assert_eq!(
                reply.status,
                StatusCode::OK,
                "{id} {level}: {}",
                reply.text()
            );
            let names: Vec<_> = sheet["columns"]
                .as_array()
                .unwrap()
                .iter()
                .map(|column| column["name"].clone())
                .collect();
            for row in items(&reply.json()) {
                let members = row.as_object().unwrap();
                assert!(
                    names
                        .iter()
                        .all(|name| members.contains_key(name.as_str().unwrap())),
                    "{id} {row}"
                );
                assert_eq!(members.len(), names.len(), "{id} {row}");
            }
        }
        for bucket in sheet["buckets"].as_array().unwrap() {
            let bucket = bucket.as_str().unwrap();
            let path = format!("/api/v1/products/{id}?area=it-mun-100005&bucket={bucket}");
            let reply = bench.get(&path).await;
            assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.text());
            assert_eq!(reply.json()["bucket"], bucket, "{path}");
        }
    }
    assert_eq!(bench.get("/openapi.json").await.status, StatusCode::OK);
}

#[tokio::test]
async fn observations_are_raw_and_only_what_the_caller_may_see() {
    let bench = said().await;
    let body = bench
        .get("/api/v1/things/prato:lot-1/observations?from=2026-05-01T06:30:00Z&limit=2")
        .await;
    let rows = items(&body.json());
    assert_eq!(rows.len(), 2, "{}", body.text());
    assert_eq!(
        (
            &rows[0]["property"],
            &rows[0]["time"],
            &rows[0]["result"],
            &rows[0]["quality"]
        ),
        (
            &json!("vehicles"),
            &json!("2026-05-01T06:30:00Z"),
            &json!(60.0),
            &json!("good")
        )
    );
    assert_eq!(rows[1]["over_capacity"], true);
    let next = body.json()["next"]
        .as_str()
        .unwrap()
        .replace("http://arno.test", "");
    assert_eq!(items(&bench.get(&next).await.json()).len(), 1);
    assert!(
        items(
            &bench
                .get("/api/v1/things/prato:ap-1/observations")
                .await
                .json()
        )
        .is_empty()
    );
    let own = bench
        .operate("GET", "/api/v1/things/prato:ap-1/observations", "")
        .await
        .json();
    assert_eq!(items(&own)[0]["result"], 3.0);
}

#[tokio::test]
async fn sql_sees_the_callers_view_and_refuses_the_rest() {
    let bench = said().await;
    let headers = [("content-type", "application/json")];
    let query = "{\"query\":\"SELECT thing, count(*) AS readings FROM observations GROUP BY thing ORDER BY thing\"}";
    let public = bench.send("POST", "/api/v1/sql", &headers, query).await;
    assert_eq!(public.status, StatusCode::OK, "{}", public.text());
    let public = public.json();
    assert_eq!(
        items(&public),
        [
            json!({"thing": "prato:lot-1", "readings": 4}),
            json!({"thing": "prato:lot-1b", "readings": 1})
        ]
    );
    assert_eq!(public["columns"][1]["type"], "Int64");
    let own = bench.operate("POST", "/api/v1/sql", query).await.json();
    assert_eq!(items(&own).len(), 5);
    for bad in [
        "DROP TABLE observations",
        "SELECT * FROM nowhere",
        "SELECT",
        "SELECT 1; SELECT 2",
        "COPY things TO '/tmp/x'",
    ] {
        let body = json!({"query": bad}).to_string();
        let reply = bench.send("POST", "/api/v1/sql", &headers, &body).await;
        assert_eq!(
            reply.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{bad}: {}",
            reply.text()
        );
    }
}

#[tokio::test]
async fn a_past_as_of_is_for_ever() {
    let bench = said().await;
    let known = bench.store.last_commit();
    let path = format!("/api/v1/products/parking_occupancy?area=it-mun-100005&as_of={known}");
    let reply = bench.get(&path).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    assert_eq!(
        reply.header("cache-control"),
        "public, max-age=31536000, immutable"
    );
    assert_eq!(reply.json()["now"], NOW);
}
