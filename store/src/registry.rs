//! The registry as the rooms read it: an immutable snapshot of publishers, properties, areas and
//! things, with every thing's place resolved.
//!
//! # Why
//! Admission, rollups and answers all ask "whose is it, how does it behave, where does it belong,
//! and when". Asking a snapshot costs nothing and never changes under the asker; an applied change
//! is a new snapshot with a higher revision.
//!
//! # Shape
//! Maps ordered by id, so that every listing and export has one order.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arno_model::{
    Area, AreaId, AreaLevel, ObservedProperty, PropertyId, Publisher, PublisherId, Thing, ThingId,
    TimeRange,
};
use geo::MultiPolygon;
use serde::{Deserialize, Serialize};

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
    /// Its municipality, and how that was found.
    pub municipality: Option<(AreaId, PlacedBy)>,
    /// Every area above it: zone, municipality, union, province, region, groups.
    pub areas: Vec<Belonging>,
}

/// A snapshot of the registry.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    /// Grows with every applied change, from 1; 0 is the empty registry.
    pub revision: u64,
    pub(crate) publishers: BTreeMap<PublisherId, Arc<Publisher>>,
    pub(crate) properties: BTreeMap<PropertyId, Arc<ObservedProperty>>,
    pub(crate) areas: BTreeMap<AreaId, Arc<Area>>,
    pub(crate) shapes: BTreeMap<AreaId, Arc<MultiPolygon<f64>>>,
    pub(crate) things: BTreeMap<ThingId, Arc<Thing>>,
    pub(crate) places: HashMap<ThingId, Place>,
    pub(crate) aliases: HashMap<(PublisherId, String), ThingId>,
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

    /// All observed properties, by name.
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
        let id = self.aliases.get(&(publisher.clone(), alias.to_owned()))?;
        self.things.get(id)
    }

    /// Where a thing belongs; `None` for an unknown thing.
    pub fn place(&self, thing: &ThingId) -> Option<&Place> {
        self.places.get(thing)
    }

    /// The things that belong to an area at some time, with when.
    pub fn things_in<'a>(
        &'a self,
        area: &'a AreaId,
    ) -> impl Iterator<Item = (&'a Arc<Thing>, TimeRange)> {
        self.things.values().filter_map(move |thing| {
            let place = self.places.get(&thing.id)?;
            let belonging = place.areas.iter().find(|belonging| belonging.area == *area)?;
            Some((thing, belonging.valid))
        })
    }

    /// The areas directly below an area, with when.
    pub fn children<'a>(
        &'a self,
        area: &'a AreaId,
    ) -> impl Iterator<Item = (&'a Arc<Area>, TimeRange)> {
        self.areas.values().filter_map(move |child| {
            let membership = child.parents.iter().find(|membership| membership.parent == *area)?;
            Some((child, membership.valid))
        })
    }

    /// The parts of a thing: what is `part_of` it directly.
    pub fn parts<'a>(&'a self, thing: &'a ThingId) -> impl Iterator<Item = &'a Arc<Thing>> {
        self.things.values().filter(move |part| part.part_of.as_ref() == Some(thing))
    }

    /// How long a state of a thing holds: the thing's word, else the property's; `None` without limit.
    pub fn max_hold(
        &self,
        thing: &Thing,
        property: &ObservedProperty,
    ) -> Option<std::time::Duration> {
        thing.max_hold.get(&property.id).copied().or(property.max_hold)
    }
}
