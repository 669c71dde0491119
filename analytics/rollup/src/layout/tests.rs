//! Claims about what counts where.

use std::collections::BTreeMap;

use arno_model::bucket::BASE_US;
use arno_model::publisher::MAX_AGE_DEFAULT;
use arno_model::{
    Area, AreaId, AreaLevel, Membership, PropertyId, Publisher, PublisherId, PublisherKind, Thing,
    ThingId, ThingKind, TimeRange, Timestamp, VehicleKind, Zone,
};
use arno_store::registry::{Belonging, Bundle};
use arno_store::{DatastreamName, Datastreams, Registry};

use super::cell::stay;
use super::{Layout, ThingPlan};
use crate::query::Measure;
use crate::signal::Span;
use crate::signal::joint::LoadBy;
use crate::signal::series::Sample;

fn town(id: &str) -> AreaId {
    AreaId::parse(id).unwrap()
}

fn thing(id: &str, kind: ThingKind, whole: Option<&str>, properties: &[&str]) -> Thing {
    Thing {
        id: ThingId::parse(id).unwrap(),
        name: id.to_owned(),
        kind,
        vehicle_kind: Some(VehicleKind::Car),
        location: None,
        part_of: whole.map(|whole| ThingId::parse(whole).unwrap()),
        capacity: Vec::new(),
        municipality: Some(town("it-mun-1")),
        properties: properties
            .iter()
            .map(|property| PropertyId::parse(property).unwrap())
            .collect(),
        max_hold: BTreeMap::new(),
        max_stay: None,
        is_reserved: false,
        is_open: true,
        aliases: Vec::new(),
        valid: TimeRange::ALL,
    }
}

fn registry(things: Vec<Thing>) -> Registry {
    let area = |id: &str, level, parents: &[&str]| Area {
        id: town(id),
        name: id.to_owned(),
        level,
        parents: parents
            .iter()
            .map(|parent| Membership {
                parent: town(parent),
                valid: TimeRange::ALL,
            })
            .collect(),
        zone: Zone::UTC,
        publisher: None,
        population: None,
        valid: TimeRange::ALL,
    };
    let publisher = Publisher {
        id: PublisherId::parse("prato").unwrap(),
        name: "Prato".to_owned(),
        kind: PublisherKind::Municipality,
        ipa_code: None,
        municipality: None,
        max_age: MAX_AGE_DEFAULT,
    };
    let bundle = Bundle::default()
        .with_publisher(publisher)
        .with_area(area("it-prov-100", AreaLevel::Province, &[]), None)
        .with_area(
            area("it-mun-1", AreaLevel::Municipality, &["it-prov-100"]),
            None,
        );
    let bundle = things.into_iter().fold(bundle, Bundle::with_thing);
    Registry::build(bundle)
        .unwrap_or_else(|report| panic!("{:?}", report.lines().collect::<Vec<_>>()))
        .0
}

fn counting(layout: &Layout, measure: &str) -> Vec<String> {
    let measure = Measure::parse(measure).unwrap();
    let members = layout.counting(&measure);
    let things = members.filter_map(|member| layout.thing(member.thing));
    things
        .map(|thing| thing.id.local().as_str().to_owned())
        .collect()
}

fn plan<'a>(layout: &'a Layout, id: &str) -> &'a ThingPlan {
    layout.thing(layout.place(id).unwrap()).unwrap()
}

#[test]
fn the_topmost_of_a_chain_that_reports_counts() {
    let lot = ThingKind::ParkingLot;
    let registry = registry(vec![
        thing("prato:district", lot, None, &[]),
        thing("prato:garage", lot, Some("prato:district"), &["free"]),
        thing("prato:floor", lot, Some("prato:garage"), &["vehicles"]),
        thing(
            "prato:bay",
            ThingKind::ParkingBay,
            Some("prato:floor"),
            &["occupied"],
        ),
        thing("prato:street", lot, Some("prato:district"), &[]),
        thing(
            "prato:bay-2",
            ThingKind::ParkingBay,
            Some("prato:street"),
            &["occupied"],
        ),
    ]);
    let layout = Layout::of(&registry, &Datastreams::default());
    assert_eq!(counting(&layout, "parking"), ["bay-2", "garage"]);
    let parts = |id: &str| -> Vec<&str> {
        let parts = plan(&layout, id).parts.iter();
        parts
            .map(|part| layout.thing(*part).unwrap().id.as_str())
            .collect()
    };
    assert_eq!(parts("prato:district"), ["prato:bay-2", "prato:garage"]);
    assert_eq!(parts("prato:street"), ["prato:bay-2"]);
    assert_eq!(parts("prato:garage"), [] as [&str; 0]);
}

