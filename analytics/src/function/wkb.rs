//! Well-known binary: bytes come in, a geometry goes out, and back.
//!
//! # Shape
//! Written little-endian, two dimensions, no SRID: WGS 84, longitude first. Read in both byte
//! orders.
//!
//! # Limits
//! Nesting of [`NESTING_DEPTH_MAX`]; counts are checked against the bytes that are left, so a short
//! input can't ask for much memory.
//!
//! # Source
//! OGC 06-103r4, clause 8.

use geo::{
    Coord, Geometry, GeometryCollection, LineString, MultiLineString, MultiPoint, MultiPolygon,
    Point, Polygon,
};

/// How deep collections may nest.
const NESTING_DEPTH_MAX: usize = 4;

/// Reads a geometry; says what is wrong with it.
pub(crate) fn read(bytes: &[u8]) -> Result<Geometry<f64>, &'static str> {
    let mut reader = Reader {
        bytes,
        is_little: true,
    };
    let geometry = reader.geometry(0)?;
    if reader.bytes.is_empty() {
        Ok(geometry)
    } else {
        Err("has bytes after its end")
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    is_little: bool,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        let (taken, rest) = self
            .bytes
            .split_first_chunk::<N>()
            .ok_or("ends too early")?;
        self.bytes = rest;
        Ok(*taken)
    }

    fn number(&mut self) -> Result<u32, &'static str> {
        let bytes = self.take::<4>()?;
        Ok(if self.is_little {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        })
    }

    /// A count of items of at least `least_bytes` each.
    fn count(&mut self, least_bytes: usize) -> Result<usize, &'static str> {
        let count = usize::try_from(self.number()?).map_err(|_too_big| "ends too early")?;
        if count > self.bytes.len() / least_bytes {
            Err("ends too early")
        } else {
            Ok(count)
        }
    }

    fn coordinate(&mut self) -> Result<Coord<f64>, &'static str> {
        let (x, y) = (self.take::<8>()?, self.take::<8>()?);
        let read = if self.is_little {
            f64::from_le_bytes
        } else {
            f64::from_be_bytes
        };
        let (x, y) = (read(x), read(y));
        if x.is_finite() && y.is_finite() {
            Ok(Coord { x, y })
        } else {
            Err("has a coordinate that is no number")
        }
    }

    fn coordinates(&mut self) -> Result<Vec<Coord<f64>>, &'static str> {
        let count = self.count(16)?;
        (0..count).map(|_| self.coordinate()).collect()
    }

    fn polygon(&mut self) -> Result<Polygon<f64>, &'static str> {
        let count = self.count(4)?;
        let rings = (0..count).map(|_| self.coordinates().map(LineString::new));
        let mut rings = rings.collect::<Result<Vec<_>, _>>()?.into_iter();
        let outer = rings.next().unwrap_or_else(|| LineString::new(Vec::new()));
        Ok(Polygon::new(outer, rings.collect()))
    }

    fn geometry(&mut self, depth: usize) -> Result<Geometry<f64>, &'static str> {
        if depth > NESTING_DEPTH_MAX {
            return Err("is nested too deep");
        }
        self.is_little = match self.take::<1>()? {
            [0] => false,
            [1] => true,
            _ => return Err("has no byte order: it is no WKB"),
        };
        let kind = self.number()?;
        if kind & 0x2000_0000 != 0 {
            // The extended form carries its reference system here; ours is always WGS 84.
            self.number()?;
        }
        Ok(match kind & !0x2000_0000 {
            1 => Geometry::Point(Point(self.coordinate()?)),
            2 => Geometry::LineString(LineString::new(self.coordinates()?)),
            3 => Geometry::Polygon(self.polygon()?),
            kind @ 4..=7 => self.collection(kind, depth)?,
            _ => return Err("is of a kind that is not read here; use two dimensions"),
        })
    }

    fn collection(&mut self, kind: u32, depth: usize) -> Result<Geometry<f64>, &'static str> {
        let count = self.count(9)?;
        let parts = (0..count)
            .map(|_| self.geometry(depth + 1))
            .collect::<Result<Vec<_>, _>>()?;
        assembled(kind, parts)
    }
}

