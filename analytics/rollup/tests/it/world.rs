//! A small world: two provinces of a region, their towns, what parks and what connects in them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arno_analytics_rollup::{
    AreaLevelAsked, AreaQuery, Audience, Measure, MomentQuery, RollupQuery, Rollups,
};
use arno_model::observation::{ObservationBuilder, Quality};
use arno_model::publisher::MAX_AGE_DEFAULT;
use arno_model::thing::DeclaredCapacity;
use arno_model::{
    Area, AreaId, AreaLevel, Bucket, Location, Membership, Observation, PropertyId, Publisher,
    PublisherId, PublisherKind, Thing, ThingId, ThingKind, TimeRange, Timestamp, VehicleKind, Zone,
};
use arno_store::registry::Bundle;
use arno_store::testkit::{MemoryStore, TestClock};
use arno_store::{
    Append, Backend, ClockMark, DatastreamName, DatastreamRegister as _, ObservationWriter as _,
    Registry,
};
use arrow::array::{
    Array as _, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::util::display::array_value_to_string;
use geo::{MultiPolygon, polygon};
use tokio::sync::watch;

/// A moment by its text.
pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// A range by its texts.
pub(crate) fn range(start: &str, end: &str) -> TimeRange {
    TimeRange::new(at(start), at(end))
}

pub(crate) fn area_id(text: &str) -> AreaId {
    AreaId::parse(text).unwrap()
}

pub(crate) fn thing_id(text: &str) -> ThingId {
    ThingId::parse(text).unwrap()
}

pub(crate) fn property_id(text: &str) -> PropertyId {
    PropertyId::parse(text).unwrap()
}

/// A square of one degree with its lower left corner at `(lon, lat)`.
fn square(lon: f64, lat: f64, size: f64) -> MultiPolygon<f64> {
    let shape = polygon![
        (x: lon, y: lat), (x: lon + size, y: lat),
        (x: lon + size, y: lat + size), (x: lon, y: lat + size),
    ];
    MultiPolygon::new(vec![shape])
}

/// An area with memberships for all of time.
pub(crate) fn area(id: &str, level: AreaLevel, parents: &[&str]) -> Area {
    let parents = parents.iter().map(|parent| Membership {
        parent: area_id(parent),
        valid: TimeRange::ALL,
    });
    Area {
        id: area_id(id),
        name: id.to_owned(),
        level,
        parents: parents.collect(),
        zone: Zone::parse("Europe/Rome").unwrap(),
        publisher: None,
        population: None,
        valid: TimeRange::ALL,
    }
}

/// A thing of prato's at a point, reporting some properties.
pub(crate) fn thing(id: &str, kind: ThingKind, point: (f64, f64), properties: &[&str]) -> Thing {
    let is_parking = matches!(kind, ThingKind::ParkingLot | ThingKind::ParkingBay);
    Thing {
        id: thing_id(id),
        name: id.to_owned(),
        kind,
        vehicle_kind: is_parking.then_some(VehicleKind::Car),
        location: Some(Location {
            lon: point.0,
            lat: point.1,
        }),
        part_of: None,
        capacity: Vec::new(),
        municipality: None,
        properties: properties
            .iter()
            .map(|property| property_id(property))
            .collect(),
        max_hold: BTreeMap::new(),
        max_stay: None,
        is_reserved: false,
        is_open: true,
        aliases: Vec::new(),
        valid: TimeRange::ALL,
    }
}

/// A lot with a declared capacity.
pub(crate) fn lot(id: &str, point: (f64, f64), places: u32, properties: &[&str]) -> Thing {
    let mut lot = thing(id, ThingKind::ParkingLot, point, properties);
    lot.capacity = vec![DeclaredCapacity {
        valid_from: Timestamp::MIN,
        places,
    }];
    lot
}

pub(crate) fn publisher(id: &str) -> Publisher {
    Publisher {
        id: PublisherId::parse(id).unwrap(),
        name: id.to_owned(),
        kind: PublisherKind::Municipality,
        ipa_code: None,
        municipality: None,
        max_age: MAX_AGE_DEFAULT,
    }
}

/// Inside the zone `centro` of town 1, elsewhere in town 1, in towns 2 and 3.
pub(crate) const CENTRE: (f64, f64) = (0.2, 0.2);
pub(crate) const TOWN_1: (f64, f64) = (0.8, 0.8);
pub(crate) const TOWN_2: (f64, f64) = (1.5, 0.5);
pub(crate) const TOWN_3: (f64, f64) = (2.5, 0.5);

/// Region 09; provinces 100 (towns 1 and 2) and 48 (town 3); a union of towns 2 and 3; a group of
/// towns 1 and 3; the zone `centro` in town 1.
pub(crate) fn areas() -> Bundle {
    let town = |id: &str, parents: &[&str]| area(id, AreaLevel::Municipality, parents);
    Bundle::default()
        .with_publisher(publisher("prato"))
        .with_publisher(publisher("carmignano"))
        .with_area(area("it-reg-09", AreaLevel::Region, &[]), None)
        .with_area(
            area("it-prov-100", AreaLevel::Province, &["it-reg-09"]),
            None,
        )
        .with_area(
            area("it-prov-048", AreaLevel::Province, &["it-reg-09"]),
            None,
        )
        .with_area(area("union-colli", AreaLevel::Union, &[]), None)
        .with_area(area("group-piana", AreaLevel::Group, &[]), None)
        .with_area(
            town("it-mun-1", &["it-prov-100", "group-piana"]),
            Some(square(0.0, 0.0, 1.0)),
        )
        .with_area(
            town("it-mun-2", &["it-prov-100", "union-colli"]),
            Some(square(1.0, 0.0, 1.0)),
        )
        .with_area(
            town("it-mun-3", &["it-prov-048", "union-colli", "group-piana"]),
            Some(square(2.0, 0.0, 1.0)),
        )
        .with_area(
            area("centro", AreaLevel::Zone, &["it-mun-1"]),
            Some(square(0.0, 0.0, 0.5)),
        )
}

/// Lots, bays, access points and sensors in all of it.
pub(crate) fn full() -> Bundle {
    let mut bay_lot = lot("prato:bays", TOWN_2, 0, &[]);
    bay_lot.capacity = Vec::new();
    let bay = |id: &str, whole: &str, point| {
        let mut bay = thing(id, ThingKind::ParkingBay, point, &["occupied"]);
        bay.part_of = Some(thing_id(whole));
        bay
    };
    let mut reserved = bay("prato:bay-3", "prato:bays", TOWN_2);
    reserved.is_reserved = true;
    let mut closed = lot("carmignano:lot-4", TOWN_3, 30, &["vehicles"]);
    closed.is_open = false;
    let point = |id: &str, point| {
        let properties = ["clients", "bytes_down", "sessions", "online"];
        thing(id, ThingKind::AccessPoint, point, &properties)
    };
    let mut late_lot = lot("prato:lot-5", TOWN_1, 20, &["vehicles", "capacity"]);
    late_lot.valid = range("2026-03-28T10:07:00Z", "2026-03-30T12:00:00Z");
    late_lot.capacity[0].valid_from = late_lot.valid.start;
    let things = [
        lot(
            "prato:lot-1",
            CENTRE,
            100,
            &["vehicles", "capacity", "online"],
        ),
        lot("prato:lot-2", TOWN_1, 50, &["free", "capacity"]),
        lot("prato:lot-3", TOWN_2, 10, &["vehicles"]),
        bay("prato:bay-0", "prato:lot-3", TOWN_2),
        bay_lot,
        bay("prato:bay-1", "prato:bays", TOWN_2),
        bay("prato:bay-2", "prato:bays", TOWN_1),
        reserved,
        closed,
        late_lot,
        point("prato:ap-1", CENTRE),
        point("prato:ap-2", TOWN_1),
        point("carmignano:ap-3", TOWN_3),
        thing("prato:air-1", ThingKind::Sensor, CENTRE, &["temperature"]),
        thing("prato:air-2", ThingKind::Sensor, TOWN_2, &["temperature"]),
    ];
    things.into_iter().fold(areas(), Bundle::with_thing)
}

/// A store, its clock, a registry and rollups over them.
pub(crate) struct World {
    pub(crate) clock: Arc<TestClock>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) registry: watch::Sender<Arc<Registry>>,
    pub(crate) rollups: Rollups,
}

