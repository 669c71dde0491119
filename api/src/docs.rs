//! `/docs`: the OpenAPI document for people, drawn by a page of our own.
//!
//! # Why
//! The ready-made pages load a megabyte and more from another host. This one is three small files
//! that read `/openapi.json`, work without a network beyond ours, and let one try each address.

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Uri};
use axum::response::{IntoResponse as _, Response};

use crate::page;
use crate::params::Params;
use crate::problem::Problem;

const PAGE: &str = include_str!("docs/index.html");
const SCRIPT: &str = include_str!("docs/docs.js");
/// What the page may load: its own origin.
const POLICY: &str = "default-src 'self'; object-src 'none'; base-uri 'none'; \
    form-action 'self'; frame-ancestors 'self'";
const STYLE: &str = include_str!("docs/docs.css");

/// Shows the page.
pub(crate) async fn show(uri: Uri) -> Result<Response, Problem> {
    Params::read(&uri, &[])?;
    Ok(answer(PAGE, "text/html; charset=utf-8"))
}

/// Gives the page's script or style.
pub(crate) async fn asset(Path(name): Path<String>) -> Result<Response, Problem> {
    match name.as_str() {
        "docs.js" => Ok(answer(SCRIPT, "text/javascript; charset=utf-8")),
        "docs.css" => Ok(answer(STYLE, "text/css; charset=utf-8")),
        _ => Err(Problem::not_found("there is no such file").allowing(["docs.js", "docs.css"])),
    }
}

fn answer(text: &'static str, kind: &'static str) -> Response {
    let mut response = text.into_response();
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("public, no-cache"));
    page::guard(&mut response, POLICY);
    response
}
