//! Long answers: memory does not grow with them, and what breaks in the middle shows.

use std::sync::atomic::Ordering;
use std::time::Duration;

use arno_api::ApiConfig;
use axum::http::StatusCode;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::bench::{Bench, request};

const ROWS: &str = "/api/v1/products/parking_occupancy";

#[tokio::test]
async fn a_long_answer_is_made_only_as_fast_as_it_is_read() {
    let bench = Bench::new().await;
    bench
        .doubles
        .rows_count
        .store(10_000_000, Ordering::Release);
    for format in ["json", "ndjson", "csv", "geojson", "parquet", "arrow"] {
        bench.doubles.batches_made.store(0, Ordering::Release);
        let asked = request("GET", &format!("{ROWS}?format={format}"), &[], "");
        let mut body = bench.router().oneshot(asked).await.unwrap().into_body();
        for _piece in 0..3 {
            drop(body.frame().await.unwrap().unwrap());
        }
        // Give the writer every chance to run ahead.
        for _turn in 0..200 {
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        let made = bench.doubles.batches_made.load(Ordering::Acquire);
        // 10 million rows are 1,221 batches. Parquet holds a row group of up to 131,072 rows each.
        let most = if format == "parquet" { 16 * 7 } else { 12 };
        assert!(made <= most, "{format}: {made} batches were made ahead");
    }
}

#[tokio::test]
async fn ten_million_rows_pass_through_a_few_megabytes() {
    let bench = Bench::new().await;
    let rows = 1_000_000;
    bench.doubles.rows_count.store(rows, Ordering::Release);
    let asked = request("GET", &format!("{ROWS}?format=csv"), &[], "");
    let mut body = bench.router().oneshot(asked).await.unwrap().into_body();
    let (mut bytes, mut lines, mut longest) = (0, 0, 0);
    while let Some(frame) = body.frame().await {
        let piece = frame.unwrap().into_data().unwrap();
        bytes += piece.len();
        longest = longest.max(piece.len());
        lines += piece.windows(2).filter(|pair| *pair == b"\r\n").count();
    }
    assert_eq!(lines, rows + 1);
    assert!(
        bytes > 50_000_000 && longest < 4_000_000,
        "{bytes} bytes, pieces up to {longest}"
    );
}

#[tokio::test]
async fn an_answer_that_breaks_off_never_looks_whole() {
    let bench = Bench::new().await;
    bench.doubles.rows_count.store(100_000, Ordering::Release);
    bench.doubles.fails_after.store(40_000, Ordering::Release);
    for format in ["json", "csv", "parquet"] {
        let reply = bench.get(&format!("{ROWS}?format={format}")).await;
        assert_eq!(reply.status, StatusCode::OK);
        assert!(reply.is_broken, "{format}");
        assert!(!String::from_utf8_lossy(&reply.body).contains("secret"));
    }
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_let_go() {
    let config = ApiConfig {
        stall_time_max: Duration::from_millis(50),
        ..ApiConfig::default()
    };
    let bench = Bench::with(config).await;
    bench
        .doubles
        .rows_count
        .store(10_000_000, Ordering::Release);
    let asked = request("GET", &format!("{ROWS}?format=csv"), &[], "");
    let mut body = bench.router().oneshot(asked).await.unwrap().into_body();
    drop(body.frame().await.unwrap().unwrap());
    let before = bench.doubles.batches_made.load(Ordering::Acquire);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut is_broken = false;
    while let Some(frame) = body.frame().await {
        is_broken |= frame.is_err();
        if is_broken {
            break;
        }
    }
    assert!(is_broken);
    assert!(bench.doubles.batches_made.load(Ordering::Acquire) < before + 8);
}
