//! The guards around every address: caches, fair shares, other sites, proxies, pages.

use std::sync::atomic::Ordering;
use std::time::Duration;

use arno_api::ApiConfig;
use axum::extract::ConnectInfo;
use axum::http::StatusCode;
use std::net::SocketAddr;
use tower::ServiceExt as _;

use crate::bench::{Bench, Reply, request};

const ROWS: &str = "/api/v1/products/parking_occupancy";

#[tokio::test]
async fn a_known_answer_is_not_sent_again() {
    let bench = Bench::new().await;
    for path in [
        "/api/v1/areas",
        "/api/v1/things/prato:lot-1",
        ROWS,
        "/api/v1/areas?format=csv",
    ] {
        let first = bench.get(path).await;
        assert_eq!(first.status, StatusCode::OK, "{path}");
        let tag = first.header("etag").to_owned();
        let again = bench
            .send("GET", path, &[("if-none-match", &tag)], "")
            .await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{path}");
        assert!(again.body.is_empty());
        assert_eq!(again.header("etag"), tag);
        let other = bench
            .send("GET", path, &[("if-none-match", "W/\"other\"")], "")
            .await;
        assert_eq!(other.status, StatusCode::OK);
    }
    let applied = bench
        .operate("POST", "/api/v1/admin/registry/apply", "{\"publishers.toml\":\"[[publisher]]\\nid = \\\"prato\\\"\\nname = \\\"P\\\"\\nkind = \\\"municipality\\\"\\n[[publisher]]\\nid = \\\"vaiano\\\"\\nname = \\\"V\\\"\\nkind = \\\"municipality\\\"\\n\"}")
        .await;
    assert_eq!(applied.status, StatusCode::OK, "{}", applied.text());
    let tag = bench.get("/api/v1/areas").await.header("etag").to_owned();
    assert!(tag.contains("-2-"), "{tag}");
}

#[tokio::test]
async fn answers_say_how_long_they_keep_and_for_whom() {
    let bench = Bench::new().await;
    let control = async |path: &str| bench.get(path).await.header("cache-control").to_owned();
    assert_eq!(control(ROWS).await, "public, no-cache");
    let closed = format!("{ROWS}?to=2026-05-01T08:00:00Z");
    assert_eq!(
        control(&closed).await,
        "public, max-age=60, must-revalidate"
    );
    let open = format!("{ROWS}?to=2026-05-01T09:00:00Z");
    assert_eq!(control(&open).await, "public, no-cache");
    assert_eq!(
        control("/api/v1/areas").await,
        "public, max-age=60, must-revalidate"
    );
    assert_eq!(control("/api/v1/areas?level=x").await, "no-store");
    let bearer = format!("Bearer {}", bench.publisher);
    let reply = bench
        .send("GET", &closed, &[("authorization", &bearer)], "")
        .await;
    assert_eq!(
        reply.header("cache-control"),
        "private, max-age=60, must-revalidate"
    );
    assert!(reply.header("vary").contains("authorization"));
    let public = bench.get(&closed).await;
    assert_ne!(public.header("etag"), reply.header("etag"));
}

#[tokio::test]
async fn a_caller_that_asks_too_much_waits_and_others_do_not() {
    let config = ApiConfig {
        rate_anonymous_per_minute: 3,
        rate_token_per_minute: 0,
        ..ApiConfig::default()
    };
    let bench = Bench::with(config).await;
    for left in ["2", "1", "0"] {
        let reply = bench.get("/api/v1/publishers").await;
        assert_eq!(reply.status, StatusCode::OK);
        assert_eq!(
            (
                reply.header("x-ratelimit-limit"),
                reply.header("x-ratelimit-remaining")
            ),
            ("3", left)
        );
    }
    let reply = bench.get("/api/v1/publishers").await;
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(reply.header("content-type"), "application/problem+json");
    let reset: u32 = reply.header("x-ratelimit-reset").parse().unwrap();
    let retry: u32 = reply.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&reset) && retry == reset);
    assert_eq!(reply.header("access-control-allow-origin"), "*");
    let bearer = format!("Bearer {}", bench.operator);
    let reply = bench
        .send(
            "GET",
            "/api/v1/publishers",
            &[("authorization", &bearer)],
            "",
        )
        .await;
    assert_eq!(
        (reply.status, reply.header("x-ratelimit-limit")),
        (StatusCode::OK, "")
    );
    let mut other = request("GET", "/api/v1/publishers", &[], "");
    other
        .extensions_mut()
        .insert(ConnectInfo(SocketAddr::from(([9, 9, 9, 9], 1))));
    assert_eq!(
        bench.router().oneshot(other).await.unwrap().status(),
        StatusCode::OK
    );
    assert_eq!(
        bench
            .operate("GET", "/api/v1/publishers", "")
            .await
            .header("x-ratelimit-limit"),
        ""
    );
}

