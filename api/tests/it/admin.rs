//! What operators do, and what a push hears.

use arno_model::observation::{ObservationBuilder, arrival_schema};
use arno_model::{PublisherId, Timestamp};
use arno_store::{Append, ClockMark, ObservationWriter as _, QuarantineEntry, QuarantineReason};
use arrow::array::RecordBatch;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::bench::{Bench, NOW};

#[tokio::test]
async fn every_operators_address_is_closed_to_others() {
    let bench = Bench::new().await;
    let publisher = format!("Bearer {}", bench.publisher);
    for (method, path) in [
        ("GET", "/api/v1/admin/quarantine"),
        ("GET", "/api/v1/admin/ledger"),
        ("GET", "/api/v1/admin/publishers"),
        ("GET", "/api/v1/admin/tokens"),
        ("POST", "/api/v1/admin/tokens"),
        ("DELETE", "/api/v1/admin/tokens/0a"),
        ("POST", "/api/v1/admin/registry/check"),
        ("POST", "/api/v1/admin/registry/apply"),
        ("GET", "/api/v1/admin/registry/export"),
        ("GET", "/api/v1/admin/registry/history"),
    ] {
        let nobody = bench.send(method, path, &[], "").await;
        assert_eq!(nobody.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(nobody.header("www-authenticate"), "Bearer realm=\"arno\"");
        let other = bench
            .send(method, path, &[("authorization", &publisher)], "")
            .await;
        assert_eq!(other.status, StatusCode::FORBIDDEN, "{path}");
    }
    let operator = format!("Bearer {}", bench.operator);
    let reply = bench
        .send(
            "GET",
            "/api/v1/admin/ledger",
            &[("authorization", &operator)],
            "",
        )
        .await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_token_works_until_it_is_revoked() {
    let bench = Bench::new().await;
    let made = bench
        .operate(
            "POST",
            "/api/v1/admin/tokens",
            "{\"publisher\":\"prato\",\"note\":\"lot\"}",
        )
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let made = made.json();
    let bearer = format!("Bearer {}", made["secret"].as_str().unwrap());
    let push = async || {
        bench
            .send(
                "POST",
                "/api/v1/push/native",
                &[("authorization", &bearer)],
                "{}",
            )
            .await
    };
    assert_eq!(push().await.status, StatusCode::OK);
    let listed = bench.operate("GET", "/api/v1/admin/tokens", "").await;
    assert!(!listed.text().contains(made["secret"].as_str().unwrap()));
    assert_eq!(listed.json()["items"].as_array().unwrap().len(), 3);
    let path = format!("/api/v1/admin/tokens/{}", made["id"].as_str().unwrap());
    assert_eq!(
        bench.operate("DELETE", &path, "").await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(push().await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        bench.operate("DELETE", &path, "").await.status,
        StatusCode::NOT_FOUND
    );
    for bad in [
        "{}",
        "{\"publisher\":\"x\"}",
        "{\"publisher\":\"prato\",\"operator\":true}",
        "{\"role\":1}",
    ] {
        let reply = bench.operate("POST", "/api/v1/admin/tokens", bad).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{bad}");
    }
}

#[tokio::test]
async fn a_push_hears_what_became_of_it() {
    let bench = Bench::new().await;
    let bearer = format!("Bearer {}", bench.publisher);
    let headers = [("authorization", bearer.as_str())];
    let good = bench
        .send(
            "POST",
            "/api/v1/push/native?thing=lot-1",
            &headers,
            "{\"vehicles\":1}",
        )
        .await;
    assert_eq!(good.status, StatusCode::OK);
    assert_eq!(good.json()["ledger"]["stored"], 1);
    assert_eq!(good.json()["known_at"], NOW);
    let bad = bench
        .send("POST", "/api/v1/push/native", &headers, "bad")
        .await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(bad.json()["ledger"]["quarantined"], 1);
    assert_eq!(bad.json()["problems"][0]["reason"], "malformed");
    let full = bench
        .send("POST", "/api/v1/push/native", &headers, "full")
        .await;
    assert_eq!(full.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!full.text().contains("secret") && !full.header("retry-after").is_empty());
    let unknown = bench
        .send("POST", "/api/v1/push/native2", &headers, "x")
        .await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert_eq!(unknown.json()["allowed"], json!(["native", "meraki"]));
}

#[tokio::test]
async fn the_quarantine_is_read_in_pages_newest_first() {
    let bench = Bench::new().await;
    let entry = |number: u8| QuarantineEntry {
        reason: QuarantineReason::Malformed,
        detail: format!("number {number}"),
        topic: "arno/v1/obs/prato/lot-1".to_owned(),
        publisher: PublisherId::parse("prato").ok(),
        received: Timestamp::parse(NOW).unwrap(),
        payload: Some(if number == 2 {
            vec![0xff, 0xfe]
        } else {
            b"{".to_vec()
        }),
        payload_bytes: 2,
        observations_count: 1,
    };
    let append = Append {
        observations: RecordBatch::new_empty(arrival_schema()),
        quarantine: (0..5).map(entry).collect(),
        ignored_count: 0,
        clock: ClockMark::Live,
    };
    bench.store.append(append).await.unwrap();
    drop(ObservationBuilder::default());
    let first = bench
        .operate("GET", "/api/v1/admin/quarantine?limit=3", "")
        .await
        .json();
    let details = |body: &Value| -> Vec<String> {
        body["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["detail"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(details(&first), ["number 4", "number 3", "number 2"]);
    assert_eq!(
        (
            &first["items"][0]["payload"],
            &first["items"][2]["payload_base64"]
        ),
        (&json!("{"), &json!("//4="))
    );
    let next = first["next"]
        .as_str()
        .unwrap()
        .replace("http://arno.test", "");
    let second = bench.operate("GET", &next, "").await.json();
    assert_eq!(details(&second), ["number 1", "number 0"]);
    assert_eq!(second["next"], Value::Null);
    let wrong = bench
        .operate("GET", "/api/v1/admin/quarantine?reason=ugly", "")
        .await
        .json();
    assert!(
        wrong["allowed"]
            .as_array()
            .unwrap()
            .contains(&json!("unknown_thing"))
    );
    let ledger = bench
        .operate("GET", "/api/v1/admin/ledger", "")
        .await
        .json();
    assert_eq!(ledger["ledger"]["quarantined"], 5);
    assert_eq!(ledger["ledger"]["received"], 5);
}

#[tokio::test]
async fn registry_files_are_checked_applied_and_given_back() {
    let bench = Bench::new().await;
    let files = bench
        .operate("GET", "/api/v1/admin/registry/export", "")
        .await;
    assert_eq!(files.status, StatusCode::OK);
    let mut files = files.json();
    let same = bench
        .operate("POST", "/api/v1/admin/registry/apply", &files.to_string())
        .await
        .json();
    assert_eq!((&same["revision"], &same["added"]), (&json!(1), &json!({})));
    let text = files["publishers.toml"].as_str().unwrap().to_owned();
    files["publishers.toml"] =
        format!("{text}\n[[publisher]]\nid = \"prata\"\nname = \"P\"\nkind = \"town\"\n").into();
    for path in [
        "/api/v1/admin/registry/check",
        "/api/v1/admin/registry/apply",
    ] {
        let refused = bench.operate("POST", path, &files.to_string()).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        let fault = refused.json()["faults"][0].clone();
        assert_eq!(fault["file"], "publishers.toml");
        assert!(fault["line"].as_u64().unwrap() > 1 && fault["mend"].is_string());
    }
    files["publishers.toml"] = text.replace("Vaiano", "Vaiano (PO)").into();
    let checked = bench
        .operate("POST", "/api/v1/admin/registry/check", &files.to_string())
        .await
        .json();
    assert_eq!(checked["changed"], json!({"publisher": ["vaiano"]}));
    let applied = bench
        .operate(
            "POST",
            "/api/v1/admin/registry/apply?who=anna",
            &files.to_string(),
        )
        .await
        .json();
    assert_eq!(applied["revision"], 2);
    let shown = bench.get("/api/v1/publishers/vaiano").await.json();
    assert_eq!(shown["name"], "Comune di Vaiano (PO)");
    for bad in [
        "{}",
        "{\"lots.json\":\"x\"}",
        "{\"things.geojson\":{}}",
        "[]",
    ] {
        let reply = bench
            .operate("POST", "/api/v1/admin/registry/check", bad)
            .await;
        assert_eq!(
            reply.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{bad}: {}",
            reply.text()
        );
    }
    let accounts = bench
        .operate("GET", "/api/v1/admin/publishers", "")
        .await
        .json();
    assert_eq!(
        (
            &accounts["items"][0]["id"],
            &accounts["items"][0]["things"],
            &accounts["items"][0]["tokens"]
        ),
        (&json!("prato"), &json!(5), &json!(1))
    );
}

#[tokio::test]
async fn the_registrys_history_says_who_changed_what() {
    const HISTORY: &str = "/api/v1/admin/registry/history";
    let bench = Bench::new().await;
    let files = bench.operate("GET", "/api/v1/admin/registry/export", "");
    let mut files = files.await.json();
    let text = files["publishers.toml"].as_str().unwrap().to_owned();
    files["publishers.toml"] = text.replace("Vaiano", "Vaiano (PO)").into();
    let apply = "/api/v1/admin/registry/apply?who=anna";
    bench.operate("POST", apply, &files.to_string()).await;

    let whole = bench.operate("GET", HISTORY, "").await.json();
    let changes = whole["items"].as_array().unwrap();
    assert_eq!(changes.len(), 2);
    assert_eq!(
        changes[0],
        json!({
            "revision": 2, "who": "anna", "when": changes[0]["when"],
            "entries": [{"kind": "publisher", "id": "vaiano", "change": "changed"}],
        })
    );
    assert_eq!(changes[1]["revision"], 1);
    assert!(changes[1]["entries"].as_array().unwrap().len() > 5);

    let first = bench
        .operate("GET", &format!("{HISTORY}?limit=1"), "")
        .await;
    let first = first.json();
    assert_eq!(first["items"].as_array().unwrap().len(), 1);
    let next = first["next"].as_str().unwrap();
    let (_host, path) = next.split_once("/api").unwrap();
    let second = bench
        .operate("GET", &format!("/api{path}"), "")
        .await
        .json();
    assert_eq!(second["items"][0]["revision"], 1);
    assert_eq!(second["next"], Value::Null);

    let of_one = format!("{HISTORY}?entry=publisher&id=vaiano");
    let of_one = bench.operate("GET", &of_one, "").await.json();
    let entry = &of_one["items"][0]["entries"][0];
    let holds = |key: &str, words: &str| entry[key].as_str().unwrap().contains(words);
    assert!(!holds("before", "(PO)") && holds("after", "(PO)"));
    assert_eq!(of_one["items"][1]["entries"][0]["change"], "added");
    let none = bench
        .operate("GET", &format!("{HISTORY}?id=nobody"), "")
        .await;
    assert_eq!(none.json()["items"], json!([]));
    let wrong = bench
        .operate("GET", &format!("{HISTORY}?entry=lot"), "")
        .await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(
        wrong.json()["allowed"]
            .as_array()
            .unwrap()
            .contains(&json!("thing"))
    );
}
