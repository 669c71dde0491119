//! A whole registry as plain values: what files say comes in, what a snapshot is built from goes
//! out.
//!
//! # Why
//! Files, uploads, simulators and tests all make registries; they meet here, before anything is
//! checked against anything else. A [`Bundle`] holds what was written and nothing derived, so that
//! it exports again without loss.
//!
//! # Shape
//! Maps by id: an id stands once, and every listing has one order.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arno_model::{
    Area, AreaId, Membership, ObservedProperty, PropertyId, Publisher, PublisherId, Thing, ThingId,
    TimeRange,
};
use geo::MultiPolygon;
use serde::{Deserialize, Serialize};

/// The zone of areas that name none, and of dates without a time in `things.geojson`.
pub const ZONE_DEFAULT: &str = "Europe/Rome";

/// One of the registry's four files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// `publishers.toml`.
    Publishers,
    /// `properties.toml`.
    Properties,
    /// `areas.geojson`.
    Areas,
    /// `things.geojson`.
    Things,
}

impl Part {
    /// All four, in the order in which they are read.
    pub const ALL: [Self; 4] = [
        Self::Publishers,
        Self::Properties,
        Self::Areas,
        Self::Things,
    ];

    /// The file's name.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Publishers => "publishers.toml",
            Self::Properties => "properties.toml",
            Self::Areas => "areas.geojson",
            Self::Things => "things.geojson",
        }
    }

    /// What one entry of it is called.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Publishers => "publisher",
            Self::Properties => "property",
            Self::Areas => "area",
            Self::Things => "thing",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.file_name())
    }
}

/// An area and its polygons.
#[derive(Debug, Clone, PartialEq)]
pub struct AreaEntry {
    /// The area.
    pub area: Area,
    /// Its polygons, WGS 84, longitude first, outer rings counter-clockwise; `None` where the file
    /// has a null geometry (groups always).
    pub shape: Option<Arc<MultiPolygon<f64>>>,
}

/// A whole registry as it is written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bundle {
    /// Entries of `publishers.toml`.
    pub publishers: BTreeMap<PublisherId, Publisher>,
    /// Entries of `properties.toml`: additions to the shipped properties and replacements of them.
    pub properties: BTreeMap<PropertyId, ObservedProperty>,
    /// Features of `areas.geojson`.
    pub areas: BTreeMap<AreaId, AreaEntry>,
    /// Features of `things.geojson`.
    pub things: BTreeMap<ThingId, Thing>,
    /// Things that groups name directly, with when.
    pub thing_members: BTreeMap<AreaId, BTreeMap<ThingId, Vec<TimeRange>>>,
    /// Whom the areas' boundaries are owed to: the file's `attribution`.
    pub attribution: Option<String>,
}

impl Bundle {
    /// Adds or replaces a publisher.
    #[must_use]
    pub fn with_publisher(mut self, publisher: Publisher) -> Self {
        self.publishers.insert(publisher.id.clone(), publisher);
        self
    }

    /// Adds or replaces a property.
    #[must_use]
    pub fn with_property(mut self, property: ObservedProperty) -> Self {
        self.properties.insert(property.id.clone(), property);
        self
    }

    /// Adds or replaces an area.
    #[must_use]
    pub fn with_area(mut self, area: Area, shape: Option<MultiPolygon<f64>>) -> Self {
        let shape = shape.map(Arc::new);
        self.areas
            .insert(area.id.clone(), AreaEntry { area, shape });
        self
    }

    /// Adds or replaces a thing.
    #[must_use]
    pub fn with_thing(mut self, thing: Thing) -> Self {
        self.things.insert(thing.id.clone(), thing);
        self
    }

    /// Puts every list that is a set into one order, so that equal registries are equal and export
    /// alike, in whatever order they were declared.
    pub(super) fn put_in_order(&mut self) {
        for entry in self.areas.values_mut() {
            put_memberships_in_order(&mut entry.area.parents);
        }
        for thing in self.things.values_mut() {
            put_set_in_order(&mut thing.properties);
            put_set_in_order(&mut thing.aliases);
            thing.capacity.sort_by_key(|declared| declared.valid_from);
        }
        for ranges in self
            .thing_members
            .values_mut()
            .flat_map(BTreeMap::values_mut)
        {
            ranges.sort_by_key(|range| (range.start, range.end));
            ranges.dedup();
        }
    }
}

/// Sorts memberships by parent, then time, and drops repeats.
pub(super) fn put_memberships_in_order(memberships: &mut Vec<Membership>) {
    let order = |member: &Membership| (member.parent.clone(), member.valid.start, member.valid.end);
    memberships.sort_by_key(order);
    memberships.dedup();
}

fn put_set_in_order<T: Ord>(set: &mut Vec<T>) {
    set.sort_unstable();
    set.dedup();
}
