//! `/api/v1/datastreams`: one property of one thing, where it has been observed or is expected.
//!
//! # Invariants
//! What counts people and reserved bays have no open datastreams.

use std::collections::BTreeSet;

use arno_model::{ObservedProperty, PublisherId, Thing, ThingId};
use arno_store::{Registry, Role};
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::table::{Column, Kind};
use super::{Asked, Listing, one, things};
use crate::admit::Caller;
use crate::format::Format;
use crate::problem::Problem;
use crate::state::ApiState;

const COLUMNS: [Column; 4] = [
    Column::of("id", Kind::Text),
    Column::of("thing", Kind::Text),
    Column::of("property", Kind::Text),
    Column::of("unit", Kind::Text),
];

/// A datastream.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Datastream)]
pub(crate) struct DatastreamItem {
    /// `publisher:thing/property`.
    id: String,
    thing: String,
    property: String,
    /// UCUM unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
}

/// Whether a caller may see the observations of a property of a thing.
pub(crate) fn is_visible(role: &Role, thing: &Thing, property: &ObservedProperty) -> bool {
    let is_own = match role {
        Role::Operator => true,
        Role::Publisher(publisher) => thing.id.publisher() == *publisher,
        Role::Anonymous => false,
    };
    is_own || (thing.is_open && !thing.is_reserved && !property.counts_people)
}

/// The visible datastreams of a thing, in the order of their properties.
fn of_thing(
    state: &ApiState,
    registry: &Registry,
    role: &Role,
    id: &ThingId,
) -> Vec<DatastreamItem> {
    let Some(thing) = registry.thing(id.as_str()) else {
        return Vec::new();
    };
    let streams = state.backend().datastreams();
    let reported = streams.of_thing(id).iter().map(|(property, _)| property);
    let names: BTreeSet<_> = thing.properties.iter().chain(reported).collect();
    let known = names
        .into_iter()
        .filter_map(|name| registry.property(name.as_str()));
    let visible = known.filter(|property| is_visible(role, thing, property));
    let item = |property: &ObservedProperty| DatastreamItem {
        id: format!("{id}/{}", property.id),
        thing: id.to_string(),
        property: property.id.to_string(),
        unit: Some(property.unit.clone()),
    };
    visible.map(|property| item(property)).collect()
}

/// Lists datastreams.
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    parts: Parts,
) -> Result<Response, Problem> {
    let own = ["thing", "publisher", "property"];
    let listing = Listing::read(&state, &caller, &parts, &own, Format::ROWS)?;
    let registry = state.registry();
    let thing = listing.params.text("thing");
    let thing = thing
        .map(|id| things::known(&registry, &caller.0, id))
        .transpose()?;
    let publisher: Option<PublisherId> = things::publisher(&registry, &listing.params)?;
    let property = known_property(&registry, listing.params.text("property"))?;
    if let Some(response) = listing.unchanged() {
        return Ok(response);
    }
    let wanted = registry
        .things()
        .filter(|candidate| thing.is_none_or(|thing| thing.id == candidate.id))
        .filter(|candidate| {
            publisher
                .as_ref()
                .is_none_or(|id| candidate.id.publisher() == *id)
        });
    let items = wanted.flat_map(|thing| of_thing(&state, &registry, &caller.0, &thing.id));
    let items =
        items.filter(|item| property.is_none_or(|property| item.property == property.id.as_str()));
    let page = listing.page(items.map(|item| (item.id.clone(), item)));
    listing.answer(page, &COLUMNS, |_| None).await
}

/// Shows one datastream.
pub(crate) async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    parts: Parts,
) -> Result<Response, Problem> {
    let registry = state.registry();
    let (thing, property) = id.split_once('/').unwrap_or((&id, ""));
    let thing = things::known(&registry, &caller.0, thing)?;
    let all = of_thing(&state, &registry, &caller.0, &thing.id);
    let names: Vec<String> = all.iter().map(|item| item.id.clone()).collect();
    let item = all.into_iter().find(|item| item.property == property);
    let item = item.ok_or_else(|| {
        Problem::not_found("this thing has no such open datastream").allowing(names)
    })?;
    let asked = Asked {
        state: &state,
        caller: &caller,
        parts: &parts,
    };
    one(&asked, Format::ONE, &item, || None)
}

/// A property that a parameter names, which must be in the registry.
pub(crate) fn known_property<'a>(
    registry: &'a Registry,
    name: Option<&str>,
) -> Result<Option<&'a ObservedProperty>, Problem> {
    let Some(name) = name else { return Ok(None) };
    match registry.property(name) {
        Some(property) => Ok(Some(property)),
        None => {
            let detail =
                "`property`: there is no such observed property; /api/v1/properties lists them";
            let allowed = registry
                .properties()
                .map(|property| property.id.to_string());
            Err(Problem::wrong(detail).at("property").allowing(allowed))
        }
    }
}
