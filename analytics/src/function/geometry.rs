//! Geometries as arguments: columns of WKB or WKT come in, parsed shapes go out, one parse for
//! neighbouring rows that are the same.
//!
//! # Why
//! A join of things with areas shows the same polygon thousands of times in a row; parsing it each
//! time would cost more than the question. The box around a shape answers most rows without it.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, BinaryViewArray, StringViewArray};
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;
use geo::{BoundingRect as _, Geometry, Rect};

use crate::function::{argument, wkb, wkt};

/// A parsed geometry and the box around it; no box: it is empty.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) geometry: Geometry<f64>,
    pub(crate) bounds: Option<Rect<f64>>,
}

/// A column of geometries, or one for all rows.
#[derive(Debug)]
pub(crate) struct Shapes {
    source: Source,
    is_constant: bool,
    last: Option<(usize, Arc<Shape>)>,
}

#[derive(Debug)]
enum Source {
    Binary(BinaryViewArray),
    Text(StringViewArray),
}

impl Source {
    fn bytes(&self, row: usize) -> Option<&[u8]> {
        match self {
            Self::Binary(array) => array.is_valid(row).then(|| array.value(row)),
            Self::Text(array) => array.is_valid(row).then(|| array.value(row).as_bytes()),
        }
    }

    fn parse(&self, row: usize) -> std::result::Result<Geometry<f64>, &'static str> {
        match self {
            Self::Binary(array) => wkb::read(array.value(row)),
            Self::Text(array) => wkt::read(array.value(row)),
        }
    }
}

impl Shapes {
    pub(crate) fn of(value: &ColumnarValue, rows: usize) -> Result<Self> {
        let is_constant = matches!(value, ColumnarValue::Scalar(_));
        let array: ArrayRef = match value {
            ColumnarValue::Array(array) => Arc::clone(array),
            ColumnarValue::Scalar(value) => value.to_array_of_size(rows.min(1))?,
        };
        let source = if let Some(binary) = array.as_binary_view_opt() {
            Source::Binary(binary.clone())
        } else if let Some(text) = array.as_string_view_opt() {
            Source::Text(text.clone())
        } else {
            return Err(argument::unexpected(array.data_type()));
        };
        Ok(Self {
            source,
            is_constant,
            last: None,
        })
    }

    /// The geometry of a row.
    ///
    /// # Errors
    /// A caller's mistake, for what is no geometry.
    pub(crate) fn at(&mut self, row: usize) -> Result<Option<Arc<Shape>>> {
        let row = if self.is_constant { 0 } else { row };
        let Some(bytes) = self.source.bytes(row) else {
            return Ok(None);
        };
        if let Some((known, shape)) = &self.last
            && (*known == row || self.source.bytes(*known) == Some(bytes))
        {
            return Ok(Some(Arc::clone(shape)));
        }
        let geometry = self.source.parse(row);
        let geometry = geometry.map_err(|reason| argument::mistake("geometry", reason))?;
        let bounds = geometry.bounding_rect();
        let shape = Arc::new(Shape { geometry, bounds });
        self.last = Some((row, Arc::clone(&shape)));
        Ok(Some(shape))
    }
}
