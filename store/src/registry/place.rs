//! Where things belong: a bundle's areas come in, each thing's areas with their times go out.
//!
//! # Why
//! A thing belongs to its declared municipality; else to the polygon that holds its point (on a
//! border the lowest code); else to the nearest within 1 km; else to its publisher's. Zones are
//! taken within that municipality. Municipalities merge and memberships are dated, so each rule
//! answers for the time in which its area exists and leaves the rest of the thing's life to the
//! next rule.
//!
//! # Shape
//! Points and polygons in WGS 84, longitude first; distances in metres, geodesic. Candidates come
//! from an R-tree over bounding boxes, ascending by id.
//!
//! # Invariants
//! At any moment a thing belongs to at most one municipality and one zone.

use std::collections::{BTreeMap, HashMap};

use arno_model::{
    Area, AreaId, AreaLevel, Location, Publisher, PublisherId, Thing, ThingId, TimeRange, Timestamp,
};
use geo::{
    BoundingRect as _, Closest, ClosestPoint as _, Distance as _, Geodesic, Intersects as _,
    MapCoords as _, MultiPolygon, Point, coord,
};
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

use super::bundle::Bundle;
use super::{Belonging, Place, PlacedBy};

/// How far a municipality's polygon may be from a thing that lies in none: coast lines and rounding
/// put quays and border car parks a little outside. Farther ones belong to their publisher's
/// municipality.
pub const NEAREST_DISTANCE_M_MAX: f64 = 1_000.0;
/// Longest chain of memberships; the check refuses longer ones (zone, municipality, union,
/// province, region and groups of groups need fewer).
pub(super) const CHAIN_LENGTH_MAX: usize = 16;
/// A degree of latitude is nowhere shorter (at the equator 110,574 m).
const DEGREE_M_MIN: f64 = 110_500.0;

/// A municipality that a thing belongs to for a while.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stay {
    pub(super) municipality: AreaId,
    pub(super) by: PlacedBy,
    pub(super) valid: TimeRange,
    /// Metres to its polygon, where it is the nearest.
    pub(super) distance_m: Option<f64>,
}

/// Finds places.
#[derive(Debug)]
pub(super) struct Placer<'a> {
    bundle: &'a Bundle,
    boxes: RTree<GeomWithData<Rectangle<[f64; 2]>, &'a AreaId>>,
    ancestors: HashMap<&'a AreaId, Vec<(&'a AreaId, TimeRange)>>,
    groups: HashMap<&'a ThingId, Vec<(&'a AreaId, TimeRange)>>,
}

impl<'a> Placer<'a> {
    /// Indexes a bundle.
    pub(super) fn new(bundle: &'a Bundle) -> Self {
        let placing = |level| matches!(level, AreaLevel::Municipality | AreaLevel::Zone);
        let boxed = bundle.areas.iter().filter_map(|(id, entry)| {
            let bounds = entry.shape.as_ref()?.bounding_rect()?;
            let corners = Rectangle::from_corners(bounds.min().into(), bounds.max().into());
            placing(entry.area.level).then(|| GeomWithData::new(corners, id))
        });
        let mut groups: HashMap<_, Vec<_>> = HashMap::new();
        for (group, members) in &bundle.thing_members {
            for (thing, ranges) in members {
                let stays = ranges.iter().map(|valid| (group, *valid));
                groups.entry(thing).or_default().extend(stays);
            }
        }
        let mut placer = Self {
            bundle,
            boxes: RTree::bulk_load(boxed.collect()),
            ancestors: HashMap::new(),
            groups,
        };
        for id in bundle.areas.keys() {
            placer.climb(id, 0);
        }
        placer
    }

