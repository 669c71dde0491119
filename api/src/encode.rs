//! Encoders: record batches come in, the bytes of one of the six formats go out.
//!
//! # Why
//! Rows leave as they come, batch by batch; nothing holds an answer whole. The text formats share
//! one way to write a value ([`cell`]), so that a number is the same text in each.
//!
//! # Invariants
//! Between two batches an encoder holds at most one batch (Parquet: one row group). What it wrote
//! before an error is not a whole answer, and the connection is broken off after it.

mod arrow_ipc;
pub(crate) mod cell;
mod csv;
mod geojson;
mod json;
mod parquet;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use serde_json::{Map, Value};

pub(crate) use geojson::Geometries;

use crate::format::Format;

/// What goes around the rows, in the formats that have a place for it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Envelope {
    /// Members before the rows.
    pub(crate) members: Map<String, Value>,
    /// The address of the next page.
    pub(crate) next: Option<String>,
}

/// Why rows could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EncodeError {
    /// A column could not be read or written.
    #[error("could not write a column as {format}")]
    Column {
        /// The format.
        format: Format,
        /// What Arrow says.
        #[source]
        source: ArrowError,
    },
    /// Parquet could not be written.
    #[error("could not write Parquet")]
    Parquet {
        /// What its writer says.
        #[source]
        source: ::parquet::errors::ParquetError,
    },
}

/// Writes rows in one format.
pub(crate) trait Encoder: Send {
    /// Writes what stands before the rows.
    fn head(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// Writes the rows of a batch.
    fn rows(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// Writes what stands after the rows.
    fn tail(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError>;
}

/// How rows are to be written.
#[derive(Debug)]
pub(crate) struct Plan {
    /// In which format.
    pub(crate) format: Format,
    /// What goes around them.
    pub(crate) envelope: Envelope,
    /// What parts the fields of CSV.
    pub(crate) separator: u8,
    /// The geometry of each row, for GeoJSON.
    pub(crate) geometries: Option<Geometries>,
}

impl Plan {
    /// The encoder for rows of `schema`.
    pub(crate) fn encoder(self, schema: &SchemaRef) -> Result<Box<dyn Encoder>, EncodeError> {
        Ok(match self.format {
            Format::Json => Box::new(json::Json::new(self.envelope)),
            Format::NdJson => Box::new(json::Lines),
            Format::Csv => Box::new(csv::Csv::new(schema, self.separator)),
            Format::GeoJson => Box::new(geojson::GeoJson::new(self.envelope, self.geometries)),
            Format::Parquet => Box::new(parquet::Parquet::try_new(schema)?),
            Format::Arrow => Box::new(arrow_ipc::Arrow::try_new(schema)?),
        })
    }
}

#[cfg(test)]
mod tests;
