//! `/api/v1/areas`: territories, their hierarchy and outlines.

use std::collections::BTreeSet;

use arno_model::{Area, AreaId, AreaLevel, Timestamp};
use arno_store::Registry;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::outline::bounding_box;
use super::table::{Column, Kind};
use super::{Asked, Listing, beginning, ending, one};
use crate::admit::Caller;
use crate::format::Format;
use crate::params::{Params, quoted};
use crate::problem::Problem;
use crate::state::ApiState;

/// The names of levels, narrow to wide.
pub(crate) const LEVELS: [&str; 6] = [
    "zone",
    "municipality",
    "union",
    "province",
    "region",
    "group",
];
/// Longest chain of areas above one another that is followed; the registry refuses circles, this
/// only bounds the walk.
const CHAIN_AREAS_MAX: usize = 16;

const COLUMNS: [Column; 9] = [
    Column::of("id", Kind::Text),
    Column::of("name", Kind::Text),
    Column::of("level", Kind::Text),
    Column::of("parents", Kind::Texts),
    Column::of("zone", Kind::Text),
    Column::of("publisher", Kind::Text),
    Column::of("population", Kind::Integer),
    Column::of("valid_from", Kind::Time),
    Column::of("valid_to", Kind::Time),
];

/// An area.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Area)]
pub(crate) struct AreaItem {
    /// `it-mun-100005`, `it-prov-100`, `it-reg-09`, `group-piana`.
    id: String,
    name: String,
    /// `zone`, `municipality`, `union`, `province`, `region` or `group`.
    #[schema(value_type = String)]
    level: &'static str,
    /// The areas it belongs to now.
    parents: Vec<String>,
    /// The IANA time zone in which its days are cut.
    zone: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    publisher: Option<String>,
    /// The areas directly below it now; in one area's answer, and for groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    children: Option<Vec<String>>,
    /// Residents.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    population: Option<u64>,
    /// From when the area exists; absent: always.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    valid_from: Option<Timestamp>,
    /// Until when it exists; absent: without end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    valid_to: Option<Timestamp>,
    /// West, south, east, north; in one area's answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 4, min_items = 4)]
    bbox: Option<[f64; 4]>,
}

impl AreaItem {
    fn new(registry: &Registry, area: &Area, now: Timestamp, is_alone: bool) -> Self {
        let parents: BTreeSet<String> = area
            .parents
            .iter()
            .filter(|membership| membership.valid.contains(now))
            .map(|membership| membership.parent.to_string())
            .collect();
        let children = (is_alone || area.level == AreaLevel::Group).then(|| {
            let now_below = registry
                .children(&area.id)
                .filter(|(_, valid)| valid.contains(now));
            now_below.map(|(child, _)| child.id.to_string()).collect()
        });
        Self {
            id: area.id.to_string(),
            name: area.name.clone(),
            level: area.level.as_str(),
            parents: parents.into_iter().collect(),
            zone: area.zone.name().to_owned(),
            publisher: area.publisher.as_ref().map(ToString::to_string),
            children,
            population: area.population,
            valid_from: beginning(area.valid),
            valid_to: ending(area.valid),
            bbox: None,
        }
    }
}

/// Lists areas.
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    parts: Parts,
) -> Result<Response, Problem> {
    let mut listing = Listing::read(
        &state,
        &caller,
        &parts,
        &["level", "within"],
        Format::PLACES,
    )?;
    let registry = state.registry();
    let level: Option<AreaLevel> = listing.params.parsed("level", &LEVELS)?;
    let within = known(&registry, &listing.params, "within")?;
    if let Some(response) = listing.unchanged() {
        return Ok(response);
    }
    let now = state.backend().now();
    let wanted = registry
        .areas()
        .filter(|area| level.is_none_or(|level| area.level == level))
        .filter(|area| {
            within
                .as_ref()
                .is_none_or(|within| is_within(&registry, area, within, now))
        });
    let attribution = registry
        .attribution()
        .map(|whom| ("attribution".to_owned(), whom.into()));
    listing.more.extend(attribution);
    let named = wanted.map(|area| (area.id.to_string(), area));
    let page = listing.page(named);
    let items = super::listing::Items {
        items: page
            .items
            .iter()
            .map(|area| AreaItem::new(&registry, area, now, false))
            .collect(),
        next: page.next,
    };
    listing
        .answer(items, &COLUMNS, |item| outline(&state, &registry, &item.id))
        .await
}

/// Shows one area.
pub(crate) async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    parts: Parts,
) -> Result<Response, Problem> {
    let registry = state.registry();
    let area = registry.area(&id).ok_or_else(|| unknown(&registry, &id))?;
    let mut item = AreaItem::new(&registry, area, state.backend().now(), true);
    item.bbox = registry.shape(&id).and_then(|shape| bounding_box(shape));
    let asked = Asked {
        state: &state,
        caller: &caller,
        parts: &parts,
    };
    one(&asked, Format::ONE_PLACE, &item, || {
        outline(&state, &registry, &item.id)
    })
}

fn outline(state: &ApiState, registry: &Registry, id: &str) -> Option<String> {
    let area = registry.area(id)?;
    state
        .outlines()
        .of(registry, &area.id)
        .map(|text| text.as_ref().to_owned())
}

/// An area that a parameter names, which must be in the registry.
pub(crate) fn known(
    registry: &Registry,
    params: &Params,
    name: &str,
) -> Result<Option<AreaId>, Problem> {
    let Some(text) = params.text(name) else {
        return Ok(None);
    };
    match registry.area(text) {
        Some(area) => Ok(Some(area.id.clone())),
        None => {
            let detail = format!(
                "`{name}`: there is no area `{}`; /api/v1/areas lists them",
                quoted(text)
            );
            Err(Problem::wrong(detail)
                .at(name)
                .allowing(alike(registry, text)))
        }
    }
}

fn unknown(registry: &Registry, id: &str) -> Problem {
    Problem::not_found("there is no such area; /api/v1/areas lists them")
        .allowing(alike(registry, id))
}

/// The areas whose names begin as `text` does, as far as any does: all of the level meant, mostly.
fn alike(registry: &Registry, text: &str) -> Vec<String> {
    let shared = |id: &str| {
        id.bytes()
            .zip(text.bytes())
            .take_while(|(own, asked)| own == asked)
            .count()
    };
    let longest = registry
        .areas()
        .map(|area| shared(area.id.as_str()))
        .max()
        .unwrap_or(0);
    let alike = registry
        .areas()
        .filter(|area| shared(area.id.as_str()) == longest);
    alike.map(|area| area.id.to_string()).collect()
}

/// Whether an area lies within another at a moment: by any chain of memberships, itself included.
pub(crate) fn is_within(registry: &Registry, area: &Area, within: &AreaId, at: Timestamp) -> bool {
    let mut front = vec![area.id.clone()];
    for _step in 0..CHAIN_AREAS_MAX {
        if front.contains(within) {
            return true;
        }
        let areas = front.iter().filter_map(|id| registry.area(id.as_str()));
        let above = areas
            .flat_map(|area| &area.parents)
            .filter(|membership| membership.valid.contains(at));
        front = above.map(|membership| membership.parent.clone()).collect();
        if front.is_empty() {
            return false;
        }
    }
    false
}
