//! `/api/v1/admin/…`: what operators see and do.
//!
//! # Invariants
//! Every handler begins with [`Caller::must_operate`](crate::admit::Caller::must_operate). Answers
//! are never kept by caches. A token's secret is in the answer that makes it and nowhere else.

pub(crate) mod history;
pub(crate) mod ledger;
pub(crate) mod publishers;
pub(crate) mod quarantine;
pub(crate) mod registry;
pub(crate) mod tokens;

use axum::Json;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

/// An answer for an operator's eyes.
fn private<T: Serialize>(status: StatusCode, body: &T) -> Response {
    let mut response = (status, Json(body)).into_response();
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
