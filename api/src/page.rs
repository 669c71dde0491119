//! The dashboards: a path comes in, an embedded asset goes out.
//!
//! # Why
//! The application keeps its state in the address, so an address that is no asset and no face of
//! the API is the application's own: its start page answers, to whoever wants a page. All else is
//! 404.
//!
//! # Invariants
//! Pages may load from their own origin only: the headers say so, whatever the page tries.

use std::fmt::Debug;

use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    REFERRER_POLICY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;

use crate::problem::Problem;
use crate::state::ApiState;

/// The start page.
const START: &str = "index.html";
/// Beginnings of addresses that are never the application's.
const FACES: [&str; 9] = [
    "api",
    "status",
    "ready",
    "metrics",
    "openapi.json",
    "docs",
    "sensorthings",
    "catalog",
    "assets",
];
/// One asset of the dashboards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its media type.
    pub content_type: String,
    /// How long it keeps.
    pub cache_control: String,
    /// Its tag, with quotes.
    pub etag: String,
    /// What it may load: its `Content-Security-Policy`.
    pub policy: &'static str,
}

/// Holds the dashboards' assets; plugged by `src`.
pub trait Pages: Send + Sync + Debug {
    /// The asset at a path without its leading slash.
    fn asset(&self, path: &str) -> Option<Page>;
}

/// Answers what no face answers.
pub(crate) async fn fallback(
    State(state): State<ApiState>,
    request: Request,
) -> Result<Response, Problem> {
    let path = request.uri().path().trim_start_matches('/');
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if !is_read {
        return Err(nothing_here(path));
    }
    let asked = if path.is_empty() { START } else { path };
    if let Some(page) = state.pages().asset(asked) {
        return Ok(answer(page, request.headers()));
    }
    let first = path.split('/').next().unwrap_or_default();
    let is_ours = FACES.contains(&first) || first.starts_with("catalog.");
    if !is_ours
        && wants_page(request.headers())
        && let Some(page) = state.pages().asset(START)
    {
        return Ok(answer(page, request.headers()));
    }
    Err(nothing_here(path))
}

/// Puts on a page what it may load.
pub(crate) fn guard(response: &mut Response, policy: &'static str) {
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
}

fn wants_page(headers: &HeaderMap) -> bool {
    let lists = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    lists.into_iter().any(|list| list.contains("text/html"))
}

fn nothing_here(path: &str) -> Problem {
    let detail = if path.starts_with("api/") {
        "there is nothing at this address; /docs lists what there is"
    } else {
        "there is no such page or file"
    };
    Problem::not_found(detail).allowing([
        "/",
        "/docs",
        "/openapi.json",
        "/status",
        "/ready",
        "/metrics",
        "/api/v1/publishers",
        "/api/v1/areas",
        "/api/v1/things",
        "/api/v1/properties",
        "/api/v1/datastreams",
        "/api/v1/products",
        "/api/v1/sql",
        "/api/v1/live",
        "/api/v1/push/{route}",
    ])
}

fn answer(page: Page, headers: &HeaderMap) -> Response {
    let is_known = headers
        .get(IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|list| {
            list.split(',').any(|tag| {
                tag.trim().trim_start_matches("W/") == page.etag.trim_start_matches("W/")
            })
        });
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        page.bytes.into_response()
    };
    let named = [
        (CONTENT_TYPE, page.content_type),
        (CACHE_CONTROL, page.cache_control),
        (ETAG, page.etag),
    ];
    for (name, text) in named {
        if let Ok(value) = HeaderValue::try_from(text) {
            response.headers_mut().insert(name, value);
        }
    }
    guard(&mut response, page.policy);
    response
}
