//! `/api/v1/admin/quarantine`: what could not be stored, and why, newest first.

use arno_store::{QuarantineFilter, QuarantineReason, Quarantined};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::private;
use crate::address;
use crate::admit::Caller;
use crate::native::things;
use crate::params::{Params, quoted};
use crate::problem::Problem;
use crate::state::ApiState;

/// Refusals of a page when nobody says how many.
const PAGE_REFUSALS_DEFAULT: usize = 100;
/// Most refusals of a page: each may carry 16 KiB of payload.
const PAGE_REFUSALS_MAX: usize = 1_000;
/// All reasons, for the problem that lists them.
const REASONS: [QuarantineReason; 13] = [
    QuarantineReason::Malformed,
    QuarantineReason::TooLong,
    QuarantineReason::UnknownThing,
    QuarantineReason::UnknownProperty,
    QuarantineReason::BadTime,
    QuarantineReason::MissingTime,
    QuarantineReason::Future,
    QuarantineReason::TooOld,
    QuarantineReason::BadValue,
    QuarantineReason::WrongNumber,
    QuarantineReason::UnknownDevice,
    QuarantineReason::ThingNotValid,
    QuarantineReason::ShowsReserved,
];

/// A refusal.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Refusal {
    /// Its number, growing.
    #[schema(value_type = i64)]
    id: u64,
    /// Why, from a closed list.
    #[schema(value_type = String)]
    reason: &'static str,
    /// Which part, and what would be right.
    detail: String,
    /// The topic or route it came by.
    topic: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    publisher: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    received: arno_model::Timestamp,
    /// The payload, where it is text and its route carries no people's identifiers.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<String>,
    /// The payload, where it is not text.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
    /// Its whole length.
    #[schema(value_type = i64)]
    payload_bytes: u64,
    /// How many observations it stands for.
    #[schema(value_type = i64)]
    observations_count: u64,
}

impl From<Quarantined> for Refusal {
    fn from(kept: Quarantined) -> Self {
        let entry = kept.entry;
        let (text, bytes) = match entry.payload.map(String::from_utf8) {
            None => (None, None),
            Some(Ok(text)) => (Some(text), None),
            Some(Err(error)) => (None, Some(STANDARD.encode(error.as_bytes()))),
        };
        Self {
            id: kept.id,
            reason: entry.reason.as_str(),
            detail: entry.detail,
            topic: entry.topic,
            publisher: entry.publisher.map(String::from),
            received: entry.received,
            payload: text,
            payload_base64: bytes,
            payload_bytes: entry.payload_bytes,
            observations_count: entry.observations_count,
        }
    }
}

/// A page of refusals.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Refusals {
    items: Vec<Refusal>,
    /// The address of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Lists refusals.
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    parts: Parts,
) -> Result<Response, Problem> {
    caller.must_operate()?;
    let params = Params::read(&parts.uri, &["publisher", "reason", "limit", "cursor"])?;
    let registry = state.registry();
    let limit = params
        .limit(PAGE_REFUSALS_MAX)?
        .unwrap_or(PAGE_REFUSALS_DEFAULT);
    let before_id: Option<u64> = params.parsed("cursor", &["the cursor in `next`"])?;
    let filter = QuarantineFilter {
        publisher: things::publisher(&registry, &params)?,
        reason: reason(&params)?,
        before_id,
        limit: limit + 1,
    };
    let kept = state.backend().quarantined(filter).await;
    let mut kept =
        kept.map_err(|error| Problem::fault("read the quarantine", error.retry(), &error))?;
    let has_more = kept.len() > limit;
    kept.truncate(limit);
    let last = kept
        .last()
        .filter(|_| has_more)
        .map(|refusal| refusal.id.to_string());
    let own = address::own(&state, &parts);
    let next = last.map(|cursor| address::next(&own, &parts.uri, params.pairs(), &cursor));
    let items = kept.into_iter().map(Refusal::from).collect();
    Ok(private(StatusCode::OK, &Refusals { items, next }))
}

fn reason(params: &Params) -> Result<Option<QuarantineReason>, Problem> {
    let Some(text) = params.text("reason") else {
        return Ok(None);
    };
    let known: Option<QuarantineReason> = serde_json::from_value(Value::from(text)).ok();
    known.map(Some).ok_or_else(|| {
        Problem::malformed(format!("`reason` is `{}`", quoted(text)))
            .at("reason")
            .allowing(REASONS.iter().map(|reason| reason.as_str()))
    })
}
