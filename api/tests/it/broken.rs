//! Broken requests: each gets a problem that a person can act on, and tells nothing of the insides.

use axum::http::StatusCode;
use std::sync::atomic::Ordering;

use crate::bench::Bench;

/// Method, address, header, body → status, and what `allowed` must hold.
type Case = (
    &'static str,
    &'static str,
    Option<(&'static str, &'static str)>,
    &'static str,
    u16,
    &'static str,
);

const JSON: Option<(&str, &str)> = Some(("content-type", "application/json"));
const ROWS: &str = "/api/v1/products/parking_occupancy";

fn cases() -> Vec<Case> {
    vec![
        (
            "GET",
            "/api/v1/products/parking_occupancy?buckte=1h",
            None,
            "",
            400,
            "bucket",
        ),
        (
            "GET",
            "/api/v1/products/parking_occupancy?bucket=2h",
            None,
            "",
            400,
            "1h",
        ),
        (
            "GET",
            "/api/v1/products/parking_occupancy?bucket=now",
            None,
            "",
            400,
            "1h",
        ),
        (
            "GET",
            "/api/v1/products/parking_occupancy?level=town",
            None,
            "",
            400,
            "municipality",
        ),
        (
            "GET",
            "/api/v1/products/parking_occupancy?level=union",
            None,
            "",
            400,
            "province",
        ),
        (
            "GET",
            "/api/v1/products/parking_occupancy?area=it-mun-100009",
            None,
            "",
            422,
            "it-mun-100005",
        ),
        (
            "GET",
            "/api/v1/products/parking_occupancy?area=it-mun-100005&area=it-mun-100006",
            None,
            "",
            400,
            "",
        ),
        (
            "GET",
            "/api/v1/products/parking_occupancy?from=yesterday",
            None,
            "",
            400,
            "RFC 3339",
        ),
        (
            "GET",
            "/api/v1/products/parking_occupancy?from=2026-05-01T10:00:00",
            None,
            "",
            400,
            "RFC 3339",
        ),
        (
            "GET",
            "/api/v1/products/parking_occupancy?from=2026-05-02T00:00:00Z&to=2026-05-01T00:00:00Z",
            None,
            "",
            400,
            "before",
        ),
        (
            "GET",
            "/api/v1/products/parking_occupancy?limit=0",
            None,
            "",
            400,
            "1 to 100000",
        ),
        (
            "GET",
            "/api/v1/products/parking_occupancy?limit=1e3",
            None,
            "",
            400,
            "1 to 100000",
        ),
        (
            "GET",
            "/api/v1/products/parking_occupancy?cursor=page2",
            None,
            "",
            400,
            "next",
        ),
        (
            "GET",
            "/api/v1/products/parking_occupancy?format=xlsx",
            None,
            "",
            406,
            "csv",
        ),
        (
            "GET",
            ROWS,
            Some(("accept", "application/xml")),
            "",
            406,
            "geojson",
        ),
        (
            "GET",
            "/api/v1/products/parking_occupancy?sep=;",
            None,
            "",
            400,
            "format=csv",
        ),
        (
            "GET",
            "/api/v1/products/parking_occupancy?format=csv&sep=|",
            None,
            "",
            400,
            "tab",
        ),
        (
            "GET",
            "/api/v1/products/parking_occupancy?publisher=firenze",
            None,
            "",
            422,
            "prato",
        ),
        (
            "GET",
            "/api/v1/products/parking_occupancy?thing=lot-1",
            None,
            "",
            404,
            "",
        ),
        (
            "GET",
            "/api/v1/products/parking",
            None,
            "",
            404,
            "parking_occupancy",
        ),
        ("GET", "/api/v1/product", None, "", 404, "/api/v1/products"),
        (
            "GET",
            "/api/v1/areas/it-mun-1",
            None,
            "",
            404,
            "it-mun-100005",
        ),
        (
            "GET",
            "/api/v1/areas?level=city",
            None,
            "",
            400,
            "municipality",
        ),
        (
            "GET",
            "/api/v1/areas?within=toscana",
            None,
            "",
            422,
            "it-reg-09",
        ),
        (
            "GET",
            "/api/v1/things?kind=lot",
            None,
            "",
            400,
            "parking_lot",
        ),
        ("GET", "/api/v1/publishers/nobody", None, "", 404, "prato"),
        (
            "GET",
            "/api/v1/properties/occupied%2F",
            None,
            "",
            404,
            "occupied",
        ),
        (
            "GET",
            "/api/v1/datastreams/prato:lot-1/occupied",
            None,
            "",
            404,
            "prato:lot-1/vehicles",
        ),
        (
            "GET",
            "/api/v1/things/prato:lot-1/observations?property=cars",
            None,
            "",
            422,
            "vehicles",
        ),
        (
            "GET",
            "/api/v1/things/prato:lot-1/observations?form=csv",
            None,
            "",
            400,
            "format",
        ),
        (
            "GET",
            "/api/v1/things/prato:lot-1/observations?format=geojson",
            None,
            "",
            406,
            "json",
        ),
        (
            "GET",
            "/api/v1/live?product=wifi",
            None,
            "",
            422,
            "parking_occupancy",
        ),
        ("GET", "/api/v1/live?area=nowhere", None, "", 422, ""),
        (
            "GET",
            "/api/v1/live",
            Some(("last-event-id", "abc")),
            "",
            400,
            "",
        ),
        ("GET", "/status?verbose=1", None, "", 400, ""),
        ("PUT", "/api/v1/areas", None, "", 405, "GET"),
        ("GET", "/api/v1/sql", None, "", 405, "POST"),
        (
            "POST",
            "/api/v1/sql",
            None,
            "{\"query\":\"SELECT 1\"}",
            415,
            "application/json",
        ),
        (
            "POST",
            "/api/v1/sql",
            Some(("content-type", "text/plain")),
            "SELECT 1",
            415,
            "application/json",
        ),
        ("POST", "/api/v1/sql", JSON, "{\"query\":", 400, ""),
        (
            "POST",
            "/api/v1/sql",
            JSON,
            "{\"sql\":\"SELECT 1\"}",
            422,
            "",
        ),
        ("POST", "/api/v1/sql", JSON, "{\"query\":\" \"}", 422, ""),
        (
            "POST",
            "/api/v1/sql",
            JSON,
            "{\"query\":\"DELETE\"}",
            422,
            "SELECT",
        ),
        ("POST", "/api/v1/push/native", JSON, "{}", 401, "Bearer"),
        ("GET", "/api/v1/admin/ledger", None, "", 401, "Bearer"),
        (
            "GET",
            "/api/v1/areas",
            Some(("authorization", "Bearer arno_wrong")),
            "",
            401,
            "Bearer",
        ),
        (
            "GET",
            "/api/v1/areas",
            Some(("authorization", "Basic cHJhdG86eA==")),
            "",
            401,
            "Bearer",
        ),
        (
            "GET",
            "/api/v1/areas",
            Some(("authorization", "Bearer")),
            "",
            401,
            "Bearer",
        ),
    ]
}

