//! Regions are as they are asked, and the same every time.

use arno_model::ThingKind;

use super::*;

const TWO_TOWNS: &str = r#"{"type":"FeatureCollection","features":[
 {"type":"Feature","id":"it-mun-100005","properties":{"name":"Prato","level":"municipality",
  "parents":["it-prov-100"],"zone":"Europe/Rome","population":195820},
  "geometry":{"type":"Polygon","coordinates":[[[11.0,43.8],[11.2,43.8],[11.2,43.95],[11.0,43.95],[11.0,43.8]]]}},
 {"type":"Feature","id":"it-mun-047011","properties":{"name":"Montecatini-Terme","level":"municipality",
  "parents":["it-prov-047"],"zone":"Europe/Rome","population":20000},
  "geometry":{"type":"MultiPolygon","coordinates":[[[[10.7,43.8],[10.8,43.8],[10.8,43.95],[10.7,43.95],[10.7,43.8]]]]}},
 {"type":"Feature","id":"it-prov-100","properties":{"name":"Prato","level":"province","parents":[]},
  "geometry":{"type":"Polygon","coordinates":[[[11.0,43.8],[11.2,43.8],[11.2,43.95],[11.0,43.8]]]}}]}"#;

fn towns() -> Vec<Municipality> {
    Municipality::parse_all(TWO_TOWNS).unwrap()
}

#[test]
fn a_town_has_what_was_asked_inside_its_borders() {
    let region = Region::build(RegionConfig::default(), &towns()).unwrap();
    assert_eq!(region.towns().len(), 2);
    assert_eq!(region.things().len(), 2 * 65);
    let count = |kind| {
        region
            .things()
            .iter()
            .filter(|thing| thing.kind == kind)
            .count()
    };
    assert_eq!(count(ThingKind::ParkingLot), 10);
    assert_eq!(count(ThingKind::ParkingBay), 100);
    assert_eq!(count(ThingKind::AccessPoint), 20);
    for town in region.towns() {
        for index in town.things.clone() {
            let thing = region.thing(index).unwrap();
            assert!(
                town.municipality.contains(thing.location.unwrap()),
                "{}",
                thing.id
            );
            assert_eq!(thing.id.publisher(), town.publisher.id);
        }
    }
    assert_eq!(region.things()[0].id.as_str(), "prato:lot-1");
    let parents = |lot: &str| {
        let parts = region
            .things()
            .iter()
            .filter_map(|thing| thing.part_of.as_ref());
        parts.filter(|parent| parent.as_str() == lot).count()
    };
    assert_eq!((parents("prato:lot-1"), parents("prato:lot-5")), (10, 10));
}

#[test]
fn the_leading_towns_come_first_and_the_choice_is_repeatable() {
    let known = towns();
    let chosen = Municipality::choose(&known, 2, 9).unwrap();
    assert_eq!(chosen[0].name, "Prato");
    assert!(matches!(
        Municipality::choose(&known, 3, 9),
        Err(SimulatorError::TooManyTowns { asked: 3, known: 2 })
    ));
}

#[test]
fn small_and_large_counts_are_built_or_refused() {
    let config = RegionConfig {
        bays_count: 3,
        lots_count: 12,
        access_points_count: 0,
        ..RegionConfig::default()
    };
    let region = Region::build(config.clone(), &towns()).unwrap();
    assert_eq!(region.things().len(), 2 * 15);
    let config = RegionConfig {
        bays_count: TOWN_THINGS_MAX + 1,
        ..config
    };
    Region::build(config, &towns()).unwrap_err();
    Region::build(RegionConfig::default(), &[]).unwrap_err();
}
