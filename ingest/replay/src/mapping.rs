//! Mappings: a TOML text comes in; what each column of a recording means goes out, or one report
//! with every fault and its mend.
//!
//! # Why
//! A feed's quirks (numbers as text, −1 for unknown, a flag that says the opposite, two clocks, no
//! zone) are facts about the feed. They stand in a file that people can read, compare and share,
//! and what it does not say is not assumed.
//!
//! # Shape
//! See `docs/mappings.md` for every key. Columns are named once and then known by their place.
//!
//! # Limits
//! [`MAPPING_BYTES_MAX`], [`PROPERTIES_COUNT_MAX`], [`NAMES_COUNT_MAX`] → faults of the mapping.

mod check;
mod keys;
mod moment;
mod thing;
mod value;

use std::fs;
use std::path::Path;

use arno_model::{PropertyId, PublisherId};

use crate::cell::Cell;
use crate::error::{MappingFault, MappingFaults, ReplayError};

pub(crate) use moment::{MomentFault, MomentRule};
pub(crate) use thing::{Named, ThingRule};
pub(crate) use value::{ValueRule, Worth};

/// Longest mapping: a few thousand names fit.
pub const MAPPING_BYTES_MAX: usize = 1 << 20;
/// Most properties of one row.
pub const PROPERTIES_COUNT_MAX: usize = 256;
/// Most entries of one table of names.
pub const NAMES_COUNT_MAX: usize = 20_000;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated (or otherwise separated) text with a header line.
    Csv,
    /// A JSON object a line.
    Ndjson,
    /// Apache Parquet, GeoParquet included.
    Parquet,
}

impl Format {
    /// The name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
        }
    }
}

/// A column that the mapping names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its name in the file.
    pub(crate) name: String,
    /// Whether a file may lack it.
    pub(crate) is_optional: bool,
}

/// A rule that a row must obey to be read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KeepRule {
    pub(crate) cell: usize,
    pub(crate) values: Vec<String>,
}

impl KeepRule {
    /// Whether a row is read.
    pub(crate) fn allows(&self, cells: &[Cell<'_>]) -> bool {
        let text = cells.get(self.cell).and_then(Cell::as_text);
        text.is_some_and(|text| self.values.iter().any(|value| **value == *text))
    }
}

/// One property of a row.
#[derive(Debug, Clone)]
pub(crate) struct PropertyRule {
    pub(crate) id: PropertyId,
    pub(crate) cell: usize,
    pub(crate) time: MomentRule,
    pub(crate) value: ValueRule,
}

/// A checked mapping.
#[derive(Debug, Clone)]
pub struct Mapping {
    pub(crate) format: Format,
    pub(crate) publisher: PublisherId,
    pub(crate) may_identify_people: bool,
    pub(crate) separator: u8,
    pub(crate) columns: Vec<Column>,
    pub(crate) thing: ThingRule,
    pub(crate) received: Option<MomentRule>,
    pub(crate) keep: Vec<KeepRule>,
    pub(crate) properties: Vec<PropertyRule>,
    pub(crate) ignore: Vec<usize>,
}

impl Mapping {
    /// Parses and checks a mapping.
    ///
    /// # Errors
    /// Every fault at once, with its line and mend.
    pub fn parse(text: &str) -> Result<Self, MappingFaults> {
        if text.len() > MAPPING_BYTES_MAX {
            return Err(MappingFaults(vec![MappingFault {
                line: 1,
                key: String::new(),
                problem: format!("the mapping is longer than {MAPPING_BYTES_MAX} bytes"),
                mend: "move long tables of names into the registry's ids".to_owned(),
            }]));
        }
        check::read(text)
    }

    /// Reads a mapping file.
    ///
    /// # Errors
    /// `Read` when it can't be read, `Mapping` with all its faults.
    pub fn open(path: &Path) -> Result<Self, ReplayError> {
        let text = fs::read_to_string(path).map_err(|source| ReplayError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text).map_err(|faults| ReplayError::Mapping {
            path: path.to_owned(),
            faults,
        })
    }

    /// Whose things the recording is about.
    pub const fn publisher(&self) -> &PublisherId {
        &self.publisher
    }

    /// How the files are written.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// The properties that are read, in the mapping's order.
    pub fn properties(&self) -> impl Iterator<Item = &PropertyId> {
        self.properties.iter().map(|rule| &rule.id)
    }

    /// What the files lack: columns that the mapping names and that are neither there nor optional.
    pub(crate) fn misfits(&self, path: &Path, known: &[String]) -> Vec<MappingFault> {
        let is_missing = |column: &&Column| !column.is_optional && !known.contains(&column.name);
        let missing = self.columns.iter().filter(is_missing);
        missing
            .map(|column| MappingFault {
                line: 0,
                key: path.display().to_string(),
                problem: format!("has no column `{}`", column.name),
                mend: keys::nearest(&column.name, known.iter().map(String::as_str)).map_or_else(
                    || "correct the name, or write `optional = true` for the property".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                ),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
