//! The canonical export loses nothing and has one form.

use std::collections::BTreeSet;
use std::time::Duration;

use arno_model::publisher::MAX_AGE_DEFAULT;
use arno_model::thing::DeclaredCapacity;
use arno_model::{
    AreaMode, LocalId, Location, Membership, NumberType, PublisherKind, SignalKind, ThingKind,
    VehicleKind,
};
use geo::{LineString, Polygon};
use proptest::option;
use proptest::prelude::*;

use super::*;

fn moments() -> impl Strategy<Value = Timestamp> {
    (0_i64..4_000_000_000_000_000).prop_map(Timestamp::from_micros)
}

fn ranges() -> impl Strategy<Value = TimeRange> {
    (
        option::of(moments()),
        option::of(1_i64..1_000_000_000_000_000),
    )
        .prop_map(|(start, length_us)| {
            let end = length_us.map(|length_us| {
                start
                    .unwrap_or(at("2000-01-01T00:00:00Z"))
                    .plus_us(length_us)
            });
            TimeRange::new(
                start.unwrap_or(Timestamp::MIN),
                end.unwrap_or(Timestamp::MAX),
            )
        })
}

fn holds() -> impl Strategy<Value = Duration> {
    (1_u64..10_000_000).prop_map(Duration::from_secs)
}

fn names() -> impl Strategy<Value = String> {
    "[A-Za-zàèìòù'\"\\\\#=\\[\\]{}€😀][A-Za-z àèìòù'\"\\\\]{0,20}[a-z]"
}

fn publishers() -> impl Strategy<Value = Publisher> {
    let kinds = prop::sample::select(vec![PublisherKind::Municipality, PublisherKind::Utility]);
    (
        names(),
        kinds,
        option::of("[a-z]{1,5}"),
        any::<bool>(),
        option::of(holds()),
    )
        .prop_map(
            |(name, kind, ipa_code, has_municipality, max_age)| Publisher {
                id: PublisherId::parse("prato").unwrap(),
                name,
                kind,
                ipa_code,
                municipality: has_municipality.then(|| id("comune-a")),
                max_age: max_age.unwrap_or(MAX_AGE_DEFAULT),
            },
        )
}

fn properties() -> impl Strategy<Value = ObservedProperty> {
    let signals = prop::sample::select(vec![
        SignalKind::State,
        SignalKind::Gauge,
        SignalKind::Counter,
        SignalKind::Delta,
    ]);
    let numbers = prop::sample::select(vec![NumberType::Integer, NumberType::Number]);
    let bounds = option::of(-1e9..0.0_f64);
    (
        ("[a-z]{1,9}", names(), names()),
        signals,
        numbers,
        option::of(holds()),
        bounds,
        any::<bool>(),
    )
        .prop_map(
            |((name, it, en), signal, number, duration, min, counts_people)| {
                let when = |kind| duration.filter(|_| signal == kind);
                ObservedProperty {
                    id: PropertyId::parse(&format!("p-{name}")).unwrap(),
                    name: (it, en),
                    unit: "m".to_owned(),
                    signal,
                    number,
                    area_mode: AreaMode::Sum,
                    max_hold: when(SignalKind::State),
                    expected_interval: when(SignalKind::Gauge),
                    max_gap: when(SignalKind::Counter),
                    period: when(SignalKind::Delta),
                    min,
                    max: min.map(|min| -min * 3.3),
                    counts_people,
                }
            },
        )
}

fn shapes() -> impl Strategy<Value = MultiPolygon<f64>> {
    let corners = (-170.0..160.0_f64, -80.0..70.0_f64, 0.000_01..9.0_f64);
    prop::collection::vec(corners, 1..3).prop_map(|squares| {
        let square = |(west, south, size): &(f64, f64, f64)| {
            let (west, south, east, north) = (*west, *south, west + size, south + size);
            let ring = [
                (west, south),
                (east, south),
                (east, north),
                (west, north),
                (west, south),
            ];
            Polygon::new(LineString::from(ring.to_vec()), Vec::new())
        };
        MultiPolygon::new(squares.iter().map(square).collect())
    })
}