#[tokio::test]
async fn every_broken_request_gets_a_problem_that_names_what_is_allowed() {
    let bench = Bench::new().await;
    for (method, path, header, body, status, allowed) in cases() {
        let headers: Vec<_> = header.into_iter().collect();
        let reply = bench.send(method, path, &headers, body).await;
        let case = format!("{method} {path} {header:?}: {}", reply.text());
        assert_eq!(reply.status.as_u16(), status, "{case}");
        assert_eq!(
            reply.header("content-type"),
            "application/problem+json",
            "{case}"
        );
        let problem = reply.json();
        assert_eq!(problem["status"], status, "{case}");
        assert_eq!(problem["type"], "about:blank", "{case}");
        assert!(problem["detail"].as_str().unwrap().len() > 10, "{case}");
        if !allowed.is_empty() {
            let listed = problem["allowed"]
                .as_array()
                .unwrap_or_else(|| panic!("no list: {case}"));
            let names = |word: &serde_json::Value| word.as_str().unwrap().contains(allowed);
            assert!(listed.iter().any(names), "{allowed} is not listed: {case}");
        }
    }
}

#[tokio::test]
async fn long_and_odd_input_is_refused_and_said_back_short() {
    let bench = Bench::new().await;
    let long = "x".repeat(5_000);
    for path in [
        format!("/api/v1/products/parking_occupancy?area={long}"),
        format!("/api/v1/products/{long}"),
        format!("/api/v1/areas?{long}=1"),
        format!("/api/v1/things/{long}"),
        "/api/v1/things/%00%0a".to_owned(),
        "/api/v1/areas?level=%ff%fe".to_owned(),
        "/api/v1/things/%ff".to_owned(),
        "/api/v1/areas/..%2f..%2fetc%2fpasswd".to_owned(),
    ] {
        let reply = bench.get(&path).await;
        assert!(reply.status.is_client_error(), "{path}: {}", reply.status);
        assert!(reply.body.len() < 2_000, "{path}: {}", reply.text());
        assert_eq!(
            reply.header("content-type"),
            "application/problem+json",
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_unread() {
    let bench = Bench::new().await;
    let long = format!("{{\"query\":\"{}\"}}", "x".repeat(70_000));
    let reply = bench
        .send(
            "POST",
            "/api/v1/sql",
            &[("content-type", "application/json")],
            &long,
        )
        .await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(
        reply.json()["allowed"][0]
            .as_str()
            .unwrap()
            .contains("65536")
    );
}

#[tokio::test]
async fn faults_of_ours_tell_nothing_of_the_insides() {
    let bench = Bench::new().await;
    let headers = [("content-type", "application/json")];
    let reply = bench
        .send("POST", "/api/v1/sql", &headers, "{\"query\":\"panic\"}")
        .await;
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(reply.header("content-type"), "application/problem+json");
    assert!(!reply.text().contains("made-up"));

    bench.doubles.fails_after.store(1, Ordering::Release);
    let reply = bench.get(ROWS).await;
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!reply.text().contains("secret"), "{}", reply.text());
}
