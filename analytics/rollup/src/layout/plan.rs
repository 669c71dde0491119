//! One thing's plan: its streams, how each behaves, and whether the thing counts.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use arno_model::time::duration_us;
use arno_model::{
    AreaMode, DatastreamKey, NumberType, ObservedProperty, PropertyId, PublisherId, SignalKind,
    Thing, ThingId, ThingKind, VehicleKind,
};
use arno_store::registry::Belonging;
use arno_store::{Datastreams, Registry};

use crate::layout::PARKING;
use crate::query::Measure;
use crate::signal::Span;
use crate::signal::joint::LoadBy;
use crate::signal::series::{Sample, micros};
use crate::signal::state::HOLD_UNLIMITED_US;
use crate::signal::timeline::places_float;

/// Counters that declare no `max_gap`: a day without a sample, and nobody can say any more when the
/// growth happened.
pub const COUNTER_GAP_DEFAULT: Duration = Duration::from_hours(24);

/// One stream of a thing.
#[derive(Debug, Clone)]
pub struct StreamPlan {
    /// Its key; absent while nothing was ever reported.
    pub key: Option<DatastreamKey>,
    /// Its property.
    pub property: Arc<ObservedProperty>,
    /// States: how long a value holds.
    pub hold_us: i64,
    /// Whether it counts in its areas, or something above it does.
    pub counts: bool,
    /// Whether its rows are kept. A state that holds without limit would have a row in every
    /// quarter of an hour for ever; its rows are computed when asked for, unless they say what is
    /// parked.
    pub is_kept: bool,
}

impl StreamPlan {
    /// Whether its numbers are whole.
    pub fn is_whole(&self) -> bool {
        matches!(
            self.property.number,
            NumberType::Integer | NumberType::Boolean
        )
    }

    /// How far before its time an observation can matter: counters and deltas reach back.
    pub fn reach_back_us(&self) -> i64 {
        match self.property.signal {
            SignalKind::Counter => self.gap_us(),
            SignalKind::Delta => self.property.period.map_or(0, duration_us),
            SignalKind::State | SignalKind::Gauge | SignalKind::Distinct => 0,
        }
    }

    /// How far after its time an observation can matter.
    pub fn reach_on_us(&self) -> i64 {
        match self.property.signal {
            SignalKind::State => self.hold_us,
            SignalKind::Counter => self.gap_us(),
            SignalKind::Gauge | SignalKind::Delta | SignalKind::Distinct => 0,
        }
    }

    /// Counters: the longest gap over which growth is spread.
    pub fn gap_us(&self) -> i64 {
        duration_us(self.property.max_gap.unwrap_or(COUNTER_GAP_DEFAULT))
    }

    /// Whether the most at once over an area is asked for.
    pub fn has_peak(&self) -> bool {
        self.property.signal == SignalKind::State && self.property.area_mode == AreaMode::Sum
    }
}

/// One thing.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four independent facts of the registry, named as there"
)]
pub struct ThingPlan {
    /// Its global name.
    pub id: ThingId,
    /// Whose it is.
    pub publisher: PublisherId,
    /// What may park there.
    pub vehicle_kind: Option<VehicleKind>,
    /// Whether it counts in the public view.
    pub is_public: bool,
    /// Whether its data are open.
    pub is_open: bool,
    /// Whether it is a reserved bay.
    pub is_reserved: bool,
    /// Whether it is a bay: arrivals are counted.
    pub is_bay: bool,
    /// When it exists.
    pub valid: Span,
    /// Its streams, expected ones that never reported included; by property.
    pub streams: Vec<StreamPlan>,
    /// Where `online` is among them.
    pub online: Option<usize>,
    /// Where `capacity` is among them.
    pub capacity: Option<usize>,
    /// Declared capacities as samples.
    pub declared: Vec<Sample>,
    /// How long capacity holds.
    pub capacity_hold_us: i64,
    /// Which stream says what is parked, and how.
    pub load: Option<(usize, LoadBy)>,
    /// The areas it belongs to.
    pub areas: Arc<[Belonging]>,
    /// The thing it is part of, by place.
    pub whole: Option<usize>,
    /// A parking thing that reports nothing itself: its topmost parts that do, of its kind.
    pub parts: Vec<usize>,
}

