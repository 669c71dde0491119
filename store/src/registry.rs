//! The registry as the rooms read it: an immutable snapshot of publishers, properties, areas and
//! things, with every thing's place resolved.
//!
//! # Why
//! Admission, rollups and answers all ask "whose is it, how does it behave, where does it belong,
//! and when". Asking a snapshot costs nothing and never changes under the asker; an applied change
//! is a new snapshot with a higher revision.
//!
//! # Shape
//! [`Files`] → [`Bundle`] (as written, checked) → [`Registry`] (derived: places, belongings,
//! indexes). Maps ordered by id, so that every listing and export has one order.

mod build;
pub mod bundle;
mod change;
mod check;
mod export;
pub mod fault;
pub mod files;
pub mod geometry;
pub mod keeper;
mod node;
mod place;
mod shipped;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use arno_model::{
    Area, AreaId, AreaLevel, ObservedProperty, PropertyId, Publisher, PublisherId, Thing, ThingId,
    TimeRange,
};
use geo::{BoundingRect as _, MultiPolygon};
use serde::{Deserialize, Serialize};

pub use bundle::{AreaEntry, Bundle, Part};
pub use change::{Change, ChangeRecord, EntryChange, EntryId};
pub use check::{AREAS_COUNT_MAX, PROPERTIES_COUNT_MAX, PUBLISHERS_COUNT_MAX, THINGS_COUNT_MAX};
pub use export::export;
pub use fault::{Fault, Report, Severity};
pub use files::{Checked, Files};
pub use geometry::Geometry;
pub use keeper::{RegistryError, RegistryKeeper};
pub use place::NEAREST_DISTANCE_M_MAX;
pub use shipped::shipped_properties;

/// How a thing's municipality was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlacedBy {
    /// The registry says so.
    Declared,
    /// Its point lies in the polygon.
    Polygon,
    /// The polygon is within 1 km of its point.
    Nearest,
    /// By its publisher's municipality, for want of better.
    Publisher,
}

/// One area that a thing belongs to, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Belonging {
    /// The area.
    pub area: AreaId,
    /// Its level.
    pub level: AreaLevel,
    /// When the thing belongs to it: the intersection along the chain of memberships.
    pub valid: TimeRange,
}

/// Where a thing belongs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// Its municipality, the latest if there were several, and how that was found.
    pub municipality: Option<(AreaId, PlacedBy)>,
    /// Every area above it: zone, municipality, union, province, region, groups; by level, then id,
    /// then time. An area that it left and came back to stands once for each stay.
    pub areas: Vec<Belonging>,
}

/// A snapshot of the registry.
#[derive(Debug, Clone)]
pub struct Registry {
    /// Grows with every applied change, from 1; 0 is the empty registry.
    pub revision: u64,
    publishers: BTreeMap<PublisherId, Arc<Publisher>>,
    properties: BTreeMap<PropertyId, Arc<ObservedProperty>>,
    areas: BTreeMap<AreaId, Arc<Area>>,
    shapes: BTreeMap<AreaId, Arc<MultiPolygon<f64>>>,
    things: BTreeMap<ThingId, Arc<Thing>>,
    places: HashMap<ThingId, Place>,
    aliases: HashMap<PublisherId, HashMap<String, ThingId>>,
    children: HashMap<AreaId, Vec<(AreaId, TimeRange)>>,
    inhabitants: HashMap<AreaId, Vec<(ThingId, TimeRange)>>,
    parts: HashMap<ThingId, Vec<ThingId>>,
    silent: HashSet<ThingId>,
    written: Arc<Bundle>,
}

impl Default for Registry {
    /// The empty registry: no publisher, area or thing, and the shipped properties.
    fn default() -> Self {
        Self::derive(Bundle::default()).0
    }
}

impl Registry {
    /// A publisher by name.
    pub fn publisher(&self, id: &str) -> Option<&Arc<Publisher>> {
        self.publishers.get(id)
    }

    /// All publishers, by name.
    pub fn publishers(&self) -> impl Iterator<Item = &Arc<Publisher>> {
        self.publishers.values()
    }

