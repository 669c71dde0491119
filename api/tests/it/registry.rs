//! The registry's addresses: what is shown to whom, in which order and form.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::bench::Bench;

fn ids(body: &Value) -> Vec<String> {
    let items = body["items"].as_array().unwrap().iter();
    items
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn areas_are_listed_by_level_and_place_with_their_outlines() {
    let bench = Bench::new().await;
    let body = bench
        .get("/api/v1/areas?level=municipality&within=it-reg-09")
        .await
        .json();
    assert_eq!(ids(&body), ["it-mun-100005", "it-mun-100006"]);
    assert_eq!(
        body["items"][0],
        json!({
            "id": "it-mun-100005", "name": "it-mun-100005", "level": "municipality",
            "parents": ["group-piana", "it-prov-100"], "zone": "Europe/Rome",
        })
    );
    let group = bench.get("/api/v1/areas/group-piana").await.json();
    assert_eq!(group["children"], json!(["it-mun-100005", "it-mun-100006"]));
    let one = bench.get("/api/v1/areas/it-prov-100").await.json();
    assert_eq!(one["bbox"], json!([11.0, 43.8, 11.5, 44.3]));
    let feature = bench
        .get("/api/v1/areas/it-prov-100?format=geojson")
        .await
        .json();
    assert_eq!(
        (&feature["type"], &feature["geometry"]["type"]),
        (&json!("Feature"), &json!("MultiPolygon"))
    );
    let all = bench
        .get("/api/v1/areas?format=geojson&level=group")
        .await
        .json();
    assert_eq!(all["features"][0]["geometry"], Value::Null);
    assert_eq!(all["features"][0]["properties"]["id"], "group-piana");
}

#[tokio::test]
async fn things_show_to_those_who_may_see_their_data() {
    let bench = Bench::new().await;
    let open = [
        "prato:ap-1",
        "prato:bay-h",
        "prato:lot-1",
        "prato:lot-1b",
        "vaiano:lot",
    ];
    assert_eq!(ids(&bench.get("/api/v1/things").await.json()), open);
    let bearer = format!("Bearer {}", bench.publisher);
    let own = bench
        .send(
            "GET",
            "/api/v1/things?publisher=prato",
            &[("authorization", &bearer)],
            "",
        )
        .await;
    assert!(ids(&own.json()).contains(&"prato:closed".to_owned()));
    assert_eq!(
        bench.get("/api/v1/things/prato:closed").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        bench
            .operate("GET", "/api/v1/things/prato:closed", "")
            .await
            .status,
        StatusCode::OK
    );
    let lot = bench.get("/api/v1/things/prato:lot-1").await.json();
    assert_eq!(
        lot,
        json!({
            "id": "prato:lot-1", "publisher": "prato", "local_id": "lot-1", "name": "lot-1",
            "kind": "parking_lot", "vehicle_kind": "car", "capacity": 100,
            "location": {"type": "Point", "coordinates": [11.05, 43.85]},
            "municipality": "it-mun-100005", "municipality_by": "polygon",
            "reserved": false, "open": true, "properties": ["vehicles"],
        })
    );
    let inside = bench
        .get("/api/v1/things?area=it-mun-100006&kind=parking_lot")
        .await
        .json();
    assert_eq!(ids(&inside), ["vaiano:lot"]);
    for path in [
        "/api/v1/things",
        "/api/v1/things?format=ndjson",
        "/api/v1/things?format=csv",
    ] {
        assert!(!bench.get(path).await.text().contains("aa:bb"), "{path}");
    }
    let csv = bench.get("/api/v1/things?format=csv").await;
    assert!(
        csv.text()
            .starts_with("id,publisher,local_id,name,kind,vehicle_kind,capacity,part_of,lon,lat,")
    );
    assert!(
        csv.text()
            .contains("prato:lot-1,prato,lot-1,lot-1,parking_lot,car,100,,11.05,43.85,")
    );
    assert_eq!(csv.text().lines().count(), 6);
}

#[tokio::test]
async fn open_datastreams_leave_out_people_and_reserved_bays() {
    let bench = Bench::new().await;
    let open = [
        "prato:lot-1/vehicles",
        "prato:lot-1b/vehicles",
        "vaiano:lot/free",
    ];
    assert_eq!(ids(&bench.get("/api/v1/datastreams").await.json()), open);
    let all = bench
        .operate("GET", "/api/v1/datastreams?publisher=prato", "")
        .await
        .json();
    assert!(ids(&all).contains(&"prato:ap-1/clients".to_owned()));
    assert!(ids(&all).contains(&"prato:bay-h/occupied".to_owned()));
    let one = bench
        .get("/api/v1/datastreams/prato:lot-1/vehicles")
        .await
        .json();
    assert_eq!(one["unit"], "1");
    let escaped = bench
        .get("/api/v1/datastreams/prato:lot-1%2Fvehicles")
        .await;
    assert_eq!(escaped.status, StatusCode::OK);
    assert_eq!(
        bench
            .get("/api/v1/datastreams/prato:ap-1/clients")
            .await
            .status,
        StatusCode::NOT_FOUND
    );
    let people = bench
        .get("/api/v1/things/prato:ap-1/observations?property=clients")
        .await;
    assert_eq!(people.status, StatusCode::UNAUTHORIZED);
    assert!(people.text().contains("published cells"));
    let bay = bench
        .get("/api/v1/things/prato:bay-h/observations?property=occupied")
        .await;
    assert_eq!(bay.status, StatusCode::UNAUTHORIZED);
    let own = bench
        .operate(
            "GET",
            "/api/v1/things/prato:bay-h/observations?property=occupied",
            "",
        )
        .await;
    assert_eq!(own.status, StatusCode::OK);
    assert_eq!(
        bench
            .doubles
            .observed
            .lock()
            .unwrap()
            .as_ref()
            .unwrap()
            .thing
            .as_str(),
        "prato:bay-h"
    );
}

#[tokio::test]
async fn pages_of_the_registry_join_to_the_whole() {
    let bench = Bench::new().await;
    for list in ["areas", "things", "publishers", "properties", "datastreams"] {
        let whole = ids(&bench.get(&format!("/api/v1/{list}")).await.json());
        assert!(whole.len() > 1, "{list}");
        let mut joined = Vec::new();
        let mut path = format!("/api/v1/{list}?limit=1");
        for _page in 0..whole.len() {
            let body = bench.get(&path).await.json();
            joined.extend(ids(&body));
            path = body["next"]
                .as_str()
                .unwrap_or_default()
                .replace("http://arno.test", "");
        }
        assert_eq!((joined, path.as_str()), (whole, ""), "{list}");
    }
}

#[tokio::test]
async fn properties_and_products_say_what_they_mean() {
    let bench = Bench::new().await;
    let property = bench.get("/api/v1/properties/vehicles").await.json();
    assert_eq!(
        (&property["signal"], &property["area_mode"]),
        (&json!("state"), &json!("capacity"))
    );
    assert_eq!(property["max_hold_s"], 7_200);
    assert_eq!(
        bench.get("/api/v1/properties/clients").await.json()["counts_people"],
        true
    );
    let products = bench.get("/api/v1/products").await.json();
    assert_eq!(products["items"][0]["id"], "parking_occupancy");
    assert_eq!(
        products["items"][0]["columns"][3],
        json!({"name": "bucket_start", "type": "time", "title": {"it": "bucket_start", "en": "bucket_start"}})
    );
}
