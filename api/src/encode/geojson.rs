//! GeoJSON: a feature collection, one feature a row; the row's members are its properties.
//!
//! # Shape
//! WGS 84, longitude first; a row whose area has no polygon has a null geometry.
//!
//! # Source
//! RFC 7946.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;

use super::cell::Cells;
use super::json::{view, write_members, write_next};
use super::{EncodeError, Encoder, Envelope};
use crate::format::Format;

type Lookup = dyn Fn(&str) -> Option<Arc<str>> + Send + Sync;

/// Finds the geometry of a row by the text in one of its columns.
#[derive(Clone)]
pub(crate) struct Geometries {
    /// The column.
    pub(crate) column: &'static str,
    /// The geometry, as GeoJSON text, of what the column names.
    pub(crate) lookup: Arc<Lookup>,
}

impl fmt::Debug for Geometries {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Geometries")
            .field("column", &self.column)
            .finish_non_exhaustive()
    }
}

/// A feature collection.
#[derive(Debug)]
pub(super) struct GeoJson {
    envelope: Envelope,
    geometries: Option<Geometries>,
    is_first: bool,
}

impl GeoJson {
    pub(super) fn new(envelope: Envelope, geometries: Option<Geometries>) -> Self {
        Self {
            envelope,
            geometries,
            is_first: true,
        }
    }
}

impl Encoder for GeoJson {
    fn head(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(b"{\"type\":\"FeatureCollection\",");
        write_members(&self.envelope.members, out);
        out.extend_from_slice(b"\"features\":[");
        Ok(())
    }

    fn rows(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let members = view(batch, Format::GeoJson)?;
        let names = self
            .geometries
            .as_ref()
            .and_then(|known| batch.column_by_name(known.column));
        let names = names.map(Cells::view).transpose();
        let names = names.map_err(|source| EncodeError::Column {
            format: Format::GeoJson,
            source,
        })?;
        let mut name = Vec::new();
        for row in 0..batch.num_rows() {
            if !std::mem::take(&mut self.is_first) {
                out.push(b',');
            }
            name.clear();
            if let Some(names) = &names {
                names.plain(row, &mut name);
            }
            let named = std::str::from_utf8(&name)
                .ok()
                .zip(self.geometries.as_ref());
            let geometry = named.and_then(|(name, known)| (known.lookup)(name));
            out.extend_from_slice(b"{\"type\":\"Feature\",\"geometry\":");
            out.extend_from_slice(geometry.as_deref().unwrap_or("null").as_bytes());
            out.extend_from_slice(b",\"properties\":");
            members.object(row, out);
            out.push(b'}');
        }
        Ok(())
    }

    fn tail(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.push(b']');
        write_next(self.envelope.next.as_deref(), out);
        out.push(b'}');
        Ok(())
    }
}
