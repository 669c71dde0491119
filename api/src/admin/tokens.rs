//! `/api/v1/admin/tokens`: credentials: made, listed and revoked.

use arno_model::PublisherId;
use arno_store::Role;
use arno_store::token::{TokenEntry, TokenError};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Request, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::private;
use crate::admit::Caller;
use crate::body;
use crate::params::{Params, quoted};
use crate::problem::Problem;
use crate::state::ApiState;

/// Bytes of a request for a token.
const REQUEST_BYTES_MAX: usize = 4_096;

/// Whom a new token is for: a publisher, or an operator.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenRequest {
    /// The publisher; absent: an operator's token, which `operator` must then say.
    #[serde(default)]
    publisher: Option<String>,
    /// Whether it is an operator's.
    #[serde(default)]
    operator: bool,
    /// What it is for.
    #[serde(default)]
    note: Option<String>,
}

/// A token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Token)]
pub(crate) struct TokenItem {
    /// Its number: what revokes it.
    id: String,
    /// `publisher` or `operator`.
    #[schema(value_type = String)]
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    publisher: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// Its last four letters.
    last4: String,
    #[schema(value_type = String, format = DateTime)]
    created: arno_model::Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked: Option<arno_model::Timestamp>,
}

impl From<TokenEntry> for TokenItem {
    fn from(entry: TokenEntry) -> Self {
        Self {
            role: if entry.publisher.is_some() {
                "publisher"
            } else {
                "operator"
            },
            id: entry.id,
            publisher: entry.publisher.map(String::from),
            note: entry.note,
            last4: entry.last4,
            created: entry.created,
            revoked: entry.revoked,
        }
    }
}

/// A token just made; its secret is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenMade {
    #[serde(flatten)]
    token: TokenItem,
    /// The secret.
    secret: String,
}

/// All tokens.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Tokens {
    items: Vec<TokenItem>,
}

/// Lists tokens, oldest first, revoked ones included.
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, Problem> {
    caller.must_operate()?;
    Params::read(&uri, &[])?;
    let items = state
        .tokens()
        .list()
        .into_iter()
        .map(TokenItem::from)
        .collect();
    Ok(private(StatusCode::OK, &Tokens { items }))
}

/// Makes a token.
pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    request: Request<Body>,
) -> Result<Response, Problem> {
    caller.must_operate()?;
    let (parts, body) = request.into_parts();
    Params::read(&parts.uri, &[])?;
    let asked: TokenRequest = body::read_json(&parts.headers, body, REQUEST_BYTES_MAX).await?;
    let role = role_of(&state, &asked)?;
    let made = state
        .tokens()
        .create(&role, asked.note.as_deref())
        .await
        .map_err(|error| problem_of(&error))?;
    let secret = made.secret.reveal().to_owned();
    Ok(private(
        StatusCode::CREATED,
        &TokenMade {
            token: made.entry.into(),
            secret,
        },
    ))
}

/// Revokes a token.
pub(crate) async fn revoke(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    caller.must_operate()?;
    Params::read(&uri, &[])?;
    state
        .tokens()
        .revoke(&id)
        .await
        .map_err(|error| problem_of(&error))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn role_of(state: &ApiState, asked: &TokenRequest) -> Result<Role, Problem> {
    let choice = ["{\"publisher\": \"<id>\"}", "{\"operator\": true}"];
    match (&asked.publisher, asked.operator) {
        (None, true) => Ok(Role::Operator),
        (Some(name), false) => {
            let registry = state.registry();
            let known: Option<&PublisherId> =
                registry.publisher(name).map(|publisher| &publisher.id);
            known.cloned().map(Role::Publisher).ok_or_else(|| {
                Problem::wrong(format!(
                    "there is no publisher `{}` in the registry",
                    quoted(name)
                ))
                .at("publisher")
                .allowing(
                    registry
                        .publishers()
                        .map(|publisher| publisher.id.to_string()),
                )
            })
        }
        _ => Err(Problem::wrong(
            "say whom the token is for: a publisher, or an operator, not both",
        )
        .at("publisher")
        .allowing(choice)),
    }
}

fn problem_of(error: &TokenError) -> Problem {
    match error {
        TokenError::TooMany | TokenError::Anonymous | TokenError::Note => {
            Problem::wrong(error.to_string())
        }
        TokenError::Unknown { .. } => Problem::not_found(error.to_string()),
        TokenError::Random { .. } | TokenError::Store { .. } | TokenError::Kept { .. } => {
            Problem::fault("change the tokens", error.retry(), error)
        }
    }
}
