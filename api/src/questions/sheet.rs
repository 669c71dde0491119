//! What a data product says of itself, as the API shows it.
//!
//! # Why
//! The route, the OpenAPI schema, the page's chart and the documentation all derive from one sheet.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A text in the two languages of the service.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Wording {
    /// Italian.
    pub it: String,
    /// English.
    pub en: String,
}

/// One column of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ColumnSheet {
    /// Its name.
    pub name: String,
    /// `string`, `integer`, `number`, `boolean` or `time`.
    #[serde(rename = "type")]
    pub kind: String,
    /// UCUM unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What it is called.
    pub title: Wording,
}

/// One parameter that a product takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ParameterSheet {
    /// Its name in the address.
    pub name: String,
    /// What it takes when it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The values it takes; empty: any of its kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<String>,
    /// What it does.
    pub description: Wording,
}

/// How a product is drawn when nobody says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct ChartSheet {
    /// `line`, `bar`, `heatmap`, `map`.
    pub kind: String,
    /// The column along the bottom.
    pub x: String,
    /// The columns that are drawn.
    pub y: Vec<String>,
    /// The column whose values get a line each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
}

/// One data product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductSheet {
    /// Its name.
    pub id: String,
    /// What it is called.
    pub title: Wording,
    /// What it says, and how it is computed.
    pub description: Wording,
    /// The levels it is answered at, `thing` included.
    pub levels: Vec<String>,
    /// The bucket widths it has; `now` for the present moment alone.
    pub buckets: Vec<String>,
    /// Its columns, in their order.
    pub columns: Vec<ColumnSheet>,
    /// The parameters it takes.
    pub parameters: Vec<ParameterSheet>,
    /// How it is drawn.
    pub chart: ChartSheet,
    /// SPDX name of its licence.
    pub licence: String,
    /// Codes of the EU's data themes.
    pub themes: Vec<String>,
}
