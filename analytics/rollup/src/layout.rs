//! Which things count where: a registry and the known datastreams come in, a plan of every thing's
//! streams and of every area's members goes out.
//!
//! # Why
//! Rollups ask the same questions of every bucket: which streams has the thing, how long do they
//! hold, does it count by itself or through its parts, in which areas and when. Answered once a
//! registry, they are array look-ups afterwards; and two plans compared say what a change touched.
//!
//! # Shape
//! Things in the order of their global names (every sum over things runs in it, so floats come out
//! the same each time), streams within a thing by property.
//!
//! # Invariants
//! Of things that are part of each other only the topmost that reports counts, among those of one
//! vehicle kind: a coach bay inside a car park is not in the car park's counter. A thing belongs to
//! an area in a 15-minute bucket if it does at the bucket's start (at its own beginning, in its
//! first), so every bucket of a thing lies in one area of a level and levels add up exactly.

pub mod cell;
pub mod plan;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arno_model::{
    AreaLevel, AreaMode, DatastreamKey, PropertyId, SignalKind, ThingId, VehicleKind,
};
use arno_store::{Datastreams, Registry};

pub use cell::{Cell, CellKey, Member};
pub use plan::{StreamPlan, ThingPlan};

use crate::query::Measure;
use crate::signal::Span;

/// The plan.
#[derive(Debug, Default)]
pub struct Layout {
    /// The registry's revision.
    pub revision: u64,
    /// How many datastreams were known.
    pub stream_count: usize,
    things: Vec<ThingPlan>,
    by_id: HashMap<ThingId, usize>,
    by_key: HashMap<DatastreamKey, (usize, usize)>,
    cells: Vec<Cell>,
    cells_of: Vec<Vec<(usize, usize)>>,
    reach_us: i64,
}

impl Layout {
    /// Derives the plan.
    pub fn of(registry: &Registry, datastreams: &Datastreams) -> Self {
        let mut things = plan::things(registry, datastreams);
        let by_id: HashMap<_, _> = things
            .iter()
            .enumerate()
            .map(|(place, thing)| (thing.id.clone(), place))
            .collect();
        plan::resolve_counting(&mut things, &by_id);
        let mut by_key = HashMap::new();
        for (place, thing) in things.iter().enumerate() {
            for (stream_place, stream) in thing.streams.iter().enumerate() {
                if let Some(key) = stream.key {
                    by_key.insert(key, (place, stream_place));
                }
            }
        }
        let cells = cell::fixed(registry, &things);
        let mut cells_of = vec![Vec::new(); things.len()];
        for (place, cell) in cells.iter().enumerate() {
            for member in &cell.members {
                let of_thing: Option<&mut Vec<_>> = cells_of.get_mut(member.thing);
                if let Some(of_thing) = of_thing {
                    of_thing.push((place, member.stream));
                }
            }
        }
        let reporting = things.iter().flat_map(|thing| &thing.streams);
        let deltas = reporting
            .filter(|stream| stream.key.is_some() && stream.property.signal == SignalKind::Delta);
        let reach_us = deltas.map(StreamPlan::reach_back_us).max().unwrap_or(0);
        Self {
            revision: registry.revision,
            stream_count: datastreams.len(),
            things,
            by_id,
            by_key,
            cells,
            cells_of,
            reach_us,
        }
    }

    /// All things, by global name.
    pub fn things(&self) -> &[ThingPlan] {
        &self.things
    }

    /// A thing by its place.
    pub fn thing(&self, place: usize) -> Option<&ThingPlan> {
        self.things.get(place)
    }

    /// The place of a thing.
    pub fn place(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// The places of a datastream's thing and of the stream in it.
    pub fn stream(&self, key: DatastreamKey) -> Option<(usize, usize)> {
        self.by_key.get(&key).copied()
    }

    /// What is kept of fixed areas: one cell an area, measure and vehicle kind, as the public sees
    /// it; by [`CellKey`].
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// How far before an observation a delta can matter.
    pub const fn reach_us(&self) -> i64 {
        self.reach_us
    }

    /// The kept cells that a thing is in, with the stream by which it is.
    pub fn cells_of(&self, thing: usize) -> &[(usize, usize)] {
        self.cells_of.get(thing).map_or(&[], Vec::as_slice)
    }

    /// The things that count for a measure, with their vehicle kind and the span in which they are
    /// asked for: all of their life.
    pub fn counting(&self, measure: &Measure) -> impl Iterator<Item = Member> + '_ {
        let measure = measure.clone();
        let things = self.things.iter().enumerate();
        things.filter_map(move |(place, thing)| {
            let stream = thing.counting_stream(&measure)?;
            Some(Member::new(place, stream, Span::ALL))
        })
    }

    /// Members of a measure by vehicle kind (parking) or all under `None`.
    pub fn by_kind(
        &self,
        measure: &Measure,
        members: impl IntoIterator<Item = Member>,
    ) -> BTreeMap<Option<VehicleKind>, Vec<Member>> {
        let mut kinds: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for member in members {
            let thing = self.things.get(member.thing);
            let kind = match measure {
                Measure::Parking => thing.and_then(|thing| thing.vehicle_kind),
                Measure::Property(_) => None,
            };
            kinds.entry(kind).or_default().push(member);
        }
        kinds
    }
}

/// The levels of fixed areas, whose rows are kept.
pub const FIXED_LEVELS: [AreaLevel; 5] = [
    AreaLevel::Zone,
    AreaLevel::Municipality,
    AreaLevel::Union,
    AreaLevel::Province,
    AreaLevel::Region,
];

/// Whether a property has kept rows over areas: those whose area mode is `sum` or `mean`.
pub const fn has_area_value(mode: AreaMode) -> bool {
    matches!(mode, AreaMode::Sum | AreaMode::Mean)
}

/// The properties that make parking figures, in the order in which a thing's report is chosen.
pub const PARKING: [&str; 3] = ["vehicles", "free", "occupied"];

/// A property's area mode in a registry; `none` for an unknown one.
pub fn area_mode(registry: &Registry, property: &PropertyId) -> AreaMode {
    let property: Option<&Arc<_>> = registry.property(property.as_str());
    property.map_or(AreaMode::None, |property| property.area_mode)
}
