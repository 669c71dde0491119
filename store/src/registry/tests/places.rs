//! Where things belong, and when.

use super::*;

const LOT: &str = ",\"kind\":\"parking_lot\",\"vehicle_kind\":\"car\",\"capacity\":100";

fn with_lot(more: &str, point: Option<(f64, f64)>) -> (Registry, Vec<Fault>) {
    built(&areas(), &[thing("lot", &format!("{LOT}{more}"), point)])
}

fn belongings(registry: &Registry, thing: &str) -> Vec<String> {
    let place = registry.place(&thing_id(thing)).unwrap();
    place
        .areas
        .iter()
        .map(|belonging| belonging.area.to_string())
        .collect()
}

fn municipality(registry: &Registry) -> Option<(String, PlacedBy)> {
    let place = registry.place(&thing_id("prato:lot")).unwrap();
    place
        .municipality
        .clone()
        .map(|(id, by)| (id.to_string(), by))
}

#[test]
fn a_point_in_a_polygon_belongs_to_it_and_to_all_above() {
    let (registry, warnings) = with_lot("", Some((11.01, 43.81)));
    assert_eq!(
        municipality(&registry),
        Some(("it-mun-100005".into(), PlacedBy::Polygon))
    );
    let all = [
        "centro",
        "it-mun-100005",
        "it-prov-100",
        "it-reg-09",
        "group-piana",
    ];
    assert_eq!(belongings(&registry, "prato:lot"), all);
    assert_eq!(warnings, []);
    let piana = id("group-piana");
    assert_eq!(registry.things_in(&piana).count(), 1);
    assert_eq!(registry.children(&piana).count(), 2);
    assert_eq!(
        registry.bounds("it-mun-100005"),
        Some([11.0, 43.8, 11.1, 43.9])
    );
}

#[test]
fn on_a_border_the_lowest_code_has_it() {
    let (registry, _) = with_lot("", Some((11.1, 43.85)));
    assert_eq!(
        municipality(&registry),
        Some(("it-mun-100005".into(), PlacedBy::Polygon))
    );
}

#[test]
fn the_declared_municipality_wins_and_the_zone_is_taken_within_it() {
    let (registry, warnings) =
        with_lot(",\"municipality\":\"it-mun-100006\"", Some((11.01, 43.81)));
    assert_eq!(
        municipality(&registry),
        Some(("it-mun-100006".into(), PlacedBy::Declared))
    );
    assert!(!belongings(&registry, "prato:lot").contains(&"centro".to_owned()));
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0]
            .problem
            .contains("its point lies in `it-mun-100005`"),
        "{}",
        warnings[0]
    );
}

#[test]
fn outside_every_polygon_the_nearest_within_a_kilometre_has_it() {
    // 0.005 degrees of latitude are 556 m, 0.02 are 2,222 m.
    let (registry, warnings) = with_lot("", Some((11.15, 43.795)));
    assert_eq!(
        municipality(&registry),
        Some(("it-mun-100006".into(), PlacedBy::Nearest))
    );
    assert!(
        warnings[0].problem.contains("is 556 m away"),
        "{}",
        warnings[0]
    );
    let (registry, warnings) = with_lot("", Some((11.15, 43.78)));
    assert_eq!(
        municipality(&registry),
        Some(("it-mun-100005".into(), PlacedBy::Publisher))
    );
    assert!(
        warnings[0].problem.contains("counts in its publisher's"),
        "{}",
        warnings[0]
    );
    let (registry, warnings) = with_lot("", None);
    assert_eq!(
        municipality(&registry),
        Some(("it-mun-100005".into(), PlacedBy::Publisher))
    );
    assert_eq!(warnings, []);
}

#[test]
fn the_distance_is_geodesic_eastwards_too() {
    // At 43.85° N, 0.01 degrees of longitude are 804 m.
    let (registry, warnings) = with_lot("", Some((11.21, 43.85)));
    assert_eq!(
        municipality(&registry),
        Some(("it-mun-100006".into(), PlacedBy::Nearest))
    );
    assert!(
        warnings[0].problem.contains("is 804 m away"),
        "{}",
        warnings[0]
    );
}

#[test]
fn a_part_without_a_point_stands_where_its_whole_stands() {
    let bay = thing(
        "bay",
        ",\"kind\":\"parking_bay\",\"vehicle_kind\":\"car\",\"part_of\":\"lot\"",
        None,
    );
    let lot = thing("lot", LOT, Some((11.15, 43.85)));
    let (registry, _) = built(&areas(), &[bay, lot]);
    assert!(belongings(&registry, "prato:bay").contains(&"it-mun-100006".to_owned()));
    let lot = thing_id("prato:lot");
    assert_eq!(registry.parts(&lot).count(), 1);
    assert_eq!(registry.thing("prato:bay").unwrap().capacity[0].places, 1);
}

