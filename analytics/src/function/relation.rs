//! How two geometries lie to each other: two come in, metres or a truth go out.
//!
//! # Why
//! Distances in degrees mean nothing; these are metres along the ellipsoid.
//!
//! # Shape
//! `st_distance(a, b)` → m; `st_dwithin(a, b, m)`, `st_contains(a, b)`, `st_within(a, b)`,
//! `st_intersects(a, b)` → boolean. Edges are straight in longitude and latitude (RFC 7946). A
//! boundary is not contained. Null for null, and no distance to an empty geometry.
//!
//! # Invariants
//! Between points the distance is the geodesic. To an edge it is the geodesic to the edge's nearest
//! position, which is found on the plane that touches the ellipsoid at the point; within 100 km
//! that misplaces the foot by so little that the distance is right to a millionth.
//!
//! # Source
//! Karney 2013, as `geo` computes it. Radii of curvature: WGS 84 (a = 6378137, f =
//! 1/298.257223563).

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BooleanBuilder, Float64Array, Float64Builder,
};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use geo::{
    Contains as _, Coord, CoordsIter as _, Distance as _, Geodesic, Geometry, Intersects as _,
    LinesIter as _, Point, Within as _,
};

use crate::function::argument::{self, Kind};
use crate::function::geometry::{Shape, Shapes};
use crate::session::budget::Budget;

/// Most pairs of a position and an edge that one distance may compare; beyond it the answer would
/// take seconds a row.
const PAIRS_COUNT_MAX: usize = 20_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Call {
    Distance,
    WithinDistance,
    Contains,
    Within,
    Intersects,
}

#[derive(Debug)]
struct Relation {
    call: Call,
    budget: Arc<Budget>,
    signature: Signature,
}

impl PartialEq for Relation {
    fn eq(&self, other: &Self) -> bool {
        self.call == other.call
    }
}

impl Eq for Relation {}

impl Hash for Relation {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.call.hash(state);
    }
}

/// The functions.
pub(crate) fn functions(budget: &Arc<Budget>) -> Vec<Arc<ScalarUDF>> {
    [
        Call::Distance,
        Call::WithinDistance,
        Call::Contains,
        Call::Within,
        Call::Intersects,
    ]
    .map(|call| {
        let signature = Signature::user_defined(Volatility::Immutable);
        {
            let budget = Arc::clone(budget);
            Arc::new(ScalarUDF::new_from_impl(Relation {
                call,
                budget,
                signature,
            }))
        }
    })
    .into()
}

impl ScalarUDFImpl for Relation {
    fn name(&self) -> &'static str {
        match self.call {
            Call::Distance => "st_distance",
            Call::WithinDistance => "st_dwithin",
            Call::Contains => "st_contains",
            Call::Within => "st_within",
            Call::Intersects => "st_intersects",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, found: &[DataType]) -> Result<Vec<DataType>> {
        let kinds: &[Kind] = match self.call {
            Call::WithinDistance => &[Kind::Geometry, Kind::Geometry, Kind::Number],
            _ => &[Kind::Geometry, Kind::Geometry],
        };
        argument::coerced(self.name(), kinds, 0, found)
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(match self.call {
            Call::Distance => DataType::Float64,
            _ => DataType::Boolean,
        })
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = call
            .args
            .iter()
            .all(|one| matches!(one, ColumnarValue::Scalar(_)));
        let rows = if is_constant { 1 } else { call.number_rows };
        let [left, right, rest @ ..] = call.args.as_slice() else {
            return Err(argument::unexpected(&DataType::Null));
        };
        let left = Shapes::of(left, rows)?;
        let right = Shapes::of(right, rows)?;
        let array: ArrayRef = match (self.call, rest) {
            (Call::Distance, _) => distances(left, right, rows, &self.budget)?,
            (Call::WithinDistance, [reach]) => {
                let reach = reach.to_array(rows)?;
                let reach = reach.as_primitive_opt::<Float64Type>();
                let reach = reach.ok_or_else(|| argument::unexpected(&DataType::Null))?;
                within_distance(left, right, reach, &self.budget)?
            }
            (call, _) => relations(call, (left, right), rows, &self.budget)?,
        };
        if is_constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
                &array, 0,
            )?));
        }
        Ok(ColumnarValue::Array(array))
    }
}