pub(crate) fn snapshot(bundle: Bundle) -> Arc<Registry> {
    Arc::new(
        Registry::build(bundle)
            .unwrap_or_else(|report| panic!("{:?}", report.lines().next()))
            .0,
    )
}

impl World {
    /// At a moment of the process's clock.
    pub(crate) async fn new(bundle: Bundle, now: &str) -> Self {
        let clock = Arc::new(TestClock::at(at(now)));
        let store = Arc::new(MemoryStore::new(Arc::<TestClock>::clone(&clock)));
        let (registry, receiver) = watch::channel(snapshot(bundle));
        let backend: Arc<dyn Backend> = Arc::<MemoryStore>::clone(&store);
        let rollups = Rollups::open(backend, receiver).await.unwrap();
        Self {
            clock,
            store,
            registry,
            rollups,
        }
    }

    /// Another handle that begins with what is kept in the store.
    pub(crate) async fn reopened(&self) -> Rollups {
        let backend: Arc<dyn Backend> = Arc::<MemoryStore>::clone(&self.store);
        Rollups::open(backend, self.registry.subscribe())
            .await
            .unwrap()
    }

    pub(crate) fn apply(&self, bundle: Bundle) {
        self.registry.send_replace(snapshot(bundle));
    }

    pub(crate) fn advance(&self, duration: Duration) {
        self.clock
            .advance_us(i64::try_from(duration.as_micros()).unwrap());
    }