impl ThingPlan {
    /// The stream by which this thing counts for a measure; `None` when it does not.
    pub fn counting_stream(&self, measure: &Measure) -> Option<usize> {
        let stream = self.measured_stream(measure)?;
        let plan = self.streams.get(stream)?;
        plan.counts.then_some(stream)
    }

    /// The stream that carries a measure, whether or not the thing counts for it.
    pub fn measured_stream(&self, measure: &Measure) -> Option<usize> {
        match measure {
            Measure::Parking => self.load.map(|(stream, _)| stream),
            Measure::Property(property) => self.stream_of(property.as_str()),
        }
    }

    /// The stream of a property.
    pub fn stream_of(&self, property: &str) -> Option<usize> {
        let streams = &self.streams;
        let place = streams.binary_search_by(|stream| stream.property.id.as_str().cmp(property));
        place.ok()
    }

    /// A number that changes when anything does that the thing's own rows depend on.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.valid.hash(&mut hasher);
        self.is_bay.hash(&mut hasher);
        self.load.hash(&mut hasher);
        self.capacity_hold_us.hash(&mut hasher);
        for sample in &self.declared {
            (sample.time, sample.value.map(f64::to_bits)).hash(&mut hasher);
        }
        for stream in &self.streams {
            let property = &stream.property;
            (
                stream.key,
                property.id.as_str(),
                property.signal,
                property.number,
            )
                .hash(&mut hasher);
            (
                stream.hold_us,
                stream.is_kept,
                property.max_gap,
                property.period,
            )
                .hash(&mut hasher);
        }
        hasher.finish()
    }
}

/// Plans all things of a registry, by global name.
pub(super) fn things(registry: &Registry, datastreams: &Datastreams) -> Vec<ThingPlan> {
    let places: HashMap<_, _> = registry
        .things()
        .enumerate()
        .map(|(place, thing)| (&thing.id, place))
        .collect();
    let plans = registry.things().map(|thing| {
        let mut plan = thing_plan(registry, datastreams, thing);
        let whole = thing.part_of.as_ref();
        plan.whole = whole.and_then(|whole| places.get(whole).copied());
        plan
    });
    plans.collect()
}

fn thing_plan(registry: &Registry, datastreams: &Datastreams, thing: &Thing) -> ThingPlan {
    let mut streams = streams(registry, datastreams, thing);
    let names: Vec<_> = streams
        .iter()
        .map(|stream| stream.property.id.clone())
        .collect();
    let find = |name: &str| names.iter().position(|property| property.as_str() == name);
    let is_parking = matches!(thing.kind, ThingKind::ParkingLot | ThingKind::ParkingBay);
    let by = [LoadBy::Vehicles, LoadBy::Free, LoadBy::Occupied];
    let mut reports = PARKING
        .iter()
        .zip(by)
        .filter_map(|(name, by)| Some((find(name)?, by)));
    let load = is_parking.then(|| reports.next()).flatten();
    if let Some(stream) = load.and_then(|(place, _)| streams.get_mut(place)) {
        stream.is_kept = true;
    }
    let place = registry.place(&thing.id);
    let capacity = registry.property("capacity");
    let capacity_hold = capacity.and_then(|property| registry.max_hold(thing, property));
    ThingPlan {
        id: thing.id.clone(),
        publisher: thing.id.publisher(),
        vehicle_kind: thing.vehicle_kind,
        is_public: thing.is_open && !thing.is_reserved,
        is_open: thing.is_open,
        is_reserved: thing.is_reserved,
        is_bay: thing.kind == ThingKind::ParkingBay,
        valid: Span::new(micros(thing.valid.start), micros(thing.valid.end)),
        online: find("online"),
        capacity: find("capacity"),
        declared: declared(thing),
        capacity_hold_us: capacity_hold.map_or(HOLD_UNLIMITED_US, duration_us),
        load,
        areas: place.map_or_else(|| Arc::from([]), |place| Arc::from(place.areas.as_slice())),
        whole: None,
        parts: Vec::new(),
        streams,
    }
}