/// Makes a collection of a WKB kind (4 to 7) from its parts.
pub(crate) fn assembled(
    kind: u32,
    parts: Vec<Geometry<f64>>,
) -> Result<Geometry<f64>, &'static str> {
    const MIXED: &str = "has parts of another kind";
    let parts = parts.into_iter();
    Ok(match kind {
        4 => {
            let points = parts.map(|part| Point::try_from(part).map_err(|_other| MIXED));
            Geometry::MultiPoint(MultiPoint(points.collect::<Result<_, _>>()?))
        }
        5 => {
            let lines = parts.map(|part| LineString::try_from(part).map_err(|_other| MIXED));
            Geometry::MultiLineString(MultiLineString(lines.collect::<Result<_, _>>()?))
        }
        6 => {
            let polygons = parts.map(|part| Polygon::try_from(part).map_err(|_other| MIXED));
            Geometry::MultiPolygon(MultiPolygon(polygons.collect::<Result<_, _>>()?))
        }
        _ => Geometry::GeometryCollection(GeometryCollection(parts.collect())),
    })
}

/// Writes a geometry.
pub(crate) fn write(geometry: &Geometry<f64>) -> Vec<u8> {
    let mut out = Vec::new();
    write_geometry(geometry, &mut out);
    out
}

/// Writes polygons, as areas have them, without copying them first.
pub(crate) fn write_polygons(polygons: &MultiPolygon<f64>) -> Vec<u8> {
    let mut out = Vec::new();
    head(&mut out, 6);
    count(&mut out, polygons.0.len());
    for polygon in polygons {
        write_polygon(polygon, &mut out);
    }
    out
}

fn head(out: &mut Vec<u8>, kind: u32) {
    out.push(1);
    out.extend(kind.to_le_bytes());
}

fn count(out: &mut Vec<u8>, count: usize) {
    out.extend(u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

fn write_coordinate(coordinate: Coord<f64>, out: &mut Vec<u8>) {
    out.extend(coordinate.x.to_le_bytes());
    out.extend(coordinate.y.to_le_bytes());
}

fn write_line(line: &LineString<f64>, out: &mut Vec<u8>) {
    count(out, line.0.len());
    for coordinate in &line.0 {
        write_coordinate(*coordinate, out);
    }
}

fn write_polygon(polygon: &Polygon<f64>, out: &mut Vec<u8>) {
    head(out, 3);
    count(out, polygon.interiors().len() + 1);
    write_line(polygon.exterior(), out);
    for ring in polygon.interiors() {
        write_line(ring, out);
    }
}

fn write_geometry(geometry: &Geometry<f64>, out: &mut Vec<u8>) {
    match geometry {
        Geometry::Point(point) => {
            head(out, 1);
            write_coordinate(point.0, out);
        }
        Geometry::Line(line) => {
            write_geometry(&LineString::from(*line).into(), out);
        }
        Geometry::LineString(line) => {
            head(out, 2);
            write_line(line, out);
        }
        Geometry::Polygon(polygon) => write_polygon(polygon, out),
        Geometry::Rect(rect) => write_polygon(&rect.to_polygon(), out),
        Geometry::Triangle(triangle) => write_polygon(&triangle.to_polygon(), out),
        Geometry::MultiPoint(points) => {
            head(out, 4);
            count(out, points.0.len());
            for point in points {
                head(out, 1);
                write_coordinate(point.0, out);
            }
        }
        Geometry::MultiLineString(lines) => {
            head(out, 5);
            count(out, lines.0.len());
            for line in lines {
                head(out, 2);
                write_line(line, out);
            }
        }
        Geometry::MultiPolygon(polygons) => out.extend(write_polygons(polygons)),
        Geometry::GeometryCollection(parts) => {
            head(out, 7);
            count(out, parts.0.len());
            for part in parts {
                write_geometry(part, out);
            }
        }
    }
}