#[test]
fn a_datastream_reports_as_a_registered_property_does() {
    let lot = thing("prato:lot", ThingKind::ParkingLot, None, &[]);
    let bay = thing(
        "prato:bay",
        ThingKind::ParkingBay,
        Some("prato:lot"),
        &["occupied"],
    );
    let registry = registry(vec![lot, bay]);
    let mut datastreams = Datastreams::default();
    assert_eq!(
        counting(&Layout::of(&registry, &datastreams), "parking"),
        ["bay"]
    );
    datastreams.insert(DatastreamName {
        thing: ThingId::parse("prato:lot").unwrap(),
        property: PropertyId::parse("free").unwrap(),
    });
    let layout = Layout::of(&registry, &datastreams);
    assert_eq!(counting(&layout, "parking"), ["lot"]);
    assert_eq!(
        plan(&layout, "prato:lot").load.map(|(_, by)| by),
        Some(LoadBy::Free)
    );
}

#[test]
fn vehicles_come_before_free_and_free_before_occupied() {
    let all = ["occupied", "free", "vehicles"];
    let lot = |id, properties: &[&str]| thing(id, ThingKind::ParkingLot, None, properties);
    let registry = registry(vec![lot("prato:three", &all), lot("prato:two", &all[..2])]);
    let layout = Layout::of(&registry, &Datastreams::default());
    let by = |id| plan(&layout, id).load.map(|(_, by)| by);
    assert_eq!(by("prato:three"), Some(LoadBy::Vehicles));
    assert_eq!(by("prato:two"), Some(LoadBy::Free));
}

#[test]
fn a_bay_has_one_place_unless_the_registry_says_otherwise() {
    let bay = thing("prato:bay", ThingKind::ParkingBay, None, &["occupied"]);
    let layout = Layout::of(&registry(vec![bay]), &Datastreams::default());
    let begin = Timestamp::MIN.as_micros();
    assert_eq!(
        plan(&layout, "prato:bay").declared,
        [Sample::known(begin, 1.0)]
    );
}

#[test]
fn what_changes_a_row_changes_the_fingerprint() {
    let print = |thing: Thing| {
        let layout = Layout::of(&registry(vec![thing]), &Datastreams::default());
        (
            layout.things()[0].fingerprint(),
            layout.cells()[0].fingerprint(layout.things()),
        )
    };
    let lot = || thing("prato:lot", ThingKind::ParkingLot, None, &["vehicles"]);
    let base = print(lot());
    let mut renamed = lot();
    renamed.name = "Piazza".to_owned();
    assert_eq!(print(renamed), base);
    let mut held = lot();
    let minute = std::time::Duration::from_mins(1);
    held.max_hold
        .insert(PropertyId::parse("vehicles").unwrap(), minute);
    assert_ne!(print(held).0, base.0);
    let mut shut = lot();
    shut.valid.end = Timestamp::from_micros(0);
    let shut = print(shut);
    assert!(shut.0 != base.0 && shut.1 != base.1);
}

#[test]
fn every_bucket_of_a_thing_lies_in_one_area_of_a_level() {
    let registry = registry(vec![thing(
        "prato:lot",
        ThingKind::ParkingLot,
        None,
        &["vehicles"],
    )]);
    let layout = Layout::of(&registry, &Datastreams::default());
    let mut lot = layout.things()[0].clone();
    let (begin, turn, end) = (10 * BASE_US + 7, 20 * BASE_US + 1, 30 * BASE_US + 5);
    lot.valid = Span::new(begin, end);
    let belonging = |start, end| Belonging {
        area: town("it-mun-1"),
        level: AreaLevel::Municipality,
        valid: TimeRange::new(Timestamp::from_micros(start), Timestamp::from_micros(end)),
    };
    let before = stay(&lot, &belonging(begin, turn));
    let after = stay(&lot, &belonging(turn, end));
    assert_eq!(before, Span::new(10 * BASE_US, 21 * BASE_US));
    assert_eq!(after, Span::new(21 * BASE_US, 31 * BASE_US));
    let aligned = stay(&lot, &belonging(begin, 20 * BASE_US));
    assert_eq!(aligned.end, 20 * BASE_US);
}
