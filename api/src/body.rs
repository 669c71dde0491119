//! Request bodies: a stream of unknown length comes in, bounded bytes or a checked object go out.
//!
//! # Limits
//! Each address names its own; a longer body is 413, unread where its length is announced.

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// Reads a whole body of at most `bytes_max`.
pub(crate) async fn read(
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
) -> Result<Bytes, Problem> {
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    let announced = announced
        .and_then(|text| text.parse::<u64>().ok())
        .unwrap_or(0);
    if usize::try_from(announced).is_ok_and(|bytes| bytes > bytes_max) {
        return Err(too_long(bytes_max));
    }
    match Limited::new(body, bytes_max).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => {
            Err(too_long(bytes_max))
        }
        Err(_broken) => Err(Problem::malformed("the body broke off")),
    }
}

/// Reads a JSON object of at most `bytes_max`.
pub(crate) async fn read_json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
) -> Result<T, Problem> {
    let media = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = media.split(';').next().unwrap_or_default().trim();
    let is_json = essence.eq_ignore_ascii_case("application/json")
        || (essence.starts_with("application/") && essence.ends_with("+json"));
    if !is_json {
        let detail = "the body's Content-Type must say application/json";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
            .at("Content-Type")
            .allowing(["application/json"]));
    }
    let bytes = read(headers, body, bytes_max).await?;
    serde_json::from_slice(&bytes).map_err(|error| {
        let detail = format!("the body: {error}");
        if error.is_data() {
            Problem::wrong(detail)
        } else {
            Problem::malformed(detail)
        }
    })
}

fn too_long(bytes_max: usize) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("the body is longer than {bytes_max} bytes"),
    )
    .allowing([format!("at most {bytes_max} bytes")])
}