fn distances(
    mut left: Shapes,
    mut right: Shapes,
    rows: usize,
    budget: &Budget,
) -> Result<ArrayRef> {
    let mut out = Float64Builder::with_capacity(rows);
    for row in 0..rows {
        budget.check_time()?;
        let metres = match (left.at(row)?, right.at(row)?) {
            (Some(left), Some(right)) => distance_m(&left, &right)?,
            _ => None,
        };
        out.append_option(metres);
    }
    Ok(Arc::new(out.finish()))
}

fn within_distance(
    mut left: Shapes,
    mut right: Shapes,
    reach: &Float64Array,
    budget: &Budget,
) -> Result<ArrayRef> {
    let mut out = BooleanBuilder::with_capacity(reach.len());
    for row in 0..reach.len() {
        budget.check_time()?;
        let reach_m = reach.is_valid(row).then(|| reach.value(row));
        let is_within = match (left.at(row)?, right.at(row)?, reach_m) {
            (Some(left), Some(right), Some(reach_m)) => {
                if is_surely_beyond(&left, &right, reach_m) {
                    Some(false)
                } else {
                    distance_m(&left, &right)?.map(|metres| metres <= reach_m)
                }
            }
            _ => None,
        };
        out.append_option(is_within);
    }
    Ok(Arc::new(out.finish()))
}

fn relations(
    call: Call,
    (mut left, mut right): (Shapes, Shapes),
    rows: usize,
    budget: &Budget,
) -> Result<ArrayRef> {
    let mut out = BooleanBuilder::with_capacity(rows);
    for row in 0..rows {
        budget.check_time()?;
        let truth = match (left.at(row)?, right.at(row)?) {
            (Some(left), Some(right)) => Some(holds(call, &left, &right)),
            _ => None,
        };
        out.append_option(truth);
    }
    Ok(Arc::new(out.finish()))
}

fn holds(call: Call, left: &Shape, right: &Shape) -> bool {
    let (Some(left_bounds), Some(right_bounds)) = (left.bounds, right.bounds) else {
        // An empty geometry lies nowhere.
        return false;
    };
    if !left_bounds.intersects(&right_bounds) {
        return false;
    }
    match call {
        Call::Contains => left.geometry.contains(&right.geometry),
        Call::Within => left.geometry.is_within(&right.geometry),
        _ => left.geometry.intersects(&right.geometry),
    }
}

/// Whether latitudes alone are further apart than `reach_m`: a degree is never under 110,500 m.
fn is_surely_beyond(left: &Shape, right: &Shape, reach_m: f64) -> bool {
    let (Some(left), Some(right)) = (left.bounds, right.bounds) else {
        return false;
    };
    let gap = (left.min().y - right.max().y).max(right.min().y - left.max().y);
    gap * 110_500.0 > reach_m
}

/// Metres between two geometries; `None` if one is empty.
fn distance_m(left: &Shape, right: &Shape) -> Result<Option<f64>> {
    if left.bounds.is_none() || right.bounds.is_none() {
        return Ok(None);
    }
    if let (Geometry::Point(left), Geometry::Point(right)) = (&left.geometry, &right.geometry) {
        return Ok(Some(Geodesic.distance(*left, *right)));
    }
    if left.geometry.intersects(&right.geometry) {
        return Ok(Some(0.0));
    }
    let size = |shape: &Shape| shape.geometry.coords_count();
    if size(left).saturating_mul(size(right)) > PAIRS_COUNT_MAX {
        return Err(argument::mistake(
            "geometry",
            "is too detailed for a distance; simplify it",
        ));
    }
    let (there, back) = (one_way_m(left, right), one_way_m(right, left));
    Ok(there.into_iter().chain(back).min_by(f64::total_cmp))
}