fn streams(registry: &Registry, datastreams: &Datastreams, thing: &Thing) -> Vec<StreamPlan> {
    let mut keys: BTreeMap<&PropertyId, Option<DatastreamKey>> = BTreeMap::new();
    keys.extend(thing.properties.iter().map(|property| (property, None)));
    let known = datastreams.of_thing(&thing.id);
    keys.extend(known.iter().map(|(property, key)| (property, Some(*key))));
    let planned = keys.into_iter().filter_map(|(id, key)| {
        let property = registry.property(id.as_str())?;
        let hold = registry.max_hold(thing, property);
        Some(StreamPlan {
            key,
            property: Arc::clone(property),
            hold_us: hold.map_or(HOLD_UNLIMITED_US, duration_us),
            counts: true,
            is_kept: property.signal != SignalKind::State || hold.is_some(),
        })
    });
    planned.collect()
}

/// Declared capacities, by time; of several at one time the last; a bay without any has one place.
fn declared(thing: &Thing) -> Vec<Sample> {
    let mut by_time: BTreeMap<i64, f64> = BTreeMap::new();
    if thing.kind == ThingKind::ParkingBay && thing.capacity.is_empty() {
        by_time.insert(micros(thing.valid.start), 1.0);
    }
    for capacity in &thing.capacity {
        let places = places_float(i64::from(capacity.places));
        by_time.insert(micros(capacity.valid_from), places);
    }
    let samples = by_time.into_iter();
    samples
        .map(|(time, places)| Sample::known(time, places))
        .collect()
}

/// Longest chain of parts that is followed; the registry refuses cycles.
const PARTS_DEPTH_MAX: usize = 16;

/// Says which streams count: nothing above them, of the same vehicle kind, reports the same
/// measure.
pub(super) fn resolve_counting(things: &mut [ThingPlan], by_id: &HashMap<ThingId, usize>) {
    debug_assert_eq!(things.len(), by_id.len());
    let mut covered: Vec<Vec<bool>> = Vec::with_capacity(things.len());
    let mut parts: Vec<Vec<usize>> = vec![Vec::new(); things.len()];
    for (place, thing) in things.iter().enumerate() {
        let above: Vec<_> = ancestors(things, place).collect();
        let is_parked_above = above
            .iter()
            .any(|above| above.load.is_some() && above.vehicle_kind == thing.vehicle_kind);
        let of_thing = thing
            .streams
            .iter()
            .enumerate()
            .map(|(stream_place, stream)| {
                if thing.load.is_some_and(|(load, _)| load == stream_place) {
                    return is_parked_above;
                }
                above
                    .iter()
                    .any(|above| above.stream_of(stream.property.id.as_str()).is_some())
            });
        covered.push(of_thing.collect());
        if thing.load.is_some() && !is_parked_above {
            for whole in ancestor_places(things, place) {
                let is_same_kind = things.get(whole).is_some_and(|above| {
                    above.load.is_none() && above.vehicle_kind == thing.vehicle_kind
                });
                if let Some(parts) = parts.get_mut(whole).filter(|_| is_same_kind) {
                    parts.push(place);
                }
            }
        }
    }
    for ((thing, covered), parts) in things.iter_mut().zip(covered).zip(parts) {
        thing.parts = parts;
        for (stream, is_covered) in thing.streams.iter_mut().zip(covered) {
            stream.counts = !is_covered;
        }
    }
}

fn ancestor_places(things: &[ThingPlan], place: usize) -> impl Iterator<Item = usize> + '_ {
    let mut next = things.get(place).and_then(|thing| thing.whole);
    let climb = std::iter::from_fn(move || {
        let whole = next?;
        next = things.get(whole).and_then(|thing| thing.whole);
        Some(whole)
    });
    climb.take(PARTS_DEPTH_MAX)
}

fn ancestors(things: &[ThingPlan], place: usize) -> impl Iterator<Item = &ThingPlan> {
    ancestor_places(things, place).filter_map(|place| things.get(place))
}
