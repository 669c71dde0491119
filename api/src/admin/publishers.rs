//! `/api/v1/admin/publishers`: who may send, with what they have here.

use std::collections::BTreeMap;

use arno_model::PublisherId;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::private;
use crate::admit::Caller;
use crate::params::Params;
use crate::problem::Problem;
use crate::state::ApiState;

/// A publisher, as operators see it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PublisherAccount {
    id: String,
    name: String,
    #[schema(value_type = String)]
    kind: &'static str,
    /// Older phenomenon times are quarantined, in seconds.
    #[schema(value_type = i64)]
    max_age_s: u64,
    /// Its things.
    things: usize,
    /// Its datastreams that were ever observed.
    datastreams: usize,
    /// Its tokens that work.
    tokens: usize,
}

/// All publishers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PublisherAccounts {
    items: Vec<PublisherAccount>,
}

/// Lists publishers.
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, Problem> {
    caller.must_operate()?;
    Params::read(&uri, &[])?;
    let registry = state.registry();
    let mut things: BTreeMap<PublisherId, (usize, usize)> = BTreeMap::new();
    let streams = state.backend().datastreams();
    for thing in registry.things() {
        let counts = things.entry(thing.id.publisher()).or_default();
        counts.0 += 1;
        counts.1 += streams.of_thing(&thing.id).len();
    }
    let tokens = state.tokens().list();
    let items = registry.publishers().map(|publisher| {
        let (things, datastreams) = things.get(&publisher.id).copied().unwrap_or_default();
        let own = tokens.iter().filter(|token| token.revoked.is_none());
        PublisherAccount {
            id: publisher.id.to_string(),
            name: publisher.name.clone(),
            kind: publisher.kind.as_str(),
            max_age_s: publisher.max_age.as_secs(),
            things,
            datastreams,
            tokens: own
                .filter(|token| token.publisher.as_ref() == Some(&publisher.id))
                .count(),
        }
    });
    Ok(private(
        StatusCode::OK,
        &PublisherAccounts {
            items: items.collect(),
        },
    ))
}
