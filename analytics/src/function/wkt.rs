//! Well-known text: `POINT(11.1 43.9)` comes in, a geometry goes out, and back.
//!
//! # Shape
//! The seven kinds of OGC, two dimensions, `EMPTY` included; longitude first.
//!
//! # Source
//! OGC 06-103r4, clause 7.

use std::fmt::Write as _;

use geo::{
    Coord, Geometry, GeometryCollection, LineString, MultiLineString, MultiPoint, MultiPolygon,
    Point, Polygon,
};

/// How deep collections may nest.
const NESTING_DEPTH_MAX: usize = 4;

/// Reads a geometry; says what is wrong with it.
pub(crate) fn read(text: &str) -> Result<Geometry<f64>, &'static str> {
    let mut reader = Reader { rest: text };
    let geometry = reader.geometry(0)?;
    reader.space();
    if reader.rest.is_empty() {
        Ok(geometry)
    } else {
        Err("has text after its end")
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn word(&mut self) -> &'a str {
        self.space();
        let end = self.rest.find(|sign: char| !sign.is_ascii_alphabetic());
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        word
    }

    fn sign(&mut self, sign: char) -> bool {
        self.space();
        let rest = self.rest.strip_prefix(sign);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn number(&mut self) -> Result<f64, &'static str> {
        self.space();
        let is_part =
            |sign: char| sign.is_ascii_digit() || matches!(sign, '+' | '-' | '.' | 'e' | 'E');
        let end = self
            .rest
            .find(|sign: char| !is_part(sign))
            .unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(end);
        self.rest = rest;
        let number: f64 = number
            .parse()
            .map_err(|_cause| "lacks a number where one is due")?;
        if number.is_finite() {
            Ok(number)
        } else {
            Err("has a number that is too big")
        }
    }

    fn coordinate(&mut self) -> Result<Coord<f64>, &'static str> {
        let (x, y) = (self.number()?, self.number()?);
        Ok(Coord { x, y })
    }

    /// `( item, item )`, or `EMPTY`.
    fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, &'static str>,
    ) -> Result<Vec<T>, &'static str> {
        if !self.sign('(') {
            let is_empty = self.word().eq_ignore_ascii_case("EMPTY");
            return if is_empty {
                Ok(Vec::new())
            } else {
                Err("lacks `(`")
            };
        }
        let mut items = vec![item(self)?];
        while self.sign(',') {
            items.push(item(self)?);
        }
        if self.sign(')') {
            Ok(items)
        } else {
            Err("lacks `)`")
        }
    }

    fn line(&mut self) -> Result<LineString<f64>, &'static str> {
        self.list(Self::coordinate).map(LineString::new)
    }

    fn polygon(&mut self) -> Result<Polygon<f64>, &'static str> {
        let mut rings = self.list(Self::line)?.into_iter();
        let outer = rings.next().unwrap_or_else(|| LineString::new(Vec::new()));
        Ok(Polygon::new(outer, rings.collect()))
    }

    /// A point of a multipoint, with or without its own brackets.
    fn member(&mut self) -> Result<Point<f64>, &'static str> {
        let is_bracketed = self.sign('(');
        let coordinate = self.coordinate()?;
        if is_bracketed && !self.sign(')') {
            return Err("lacks `)`");
        }
        Ok(Point(coordinate))
    }

    fn geometry(&mut self, depth: usize) -> Result<Geometry<f64>, &'static str> {
        if depth > NESTING_DEPTH_MAX {
            return Err("is nested too deep");
        }
        let kind = self.word().to_ascii_uppercase();
        Ok(match kind.as_str() {
            "POINT" => {
                let points = self.list(Self::coordinate)?;
                let [point] = points.as_slice() else {
                    return Err("must have one position");
                };
                Geometry::Point(Point(*point))
            }
            "LINESTRING" => Geometry::LineString(self.line()?),
            "POLYGON" => Geometry::Polygon(self.polygon()?),
            "MULTIPOINT" => Geometry::MultiPoint(MultiPoint(self.list(Self::member)?)),
            "MULTILINESTRING" => Geometry::MultiLineString(MultiLineString(self.list(Self::line)?)),
            "MULTIPOLYGON" => Geometry::MultiPolygon(MultiPolygon(self.list(Self::polygon)?)),
            "GEOMETRYCOLLECTION" => {
                let parts = self.list(|reader| reader.geometry(depth + 1))?;
                Geometry::GeometryCollection(GeometryCollection(parts))
            }
            _ => {
                return Err(
                    "does not begin with POINT, LINESTRING, POLYGON, MULTIPOINT, \
                     MULTILINESTRING, MULTIPOLYGON or GEOMETRYCOLLECTION",
                );
            }
        })
    }
}