#[test]
fn memberships_hold_for_their_time_alone() {
    let (registry, _) = with_lot(
        ",\"valid_from\":\"2025-06-01T00:00:00Z\"",
        Some((11.15, 43.85)),
    );
    let place = registry.place(&thing_id("prato:lot")).unwrap();
    let piana = place
        .areas
        .iter()
        .find(|belonging| belonging.area == id("group-piana"))
        .unwrap();
    assert_eq!(
        piana.valid,
        TimeRange::new(at("2026-01-01T00:00:00Z"), Timestamp::MAX)
    );
    let region = place
        .areas
        .iter()
        .find(|belonging| belonging.level == AreaLevel::Region)
        .unwrap();
    assert_eq!(region.valid.start, at("2025-06-01T00:00:00Z"));
}

#[test]
fn when_municipalities_merge_the_thing_follows_without_being_touched() {
    let mut areas = areas();
    areas[2] = area(
        "it-mun-100005",
        "municipality",
        ",\"parents\":[\"it-prov-100\"],\"valid_to\":\"2026-01-01\"",
        Some(square(11.0, 43.8, 0.1)),
    );
    areas.push(area(
        "it-mun-100099",
        "municipality",
        ",\"parents\":[\"it-prov-100\"],\"valid_from\":\"2026-01-01\"",
        Some(square(11.0, 43.8, 0.2)),
    ));
    let lot = thing(
        "lot",
        &format!("{LOT},\"municipality\":\"it-mun-100005\""),
        Some((11.01, 43.81)),
    );
    let (registry, _) = built(&areas, &[lot]);
    let place = registry.place(&thing_id("prato:lot")).unwrap();
    let merged = rome().start_of("2026-01-01".parse().unwrap());
    let stays: Vec<_> = place
        .areas
        .iter()
        .filter(|belonging| belonging.level == AreaLevel::Municipality)
        .map(|belonging| (belonging.area.as_str(), belonging.valid))
        .collect();
    let (before, after) = (
        TimeRange::new(Timestamp::MIN, merged),
        TimeRange::new(merged, Timestamp::MAX),
    );
    assert_eq!(stays, [("it-mun-100005", before), ("it-mun-100099", after)]);
    assert_eq!(
        place.municipality,
        Some((id("it-mun-100099"), PlacedBy::Polygon))
    );
    let province = place
        .areas
        .iter()
        .filter(|belonging| belonging.level == AreaLevel::Province);
    assert_eq!(
        province
            .map(|belonging| belonging.valid)
            .collect::<Vec<_>>(),
        [TimeRange::ALL]
    );
}

#[test]
fn a_group_may_name_things() {
    let mut areas = areas();
    areas.push(area(
        "group-station",
        "group",
        ",\"members\":[\"prato:lot\"]",
        None,
    ));
    let (registry, _) = built(&areas, &[thing("lot", LOT, Some((11.15, 43.85)))]);
    assert!(belongings(&registry, "prato:lot").contains(&"group-station".to_owned()));
}

#[test]
fn real_boundaries_are_read_as_they_are() {
    for name in ["tuscany", "trentinoaltoadigesudtirol"] {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../.cache/boundaries");
        let path = format!("{folder}/{name}.geojson");
        let Ok(bytes) = std::fs::read(&path) else {
            println!("SKIPPED: {path} is missing; scripts/boundaries.py makes it");
            continue;
        };
        let files = Files {
            areas: Some(bytes),
            ..Files::default()
        };
        let checked = files.check(&Bundle::default());
        let checked =
            checked.unwrap_or_else(|report| panic!("{:#?}", report.lines().collect::<Vec<_>>()));
        assert_eq!(checked.warnings, []);
        assert!(checked.registry.areas().count() > 250, "{name}");
        assert!(checked.registry.attribution().unwrap().contains("ISTAT"));
        let once = export(checked.registry.bundle());
        let again = once.check(&Bundle::default()).unwrap();
        assert!(
            export(again.registry.bundle()) == once,
            "the export is not canonical"
        );
    }
}

#[test]
fn a_point_with_latitude_first_is_refused_when_its_mirror_lies_in_a_municipality() {
    let lot = thing("lot", LOT, Some((43.81, 11.01)));
    let Err(report) = files(&areas(), &[lot]).check(&Bundle::default()) else {
        panic!()
    };
    let line = report.lines().next().unwrap();
    assert!(line.contains("latitude seems to stand first"), "{line}");
}
