//! `/api/v1/things`: what observations are about.

use std::collections::BTreeSet;

use arno_model::{PublisherId, Thing, ThingKind, Timestamp};
use arno_store::registry::PlacedBy;
use arno_store::{Datastreams, Registry, Role};
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::table::{Column, Kind};
use super::{Asked, Listing, Point, areas, beginning, ending, one};
use crate::admit::Caller;
use crate::format::Format;
use crate::params::{Params, quoted};
use crate::problem::Problem;
use crate::state::ApiState;

/// What a thing can be.
const KINDS: [&str; 4] = ["parking_lot", "parking_bay", "access_point", "sensor"];

const COLUMNS: [Column; 18] = [
    Column::of("id", Kind::Text),
    Column::of("publisher", Kind::Text),
    Column::of("local_id", Kind::Text),
    Column::of("name", Kind::Text),
    Column::of("kind", Kind::Text),
    Column::of("vehicle_kind", Kind::Text),
    Column::of("capacity", Kind::Integer),
    Column::of("part_of", Kind::Text),
    Column {
        name: "lon",
        kind: Kind::Lon,
        member: "location",
    },
    Column {
        name: "lat",
        kind: Kind::Lat,
        member: "location",
    },
    Column::of("municipality", Kind::Text),
    Column::of("municipality_by", Kind::Text),
    Column::of("zone_area", Kind::Text),
    Column::of("reserved", Kind::Boolean),
    Column::of("open", Kind::Boolean),
    Column::of("valid_from", Kind::Time),
    Column::of("valid_to", Kind::Time),
    Column::of("properties", Kind::Texts),
];

/// A thing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Thing)]
pub(crate) struct ThingItem {
    /// Its global name, `publisher:thing`.
    id: String,
    publisher: String,
    /// Its name within its publisher.
    local_id: String,
    name: String,
    /// `parking_lot`, `parking_bay`, `access_point` or `sensor`.
    #[schema(value_type = String)]
    kind: &'static str,
    /// What may park there: `car`, `bike`, `motorcycle`, `coach` or `truck`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    vehicle_kind: Option<&'static str>,
    /// Places that the registry declares now; a feed's own value is in its observations.
    #[serde(skip_serializing_if = "Option::is_none")]
    capacity: Option<u32>,
    /// The thing it is a part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    part_of: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<Point>,
    #[serde(skip_serializing_if = "Option::is_none")]
    municipality: Option<String>,
    /// How that was found: `declared`, `polygon`, `nearest` or `publisher`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    municipality_by: Option<PlacedBy>,
    /// The zone of the municipality in which it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    zone_area: Option<String>,
    /// A bay for particular people: its own data are not public.
    reserved: bool,
    /// Whether its data are open to all.
    open: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    valid_from: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    valid_to: Option<Timestamp>,
    /// What it reports, or is expected to.
    properties: Vec<String>,
}

impl ThingItem {
    fn new(registry: &Registry, streams: &Datastreams, thing: &Thing, now: Timestamp) -> Self {
        let place = registry.place(&thing.id);
        let municipality = place.and_then(|place| place.municipality.as_ref());
        let zone_area = place
            .into_iter()
            .flat_map(|place| &place.areas)
            .find(|belonging| {
                belonging.level == arno_model::AreaLevel::Zone && belonging.valid.contains(now)
            });
        let declared = thing
            .capacity
            .iter()
            .filter(|capacity| capacity.valid_from <= now);
        let declared = declared.max_by_key(|capacity| capacity.valid_from);
        let expected = thing.properties.iter();
        let reported = streams
            .of_thing(&thing.id)
            .iter()
            .map(|(property, _)| property);
        let properties: BTreeSet<String> =
            expected.chain(reported).map(ToString::to_string).collect();
        Self {
            id: thing.id.to_string(),
            publisher: thing.id.publisher().to_string(),
            local_id: thing.id.local().to_string(),
            name: thing.name.clone(),
            kind: thing.kind.as_str(),
            vehicle_kind: thing.vehicle_kind.map(arno_model::VehicleKind::as_str),
            capacity: declared.map(|capacity| capacity.places),
            part_of: thing.part_of.as_ref().map(ToString::to_string),
            location: thing
                .location
                .map(|location| Point::new(location.lon, location.lat)),
            municipality: municipality.map(|(area, _)| area.to_string()),
            municipality_by: municipality.map(|(_, by)| *by),
            zone_area: zone_area.map(|belonging| belonging.area.to_string()),
            reserved: thing.is_reserved,
            open: thing.is_open,
            valid_from: beginning(thing.valid),
            valid_to: ending(thing.valid),
            properties: properties.into_iter().collect(),
        }
    }
}

