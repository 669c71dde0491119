//! `/metrics`: what every room counts, in Prometheus' text format.
//!
//! # Why
//! Rooms count through the `metrics` facade; one recorder of the process keeps the counts. `src`
//! installs it, once, with [`install`], and spawns [`upkeep`]; the face prints it.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse as _, Response};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusRecorder};
use tokio_util::sync::CancellationToken;

use crate::params::Params;
use crate::problem::Problem;
use crate::state::ApiState;

pub use metrics_exporter_prometheus::PrometheusHandle;

/// Why metrics can't be kept.
#[derive(Debug, thiserror::Error)]
pub enum MetricError {
    /// The recorder could not be made.
    #[error("the recorder of metrics could not be made")]
    Build(#[from] BuildError),
    /// The process has a recorder already.
    #[error("the process has a recorder of metrics already")]
    Twice,
}

/// How often old samples of histograms are put together: without it they would grow while nobody
/// asks.
const UPKEEP: Duration = Duration::from_secs(5);
/// Borders of durations, in seconds: from an answer out of memory to the longest question.
const SECONDS: [f64; 10] = [0.001, 0.005, 0.02, 0.05, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0];

/// A recorder that is not the process's yet.
///
/// # Errors
/// [`MetricError::Build`] never happens with these borders.
pub fn recorder() -> Result<PrometheusRecorder, MetricError> {
    let seconds = Matcher::Suffix("_seconds".to_owned());
    let builder = PrometheusBuilder::new().set_buckets_for_metric(seconds, &SECONDS)?;
    Ok(builder.build_recorder())
}

/// Makes a new recorder the process's, and gives the handle that prints it.
///
/// # Errors
/// [`MetricError::Twice`].
pub fn install() -> Result<PrometheusHandle, MetricError> {
    let recorder = recorder()?;
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|_twice| MetricError::Twice)?;
    Ok(handle)
}

/// Keeps a recorder small until `token` says stop.
///
/// # Cancel
/// Safe to drop at any time.
pub async fn upkeep(handle: PrometheusHandle, token: CancellationToken) {
    while token
        .run_until_cancelled(tokio::time::sleep(UPKEEP))
        .await
        .is_some()
    {
        handle.run_upkeep();
    }
}

/// Prints the metrics.
pub(crate) async fn show(State(state): State<ApiState>, uri: Uri) -> Result<Response, Problem> {
    Params::read(&uri, &[])?;
    let handle = state
        .metrics()
        .ok_or_else(|| Problem::not_found("this process keeps no metrics"))?;
    let health = state.backend().health();
    set("arno_store_rows", health.rows);
    set("arno_store_hot_rows", health.hot_rows);
    set("arno_store_bytes", health.bytes.unwrap_or(0));
    set(
        "arno_api_live_listeners",
        u64::try_from(state.live().listeners()).unwrap_or(u64::MAX),
    );
    let mut response = handle.render().into_response();
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a float; counts beyond 2^53 lose their last digits"
)]
fn set(name: &'static str, count: u64) {
    metrics::gauge!(name).set(count as f64);
}
