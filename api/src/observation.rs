//! `/api/v1/things/{id}/observations`: raw observations of a thing's open properties.

use arno_model::PropertyId;
use arno_store::Role;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::response::Response;

use crate::admit::Caller;
use crate::cache::{Freshness, Validity};
use crate::encode::Envelope;
use crate::format::Format;
use crate::native::{clock_members, datastreams, things};
use crate::params::Params;
use crate::problem::Problem;
use crate::product::paging;
use crate::questions::ObservationQuestion;
use crate::respond::{self, Answer, PAGE_ROWS_MAX, Shown};
use crate::state::ApiState;

/// The parameters.
pub(crate) const PARAMETERS: [&str; 8] = [
    "property", "from", "to", "as_of", "limit", "cursor", "format", "sep",
];

/// Answers with a thing's observations, by property and time.
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    parts: Parts,
) -> Result<Response, Problem> {
    let params = Params::read(&parts.uri, &PARAMETERS)?;
    let shown = Shown::read(&parts.headers, &params, Format::ROWS)?;
    let registry = state.registry();
    let thing = things::known(&registry, &caller.0, &id)?;
    let property = datastreams::known_property(&registry, params.text("property"))?;
    let property = property.map(|property| property.id.clone());
    if let Some(property) = &property {
        must_be_open(&caller.0, &registry, &id, property)?;
    }
    let (from, to) = paging::range(&params)?;
    let as_of = params.time("as_of")?;
    let limit = params.limit(PAGE_ROWS_MAX)?;
    let place = paging::place(&params)?;
    let revision = state.revision(&registry);
    let freshness = Freshness::of(to, as_of, revision.now, revision.commit);
    let validity = Validity::new(&caller, shown.format, freshness, revision);
    if let Some(response) = validity.unchanged(&parts.headers) {
        return Ok(response);
    }
    let question = ObservationQuestion {
        thing: thing.id.clone(),
        property,
        from,
        to: to.or(as_of),
        as_of: as_of.or(place.known_at),
        limit: limit.map(|limit| limit + 1),
        skip: place.skip,
    };
    let rows = state.questions().observations(&caller.0, question).await;
    let rows = rows.map_err(|error| error.into_problem(&caller.0))?;
    // The pages after the first show what the first did.
    let next = paging::Place {
        known_at: place.known_at.or(Some(revision.commit)),
        ..place
    };
    let mut members = clock_members(&state);
    members.insert("thing".to_owned(), id.clone().into());
    let answer = Answer {
        rows,
        shown,
        envelope: Envelope {
            members,
            next: None,
        },
        page: limit.map(|limit| paging::page_known_at(&state, &parts, &params, next, limit)),
        geometries: None,
        name: format!("{id}-observations"),
    };
    Ok(validity.mark(respond::rows(&state, &caller.0, answer).await?))
}

/// Refuses what is public only as published cells, and says where those are.
fn must_be_open(
    role: &Role,
    registry: &arno_store::Registry,
    thing: &str,
    property: &PropertyId,
) -> Result<(), Problem> {
    let Some((thing, property)) = registry
        .thing(thing)
        .zip(registry.property(property.as_str()))
    else {
        return Ok(());
    };
    if datastreams::is_visible(role, thing, property) {
        return Ok(());
    }
    let detail = if property.counts_people {
        "this property counts people: it is public only as published cells, see /api/v1/products"
    } else {
        "a reserved bay's own observations are not public"
    };
    Err(match role {
        Role::Anonymous => Problem::unauthorized(detail),
        _ => Problem::forbidden(detail),
    })
}
