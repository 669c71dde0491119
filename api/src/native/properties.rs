//! `/api/v1/properties`: what is measured, and how it behaves.

use arno_model::ObservedProperty;
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
use crate::questions::Wording;
use crate::state::ApiState;

const COLUMNS: [Column; 9] = [
    Column::of("id", Kind::Text),
    Column::of("unit", Kind::Text),
    Column::of("signal", Kind::Text),
    Column::of("type", Kind::Text),
    Column::of("area_mode", Kind::Text),
    Column::of("max_hold_s", Kind::Integer),
    Column::of("min", Kind::Number),
    Column::of("max", Kind::Number),
    Column::of("counts_people", Kind::Boolean),
];

/// An observed property.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ObservedProperty)]
pub(crate) struct PropertyItem {
    id: String,
    name: Wording,
    /// UCUM unit.
    unit: String,
    /// How it behaves between observations: `state`, `gauge`, `counter`, `delta` or `distinct`.
    #[schema(value_type = String)]
    signal: &'static str,
    /// `integer`, `number` or `boolean`.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    number: &'static str,
    /// How it adds over an area: `capacity`, `sum`, `mean` or `none`.
    #[schema(value_type = String)]
    area_mode: &'static str,
    /// How long a value holds without a successor, in seconds; absent: without limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    max_hold_s: Option<u64>,
    /// Least plausible result.
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<f64>,
    /// Greatest plausible result.
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<f64>,
    /// Whether it counts people: public only as published cells.
    counts_people: bool,
}

impl From<&ObservedProperty> for PropertyItem {
    fn from(property: &ObservedProperty) -> Self {
        let (it, en) = property.name.clone();
        Self {
            id: property.id.to_string(),
            name: Wording { it, en },
            unit: property.unit.clone(),
            signal: property.signal.as_str(),
            number: property.number.as_str(),
            area_mode: property.area_mode.as_str(),
            max_hold_s: property.max_hold.map(|hold| hold.as_secs()),
            min: property.min,
            max: property.max,
            counts_people: property.counts_people,
        }
    }
}

/// Lists observed properties.
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
    let named = registry.properties().map(|property| {
        (
            property.id.to_string(),
            PropertyItem::from(property.as_ref()),
        )
    });
    let items = listing.page(named);
    listing.answer(items, &COLUMNS, |_| None).await
}

/// Shows one observed property.
pub(crate) async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    parts: Parts,
) -> Result<Response, Problem> {
    let registry = state.registry();
    let property = registry.property(&id).ok_or_else(|| {
        Problem::not_found("there is no such observed property; /api/v1/properties lists them")
            .allowing(
                registry
                    .properties()
                    .map(|property| property.id.to_string()),
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
        &PropertyItem::from(property.as_ref()),
        || None,
    )
}
