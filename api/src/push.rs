//! `POST /api/v1/push/{route}`: payloads over HTTP, by decoder route.
//!
//! # Invariants
//! 200 is answered after the payload is durable. A payload of which nothing could be stored is 422,
//! and durable in the quarantine; 503 means that nothing was taken: send it again.

use arno_model::Ledger;
use arno_store::Role;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::admit::Caller;
use crate::body;
use crate::params::{Params, quoted};
use crate::port::{PushDelivery, PushProblem, PushRefused};
use crate::problem::Problem;
use crate::state::ApiState;

/// Counts of observations by what became of them; `received` is their sum.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Ledger)]
pub(crate) struct LedgerItem {
    /// All.
    #[schema(value_type = i64)]
    received: u64,
    /// New, and durable.
    #[schema(value_type = i64)]
    stored: u64,
    /// Known already.
    #[schema(value_type = i64)]
    repeated: u64,
    /// Further versions of what was known.
    #[schema(value_type = i64)]
    corrected: u64,
    /// Refused; the refusal is durable.
    #[schema(value_type = i64)]
    quarantined: u64,
    /// Left out by a mapping's word.
    #[schema(value_type = i64)]
    ignored: u64,
}

impl From<Ledger> for LedgerItem {
    fn from(ledger: Ledger) -> Self {
        Self {
            received: ledger.received(),
            stored: ledger.stored,
            repeated: ledger.repeated,
            corrected: ledger.corrected,
            quarantined: ledger.quarantined,
            ignored: ledger.ignored,
        }
    }
}

/// What became of a push.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PushReceipt {
    ledger: LedgerItem,
    /// What was refused, and why.
    problems: Vec<PushProblem>,
    /// The stamp of the commit that made it durable.
    #[schema(value_type = String, format = DateTime)]
    known_at: arno_model::Timestamp,
}

/// Takes a payload.
pub(crate) async fn push(
    State(state): State<ApiState>,
    caller: Caller,
    Path(route): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let publisher = match &caller.0 {
        Role::Anonymous => {
            return Err(Problem::unauthorized(
                "a push needs a publisher's or an operator's token",
            ));
        }
        Role::Publisher(publisher) => Some(publisher.clone()),
        Role::Operator => None,
    };
    let params = Params::read(&parts.uri, &["thing"])?;
    let routes = state.push().routes();
    if !routes.contains(&route) {
        return Err(unknown_route(&route, routes));
    }
    let payload = body::read(&parts.headers, body, state.config().push_bytes_max).await?;
    if payload.is_empty() {
        return Err(Problem::malformed("the body is empty"));
    }
    let thing = params.text("thing").map(ToOwned::to_owned);
    let delivery = PushDelivery {
        route: route.clone(),
        thing,
        publisher,
        payload,
    };
    let answer = state
        .push()
        .deliver(delivery)
        .await
        .map_err(|refused| problem_of(&route, refused))?;
    let taken = answer.ledger.received() - answer.ledger.quarantined;
    if taken == 0 && answer.ledger.quarantined > 0 {
        let problem =
            Problem::wrong("nothing of the payload could be stored; it is kept in the quarantine")
                .with("ledger", json!(LedgerItem::from(answer.ledger)))
                .with("problems", json!(answer.problems));
        return Err(problem);
    }
    let receipt = PushReceipt {
        ledger: answer.ledger.into(),
        problems: answer.problems,
        known_at: answer.known_at,
    };
    Ok((StatusCode::OK, Json(receipt)).into_response())
}

fn unknown_route(route: &str, routes: Vec<String>) -> Problem {
    Problem::not_found(format!("there is no push route `{}`", quoted(route)))
        .at("route")
        .allowing(routes)
}

fn problem_of(route: &str, refused: PushRefused) -> Problem {
    match refused {
        PushRefused::UnknownRoute { allowed } => unknown_route(route, allowed),
        PushRefused::Forbidden { detail } => Problem::forbidden(detail),
        PushRefused::Incomplete { detail, field } => Problem::wrong(detail).at(field),
        PushRefused::Quota { retry_after_s } => Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "the publisher's quota is used up; nothing was taken",
        )
        .retry_after(retry_after_s.max(1)),
        PushRefused::Failed(error) => Problem::fault("store a push", error.retry, &error),
    }
}