    /// The place of a thing, and the stays that make it.
    pub(super) fn place(&self, thing: &Thing) -> (Place, Vec<Stay>) {
        let point = self.point_of(thing, 0);
        let stays = self.stays(thing, point);
        let mut found: BTreeMap<(AreaLevel, &AreaId), Vec<TimeRange>> = BTreeMap::new();
        let mut add = |id: &'a AreaId, valid: TimeRange| {
            if let (Some(entry), false) = (self.bundle.areas.get(id), valid.is_empty()) {
                found.entry((entry.area.level, id)).or_default().push(valid);
            }
        };
        let mut add_with_ancestors = |id: &'a AreaId, valid: TimeRange| {
            add(id, valid);
            for (ancestor, while_member) in self.ancestors.get(id).into_iter().flatten() {
                add(ancestor, valid.intersect(*while_member));
            }
        };
        for stay in &stays {
            let Some((id, _)) = self.bundle.areas.get_key_value(&stay.municipality) else {
                continue;
            };
            add_with_ancestors(id, stay.valid);
            for (zone, valid) in self.zones(id, stay.valid, point) {
                add_with_ancestors(zone, valid);
            }
        }
        for (group, valid) in self.groups.get(&thing.id).into_iter().flatten() {
            if let Some(entry) = self.bundle.areas.get(*group) {
                let valid = valid.intersect(thing.valid).intersect(entry.area.valid);
                add_with_ancestors(group, valid);
            }
        }
        let areas = found.into_iter().flat_map(|((level, id), ranges)| {
            let belonging = move |valid| Belonging {
                area: id.clone(),
                level,
                valid,
            };
            joined(ranges).into_iter().map(belonging)
        });
        let last = stays
            .iter()
            .max_by_key(|stay| (stay.valid.end, stay.valid.start));
        let municipality = last.map(|stay| (stay.municipality.clone(), stay.by));
        let place = Place {
            municipality,
            areas: areas.collect(),
        };
        (place, stays)
    }

    /// The municipality whose polygon holds a point at a moment; on a border the lowest code.
    pub(super) fn municipality_at(
        &self,
        point: Point<f64>,
        moment: Timestamp,
    ) -> Option<&'a AreaId> {
        let mut holding = self.holding(point, AreaLevel::Municipality);
        holding.retain(|area| area.valid.contains(moment));
        holding.first().map(|area| &area.id)
    }

    /// A thing's own point; a part without one stands where its whole stands.
    pub(super) fn point_of(&self, thing: &Thing, depth: usize) -> Option<Point<f64>> {
        if let Some(Location { lon, lat }) = thing.location {
            return Some(Point::new(lon, lat));
        }
        let whole = self.bundle.things.get(thing.part_of.as_ref()?)?;
        (depth < CHAIN_LENGTH_MAX).then(|| self.point_of(whole, depth + 1))?
    }

    /// The municipalities of a thing over its life, by the four rules in their order.
    fn stays(&self, thing: &Thing, point: Option<Point<f64>>) -> Vec<Stay> {
        let mut open = vec![thing.valid];
        let mut stays = Vec::new();
        let mut settle = |area: &Area, by, distance_m| {
            for valid in take(&mut open, area.valid) {
                stays.push(Stay {
                    municipality: area.id.clone(),
                    by,
                    valid,
                    distance_m,
                });
            }
        };
        let named = |id: &Option<AreaId>| {
            let entry = self.bundle.areas.get(id.as_ref()?)?;
            (entry.area.level == AreaLevel::Municipality).then_some(&entry.area)
        };
        if let Some(area) = named(&thing.municipality) {
            settle(area, PlacedBy::Declared, None);
        }
        if let Some(point) = point {
            for area in self.holding(point, AreaLevel::Municipality) {
                settle(area, PlacedBy::Polygon, None);
            }
            for (area, distance_m) in self.near(point) {
                settle(area, PlacedBy::Nearest, Some(distance_m));
            }
        }
        let publisher: Option<(&PublisherId, &Publisher)> =
            self.bundle.publishers.get_key_value(&thing.id.publisher());
        if let Some(area) = publisher.and_then(|(_, publisher)| named(&publisher.municipality)) {
            settle(area, PlacedBy::Publisher, None);
        }
        stays.sort_by_key(|stay| stay.valid.start);
        stays
    }

    /// The zones of a municipality that hold a point, each with its time.
    fn zones(
        &self,
        municipality: &AreaId,
        valid: TimeRange,
        point: Option<Point<f64>>,
    ) -> Vec<(&'a AreaId, TimeRange)> {
        let Some(point) = point else {
            return Vec::new();
        };
        let mut open = vec![valid];
        let mut found = Vec::new();
        for zone in self.holding(point, AreaLevel::Zone) {
            let memberships = zone
                .parents
                .iter()
                .filter(|member| member.parent == *municipality);
            for membership in memberships {
                let taken = take(&mut open, membership.valid.intersect(zone.valid));
                found.extend(taken.into_iter().map(|range| (&zone.id, range)));
            }
        }
        found
    }

    /// The areas of a level whose polygons hold a point, borders included, by id.
    fn holding(&self, point: Point<f64>, level: AreaLevel) -> Vec<&'a Area> {
        let envelope = AABB::from_point([point.x(), point.y()]);
        let boxed = self.boxes.locate_in_envelope_intersecting(&envelope);
        let mut found: Vec<&Area> = boxed
            .filter_map(|candidate| self.bundle.areas.get(candidate.data))
            .filter(|entry| entry.area.level == level)
            .filter(|entry| {
                entry
                    .shape
                    .as_ref()
                    .is_some_and(|shape| shape.intersects(&point))
            })
            .map(|entry| &entry.area)
            .collect();
        found.sort_by(|left, right| left.id.cmp(&right.id));
        found
    }

    /// The municipalities within [`NEAREST_DISTANCE_M_MAX`], nearest first, equally near ones by
    /// id.
    fn near(&self, point: Point<f64>) -> Vec<(&'a Area, f64)> {
        let margin_lat = NEAREST_DISTANCE_M_MAX / DEGREE_M_MIN;
        let margin_lon = margin_lat / point.y().to_radians().cos().max(0.01);
        let envelope = AABB::from_corners(
            [point.x() - margin_lon, point.y() - margin_lat],
            [point.x() + margin_lon, point.y() + margin_lat],
        );
        let boxed = self.boxes.locate_in_envelope_intersecting(&envelope);
        let mut found: Vec<(&Area, f64)> = boxed
            .filter_map(|candidate| self.bundle.areas.get(candidate.data))
            .filter(|entry| entry.area.level == AreaLevel::Municipality)
            .filter_map(|entry| Some((&entry.area, distance_m(entry.shape.as_ref()?, point)?)))
            .filter(|(_, distance_m)| *distance_m <= NEAREST_DISTANCE_M_MAX)
            .collect();
        found.sort_by(|left, right| left.1.total_cmp(&right.1).then(left.0.id.cmp(&right.0.id)));
        found
    }

    /// Computes the ancestors of an area with the intersection of validity along each chain.
    fn climb(&mut self, id: &'a AreaId, depth: usize) {
        if depth > CHAIN_LENGTH_MAX || self.ancestors.contains_key(id) {
            return;
        }
        let bundle = self.bundle;
        let mut found: BTreeMap<&AreaId, Vec<TimeRange>> = BTreeMap::new();
        let parents = bundle
            .areas
            .get(id)
            .map_or(&[][..], |entry| entry.area.parents.as_slice());
        for membership in parents {
            let Some((parent, entry)) = bundle.areas.get_key_value(&membership.parent) else {
                continue;
            };
            self.climb(parent, depth + 1);
            let valid = membership.valid.intersect(entry.area.valid);
            found.entry(parent).or_default().push(valid);
            for (ancestor, while_member) in self.ancestors.get(parent).into_iter().flatten() {
                found
                    .entry(ancestor)
                    .or_default()
                    .push(valid.intersect(*while_member));
            }
        }
        let joined = found.into_iter().flat_map(|(ancestor, ranges)| {
            joined(ranges)
                .into_iter()
                .map(move |range| (ancestor, range))
        });
        self.ancestors.insert(id, joined.collect());
    }
}

