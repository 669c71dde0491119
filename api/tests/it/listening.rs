//! Live events: filters, coming back, and the end of the service.

use arno_api::LiveEvent;
use arno_model::ThingId;
use axum::body::Body;
use axum::http::StatusCode;
use serde_json::json;
use tower::ServiceExt as _;

use crate::bench::{Bench, read_until, request};

fn event(area: &str, thing: Option<&str>, vehicles: u32) -> LiveEvent {
    LiveEvent {
        product: "parking_occupancy".to_owned(),
        area: thing.unwrap_or(area).to_owned(),
        level: if thing.is_some() {
            "thing"
        } else {
            "municipality"
        }
        .to_owned(),
        thing: thing.map(|id| ThingId::parse(id).unwrap()),
        row: json!({"area": area, "vehicles": vehicles}),
    }
}

async fn listen(bench: &Bench, query: &str, last: Option<u64>) -> Body {
    let last = last.map(|last| last.to_string());
    let headers: Vec<(&str, &str)> = last
        .iter()
        .map(|last| ("last-event-id", last.as_str()))
        .collect();
    let asked = request("GET", &format!("/api/v1/live{query}"), &headers, "");
    let response = bench.router().oneshot(asked).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let hello = read_until(&mut body, |text| text.contains("\n\n")).await;
    assert!(
        hello.contains("event: hello") && hello.contains("2026-05-01T08:20:00Z"),
        "{hello}"
    );
    body
}

fn ids(text: &str) -> Vec<u64> {
    text.lines()
        .filter_map(|line| line.strip_prefix("id: ")?.parse().ok())
        .collect()
}

#[tokio::test]
async fn a_listener_hears_its_area_and_what_lies_in_it() {
    let bench = Bench::new().await;
    let mut body = listen(&bench, "?area=it-mun-100005", None).await;
    bench.live.publish(event("it-mun-100006", None, 1));
    bench.live.publish(event("", Some("vaiano:lot"), 2));
    bench.live.publish(event("it-mun-100005", None, 3));
    bench.live.publish(event("", Some("prato:lot-1"), 4));
    let text = read_until(&mut body, |text| text.contains("\"vehicles\":4")).await;
    assert!(
        !text.contains("\"vehicles\":1") && !text.contains("\"vehicles\":2"),
        "{text}"
    );
    assert!(text.contains("event: parking_occupancy"));
    assert!(text.contains("\"level\":\"municipality\""));
    let mut body = listen(&bench, "?area=it-reg-09&thing=prato:lot-1", None).await;
    bench.live.publish(event("it-mun-100005", None, 5));
    bench.live.publish(event("", Some("prato:lot-1"), 6));
    let text = read_until(&mut body, |text| text.contains("\"vehicles\":6")).await;
    assert!(!text.contains("\"vehicles\":5"), "{text}");
}

#[tokio::test]
async fn a_listener_that_comes_back_misses_nothing() {
    let bench = Bench::new().await;
    let mut body = listen(&bench, "", None).await;
    let first = bench.live.publish(event("it-mun-100005", None, 1));
    let text = read_until(&mut body, |text| text.contains("\"vehicles\":1")).await;
    assert_eq!(ids(&text), [first]);
    drop(body);
    for vehicles in 2..5 {
        bench.live.publish(event("it-mun-100005", None, vehicles));
    }
    let mut body = listen(&bench, "", Some(first)).await;
    bench.live.publish(event("it-mun-100005", None, 5));
    let text = read_until(&mut body, |text| text.contains("\"vehicles\":5")).await;
    assert_eq!(ids(&text), [first + 1, first + 2, first + 3, first + 4]);
    assert!(!text.contains("event: gap"));
    let mut body = listen(&bench, "", Some(7)).await;
    let text = read_until(&mut body, |text| text.contains("\"vehicles\":5")).await;
    assert!(text.starts_with("event: gap"), "{text}");
}

#[tokio::test]
async fn there_are_only_so_many_places_and_they_come_back() {
    let config = arno_api::ApiConfig {
        live_listeners_count_max: 1,
        ..arno_api::ApiConfig::default()
    };
    let bench = Bench::with(config).await;
    let body = listen(&bench, "", None).await;
    assert_eq!(
        bench.get("/api/v1/live").await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    drop(body);
    drop(listen(&bench, "", None).await);
}

#[tokio::test]
async fn the_end_of_the_service_ends_the_stream() {
    let bench = Bench::new().await;
    let mut body = listen(&bench, "", None).await;
    bench.token.cancel();
    let text = read_until(&mut body, |_| false).await;
    assert_eq!(text, "");
}
