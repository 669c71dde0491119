//! Requests of the command line to the holder of a data folder, and what its answers say.
//!
//! # Limits
//! [`ANSWER_BYTES_MAX`] for answers that are read whole; query results are streamed instead.

use anyhow::{Context as _, bail};
use axum::body::Body;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Limited};
use serde_json::Value;

use crate::door::Door;
use crate::exit::Usage;

/// Longest answer that is read whole: a region's registry is some ten megabytes.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// Sends a request and gives the answer, if it is a good one.
pub async fn send(
    door: &Door,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> anyhow::Result<Response<Body>> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost");
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    let bytes = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
    let response = door.send(request.body(Body::from(bytes))?).await?;
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status();
    let problem = read(response).await.unwrap_or(Value::Null);
    let mut words = problem["detail"]
        .as_str()
        .unwrap_or_else(|| status.as_str())
        .to_owned();
    let allowed = problem["allowed"].as_array().map_or(&[][..], Vec::as_slice);
    if !allowed.is_empty() {
        let list: Vec<&str> = allowed.iter().filter_map(Value::as_str).take(40).collect();
        words = format!("{words} (allowed: {})", list.join(", "));
    }
    for fault in problem["faults"].as_array().into_iter().flatten() {
        if let Some(line) = fault.as_str() {
            words = format!("{words}\n{line}");
        }
    }
    if status.is_client_error() {
        return Err(Usage::new(words).into());
    }
    bail!(words)
}

/// Reads an answer as JSON.
pub async fn read(response: Response<Body>) -> anyhow::Result<Value> {
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX);
    let collected = body
        .collect()
        .await
        .map_err(|error| anyhow::anyhow!(error))?;
    serde_json::from_slice(&collected.to_bytes()).context("read the answer")
}

/// Sends a request and reads its answer as JSON.
pub async fn ask(
    door: &Door,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> anyhow::Result<Value> {
    read(send(door, method, path, body).await?).await
}

/// An id as part of an address: what is not plain is percent-encoded.
pub fn percent(id: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    id.bytes().map(encode).collect()
}
