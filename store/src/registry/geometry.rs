//! Geometries of the registry: GeoJSON comes in, checked points and polygons go out, and back
//! again.
//!
//! # Shape
//! WGS 84 degrees, longitude first; a third coordinate (height) is dropped. Outer rings are turned
//! counter-clockwise and holes clockwise, as RFC 7946 asks, so that one shape prints one way.
//!
//! # Source
//! RFC 7946 §3.1 (geometry), §3.1.6 (rings), §4 (coordinate reference system).

use arno_model::Location;
use geo::line_intersection::{LineIntersection, line_intersection};
use geo::orient::Direction;
use geo::{
    Area as _, BoundingRect as _, Coord, Line, LineString, MultiPolygon, Orient as _, Polygon,
};
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{RTree, RTreeObject as _};
use serde::Serialize;
use serde_json::Value;

use super::fault::{Faults, Spot};

/// Reads a Point.
pub(super) fn point(geometry: &Value, spot: &Spot, faults: &mut Faults) -> Option<Location> {
    if geometry.get("type").and_then(Value::as_str) != Some("Point") {
        faults.error(
            spot,
            "its geometry is no Point",
            "write { \"type\": \"Point\", \"coordinates\": [lon, lat] }, or null",
        );
        return None;
    }
    let read = position(geometry.get("coordinates").unwrap_or(&Value::Null));
    match read {
        Ok(Coord { x: lon, y: lat }) => Some(Location { lon, lat }),
        Err(fault) => {
            faults.error(spot, fault.problem, fault.mend);
            None
        }
    }
}

/// Reads a Polygon or MultiPolygon.
pub(super) fn shape(
    geometry: &Value,
    spot: &Spot,
    faults: &mut Faults,
) -> Option<MultiPolygon<f64>> {
    let coordinates = geometry.get("coordinates").unwrap_or(&Value::Null);
    let read = match geometry.get("type").and_then(Value::as_str) {
        Some("Polygon") => polygon(coordinates).map(|polygon| vec![polygon]),
        Some("MultiPolygon") => {
            list(coordinates).and_then(|parts| parts.iter().map(polygon).collect())
        }
        _ => Err(Wrong::new(
            "its geometry is no Polygon or MultiPolygon",
            "write one of them; null for groups",
        )),
    };
    match read {
        Ok(polygons) if polygons.is_empty() => {
            faults.error(
                spot,
                "its MultiPolygon is empty",
                "give it polygons, or write null",
            );
            None
        }
        Ok(polygons) => Some(MultiPolygon::new(polygons)),
        Err(fault) => {
            faults.error(spot, fault.problem, fault.mend);
            None
        }
    }
}

/// A geometry as GeoJSON prints it; members in one order, whatever the JSON library is built with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Geometry {
    #[serde(rename = "type")]
    kind: &'static str,
    coordinates: Coordinates,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
enum Coordinates {
    Point([f64; 2]),
    Polygon(Vec<Vec<[f64; 2]>>),
    MultiPolygon(Vec<Vec<Vec<[f64; 2]>>>),
}

impl From<Location> for Geometry {
    fn from(location: Location) -> Self {
        let coordinates = Coordinates::Point([location.lon, location.lat]);
        Self {
            kind: "Point",
            coordinates,
        }
    }
}

impl From<&MultiPolygon<f64>> for Geometry {
    /// A Polygon, or a MultiPolygon where there are several.
    fn from(shape: &MultiPolygon<f64>) -> Self {
        let ring =
            |ring: &LineString<f64>| ring.0.iter().map(|at| [at.x, at.y]).collect::<Vec<_>>();
        let rings = |polygon: &Polygon<f64>| {
            let all = std::iter::once(polygon.exterior()).chain(polygon.interiors());
            all.map(ring).collect::<Vec<_>>()
        };
        match shape.0.as_slice() {
            [only] => Self {
                kind: "Polygon",
                coordinates: Coordinates::Polygon(rings(only)),
            },
            all => {
                let all = all.iter().map(rings).collect();
                Self {
                    kind: "MultiPolygon",
                    coordinates: Coordinates::MultiPolygon(all),
                }
            }
        }
    }
}

struct Wrong {
    problem: String,
    mend: String,
}

impl Wrong {
    fn new(problem: impl Into<String>, mend: &str) -> Self {
        Self {
            problem: problem.into(),
            mend: mend.to_owned(),
        }
    }
}