    /// An observed property by name.
    pub fn property(&self, id: &str) -> Option<&Arc<ObservedProperty>> {
        self.properties.get(id)
    }

    /// All observed properties, shipped ones included, by name.
    pub fn properties(&self) -> impl Iterator<Item = &Arc<ObservedProperty>> {
        self.properties.values()
    }

    /// An area by name.
    pub fn area(&self, id: &str) -> Option<&Arc<Area>> {
        self.areas.get(id)
    }

    /// All areas, by name.
    pub fn areas(&self) -> impl Iterator<Item = &Arc<Area>> {
        self.areas.values()
    }

    /// An area's polygons, WGS 84, longitude first; custom groups have none of their own.
    pub fn shape(&self, id: &str) -> Option<&Arc<MultiPolygon<f64>>> {
        self.shapes.get(id)
    }

    /// The box around an area's polygons: west, south, east, north.
    pub fn bounds(&self, id: &str) -> Option<[f64; 4]> {
        let bounds = self.shapes.get(id)?.bounding_rect()?;
        Some([
            bounds.min().x,
            bounds.min().y,
            bounds.max().x,
            bounds.max().y,
        ])
    }

    /// A thing by global name.
    pub fn thing(&self, id: &str) -> Option<&Arc<Thing>> {
        self.things.get(id)
    }

    /// All things, by global name.
    pub fn things(&self) -> impl Iterator<Item = &Arc<Thing>> {
        self.things.values()
    }

    /// The thing that a publisher's feed calls `alias`.
    pub fn thing_by_alias(&self, publisher: &PublisherId, alias: &str) -> Option<&Arc<Thing>> {
        let id = self.aliases.get(publisher)?.get(alias)?;
        self.things.get(id)
    }

    /// Where a thing belongs; `None` for an unknown thing.
    pub fn place(&self, thing: &ThingId) -> Option<&Place> {
        self.places.get(thing)
    }

    /// The things that belong to an area at some time, with when; by global name, then time. A
    /// thing that left and came back stands once for each stay.
    pub fn things_in<'a>(
        &'a self,
        area: &'a AreaId,
    ) -> impl Iterator<Item = (&'a Arc<Thing>, TimeRange)> {
        let stays = self.inhabitants.get(area).map_or(&[][..], Vec::as_slice);
        stays
            .iter()
            .filter_map(|(id, valid)| Some((self.things.get(id)?, *valid)))
    }

    /// The areas directly below an area, with when; by name, then time.
    pub fn children<'a>(
        &'a self,
        area: &'a AreaId,
    ) -> impl Iterator<Item = (&'a Arc<Area>, TimeRange)> {
        let children = self.children.get(area).map_or(&[][..], Vec::as_slice);
        children
            .iter()
            .filter_map(|(id, valid)| Some((self.areas.get(id)?, *valid)))
    }

    /// The parts of a thing: what is `part_of` it directly.
    pub fn parts<'a>(&'a self, thing: &'a ThingId) -> impl Iterator<Item = &'a Arc<Thing>> {
        let parts = self.parts.get(thing).map_or(&[][..], Vec::as_slice);
        parts.iter().filter_map(|id| self.things.get(id))
    }

    /// Whether a thing's own word on this property would show what is reserved in it: an open lot
    /// whose reserved bays could be told from its count and its open bays.
    pub fn shows_reserved(&self, thing: &ThingId, property: &PropertyId) -> bool {
        check::is_count(property.as_str()) && self.silent.contains(thing)
    }

    /// How long a state of a thing holds: the thing's word, else the property's; `None` without
    /// limit.
    pub fn max_hold(&self, thing: &Thing, property: &ObservedProperty) -> Option<Duration> {
        thing
            .max_hold
            .get(&property.id)
            .copied()
            .or(property.max_hold)
    }

    /// Whom the areas' boundaries are owed to.
    pub fn attribution(&self) -> Option<&str> {
        self.written.attribution.as_deref()
    }

    /// The registry as it was written, to be exported, compared or changed.
    pub fn bundle(&self) -> &Arc<Bundle> {
        &self.written
    }
}

#[cfg(test)]
pub(crate) mod tests;
