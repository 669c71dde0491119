//! `/status` and `/ready`: whether the service lives, and whether each part does its work.
//!
//! # Source
//! Italian interoperability guidelines, REST_NAME_011: `/status` answers problem+json, 200 when
//! well.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::params::Params;
use crate::port::ReadyPart;
use crate::problem::Problem;
use crate::state::ApiState;

/// Whether the service takes work, part by part.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// Whether every part that is required is ready.
    ready: bool,
    /// The parts: `store`, `service`, and each broker that is consumed from.
    parts: BTreeMap<String, ReadyPart>,
}

/// Says that the service lives.
pub(crate) async fn status(uri: Uri) -> Result<Response, Problem> {
    Params::read(&uri, &[])?;
    Ok(Problem::new(
        StatusCode::OK,
        "the service lives; /ready says how its parts are",
    )
    .into_response())
}

/// Says how the parts are.
pub(crate) async fn ready(State(state): State<ApiState>, uri: Uri) -> Result<Response, Problem> {
    Params::read(&uri, &[])?;
    let parts = state.ready().parts();
    let ready =
        parts.values().all(|part| part.ready || !part.required) && !state.token().is_cancelled();
    if !ready {
        let problem = Problem::unavailable("not every part of the service does its work");
        return Ok(problem
            .with("ready", json!(false))
            .with("parts", json!(parts))
            .into_response());
    }
    let mut response = Json(Readiness { ready, parts }).into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