#[tokio::test]
async fn wrong_tokens_count_against_their_sender() {
    let config = ApiConfig {
        rate_anonymous_per_minute: 2,
        ..ApiConfig::default()
    };
    let bench = Bench::with(config).await;
    let wrong = [("authorization", "Bearer arno_guess")];
    assert_eq!(
        bench.send("GET", "/status", &wrong, "").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        bench.send("GET", "/status", &wrong, "").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        bench.send("GET", "/status", &wrong, "").await.status,
        StatusCode::TOO_MANY_REQUESTS
    );
}

#[tokio::test]
async fn only_configured_proxies_are_believed() {
    let config = ApiConfig {
        trusted_proxies: vec!["10.0.0.0/8".to_owned()],
        ..ApiConfig::default()
    };
    let bench = Bench::with(config).await;
    let headers = [
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "dati.example.it"),
    ];
    let next = async |peer: [u8; 4]| {
        let mut asked = request("GET", "/api/v1/areas?limit=1", &headers, "");
        asked
            .extensions_mut()
            .insert(ConnectInfo(SocketAddr::from((peer, 1))));
        let reply = Reply::read(bench.router().oneshot(asked).await.unwrap()).await;
        reply.json()["next"].as_str().unwrap().to_owned()
    };
    assert!(
        next([10, 1, 2, 3])
            .await
            .starts_with("https://dati.example.it/api/v1/areas?limit=1&cursor=")
    );
    assert!(next([8, 8, 8, 8]).await.starts_with("http://arno.test/"));
    let fixed = ApiConfig {
        public_url: "https://arno.example/x".to_owned(),
        ..ApiConfig::default()
    };
    let bench = Bench::with(fixed).await;
    let body = bench.get("/api/v1/areas?limit=1").await.json();
    assert!(
        body["next"]
            .as_str()
            .unwrap()
            .starts_with("https://arno.example/x/api/v1/areas")
    );
}

