//! `POST /api/v1/sql`: a read-only query over the caller's view.

use std::collections::HashSet;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, VARY};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Request};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use utoipa::ToSchema;

use crate::admit::Caller;
use crate::body;
use crate::encode::Envelope;
use crate::format::Format;
use crate::params::{Params, quoted};
use crate::problem::Problem;
use crate::respond::{self, Answer, Shown};
use crate::state::ApiState;

/// Bytes of a query with its wrapping: far beyond what people write.
const QUERY_BYTES_MAX: usize = 65_536;

/// A query.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SqlQuery {
    /// One `SELECT`, read-only.
    #[schema(
        example = "SELECT id, name FROM areas WHERE level = 'municipality' ORDER BY name",
        max_length = 65536
    )]
    query: String,
}

/// A column of an answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SqlColumn {
    name: String,
    /// Arrow's name of its type.
    #[serde(rename = "type")]
    kind: String,
}

/// Answers a query.
pub(crate) async fn query(
    State(state): State<ApiState>,
    caller: Caller,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let (parts, body): (Parts, Body) = request.into_parts();
    let params = Params::read(&parts.uri, &["format", "sep"])?;
    let shown = Shown::read(&parts.headers, &params, Format::ROWS)?;
    let SqlQuery { query } = body::read_json(&parts.headers, body, QUERY_BYTES_MAX).await?;
    if query.trim().is_empty() {
        return Err(Problem::wrong("`query` is empty: write one SELECT").at("query"));
    }
    let rows = state.questions().sql(&caller.0, &query).await;
    let rows = rows.map_err(|error| error.into_problem(&caller.0).of_query())?;
    let mut names = HashSet::new();
    if let Some(field) = rows
        .schema
        .fields()
        .iter()
        .find(|field| !names.insert(field.name()))
    {
        let detail = format!(
            "two columns of the answer are named `{}`: give one of them another name with AS",
            quoted(field.name())
        );
        return Err(Problem::wrong(detail).at("query"));
    }
    let columns = rows.schema.fields().iter().map(|field| SqlColumn {
        name: field.name().clone(),
        kind: field.data_type().to_string(),
    });
    let mut members = Map::new();
    members.insert("columns".to_owned(), json!(columns.collect::<Vec<_>>()));
    let answer = Answer {
        rows,
        shown,
        envelope: Envelope {
            members,
            next: None,
        },
        page: None,
        geometries: None,
        name: "query".to_owned(),
    };
    let mut response = respond::rows(&state, &caller.0, answer).await?;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.append(VARY, HeaderValue::from_static("accept, authorization"));
    Ok(response)
}
