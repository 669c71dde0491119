//! Geometries made, read and measured: numbers and texts come in, geometries, texts and square
//! metres go out.
//!
//! # Shape
//! `st_point(lon, lat)`, `st_geomfromtext(wkt)` → WKB. `st_astext`, `st_asgeojson` → text. `st_x`,
//! `st_y` of a point → degrees. `st_area` → m² on the ellipsoid, 0 for points and lines; holes are
//! taken out, whichever way the rings run.
//!
//! # Source
//! Area: Karney 2013, as `geo` computes it.

use std::hash::{Hash, Hasher};
use std::ops::Add;
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BinaryViewBuilder, Float64Builder, StringViewBuilder,
};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use geo::{GeodesicArea as _, Geometry, LineString, Point, Polygon};

use crate::function::argument::{self, Kind};
use crate::function::geometry::Shapes;
use crate::function::{wkb, wkt};
use crate::session::budget::Budget;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Call {
    Point,
    FromText,
    AsText,
    AsGeoJson,
    X,
    Y,
    Area,
}

#[derive(Debug)]
struct OfShape {
    call: Call,
    budget: Arc<Budget>,
    signature: Signature,
}

impl PartialEq for OfShape {
    fn eq(&self, other: &Self) -> bool {
        self.call == other.call
    }
}

impl Eq for OfShape {}

impl Hash for OfShape {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.call.hash(state);
    }
}

/// The functions.
pub(crate) fn functions(budget: &Arc<Budget>) -> Vec<Arc<ScalarUDF>> {
    use Call::{Area, AsGeoJson, AsText, FromText, Point, X, Y};
    [Point, FromText, AsText, AsGeoJson, X, Y, Area]
        .map(|call| {
            let signature = Signature::user_defined(Volatility::Immutable);
            let budget = Arc::clone(budget);
            Arc::new(ScalarUDF::new_from_impl(OfShape {
                call,
                budget,
                signature,
            }))
        })
        .into()
}

impl ScalarUDFImpl for OfShape {
    fn name(&self) -> &'static str {
        match self.call {
            Call::Point => "st_point",
            Call::FromText => "st_geomfromtext",
            Call::AsText => "st_astext",
            Call::AsGeoJson => "st_asgeojson",
            Call::X => "st_x",
            Call::Y => "st_y",
            Call::Area => "st_area",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, found: &[DataType]) -> Result<Vec<DataType>> {
        match self.call {
            Call::Point => argument::coerced(self.name(), &[Kind::Number, Kind::Number], 0, found),
            Call::FromText => argument::coerced(self.name(), &[Kind::Text], 0, found),
            _ => argument::coerced(self.name(), &[Kind::Geometry], 0, found),
        }
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(match self.call {
            Call::Point | Call::FromText => DataType::BinaryView,
            Call::AsText | Call::AsGeoJson => DataType::Utf8View,
            Call::X | Call::Y | Call::Area => DataType::Float64,
        })
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = call
            .args
            .iter()
            .all(|one| matches!(one, ColumnarValue::Scalar(_)));
        let rows = if is_constant { 1 } else { call.number_rows };
        let array = match (self.call, call.args.as_slice()) {
            (Call::Point, [lon, lat]) => points(lon, lat, rows)?,
            (_, [shape]) => self.of_shapes(Shapes::of(shape, rows)?, rows)?,
            _ => return Err(argument::unexpected(&DataType::Null)),
        };
        if is_constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
                &array, 0,
            )?));
        }
        Ok(ColumnarValue::Array(array))
    }
}

fn points(lon: &ColumnarValue, lat: &ColumnarValue, rows: usize) -> Result<ArrayRef> {
    let (lon, lat) = (lon.to_array(rows)?, lat.to_array(rows)?);
    let typed = |array: &ArrayRef| array.as_primitive_opt::<Float64Type>().cloned();
    let (Some(lon), Some(lat)) = (typed(&lon), typed(&lat)) else {
        return Err(argument::unexpected(lon.data_type()));
    };
    let mut out = BinaryViewBuilder::with_capacity(rows);
    for row in 0..rows {
        if lon.is_null(row) || lat.is_null(row) {
            out.append_null();
            continue;
        }
        let (lon, lat) = (lon.value(row), lat.value(row));
        if !(-180.0..=180.0).contains(&lon) || !(-90.0..=90.0).contains(&lat) {
            let reason = format!(
                "({lon}, {lat}) is nowhere: longitude comes first, −180 to 180, then latitude, −90 to 90"
            );
            return Err(argument::mistake("point", reason));
        }
        out.append_value(wkb::write(&Geometry::Point(Point::new(lon, lat))));
    }
    Ok(Arc::new(out.finish()))
}

