//! What `product.toml` says: text comes in, a checked description goes out.
//!
//! # Invariants
//! A [`Product`] has columns `area`, `level`, `bucket`, `bucket_start` first or among others,
//! levels and buckets that exist, and words in Italian and English for everything shown.

use std::collections::BTreeSet;
use std::time::Duration;

use arno_model::observation::time_type;
use arno_model::time::parse_duration;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::sql::parser::Statement;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::session::guard;
use crate::table::scope::LEVELS;

/// Most columns of a product: an answer is read by people too.
pub const COLUMNS_COUNT_MAX: usize = 64;
/// Known share below which a figure is null, unless the product says another.
pub const KNOWN_SHARE_MIN: f64 = 0.5;
/// The bucket of a product that tells the present moment.
pub const NOW: &str = "now";

const BUCKETS: [&str; 6] = [NOW, "15m", "1h", "1d", "1w", "1mo"];
const PARAMETERS: [&str; 11] = [
    "area",
    "level",
    "thing",
    "publisher",
    "from",
    "to",
    "bucket",
    "as_of",
    "limit",
    "cursor",
    "format",
];
const KEYS: [&str; 4] = ["area", "level", "bucket", "bucket_start"];

/// A text in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// Italian.
    pub it: String,
    /// English.
    pub en: String,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A moment.
    Time,
}

impl ColumnType {
    /// As Arrow has it.
    pub fn arrow(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8View,
            Self::Integer => DataType::Int64,
            Self::Number => DataType::Float64,
            Self::Boolean => DataType::Boolean,
            Self::Time => time_type(),
        }
    }

    fn takes(self, found: &DataType) -> bool {
        match self {
            Self::Text => matches!(
                found,
                DataType::Utf8
                    | DataType::Utf8View
                    | DataType::LargeUtf8
                    | DataType::Dictionary(..)
            ),
            // Whole numbers may come as floats that the query made; the cast would refuse
            // fractions.
            Self::Integer => found.is_integer() || found.is_floating(),
            Self::Number => found.is_numeric(),
            Self::Boolean => *found == DataType::Boolean,
            Self::Time => matches!(found, DataType::Timestamp(..)),
        }
    }
}

/// One column of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: ColumnType,
    /// UCUM unit, of what has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What people call it.
    pub title: Words,
}

/// How a product is drawn unless somebody chooses otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chart {
    /// `line`, `bar` or `band`.
    pub kind: String,
    /// The column along the axis.
    pub x: String,
    /// The columns that are drawn.
    pub y: Vec<String>,
    /// The column whose values get a line each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
}

/// How a product is computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Method {
    /// In Italian.
    pub it: String,
    /// In English.
    pub en: String,
    /// Where the formula comes from.
    pub source: String,
}

/// Whose numbers a product may show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Privacy {
    /// Nothing about people.
    Open,
    /// People, as published cells alone.
    PublishedCells,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: Words,
    description: Words,
    levels: Vec<String>,
    buckets: Vec<String>,
    parameters: Vec<String>,
    columns: Vec<Column>,
    chart: Chart,
    licence: String,
    themes: Vec<String>,
    privacy: Privacy,
    method: Method,
    span: Option<String>,
    known_share_min: Option<f64>,
    #[serde(default)]
    is_live: bool,
}

/// A data product.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Product {
    /// Its name: the folder's.
    pub id: String,
    /// What people call it.
    pub title: Words,
    /// What it says.
    pub description: Words,
    /// Levels at which it can be asked, `thing` included.
    pub levels: Vec<String>,
    /// Buckets in which it can be asked; the first is the default unless `1h` is there.
    pub buckets: Vec<String>,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// The parameters that it takes.
    pub parameters: Vec<String>,
    /// How it is drawn.
    pub chart: Chart,
    /// SPDX name of its licence.
    pub licence: String,
    /// EU data themes.
    pub themes: Vec<String>,
    /// Whose numbers it may show.
    pub privacy: Privacy,
    /// How it is computed.
    pub method: Method,
    /// Known share below which its figures are null.
    pub known_share_min: f64,
    /// Whether it is sent out live.
    pub is_live: bool,
    /// Whether it is a region's own.
    pub is_own: bool,
    /// The query, as it is written.
    pub sql: String,
    /// How far back it looks when nobody says from when.
    #[serde(skip)]
    pub(crate) span: Option<Duration>,
    /// The query, parsed.
    #[serde(skip)]
    pub(crate) statement: Statement,
}

