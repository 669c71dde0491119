//! Cells: what is added up for one area, measure and vehicle kind, and which things are in it when.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use arno_model::bucket::BASE_US;
use arno_model::{AreaId, AreaMode, PropertyId, SignalKind, VehicleKind};
use arno_store::Registry;
use arno_store::registry::Belonging;
use serde::{Deserialize, Serialize};

use crate::layout::plan::ThingPlan;
use crate::layout::{FIXED_LEVELS, has_area_value};
use crate::query::Measure;
use crate::signal::series::micros;
use crate::signal::{Span, bucket_ceil, bucket_floor};

/// The name of a kept cell.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CellKey {
    /// The area.
    pub area: AreaId,
    /// The property; absent for parking.
    pub property: Option<PropertyId>,
    /// For parking.
    pub vehicle_kind: Option<VehicleKind>,
}

/// A thing in a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The thing, by place.
    pub thing: usize,
    /// Its stream, by place in the thing.
    pub stream: usize,
    /// When it is in the cell: whole 15-minute buckets.
    pub span: Span,
}

impl Member {
    /// A member for a span of whole buckets.
    pub const fn new(thing: usize, stream: usize, span: Span) -> Self {
        Self {
            thing,
            stream,
            span,
        }
    }
}

/// How a cell adds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CellMode {
    /// Load against capacity.
    Parking,
    /// One property of this signal, by this area mode.
    Property {
        /// How it behaves.
        signal: SignalKind,
        /// How it adds.
        mode: AreaMode,
        /// Whether its numbers are whole.
        is_whole: bool,
        /// Gauges: the usual time between samples.
        expected_us: Option<i64>,
    },
}

impl CellMode {
    /// The mode of a measure; `None` for an unknown property.
    pub fn of(registry: &Registry, measure: &Measure) -> Option<Self> {
        let Measure::Property(property) = measure else {
            return Some(Self::Parking);
        };
        let property = registry.property(property.as_str())?;
        Some(Self::Property {
            signal: property.signal,
            mode: property.area_mode,
            is_whole: !matches!(property.number, arno_model::NumberType::Number),
            expected_us: property
                .expected_interval
                .map(arno_model::time::duration_us),
        })
    }

    /// Whether the most at once is asked for.
    pub const fn has_peak(self) -> bool {
        matches!(
            self,
            Self::Property {
                signal: SignalKind::State,
                mode: AreaMode::Sum,
                ..
            }
        )
    }
}

/// A cell and its members, in the order of their names.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Its name.
    pub key: CellKey,
    /// How it adds up.
    pub mode: CellMode,
    /// Who is in it.
    pub members: Vec<Member>,
}

impl Cell {
    /// A number that changes when its members, their times or its mode do.
    pub fn fingerprint(&self, things: &[ThingPlan]) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.mode.hash(&mut hasher);
        for member in &self.members {
            let thing = things.get(member.thing);
            let stream = thing.and_then(|thing| thing.streams.get(member.stream));
            thing
                .map(|thing| (thing.id.as_str(), thing.valid))
                .hash(&mut hasher);
            stream
                .map(|stream| stream.property.id.as_str())
                .hash(&mut hasher);
            member.span.hash(&mut hasher);
        }
        hasher.finish()
    }
}

/// When a thing is in an area, as whole buckets.
pub fn stay(thing: &ThingPlan, belonging: &Belonging) -> Span {
    let valid = Span::new(micros(belonging.valid.start), micros(belonging.valid.end));
    whole_buckets(valid.intersect(thing.valid), thing.valid)
}

/// Rounds a stay so that a bucket goes to the area of its start; at the ends of the thing's own
/// life outwards, since nobody else claims those buckets.
fn whole_buckets(stay: Span, life: Span) -> Span {
    let far = i64::MAX - BASE_US;
    let start = if stay.start <= -far {
        i64::MIN
    } else if stay.start <= life.start {
        bucket_floor(stay.start)
    } else {
        bucket_ceil(stay.start)
    };
    let end = if stay.end >= far {
        i64::MAX
    } else {
        bucket_ceil(stay.end)
    };
    Span::new(start, end)
}

/// The cells of fixed areas as the public sees them, by key. A property with a stream whose rows
/// are not kept has none: its figures over areas are computed when asked for.
pub(super) fn fixed(registry: &Registry, things: &[ThingPlan]) -> Vec<Cell> {
    let mut cells: BTreeMap<CellKey, Cell> = BTreeMap::new();
    let streams = things.iter().flat_map(|thing| &thing.streams);
    let unkept = streams.filter(|stream| !stream.is_kept);
    let unkept: BTreeSet<_> = unkept.map(|stream| stream.property.id.clone()).collect();
    for (place, thing) in things
        .iter()
        .enumerate()
        .filter(|(_, thing)| thing.is_public)
    {
        for (measure, stream) in measures(thing) {
            let Some(mode) = CellMode::of(registry, &measure) else {
                continue;
            };
            let vehicle_kind = match measure {
                Measure::Parking => thing.vehicle_kind,
                Measure::Property(_) => None,
            };
            let property = match measure {
                Measure::Parking => None,
                Measure::Property(property) => Some(property),
            };
            if property
                .as_ref()
                .is_some_and(|property| unkept.contains(property))
            {
                continue;
            }
            let fixed = thing
                .areas
                .iter()
                .filter(|area| FIXED_LEVELS.contains(&area.level));
            for belonging in fixed {
                let span = stay(thing, belonging);
                if span.is_empty() {
                    continue;
                }
                let key = CellKey {
                    area: belonging.area.clone(),
                    property: property.clone(),
                    vehicle_kind,
                };
                let cell = cells.entry(key.clone()).or_insert_with(|| Cell {
                    key,
                    mode,
                    members: Vec::new(),
                });
                cell.members.push(Member::new(place, stream, span));
            }
        }
    }
    cells.into_values().collect()
}

/// The kept measures for which a thing counts, with the stream of each.
fn measures(thing: &ThingPlan) -> impl Iterator<Item = (Measure, usize)> + '_ {
    let parking = thing.counting_stream(&Measure::Parking);
    let parking = parking.map(|stream| (Measure::Parking, stream));
    let streams = thing.streams.iter().enumerate();
    let others =
        streams.filter(|(_, stream)| stream.counts && has_area_value(stream.property.area_mode));
    let others =
        others.map(|(place, stream)| (Measure::Property(stream.property.id.clone()), place));
    parking.into_iter().chain(others)
}