impl OfShape {
    fn of_shapes(&self, mut shapes: Shapes, rows: usize) -> Result<ArrayRef> {
        match self.call {
            Call::AsText | Call::AsGeoJson => {
                let mut out = StringViewBuilder::with_capacity(rows);
                for row in 0..rows {
                    self.budget.check_time()?;
                    let shape = shapes.at(row)?;
                    let text = shape.map(|shape| match self.call {
                        Call::AsText => wkt::write(&shape.geometry),
                        _ => geojson(&shape.geometry),
                    });
                    if let Some(text) = &text {
                        self.budget
                            .take(u64::try_from(text.len()).unwrap_or(u64::MAX))?;
                    }
                    out.append_option(text);
                }
                Ok(Arc::new(out.finish()))
            }
            Call::FromText | Call::Point => {
                let mut out = BinaryViewBuilder::with_capacity(rows);
                for row in 0..rows {
                    self.budget.check_time()?;
                    let shape = shapes.at(row)?;
                    out.append_option(shape.map(|shape| wkb::write(&shape.geometry)));
                }
                Ok(Arc::new(out.finish()))
            }
            Call::X | Call::Y | Call::Area => {
                let mut out = Float64Builder::with_capacity(rows);
                for row in 0..rows {
                    self.budget.check_time()?;
                    let shape = shapes.at(row)?;
                    let number = shape
                        .map(|shape| self.number(&shape.geometry))
                        .transpose()?;
                    out.append_option(number);
                }
                Ok(Arc::new(out.finish()))
            }
        }
    }

    fn number(&self, geometry: &Geometry<f64>) -> Result<f64> {
        match (self.call, geometry) {
            (Call::X, Geometry::Point(point)) => Ok(point.x()),
            (Call::Y, Geometry::Point(point)) => Ok(point.y()),
            (Call::Area, _) => Ok(area(geometry)),
            _ => Err(argument::mistake("geometry", "is no point")),
        }
    }
}

/// Square metres of a geometry.
fn area(geometry: &Geometry<f64>) -> f64 {
    match geometry {
        Geometry::Polygon(polygon) => polygon_area(polygon),
        Geometry::MultiPolygon(polygons) => polygons.iter().map(polygon_area).fold(0.0, Add::add),
        Geometry::GeometryCollection(parts) => parts.iter().map(area).fold(0.0, Add::add),
        _ => 0.0,
    }
}

fn polygon_area(polygon: &Polygon<f64>) -> f64 {
    let ring = |ring: &LineString<f64>| {
        let alone = Polygon::new(ring.clone(), Vec::new());
        if ring.0.len() < 4 {
            0.0
        } else {
            alone.geodesic_area_signed().abs()
        }
    };
    ring(polygon.exterior()) - polygon.interiors().iter().map(ring).sum::<f64>()
}

fn geojson(geometry: &Geometry<f64>) -> String {
    use serde_json::{Value, json};
    fn line(line: &LineString<f64>) -> Value {
        line.0.iter().map(|one| json!([one.x, one.y])).collect()
    }
    fn polygon(polygon: &Polygon<f64>) -> Value {
        let rings = std::iter::once(polygon.exterior()).chain(polygon.interiors());
        rings.filter(|ring| !ring.0.is_empty()).map(line).collect()
    }
    fn value(geometry: &Geometry<f64>) -> Value {
        let of = |kind: &str, coordinates: Value| json!({"type": kind, "coordinates": coordinates});
        match geometry {
            Geometry::Point(point) => of("Point", json!([point.x(), point.y()])),
            Geometry::Line(one) => of("LineString", line(&LineString::from(*one))),
            Geometry::LineString(one) => of("LineString", line(one)),
            Geometry::Polygon(one) => of("Polygon", polygon(one)),
            Geometry::Rect(one) => of("Polygon", polygon(&one.to_polygon())),
            Geometry::Triangle(one) => of("Polygon", polygon(&one.to_polygon())),
            Geometry::MultiPoint(points) => of(
                "MultiPoint",
                points.iter().map(|one| json!([one.x(), one.y()])).collect(),
            ),
            Geometry::MultiLineString(lines) => {
                of("MultiLineString", lines.iter().map(line).collect())
            }
            Geometry::MultiPolygon(polygons) => {
                of("MultiPolygon", polygons.iter().map(polygon).collect())
            }
            Geometry::GeometryCollection(parts) => {
                let parts: Value = parts.iter().map(value).collect();
                json!({"type": "GeometryCollection", "geometries": parts})
            }
        }
    }
    value(geometry).to_string()
}