/// Metres from a point to the nearest point of a shape; the nearest point is found in a plane in
/// which degrees of longitude are shrunk as they are at this latitude, the distance to it on the
/// ellipsoid.
fn distance_m(shape: &MultiPolygon<f64>, point: Point<f64>) -> Option<f64> {
    let shrink = point.y().to_radians().cos().max(0.01);
    let plane = shape.map_coords(|at| coord! { x: at.x * shrink, y: at.y });
    let nearest = match plane.closest_point(&Point::new(point.x() * shrink, point.y())) {
        Closest::Intersection(_) => return Some(0.0),
        Closest::SinglePoint(nearest) => nearest,
        Closest::Indeterminate => return None,
    };
    Some(Geodesic.distance(point, Point::new(nearest.x() / shrink, nearest.y())))
}

/// Takes from `open` what lies in `wanted`, and returns it.
fn take(open: &mut Vec<TimeRange>, wanted: TimeRange) -> Vec<TimeRange> {
    let mut taken = Vec::new();
    let mut left = Vec::with_capacity(open.len() + 1);
    for range in open.drain(..) {
        let inside = range.intersect(wanted);
        if inside.is_empty() {
            left.push(range);
            continue;
        }
        taken.push(inside);
        let before = TimeRange::new(range.start, inside.start);
        let after = TimeRange::new(inside.end, range.end);
        left.extend([before, after].into_iter().filter(|part| !part.is_empty()));
    }
    *open = left;
    taken
}

/// Sorts ranges and joins those that touch or overlap; empty ones vanish.
pub(super) fn joined(mut ranges: Vec<TimeRange>) -> Vec<TimeRange> {
    ranges.retain(|range| !range.is_empty());
    ranges.sort_by_key(|range| range.start);
    let mut joined: Vec<TimeRange> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}