/// Writes a geometry.
pub(crate) fn write(geometry: &Geometry<f64>) -> String {
    let mut out = String::new();
    write_geometry(geometry, &mut out);
    out
}

fn coordinate(out: &mut String, coordinate: Coord<f64>) {
    // Writing to a string can't fail.
    let _written: std::fmt::Result = write!(out, "{} {}", coordinate.x, coordinate.y);
}

fn list<T>(out: &mut String, items: &[T], mut item: impl FnMut(&mut String, &T)) {
    if items.is_empty() {
        out.push_str(" EMPTY");
        return;
    }
    out.push('(');
    for (index, one) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        item(out, one);
    }
    out.push(')');
}

fn line(out: &mut String, line: &LineString<f64>) {
    list(out, &line.0, |out, one| coordinate(out, *one));
}

fn polygon(out: &mut String, polygon: &Polygon<f64>) {
    let mut rings = vec![polygon.exterior()];
    rings.extend(polygon.interiors());
    rings.retain(|ring| !ring.0.is_empty());
    list(out, &rings, |out, ring| line(out, ring));
}

fn write_geometry(geometry: &Geometry<f64>, out: &mut String) {
    match geometry {
        Geometry::Point(point) => {
            out.push_str("POINT");
            list(out, &[point.0], |out, one| coordinate(out, *one));
        }
        Geometry::Line(one) => write_geometry(&LineString::from(*one).into(), out),
        Geometry::LineString(one) => {
            out.push_str("LINESTRING");
            line(out, one);
        }
        Geometry::Polygon(one) => {
            out.push_str("POLYGON");
            polygon(out, one);
        }
        Geometry::Rect(one) => write_geometry(&one.to_polygon().into(), out),
        Geometry::Triangle(one) => write_geometry(&one.to_polygon().into(), out),
        Geometry::MultiPoint(points) => {
            out.push_str("MULTIPOINT");
            list(out, &points.0, |out, one| {
                list(out, &[one.0], |out, one| coordinate(out, *one));
            });
        }
        Geometry::MultiLineString(lines) => {
            out.push_str("MULTILINESTRING");
            list(out, &lines.0, line);
        }
        Geometry::MultiPolygon(polygons) => {
            out.push_str("MULTIPOLYGON");
            list(out, &polygons.0, polygon);
        }
        Geometry::GeometryCollection(parts) => {
            out.push_str("GEOMETRYCOLLECTION");
            list(out, &parts.0, |out, one| write_geometry(one, out));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::wkb;

    #[test]
    fn text_and_binary_come_back_as_they_went_in() {
        let texts = [
            "POINT(11.1 43.9)",
            "LINESTRING(0 0,1 1,2 0)",
            "POLYGON((0 0,4 0,4 4,0 4,0 0),(1 1,1 2,2 2,2 1,1 1))",
            "MULTIPOINT((0 0),(1 2))",
            "MULTILINESTRING((0 0,1 1),(2 2,3 3))",
            "MULTIPOLYGON(((0 0,1 0,1 1,0 0)),((5 5,6 5,6 6,5 5)))",
            "GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(0 0,1 1))",
            "MULTIPOLYGON EMPTY",
        ];
        for text in texts {
            let geometry = read(text).unwrap();
            assert_eq!(write(&geometry), text);
            assert_eq!(wkb::read(&wkb::write(&geometry)).unwrap(), geometry);
        }
        assert_eq!(
            read(" point ( 1   2 ) ").unwrap(),
            read("POINT(1 2)").unwrap()
        );
        assert_eq!(
            read("MULTIPOINT(0 0, 1 2)").unwrap(),
            read("MULTIPOINT((0 0),(1 2))").unwrap()
        );
    }

    #[test]
    fn what_is_no_geometry_is_refused() {
        for bad in [
            "",
            "POINT",
            "POINT()",
            "POINT(1)",
            "POINT(1 2",
            "POINT(1 2) x",
            "POINT(1 1e999)",
            "CIRCLE(1 2)",
            "POLYGON(0 0,1 1)",
            "POINT(1 2,3 4)",
            "LINESTRING(0 0,)",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        let deep = "GEOMETRYCOLLECTION(".repeat(20);
        read(&deep).unwrap_err();
        let point = wkb::write(&read("POINT(1 2)").unwrap());
        for end in 0..point.len() {
            assert!(wkb::read(&point[..end]).is_err(), "{end}");
        }
        let greedy = [1, 2, 0, 0, 0, 255, 255, 255, 255];
        wkb::read(&greedy).unwrap_err();
    }
}