/// Whether a caller may know of a thing.
pub(crate) fn is_visible(role: &Role, thing: &Thing) -> bool {
    match role {
        Role::Operator => true,
        Role::Publisher(publisher) => thing.is_open || thing.id.publisher() == *publisher,
        Role::Anonymous => thing.is_open,
    }
}

/// A thing that an address names, if the caller may know of it.
pub(crate) fn known<'a>(
    registry: &'a Registry,
    role: &Role,
    id: &str,
) -> Result<&'a Thing, Problem> {
    let thing = registry.thing(id).filter(|thing| is_visible(role, thing));
    thing.map(AsRef::as_ref).ok_or_else(|| {
        let detail =
            "there is no such thing; its name is publisher:thing, and /api/v1/things lists them";
        Problem::not_found(detail).at("thing")
    })
}

/// A publisher that a parameter names, which must be in the registry.
pub(crate) fn publisher(
    registry: &Registry,
    params: &Params,
) -> Result<Option<PublisherId>, Problem> {
    let Some(text) = params.text("publisher") else {
        return Ok(None);
    };
    match registry.publisher(text) {
        Some(publisher) => Ok(Some(publisher.id.clone())),
        None => {
            let detail = format!("there is no publisher `{}`", quoted(text));
            let allowed = registry
                .publishers()
                .map(|publisher| publisher.id.to_string());
            Err(Problem::wrong(detail).at("publisher").allowing(allowed))
        }
    }
}

/// Lists things.
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    parts: Parts,
) -> Result<Response, Problem> {
    let own = ["area", "publisher", "kind"];
    let listing = Listing::read(&state, &caller, &parts, &own, Format::PLACES)?;
    let registry = state.registry();
    let area = areas::known(&registry, &listing.params, "area")?;
    let publisher = publisher(&registry, &listing.params)?;
    let kind: Option<ThingKind> = listing.params.parsed("kind", &KINDS)?;
    if let Some(response) = listing.unchanged() {
        return Ok(response);
    }
    let now = state.backend().now();
    let inside: Option<BTreeSet<_>> = area.as_ref().map(|area| {
        let here = registry
            .things_in(area)
            .filter(|(_, valid)| valid.contains(now));
        here.map(|(thing, _)| thing.id.clone()).collect()
    });
    let wanted = registry
        .things()
        .filter(|thing| is_visible(&caller.0, thing))
        .filter(|thing| {
            inside
                .as_ref()
                .is_none_or(|inside| inside.contains(&thing.id))
        })
        .filter(|thing| {
            publisher
                .as_ref()
                .is_none_or(|publisher| thing.id.publisher() == *publisher)
        })
        .filter(|thing| kind.is_none_or(|kind| thing.kind == kind));
    let page = listing.page(wanted.map(|thing| (thing.id.to_string(), thing)));
    let streams = state.backend().datastreams();
    let items = page
        .items
        .iter()
        .map(|thing| ThingItem::new(&registry, &streams, thing, now));
    let items = super::listing::Items {
        items: items.collect(),
        next: page.next,
    };
    listing.answer(items, &COLUMNS, geometry).await
}

/// Shows one thing.
pub(crate) async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    parts: Parts,
) -> Result<Response, Problem> {
    let registry = state.registry();
    let thing = known(&registry, &caller.0, &id)?;
    let streams = state.backend().datastreams();
    let item = ThingItem::new(&registry, &streams, thing, state.backend().now());
    let asked = Asked {
        state: &state,
        caller: &caller,
        parts: &parts,
    };
    one(&asked, Format::ONE_PLACE, &item, || geometry(&item))
}

fn geometry(item: &ThingItem) -> Option<String> {
    let point = item.location.as_ref()?;
    serde_json::to_string(point).ok()
}