    /// Appends (thing, property, time, result), received now.
    pub(crate) async fn say(&self, said: &[(&str, &str, &str, Option<f64>)]) {
        let rows: Vec<_> = said
            .iter()
            .map(|(thing, property, time, result)| (*thing, *property, at(time), *result))
            .collect();
        self.say_at(&rows).await;
    }

    pub(crate) async fn say_at(&self, said: &[(&str, &str, Timestamp, Option<f64>)]) {
        let registry = Arc::clone(&self.registry.borrow());
        let names: Vec<_> = said
            .iter()
            .map(|(thing, property, _, _)| DatastreamName {
                thing: thing_id(thing),
                property: property_id(property),
            })
            .collect();
        let keys = self.store.register(&names).await.unwrap();
        let mut builder = ObservationBuilder::default();
        for ((_, property, time, result), key) in said.iter().zip(keys) {
            let property = registry.property(property).unwrap();
            let is_plausible = result.is_none_or(|result| property.is_plausible(result));
            builder.push(&Observation {
                datastream: key,
                time: *time,
                result: *result,
                quality: if is_plausible {
                    Quality::Good
                } else {
                    Quality::Implausible
                },
                received: *time,
                result_time: None,
            });
        }
        let append = Append {
            observations: builder.finish().unwrap(),
            quarantine: Vec::new(),
            ignored_count: 0,
            clock: ClockMark::Live,
        };
        self.store.append(append).await.unwrap();
    }
}

/// A question about areas as the public sees them.
pub(crate) fn ask(
    areas: &[&str],
    level: AreaLevelAsked,
    measure: &str,
    range: TimeRange,
) -> AreaQuery {
    AreaQuery {
        areas: (!areas.is_empty()).then(|| areas.iter().map(|area| area_id(area)).collect()),
        level,
        things: None,
        measure: Measure::parse(measure).unwrap(),
        range,
        bucket: Bucket::Quarter,
        zone: None,
        as_of: None,
        audience: Audience::Public,
    }
}

/// A question about one thing's stream, or about all.
pub(crate) fn ask_streams(of: Option<(&str, &str)>, range: TimeRange) -> RollupQuery {
    RollupQuery {
        things: of.map(|(thing, _)| vec![thing_id(thing)]),
        properties: of.map(|(_, property)| vec![property_id(property)]),
        range,
        bucket: Bucket::Quarter,
        zone: Zone::parse("Europe/Rome").unwrap(),
        as_of: None,
    }
}

