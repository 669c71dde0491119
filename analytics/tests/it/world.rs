//! A small world: two provinces of a region, three towns, what parks and what connects in them, and
//! a handle that asks about it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arno_analytics::{Analytics, AnalyticsConfig, AnalyticsError, ProductQuery};
use arno_model::observation::{ObservationBuilder, Quality};
use arno_model::publisher::MAX_AGE_DEFAULT;
use arno_model::thing::DeclaredCapacity;
use arno_model::{
    Area, AreaId, AreaLevel, Location, Membership, Observation, PropertyId, Publisher, PublisherId,
    PublisherKind, Thing, ThingId, ThingKind, TimeRange, Timestamp, VehicleKind, Zone,
};
use arno_store::registry::Bundle;
use arno_store::testkit::{MemoryStore, TestClock};
use arno_store::{
    Append, Backend, ClockMark, DatastreamName, DatastreamRegister as _, ObservationWriter as _,
    Registry, Role,
};
use arrow::array::RecordBatch;
use arrow::util::display::array_value_to_string;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt as _;
use geo::{MultiPolygon, polygon};
use tokio::sync::watch;

/// Rows as text; null is empty.
pub(crate) type Table = Vec<Vec<String>>;

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

pub(crate) fn area_id(text: &str) -> AreaId {
    AreaId::parse(text).unwrap()
}

pub(crate) fn thing_id(text: &str) -> ThingId {
    ThingId::parse(text).unwrap()
}

pub(crate) fn publisher(text: &str) -> Role {
    Role::Publisher(PublisherId::parse(text).unwrap())
}

fn square(lon: f64, lat: f64, size: f64) -> MultiPolygon<f64> {
    let shape = polygon![
        (x: lon, y: lat), (x: lon + size, y: lat),
        (x: lon + size, y: lat + size), (x: lon, y: lat + size),
    ];
    MultiPolygon::new(vec![shape])
}

pub(crate) fn area(id: &str, level: AreaLevel, parents: &[&str]) -> Area {
    let parents = parents.iter();
    let parents = parents.map(|parent| Membership {
        parent: area_id(parent),
        valid: TimeRange::ALL,
    });
    Area {
        id: area_id(id),
        name: id.to_uppercase(),
        level,
        parents: parents.collect(),
        zone: Zone::parse("Europe/Rome").unwrap(),
        publisher: None,
        population: Some(1_000),
        valid: TimeRange::ALL,
    }
}

pub(crate) fn thing(id: &str, kind: ThingKind, point: (f64, f64), properties: &[&str]) -> Thing {
    let is_parking = matches!(kind, ThingKind::ParkingLot | ThingKind::ParkingBay);
    Thing {
        id: thing_id(id),
        name: format!("{id} by name"),
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
            .map(|name| PropertyId::parse(name).unwrap())
            .collect(),
        max_hold: BTreeMap::new(),
        max_stay: None,
        is_reserved: false,
        is_open: true,
        aliases: Vec::new(),
        valid: TimeRange::ALL,
    }
}

pub(crate) fn lot(id: &str, point: (f64, f64), places: u32) -> Thing {
    let mut lot = thing(id, ThingKind::ParkingLot, point, &["vehicles"]);
    lot.capacity = vec![DeclaredCapacity {
        valid_from: Timestamp::MIN,
        places,
    }];
    lot
}

pub(crate) fn hotspot(id: &str, point: (f64, f64)) -> Thing {
    thing(id, ThingKind::AccessPoint, point, &["clients"])
}

/// In the zone `centro` of town 1, elsewhere in town 1, in towns 2 and 3.
pub(crate) const CENTRE: (f64, f64) = (11.2, 43.2);
pub(crate) const TOWN_1: (f64, f64) = (11.8, 43.8);
pub(crate) const TOWN_2: (f64, f64) = (12.5, 43.5);
pub(crate) const TOWN_3: (f64, f64) = (13.5, 43.5);

/// Region 09; provinces 100 (towns 1, 2) and 048 (town 3); a union of towns 2 and 3 over both; a
/// group of towns 1 and 3; the zone `centro` in town 1.
pub(crate) fn areas() -> Bundle {
    let town = |id: &str, parents: &[&str]| area(id, AreaLevel::Municipality, parents);
    let publisher = |id: &str| Publisher {
        id: PublisherId::parse(id).unwrap(),
        name: id.to_owned(),
        kind: PublisherKind::Municipality,
        ipa_code: None,
        municipality: None,
        max_age: MAX_AGE_DEFAULT,
    };
    Bundle::default()
        .with_publisher(publisher("prato"))
        .with_publisher(publisher("vinci"))
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
            Some(square(11.0, 43.0, 1.0)),
        )
        .with_area(
            town("it-mun-2", &["it-prov-100", "union-colli"]),
            Some(square(12.0, 43.0, 1.0)),
        )
        .with_area(
            town("it-mun-3", &["it-prov-048", "union-colli", "group-piana"]),
            Some(square(13.0, 43.0, 1.0)),
        )
        .with_area(
            area("centro", AreaLevel::Zone, &["it-mun-1"]),
            Some(square(11.0, 43.0, 0.5)),
        )
}