impl Product {
    /// Reads a product's two files.
    ///
    /// # Errors
    /// Why it is refused, as a sentence for the one who wrote it.
    pub(crate) fn read(id: &str, toml: &str, sql: &str, is_own: bool) -> Result<Self, String> {
        arno_model::id::check_name(id).map_err(|error| format!("the folder's name: {error}"))?;
        let file: File = toml::from_str(toml).map_err(|error| format!("product.toml: {error}"))?;
        check(&file)?;
        let statement = guard::parse(sql).map_err(|error| format!("query.sql: {error}"))?;
        if !sql.trim_start().starts_with("--") {
            return Err(
                "query.sql: must begin with the question that it answers, after `--`".to_owned(),
            );
        }
        let span = file.span.as_deref().map(parse_duration).transpose();
        let span = span.map_err(|error| format!("product.toml: span: {error}"))?;
        Ok(Self {
            id: id.to_owned(),
            title: file.title,
            description: file.description,
            levels: file.levels,
            buckets: file.buckets,
            columns: file.columns,
            parameters: file.parameters,
            chart: file.chart,
            licence: file.licence,
            themes: file.themes,
            privacy: file.privacy,
            method: file.method,
            known_share_min: file.known_share_min.unwrap_or(KNOWN_SHARE_MIN),
            is_live: file.is_live,
            is_own,
            sql: sql.to_owned(),
            span,
            statement,
        })
    }

    /// Its columns as Arrow has them.
    pub fn schema(&self) -> SchemaRef {
        let fields = self.columns.iter();
        let fields = fields.map(|column| Field::new(&column.name, column.kind.arrow(), true));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// The bucket when nobody names one.
    pub fn bucket_default(&self) -> &str {
        let hour = self.buckets.iter().find(|bucket| *bucket == "1h");
        hour.or(self.buckets.first()).map_or("1h", String::as_str)
    }

    /// Holds what the query gives against what the file says.
    pub(crate) fn check_columns(&self, found: &Schema) -> Result<(), String> {
        let said: Vec<_> = self
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        let given: Vec<_> = found
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .collect();
        if said != given {
            return Err(format!(
                "query.sql gives the columns {}, product.toml says {}; they must be the same, in one order",
                given.join(", "),
                said.join(", ")
            ));
        }
        for (column, field) in self.columns.iter().zip(found.fields()) {
            if !column.kind.takes(field.data_type()) {
                return Err(format!(
                    "query.sql gives the column `{}` as {}, product.toml says {:?}",
                    column.name,
                    field.data_type(),
                    column.kind
                ));
            }
        }
        Ok(())
    }
}

fn check(file: &File) -> Result<(), String> {
    let within = |what: &str, given: &[String], allowed: &[&str]| {
        if given.is_empty() {
            return Err(format!(
                "product.toml: {what}: name at least one of {}",
                allowed.join(", ")
            ));
        }
        match given.iter().find(|one| !allowed.contains(&one.as_str())) {
            Some(one) => Err(format!(
                "product.toml: {what}: `{one}` does not exist; allowed are {}",
                allowed.join(", ")
            )),
            None => Ok(()),
        }
    };
    within("levels", &file.levels, &LEVELS)?;
    within("buckets", &file.buckets, &BUCKETS)?;
    within("parameters", &file.parameters, &PARAMETERS)?;
    within(
        "chart.kind",
        std::slice::from_ref(&file.chart.kind),
        &["line", "bar", "band"],
    )?;
    check_columns(file)?;
    let share = file.known_share_min.unwrap_or(KNOWN_SHARE_MIN);
    if !(0.0..=1.0).contains(&share) {
        return Err("product.toml: known_share_min: must lie from 0 to 1".to_owned());
    }
    let words = [&file.title, &file.description].into_iter();
    let words = words.chain(file.columns.iter().map(|column| &column.title));
    if words
        .into_iter()
        .any(|words| words.it.trim().is_empty() || words.en.trim().is_empty())
    {
        return Err(
            "product.toml: every title and description must be there in both languages".to_owned(),
        );
    }
    Ok(())
}

fn check_columns(file: &File) -> Result<(), String> {
    if file.columns.len() > COLUMNS_COUNT_MAX {
        return Err(format!(
            "product.toml: columns: at most {COLUMNS_COUNT_MAX}"
        ));
    }
    let names: BTreeSet<&str> = file
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    if names.len() != file.columns.len() {
        return Err("product.toml: columns: a name stands twice".to_owned());
    }
    if let Some(key) = KEYS.iter().find(|key| !names.contains(*key)) {
        return Err(format!(
            "product.toml: columns: `{key}` is missing; every product has {}",
            KEYS.join(", ")
        ));
    }
    let drawn = file
        .chart
        .y
        .iter()
        .chain(&file.chart.series)
        .chain([&file.chart.x]);
    if let Some(column) = drawn
        .into_iter()
        .find(|column| !names.contains(column.as_str()))
    {
        return Err(format!(
            "product.toml: chart: there is no column `{column}`"
        ));
    }
    let numbers = file
        .columns
        .iter()
        .filter(|column| column.kind == ColumnType::Number);
    if let Some(column) = numbers.into_iter().find(|column| column.unit.is_none()) {
        return Err(format!(
            "product.toml: columns: `{}` is a number without a unit; write `unit = \"1\"` for a share",
            column.name
        ));
    }
    Ok(())
}