fn list(value: &Value) -> Result<&Vec<Value>, Wrong> {
    let nested = || {
        Wrong::new(
            "its coordinates are not nested as its type asks",
            "see RFC 7946, section 3.1",
        )
    };
    value.as_array().ok_or_else(nested)
}

fn polygon(value: &Value) -> Result<Polygon<f64>, Wrong> {
    let mut rings = list(value)?
        .iter()
        .map(ring)
        .collect::<Result<Vec<_>, _>>()?;
    if rings.is_empty() {
        return Err(Wrong::new("a polygon has no ring", "give it an outer ring"));
    }
    let outer = rings.remove(0);
    Ok(Polygon::new(outer, rings).orient(Direction::Default))
}

fn ring(value: &Value) -> Result<LineString<f64>, Wrong> {
    let positions = list(value)?
        .iter()
        .map(position)
        .collect::<Result<Vec<_>, _>>()?;
    if positions.len() < 4 {
        let problem = format!("a ring has {} positions", positions.len());
        return Err(Wrong::new(
            problem,
            "a ring has at least 4, the last equal to the first",
        ));
    }
    if positions.first() != positions.last() {
        return Err(Wrong::new(
            "a ring is not closed",
            "repeat its first position at its end",
        ));
    }
    let ring = LineString::new(positions);
    let area = Polygon::new(ring.clone(), Vec::new()).unsigned_area();
    // A figure of eight may enclose nothing in sum: where it crosses is the better word.
    if let Some(at) = crossing(&ring) {
        let problem = format!("a ring crosses itself near [{:.5}, {:.5}]", at.x, at.y);
        return Err(Wrong::new(
            problem,
            "untangle its corners there (ogr2ogr -makevalid does)",
        ));
    }
    if area > 0.0 {
        return Ok(ring);
    }
    Err(Wrong::new(
        "a ring encloses nothing",
        "remove it, or give it back its corners",
    ))
}

/// Where two edges of a ring cross, if any do; edges that only touch are let pass, since rounding
/// makes such. An R-tree keeps this near n · log n.
fn crossing(ring: &LineString<f64>) -> Option<Coord<f64>> {
    let corners =
        |line: &Line<f64>| Rectangle::<[f64; 2]>::from_corners(line.start.into(), line.end.into());
    let boxed = ring
        .lines()
        .map(|line| GeomWithData::new(corners(&line), line));
    let edges = RTree::bulk_load(boxed.collect());
    ring.lines().find_map(|line| {
        let near = edges.locate_in_envelope_intersecting(&corners(&line).envelope());
        let mut crossings = near.filter_map(|other| match line_intersection(line, other.data)? {
            LineIntersection::SinglePoint {
                intersection,
                is_proper: true,
            } => Some(intersection),
            _ => None,
        });
        crossings.next()
    })
}

/// Whether a shape lies where Italy's would with latitude first: an area of an Italian code only.
pub(super) fn seems_mirrored(shape: &MultiPolygon<f64>) -> bool {
    let (longitudes, latitudes) = (6.0..19.0, 35.0..48.0);
    shape.bounding_rect().is_some_and(|bounds| {
        let centre = bounds.center();
        longitudes.contains(&centre.y) && latitudes.contains(&centre.x)
    })
}

/// A position within WGS 84; the fault says when latitude seems to stand first.
fn position(value: &Value) -> Result<Coord<f64>, Wrong> {
    let numbers = value
        .as_array()
        .map(|list| list.iter().map(Value::as_f64).collect::<Vec<_>>());
    let (lon, lat) = match numbers.as_deref() {
        Some([Some(lon), Some(lat)] | [Some(lon), Some(lat), Some(_)]) => (*lon, *lat),
        _ => {
            return Err(Wrong::new(
                "a position is not [longitude, latitude]",
                "write two numbers, longitude first",
            ));
        }
    };
    let problem = || format!("the position [{lon}, {lat}] is not on earth");
    if lat.abs() > 90.0 && lat.abs() <= 180.0 && lon.abs() <= 90.0 {
        return Err(Wrong::new(
            problem(),
            "latitude seems to stand first: write longitude first",
        ));
    }
    if lon.abs() > 180.0 || lat.abs() > 90.0 {
        return Err(Wrong::new(
            problem(),
            "write degrees of WGS 84 (EPSG:4326), longitude first; metres of a grid must be transformed",
        ));
    }
    Ok(Coord {
        x: lon + 0.0,
        y: lat + 0.0,
    })
}