/// Least distance from the corners of one to the edges and points of the other.
fn one_way_m(from: &Shape, to: &Shape) -> Option<f64> {
    let corners = from.geometry.coords_iter();
    corners
        .filter_map(|corner| to_edges_m(corner, &to.geometry))
        .min_by(f64::total_cmp)
}

fn to_edges_m(from: Coord<f64>, to: &Geometry<f64>) -> Option<f64> {
    let plane = Plane::at(from);
    let edges = lines(to);
    let points = points(to);
    let nearest = edges
        .into_iter()
        .map(|(start, end)| plane.foot(start, end))
        .chain(points)
        .min_by(|left, right| plane.square(*left).total_cmp(&plane.square(*right)))?;
    Some(Geodesic.distance(Point(from), Point(nearest)))
}

fn lines(geometry: &Geometry<f64>) -> Vec<(Coord<f64>, Coord<f64>)> {
    let ends = |line: geo::Line<f64>| (line.start, line.end);
    match geometry {
        Geometry::Point(_) | Geometry::MultiPoint(_) => Vec::new(),
        Geometry::Line(line) => vec![ends(*line)],
        Geometry::LineString(line) => line.lines().map(ends).collect(),
        Geometry::MultiLineString(lines) => lines.lines_iter().map(ends).collect(),
        Geometry::Polygon(polygon) => polygon.lines_iter().map(ends).collect(),
        Geometry::MultiPolygon(polygons) => polygons.lines_iter().map(ends).collect(),
        Geometry::Rect(rect) => rect.lines_iter().map(ends).collect(),
        Geometry::Triangle(triangle) => triangle.lines_iter().map(ends).collect(),
        Geometry::GeometryCollection(parts) => parts.iter().flat_map(lines).collect(),
    }
}

fn points(geometry: &Geometry<f64>) -> Vec<Coord<f64>> {
    match geometry {
        Geometry::Point(point) => vec![point.0],
        Geometry::MultiPoint(points) => points.iter().map(|point| point.0).collect(),
        Geometry::GeometryCollection(parts) => parts.iter().flat_map(points).collect(),
        _ => Vec::new(),
    }
}

/// The plane that touches the ellipsoid at a position: metres east and north for degrees.
struct Plane {
    origin: Coord<f64>,
    east_m: f64,
    north_m: f64,
}

impl Plane {
    fn at(origin: Coord<f64>) -> Self {
        const EQUATOR_M: f64 = 6_378_137.0;
        const FLATTENING: f64 = 1.0 / 298.257_223_563;
        let squared = FLATTENING * (2.0 - FLATTENING);
        let (sine, cosine) = origin.y.to_radians().sin_cos();
        let shrink = 1.0 - squared * sine * sine;
        let normal_m = EQUATOR_M / shrink.sqrt();
        let meridian_m = normal_m * (1.0 - squared) / shrink;
        Self {
            origin,
            east_m: (normal_m * cosine).to_radians(),
            north_m: meridian_m.to_radians(),
        }
    }

    fn metres(&self, at: Coord<f64>) -> (f64, f64) {
        (
            (at.x - self.origin.x) * self.east_m,
            (at.y - self.origin.y) * self.north_m,
        )
    }

    fn square(&self, at: Coord<f64>) -> f64 {
        let (east, north) = self.metres(at);
        east * east + north * north
    }

    /// The position on an edge that is nearest to the origin.
    fn foot(&self, start: Coord<f64>, end: Coord<f64>) -> Coord<f64> {
        let (from, to) = (self.metres(start), self.metres(end));
        let along = (to.0 - from.0, to.1 - from.1);
        let square = along.0 * along.0 + along.1 * along.1;
        let share = if square > 0.0 {
            (-(from.0 * along.0 + from.1 * along.1) / square).clamp(0.0, 1.0)
        } else {
            0.0
        };
        start + (end - start) * share
    }
}