/// Open and closed lots, a reserved bay, hotspots.
pub(crate) fn full() -> Bundle {
    let mut closed = lot("vinci:lot-4", TOWN_3, 30);
    closed.is_open = false;
    let mut reserved = thing("prato:bay-r", ThingKind::ParkingBay, TOWN_2, &["occupied"]);
    reserved.is_reserved = true;
    let bay = thing("prato:bay-1", ThingKind::ParkingBay, TOWN_2, &["occupied"]);
    let things = [
        lot("prato:lot-1", CENTRE, 100),
        lot("prato:lot-2", TOWN_1, 50),
        lot("vinci:lot-3", TOWN_3, 10),
        closed,
        reserved,
        bay,
        hotspot("prato:ap-1", CENTRE),
        hotspot("prato:ap-2", TOWN_1),
        hotspot("vinci:ap-3", TOWN_3),
    ];
    things.into_iter().fold(areas(), Bundle::with_thing)
}

pub(crate) struct World {
    pub(crate) clock: Arc<TestClock>,
    pub(crate) store: Arc<MemoryStore>,
    _registry: watch::Sender<Arc<Registry>>,
    pub(crate) analytics: Analytics,
}

/// What a test says was observed: thing, property, time, result.
pub(crate) type Said<'a> = (&'a str, &'a str, &'a str, f64);

impl World {
    pub(crate) async fn new(bundle: Bundle, now: &str) -> Self {
        Self::with(bundle, now, AnalyticsConfig::default()).await
    }

    pub(crate) async fn with(bundle: Bundle, now: &str, config: AnalyticsConfig) -> Self {
        let clock = Arc::new(TestClock::at(at(now)));
        let store = Arc::new(MemoryStore::new(Arc::clone(&clock) as _));
        let registry = Registry::build(bundle)
            .unwrap_or_else(|report| panic!("{report}"))
            .0;
        let (registry, receiver) = watch::channel(Arc::new(registry));
        let backend = Arc::clone(&store) as Arc<dyn Backend>;
        let analytics = Analytics::open(backend, receiver, config).await.unwrap();
        Self {
            clock,
            store,
            _registry: registry,
            analytics,
        }
    }

    pub(crate) async fn say(&self, said: &[Said<'_>]) {
        let rows: Vec<_> = said
            .iter()
            .map(|(thing, property, time, result)| (*thing, *property, at(time), *result))
            .collect();
        self.say_at(&rows).await;
    }

    pub(crate) async fn say_at(&self, said: &[(&str, &str, Timestamp, f64)]) {
        let names: Vec<_> = said
            .iter()
            .map(|(thing, property, _, _)| DatastreamName {
                thing: thing_id(thing),
                property: PropertyId::parse(property).unwrap(),
            })
            .collect();
        let keys = self.store.register(&names).await.unwrap();
        let mut builder = ObservationBuilder::default();
        for ((_, _, time, result), key) in said.iter().zip(keys) {
            builder.push(&Observation {
                datastream: key,
                time: *time,
                result: Some(*result),
                quality: Quality::Good,
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

    pub(crate) async fn ask(&self, role: &Role, query: &str) -> Result<Table, AnalyticsError> {
        let stream = self
            .analytics
            .sql(role, query, self.analytics.limits())
            .await?;
        read(stream).await
    }

    /// A query that must have an answer.
    pub(crate) async fn rows(&self, role: &Role, query: &str) -> Table {
        self.ask(role, query)
            .await
            .unwrap_or_else(|error| panic!("{query}: {error} ({error:?})"))
    }

    /// A product's columns of these names, as text.
    pub(crate) async fn product(
        &self,
        role: &Role,
        query: &ProductQuery,
        columns: &[&str],
    ) -> Result<Table, AnalyticsError> {
        let stream = self.analytics.product(role, query).await?;
        let batches = collect(stream).await?;
        Ok(batches
            .iter()
            .flat_map(|batch| picked(batch, columns))
            .collect())
    }
}

pub(crate) async fn collect(
    mut stream: SendableRecordBatchStream,
) -> Result<Vec<RecordBatch>, AnalyticsError> {
    let mut batches = Vec::new();
    while let Some(batch) = stream.next().await {
        batches.push(batch.map_err(AnalyticsError::of_engine)?);
    }
    Ok(batches)
}

pub(crate) async fn read(stream: SendableRecordBatchStream) -> Result<Table, AnalyticsError> {
    let schema = stream.schema();
    let names: Vec<_> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    let batches = collect(stream).await?;
    Ok(batches
        .iter()
        .flat_map(|batch| picked(batch, &names))
        .collect())
}

fn picked(batch: &RecordBatch, columns: &[&str]) -> Table {
    let text = |name: &str, row: usize| {
        let column = batch
            .column_by_name(name)
            .unwrap_or_else(|| panic!("no column {name}"));
        array_value_to_string(column, row).unwrap()
    };
    let rows = 0..batch.num_rows();
    rows.map(|row| columns.iter().map(|name| text(name, row)).collect())
        .collect()
}

/// The first column.
pub(crate) fn first(table: &Table) -> Vec<&str> {
    table.iter().map(|row| row[0].as_str()).collect()
}