#[tokio::test]
async fn other_sites_may_read_and_not_administer() {
    let bench = Bench::new().await;
    let origin = [("origin", "https://other.example")];
    let reply = bench.send("GET", "/api/v1/areas", &origin, "").await;
    assert_eq!(reply.header("access-control-allow-origin"), "*");
    assert!(
        reply
            .header("access-control-expose-headers")
            .contains("x-ratelimit-limit")
    );
    let asked = [
        ("origin", "https://other.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type"),
    ];
    let reply = bench.send("OPTIONS", "/api/v1/sql", &asked, "").await;
    assert_eq!(reply.status, StatusCode::OK);
    assert!(
        reply
            .header("access-control-allow-methods")
            .contains("POST")
    );
    let reply = bench
        .send("OPTIONS", "/api/v1/admin/tokens", &asked, "")
        .await;
    assert_eq!(reply.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn head_answers_like_get_without_a_body() {
    let bench = Bench::new().await;
    for path in ["/status", "/api/v1/areas", ROWS, "/", "/openapi.json"] {
        let get = bench.get(path).await;
        let head = bench.send("HEAD", path, &[], "").await;
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        assert_eq!(
            head.header("content-type"),
            get.header("content-type"),
            "{path}"
        );
        assert_eq!(head.header("etag"), get.header("etag"), "{path}");
    }
}

#[tokio::test]
async fn answers_travel_compressed_when_asked() {
    let bench = Bench::new().await;
    for encoding in ["gzip", "br", "zstd"] {
        let reply = bench
            .send("GET", "/api/v1/areas", &[("accept-encoding", encoding)], "")
            .await;
        assert_eq!(reply.header("content-encoding"), encoding);
    }
    let packed = format!("{ROWS}?format=parquet");
    let reply = bench
        .send("GET", &packed, &[("accept-encoding", "gzip")], "")
        .await;
    assert_eq!(reply.header("content-encoding"), "");
}

#[tokio::test]
async fn every_answer_has_an_id_and_a_plain_one_is_kept() {
    let bench = Bench::new().await;
    let reply = bench
        .send("GET", "/status", &[("x-request-id", "trace-7")], "")
        .await;
    assert_eq!(reply.header("x-request-id"), "trace-7");
    let reply = bench
        .send("GET", "/nothing", &[("x-request-id", "a b<script>")], "")
        .await;
    assert!(
        !reply.header("x-request-id").is_empty() && !reply.header("x-request-id").contains('<')
    );
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn a_request_that_takes_too_long_or_finds_no_place_is_told_to_come_again() {
    let config = ApiConfig {
        request_time_max: Duration::from_millis(50),
        requests_count_max: 1,
        ..ApiConfig::default()
    };
    let bench = Bench::with(config).await;
    let headers = [("content-type", "application/json")];
    let slow = bench.send("POST", "/api/v1/sql", &headers, "{\"query\":\"wait\"}");
    let other = async {
        tokio::task::yield_now().await;
        bench.get("/api/v1/areas").await
    };
    let (slow, other) = tokio::join!(slow, other);
    for reply in [slow, other] {
        assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(reply.header("retry-after").parse::<u32>().unwrap() > 0);
        assert_eq!(reply.header("content-type"), "application/problem+json");
    }
    assert_eq!(bench.get("/api/v1/areas").await.status, StatusCode::OK);
}

#[tokio::test]
async fn status_and_readiness_tell_how_the_service_is() {
    let bench = Bench::new().await;
    let status = bench.get("/status").await;
    assert_eq!(status.header("content-type"), "application/problem+json");
    assert_eq!(status.json()["status"], 200);
    let ready = bench.get("/ready").await;
    assert_eq!(
        (ready.status, ready.json()["ready"].clone()),
        (StatusCode::OK, true.into())
    );
    bench.ready.0.store(false, Ordering::Release);
    let ready = bench.get("/ready").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready.json()["parts"]["store"]["ready"], false);
    assert!(!ready.header("retry-after").is_empty());
    assert_eq!(bench.get("/metrics").await.status, StatusCode::OK);
}

#[tokio::test]
async fn pages_answer_where_no_face_does() {
    let bench = Bench::new().await;
    let html = [("accept", "text/html,*/*;q=0.8")];
    for path in ["/", "/area/it-mun-100005?lang=it"] {
        let page = bench.send("GET", path, &html, "").await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(page.text().contains("<title>Arno"));
        assert!(
            page.header("content-security-policy")
                .starts_with("default-src 'self'")
        );
    }
    let tag = bench.get("/assets/app.js").await.header("etag").to_owned();
    let again = bench
        .send("GET", "/assets/app.js", &[("if-none-match", &tag)], "")
        .await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    for path in ["/api/v1/nothing", "/api", "/assets/gone.js", "/docs/x.js"] {
        assert_eq!(
            bench.send("GET", path, &html, "").await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    assert_eq!(bench.get("/area/x").await.status, StatusCode::NOT_FOUND);
    assert_eq!(
        bench.send("POST", "/", &html, "").await.status,
        StatusCode::NOT_FOUND
    );
    let docs = bench.get("/docs").await;
    assert!(docs.text().contains("/docs/docs.js") && !docs.text().contains("https://"));
    assert_eq!(bench.get("/docs/docs.css").await.status, StatusCode::OK);
}