fn things() -> impl Strategy<Value = Thing> {
    let kinds = prop::sample::select(vec![
        ThingKind::ParkingLot,
        ThingKind::ParkingBay,
        ThingKind::AccessPoint,
    ]);
    let capacities = prop::collection::btree_map(option::of(moments()), 0_u32..500, 0..4);
    let texts = prop::collection::btree_set("[a-z0-9]{1,8}", 0..3);
    // Farther east than any latitude goes, so that no point looks mirrored.
    let location = option::of((91.0..=180.0_f64, -90.0..=90.0_f64));
    (
        (names(), kinds, ranges()),
        (capacities, texts),
        location,
        (any::<bool>(), any::<bool>()),
        option::of(holds()),
    )
        .prop_map(
            |((name, kind, valid), (capacities, texts), location, (is_open, is_reserved), hold)| {
                let is_bay = kind == ThingKind::ParkingBay;
                let declared =
                    |(valid_from, places): (&Option<Timestamp>, &u32)| DeclaredCapacity {
                        valid_from: valid_from.unwrap_or(valid.start),
                        places: if is_bay { 1 } else { *places },
                    };
                let mut capacity: Vec<_> = capacities.iter().map(declared).collect();
                if is_bay && capacity.is_empty() {
                    capacity.push(DeclaredCapacity {
                        valid_from: valid.start,
                        places: 1,
                    });
                }
                capacity.sort_by_key(|declared| declared.valid_from);
                capacity.dedup_by_key(|declared| declared.valid_from);
                let local = LocalId::parse(&format!("t-{}", name.len())).unwrap();
                Thing {
                    id: ThingId::new(&PublisherId::parse("prato").unwrap(), &local),
                    name,
                    kind,
                    vehicle_kind: (kind != ThingKind::AccessPoint).then_some(VehicleKind::Bike),
                    location: location.map(|(lon, lat)| Location {
                        lon: lon + 0.0,
                        lat: lat + 0.0,
                    }),
                    part_of: None,
                    capacity,
                    municipality: is_open.then(|| id("comune-a")),
                    properties: if is_open {
                        vec![PropertyId::parse("vehicles").unwrap()]
                    } else {
                        Vec::new()
                    },
                    max_hold: hold
                        .map(|hold| (PropertyId::parse("vehicles").unwrap(), hold))
                        .into_iter()
                        .collect(),
                    max_stay: hold,
                    is_reserved,
                    is_open,
                    aliases: texts.into_iter().map(|text| format!("a{text}")).collect(),
                    valid,
                }
            },
        )
}

