//! `/api/v1/products`: regional analyses, as a list of what there is and as rows.
//!
//! # Why
//! A product's sheet says which levels, buckets and parameters it has; what is not on it is refused
//! here with the sheet's own list, before anything is computed.

pub(crate) mod paging;

use std::sync::Arc;

use arno_model::{AreaLevel, Bucket, Zone};
use arno_store::Registry;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::{Map, Value, json};

use crate::admit::Caller;
use crate::cache::{Freshness, Validity};
use crate::encode::{Envelope, Geometries};
use crate::format::Format;
use crate::native::{areas, clock_members, things};
use crate::params::{Params, quoted};
use crate::problem::Problem;
use crate::questions::{LevelAsked, ProductQuestion, ProductSheet};
use crate::respond::{self, Answer, PAGE_ROWS_MAX, Shown};
use crate::state::ApiState;

/// Parameters that every product takes.
pub(crate) const ALWAYS: [&str; 4] = ["limit", "cursor", "format", "sep"];
/// Parameters that a product's sheet may name.
const OPTIONAL: [&str; 8] = [
    "area",
    "level",
    "publisher",
    "thing",
    "from",
    "to",
    "bucket",
    "as_of",
];
/// The zone where nothing says another.
const ZONE_DEFAULT: &str = "Europe/Rome";

/// Lists the products.
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    parts: Parts,
) -> Result<Response, Problem> {
    let params = Params::read(&parts.uri, &["format"])?;
    let format = Format::choose(&parts.headers, &params, Format::ONE)?;
    let validity = Validity::new(
        &caller,
        format,
        Freshness::Open,
        state.revision(&state.registry()),
    );
    let mut body = clock_members(&state);
    let products = state.questions().products();
    let items: Vec<&ProductSheet> = products.iter().map(AsRef::as_ref).collect();
    body.insert("items".to_owned(), json!(items));
    Ok(validity.mark(respond::head(
        Value::Object(body).to_string().into(),
        format,
        "products",
        None,
    )))
}

/// Answers with rows of a product.
pub(crate) async fn rows(
    State(state): State<ApiState>,
    caller: Caller,
    Path(name): Path<String>,
    parts: Parts,
) -> Result<Response, Problem> {
    let sheet = sheet_of(&state, &name)?;
    let params = Params::read(&parts.uri, &allowed_of(&sheet))?;
    let shown = Shown::read(&parts.headers, &params, Format::PLACES)?;
    let registry = state.registry();
    let limit = params.limit(PAGE_ROWS_MAX)?;
    let mut question = question(&registry, &caller, &params, &sheet)?;
    let revision = state.revision(&registry);
    let freshness = Freshness::of(question.to, question.as_of, revision.now, revision.commit);
    let validity = Validity::new(&caller, shown.format, freshness, revision);
    if let Some(response) = validity.unchanged(&parts.headers) {
        return Ok(response);
    }
    question.to = question.to.or(question.as_of);
    question.limit = limit.map(|limit| limit + 1);
    let skip = question.skip;
    let members = members(&state, &registry, &sheet, &question);
    let rows = state.questions().product(&caller.0, question).await;
    let rows = rows.map_err(|error| error.into_problem(&caller.0))?;
    let answer = Answer {
        rows,
        shown,
        envelope: Envelope {
            members,
            next: None,
        },
        page: limit.map(|limit| paging::page(&state, &parts, &params, skip, limit)),
        geometries: (shown.format == Format::GeoJson).then(|| geometries(&state, &registry)),
        name,
    };
    Ok(validity.mark(respond::rows(&state, &caller.0, answer).await?))
}

fn sheet_of(state: &ApiState, name: &str) -> Result<Arc<ProductSheet>, Problem> {
    let products = state.questions().products();
    let found = products.iter().find(|product| product.id == name);
    found.map(Arc::clone).ok_or_else(|| {
        let names = products.iter().map(|product| product.id.clone());
        Problem::not_found(format!(
            "there is no product `{}`; /api/v1/products lists them",
            quoted(name)
        ))
        .at("product")
        .allowing(names)
    })
}

/// The parameters that a product takes, in one order.
pub(crate) fn allowed_of(sheet: &ProductSheet) -> Vec<&'static str> {
    let is_named = |name: &&str| {
        sheet
            .parameters
            .iter()
            .any(|parameter| parameter.name == *name)
    };
    OPTIONAL
        .into_iter()
        .filter(is_named)
        .chain(ALWAYS)
        .collect()
}