pub(crate) fn ask_now(measure: &str) -> MomentQuery {
    MomentQuery {
        at: None,
        measure: Measure::parse(measure).unwrap(),
        areas: None,
        things: None,
        audience: Audience::Public,
        as_of: None,
    }
}

/// A column of whole numbers; an absent one is −1.
pub(crate) fn wholes(batch: &RecordBatch, name: &str) -> Vec<i64> {
    let array = batch.column_by_name(name).unwrap();
    let array = array.as_any().downcast_ref::<Int64Array>().unwrap();
    array.iter().map(|value| value.unwrap_or(-1)).collect()
}

pub(crate) fn floats(batch: &RecordBatch, name: &str) -> Vec<Option<f64>> {
    let array = batch.column_by_name(name).unwrap();
    array
        .as_any()
        .downcast_ref::<Float64Array>()
        .unwrap()
        .iter()
        .collect()
}

pub(crate) fn truths(batch: &RecordBatch, name: &str) -> Vec<Option<bool>> {
    let array = batch.column_by_name(name).unwrap();
    array
        .as_any()
        .downcast_ref::<BooleanArray>()
        .unwrap()
        .iter()
        .collect()
}

pub(crate) fn texts(batch: &RecordBatch, name: &str) -> Vec<String> {
    let array = batch.column_by_name(name).unwrap();
    let array = arrow::compute::cast(array, &arrow::datatypes::DataType::Utf8).unwrap();
    let array = array.as_any().downcast_ref::<StringArray>().unwrap();
    array
        .iter()
        .map(|value| value.unwrap_or("").to_owned())
        .collect()
}

pub(crate) fn times(batch: &RecordBatch, name: &str) -> Vec<Option<Timestamp>> {
    let array = batch.column_by_name(name).unwrap();
    let array = array
        .as_any()
        .downcast_ref::<TimestampMicrosecondArray>()
        .unwrap();
    let times = array.iter();
    times.map(|time| time.map(Timestamp::from_micros)).collect()
}

/// The batch without what may differ between a refresh and a rebuild.
pub(crate) fn said(batch: &RecordBatch) -> RecordBatch {
    let schema = batch.schema();
    let kept = schema.fields().iter().enumerate();
    let kept =
        kept.filter(|(_, field)| !["computed_at", "revision"].contains(&field.name().as_str()));
    let places: Vec<usize> = kept.map(|(place, _)| place).collect();
    batch.project(&places).unwrap()
}

/// The first row in which two batches differ, both ways; `None` when they are equal.
pub(crate) fn difference(left: &RecordBatch, right: &RecordBatch) -> Option<String> {
    if left == right {
        return None;
    }
    if left.num_rows() != right.num_rows() {
        return Some(format!(
            "{} rows, {} rows",
            left.num_rows(),
            right.num_rows()
        ));
    }
    let show = |batch: &RecordBatch, row: usize| -> Vec<String> {
        let fields = batch.schema();
        let columns = batch.columns().iter().zip(fields.fields());
        let texts = columns.map(|(column, field)| {
            let is_time = field.name().starts_with("bucket_");
            let plain = if is_time {
                arrow::datatypes::DataType::Int64
            } else {
                column.data_type().clone()
            };
            let column = arrow::compute::cast(column, &plain).unwrap();
            let text = array_value_to_string(&column, row).unwrap();
            format!("{}={text}", field.name())
        });
        texts.collect()
    };
    (0..left.num_rows()).find_map(|row| {
        let (left, right) = (show(left, row), show(right, row));
        let differing = left
            .iter()
            .zip(&right)
            .filter(|(left, right)| left != right);
        let differing: Vec<_> = differing.collect();
        let place = left.iter().take(8).cloned().collect::<Vec<_>>().join(" ");
        (!differing.is_empty()).then(|| format!("{place}: {differing:?}"))
    })
}