fn bundles() -> impl Strategy<Value = Bundle> {
    let all = (
        publishers(),
        prop::collection::vec(properties(), 0..3),
        shapes(),
        prop::collection::vec(things(), 0..4),
    );
    (
        all,
        (ranges(), ranges(), names(), option::of(0_u64..1_000_000)),
    )
        .prop_map(
            |((publisher, properties, shape, things), (valid, member, name, population))| {
                let area = |text: &str, level, parents| Area {
                    id: id(text),
                    name: name.clone(),
                    level,
                    parents,
                    zone: rome(),
                    publisher: Some(PublisherId::parse("prato").unwrap()),
                    population,
                    valid,
                };
                let in_group = Membership {
                    parent: id("group-a"),
                    valid: member,
                };
                let mut bundle = Bundle::default()
                    .with_publisher(publisher)
                    .with_area(
                        area("comune-a", AreaLevel::Municipality, vec![in_group]),
                        Some(shape),
                    )
                    .with_area(area("group-a", AreaLevel::Group, Vec::new()), None);
                bundle = properties.into_iter().fold(bundle, Bundle::with_property);
                let mut aliases = BTreeSet::new();
                for mut thing in things {
                    thing.aliases.retain(|alias| aliases.insert(alias.clone()));
                    if !bundle.things.contains_key(&thing.id) {
                        let members = bundle.thing_members.entry(id("group-a")).or_default();
                        members.insert(thing.id.clone(), vec![member]);
                        bundle = bundle.with_thing(thing);
                    }
                }
                bundle.attribution = Some(name);
                bundle
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_exported_reads_back_equal_and_exports_alike(bundle in bundles()) {
        let files = export(&bundle);
        let read = files.check(&Bundle::default());
        let read = read.map_err(|report| TestCaseError::fail(report.lines().collect::<Vec<_>>().join("\n")))?;
        prop_assert_eq!(&**read.registry.bundle(), &bundle);
        prop_assert_eq!(export(read.registry.bundle()), files);
    }

    #[test]
    fn damaged_bytes_are_refused_or_read_but_never_panic(
        place in 0_usize..10_000,
        byte in any::<u8>(),
        length in 0_usize..20,
        part in prop::sample::select(Part::ALL.to_vec()),
    ) {
        let lot = thing("lot", ",\"kind\":\"parking_lot\",\"vehicle_kind\":\"car\",\"capacity\":[{\"capacity\":3}]", Some((11.01, 43.81)));
        let mut files = files(&areas(), &[lot]);
        files.properties = Some(include_bytes!("../shipped.toml").to_vec());
        let mut bytes = files.part(part).unwrap().to_vec();
        let place = place % bytes.len();
        let end = (place + length).min(bytes.len());
        bytes.splice(place..end, [byte]);
        files.set(part, bytes);
        if let Err(report) = files.check(&Bundle::default()) {
            prop_assert!(report.errors_count > 0 && report.lines().count() > 0);
        }
    }
}

#[test]
fn the_export_reads_well() {
    let lot = thing(
        "lot",
        ",\"name\":\"Lotto \\\"A\\\"\",\"kind\":\"parking_lot\",\"vehicle_kind\":\"car\",\"capacity\":[{\"capacity\":80},{\"valid_from\":\"2026-03-01\",\"capacity\":60}],\"reserved\":false,\"max_hold\":{\"vehicles\":\"1h30m\"},\"properties\":[\"vehicles\"],\"aliases\":[\"L1\"]",
        Some((11.01, 43.81)),
    );
    let mut files = files(&areas()[2..3], &[lot]);
    files.areas = Some(
        String::from_utf8(files.areas.unwrap())
            .unwrap()
            .replace(",\"parents\":[\"it-prov-100\"]", "")
            .into_bytes(),
    );
    files.properties = Some(b"[[property]]\nid='river_level'\nname='Livello'\nunit='m'\nsignal='gauge'\nexpected_interval='600s'\nmin=-2\n".to_vec());
    let exported = export(files.check(&Bundle::default()).unwrap().registry.bundle());
    let text = |part| String::from_utf8(exported.part(part).unwrap().to_vec()).unwrap();
    assert_eq!(text(Part::Publishers), PUBLISHERS);
    assert_eq!(
        text(Part::Properties),
        "[[property]]\nid = \"river_level\"\nname = { it = \"Livello\", en = \"Livello\" }\nunit = \"m\"\nsignal = \"gauge\"\ntype = \"number\"\narea_mode = \"none\"\nexpected_interval = \"10m\"\nmin = -2.0\n"
    );
    assert_eq!(
        text(Part::Things),
        "{\"type\":\"FeatureCollection\",\"features\":[\n{\"type\":\"Feature\",\"id\":\"prato:lot\",\"properties\":{\"id\":\"lot\",\"publisher\":\"prato\",\"name\":\"Lotto \\\"A\\\"\",\"kind\":\"parking_lot\",\"vehicle_kind\":\"car\",\"capacity\":[{\"capacity\":80},{\"valid_from\":\"2026-02-28T23:00:00Z\",\"capacity\":60}],\"properties\":[\"vehicles\"],\"max_hold\":{\"vehicles\":\"90m\"},\"aliases\":[\"L1\"]},\"geometry\":{\"type\":\"Point\",\"coordinates\":[11.01,43.81]}}\n]}\n"
    );
    assert!(text(Part::Areas).contains("\"id\":\"it-mun-100005\",\"properties\":{\"name\":\"it-mun-100005\",\"level\":\"municipality\",\"zone\":\"Europe/Rome\",\"istat\":\"100005\"},\"geometry\":{\"type\":\"Polygon\""));
}

#[test]
fn the_order_of_a_list_leaves_no_trace() {
    let property = |id: &str| PropertyId::parse(id).unwrap();
    let (registry, _) = built(&areas(), &[thing("lot", ",\"kind\":\"sensor\"", None)]);
    let bundle = |is_reversed: bool| {
        let mut bundle = registry.bundle().as_ref().clone();
        let lot = bundle.things.get_mut("prato:lot").unwrap();
        lot.properties = vec![property("capacity"), property("free"), property("vehicles")];
        lot.aliases = vec!["a".to_owned(), "b".to_owned()];
        let member = |id: &str| Membership {
            parent: AreaId::parse(id).unwrap(),
            valid: TimeRange::ALL,
        };
        let town = bundle.areas.get_mut("it-mun-100005").unwrap();
        town.area.parents = vec![member("group-piana"), member("it-prov-100")];
        if is_reversed {
            lot.properties.reverse();
            lot.properties.push(property("free"));
            lot.aliases.reverse();
            town.area.parents.reverse();
        }
        bundle
    };
    let exported = export(&bundle(true));
    assert_eq!(exported, export(&bundle(false)));
    let (built, _) = Registry::build(bundle(true)).unwrap();
    assert_eq!(**built.bundle(), bundle(false));
    let again = exported.check(&Bundle::default()).unwrap();
    assert_eq!(export(again.registry.bundle()), exported);
}
