//! `/api/v1/publishers`: who owns things and data.

use arno_model::Publisher;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::table::{Column, Kind};
use super::{Asked, Listing, one};
use crate::admit::Caller;
use crate::format::Format;
use crate::problem::Problem;
use crate::state::ApiState;

const COLUMNS: [Column; 5] = [
    Column::of("id", Kind::Text),
    Column::of("name", Kind::Text),
    Column::of("kind", Kind::Text),
    Column::of("ipa_code", Kind::Text),
    Column::of("municipality", Kind::Text),
];

/// A publisher.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Publisher)]
pub(crate) struct PublisherItem {
    id: String,
    name: String,
    /// `municipality`, `union`, `province`, `region` or `utility`.
    #[schema(value_type = String)]
    kind: &'static str,
    /// Its code in the Italian index of public administrations.
    #[serde(skip_serializing_if = "Option::is_none")]
    ipa_code: Option<String>,
    /// The municipality its things belong to when nothing nearer is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    municipality: Option<String>,
}

impl From<&Publisher> for PublisherItem {
    fn from(publisher: &Publisher) -> Self {
        Self {
            id: publisher.id.to_string(),
            name: publisher.name.clone(),
            kind: publisher.kind.as_str(),
            ipa_code: publisher.ipa_code.clone(),
            municipality: publisher.municipality.as_ref().map(ToString::to_string),
        }
    }
}

/// Lists publishers.
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    parts: Parts,
) -> Result<Response, Problem> {
    let listing = Listing::read(&state, &caller, &parts, &[], Format::ROWS)?;
    if let Some(response) = listing.unchanged() {
        return Ok(response);
    }
    let registry = state.registry();
    let named = registry.publishers().map(|publisher| {
        (
            publisher.id.to_string(),
            PublisherItem::from(publisher.as_ref()),
        )
    });
    let items = listing.page(named);
    listing.answer(items, &COLUMNS, |_| None).await
}

/// Shows one publisher.
pub(crate) async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    parts: Parts,
) -> Result<Response, Problem> {
    let registry = state.registry();
    let publisher = registry.publisher(&id).ok_or_else(|| {
        Problem::not_found("there is no such publisher; /api/v1/publishers lists them").allowing(
            registry
                .publishers()
                .map(|publisher| publisher.id.to_string()),
        )
    })?;
    let asked = Asked {
        state: &state,
        caller: &caller,
        parts: &parts,
    };
    one(
        &asked,
        Format::ONE,
        &PublisherItem::from(publisher.as_ref()),
        || None,
    )
}