fn question(
    registry: &Registry,
    caller: &Caller,
    params: &Params,
    sheet: &ProductSheet,
) -> Result<ProductQuestion, Problem> {
    let (from, to) = paging::range(params)?;
    let thing = params
        .text("thing")
        .map(|id| things::known(registry, &caller.0, id))
        .transpose()?;
    Ok(ProductQuestion {
        product: sheet.id.clone(),
        area: areas::known(registry, params, "area")?,
        level: level(params, sheet)?,
        thing: thing.map(|thing| thing.id.clone()),
        publisher: things::publisher(registry, params)?,
        from,
        to,
        bucket: bucket(params, sheet)?,
        as_of: params.time("as_of")?,
        limit: None,
        skip: paging::skip(params)?,
    })
}

fn level(params: &Params, sheet: &ProductSheet) -> Result<Option<LevelAsked>, Problem> {
    let Some(text) = params.text("level") else {
        return Ok(None);
    };
    let asked = match text {
        "thing" => Some(LevelAsked::Thing),
        text => text.parse::<AreaLevel>().ok().map(LevelAsked::Area),
    };
    let is_offered = sheet.levels.iter().any(|level| level == text);
    asked.filter(|_| is_offered).map(Some).ok_or_else(|| {
        let detail = format!("`level` is `{}`, which this product has not", quoted(text));
        Problem::malformed(detail)
            .at("level")
            .allowing(sheet.levels.clone())
    })
}

fn bucket(params: &Params, sheet: &ProductSheet) -> Result<Option<Bucket>, Problem> {
    let Some(text) = params.text("bucket") else {
        return Ok(None);
    };
    let is_offered = sheet.buckets.iter().any(|bucket| bucket == text);
    if is_offered && text == "now" {
        return Ok(None);
    }
    text.parse()
        .ok()
        .filter(|_| is_offered)
        .map(Some)
        .ok_or_else(|| {
            let detail = format!("`bucket` is `{}`, which this product has not", quoted(text));
            Problem::malformed(detail)
                .at("bucket")
                .allowing(sheet.buckets.clone())
        })
}

/// What stands around the rows: how the question was understood.
fn members(
    state: &ApiState,
    registry: &Registry,
    sheet: &ProductSheet,
    question: &ProductQuestion,
) -> Map<String, Value> {
    let mut members = clock_members(state);
    let bucket = match question.bucket {
        Some(bucket) => Some(bucket.as_str().to_owned()),
        None => default_of(sheet, "bucket").or_else(|| sheet.buckets.first().cloned()),
    };
    let level = match (question.level, &question.thing, &question.area) {
        (Some(LevelAsked::Thing), _, _) | (None, Some(_), _) => Some("thing".to_owned()),
        (Some(LevelAsked::Area(level)), _, _) => Some(level.as_str().to_owned()),
        (None, None, Some(area)) => registry
            .area(area.as_str())
            .map(|area| area.level.as_str().to_owned()),
        (None, None, None) => None,
    };
    members.insert("product".to_owned(), sheet.id.clone().into());
    members.insert("bucket".to_owned(), json!(bucket));
    members.insert("level".to_owned(), json!(level));
    members.insert("zone".to_owned(), zone(registry, question).name().into());
    members
}

fn default_of(sheet: &ProductSheet, name: &str) -> Option<String> {
    let parameter = sheet
        .parameters
        .iter()
        .find(|parameter| parameter.name == name);
    let parameter = parameter?;
    parameter.default.clone()
}

/// The zone of an answer: the asked area's or thing's, else the first region's, else any area's,
/// else Italy's.
fn zone(registry: &Registry, question: &ProductQuestion) -> Zone {
    let place = question
        .thing
        .as_ref()
        .and_then(|thing| registry.place(thing));
    let of_thing = place.and_then(|place| place.municipality.as_ref());
    let asked = question.area.as_ref().or(of_thing.map(|(area, _)| area));
    let asked = asked.and_then(|area| registry.area(area.as_str()));
    let region = || {
        registry
            .areas()
            .find(|area| area.level == AreaLevel::Region)
    };
    let found = asked.or_else(region).or_else(|| registry.areas().next());
    let fallback = || Zone::parse(ZONE_DEFAULT).unwrap_or(Zone::UTC);
    found.map_or_else(fallback, |area| area.zone.clone())
}

/// Finds the geometry of what the column `area` names: an area's polygons, a thing's point.
fn geometries(state: &ApiState, registry: &Arc<Registry>) -> Geometries {
    let (state, registry) = (state.clone(), Arc::clone(registry));
    let lookup = move |name: &str| -> Option<Arc<str>> {
        if let Some(area) = registry.area(name) {
            return state.outlines().of(&registry, &area.id);
        }
        let location = registry.thing(name)?.location?;
        let point = json!({"type": "Point", "coordinates": [location.lon, location.lat]});
        Some(Arc::from(point.to_string()))
    };
    Geometries {
        column: "area",
        lookup: Arc::new(lookup),
    }
}
