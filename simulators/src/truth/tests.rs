//! The truth is right on cases that a person can check by hand.

use arno_model::{AreaId, Location, TimeRange, VehicleKind, Zone};

use super::*;
use crate::fault::FaultRates;
use crate::generator::Generator;
use crate::municipality::Municipality;
use crate::region::RegionConfig;

const MINUTE: i64 = 60_000_000;

fn region() -> Arc<Region> {
    let town = Municipality {
        id: AreaId::parse("it-mun-100005").unwrap(),
        name: "Prato".to_owned(),
        population: 1_000,
        polygons: Vec::new(),
        centre: Some(Location {
            lon: 11.1,
            lat: 43.9,
        }),
        zone: Zone::parse("Europe/Rome").unwrap(),
    };
    Arc::new(Region::build(RegionConfig::default(), &[town]).unwrap())
}

fn index_of(region: &Region, id: &str) -> u32 {
    let place = region
        .things()
        .iter()
        .position(|thing| thing.id.as_str() == id)
        .unwrap();
    u32::try_from(place).unwrap()
}

fn moment(minutes: i64) -> Timestamp {
    Timestamp::from_micros(minutes * MINUTE)
}

fn row(thing: u32, property: Property, minutes: (i64, i64), result: Option<f64>) -> Row {
    Row {
        received: moment(minutes.1),
        thing,
        property,
        time: moment(minutes.0),
        result,
    }
}

fn range(from: i64, to: i64) -> TimeRange {
    TimeRange::new(moment(from), moment(to))
}

#[test]
fn repeats_corrections_and_the_future_are_told_apart() {
    let region = region();
    let lot = index_of(&region, "prato:lot-1");
    let mut log = TruthLog::new(region);
    for arrived in [
        row(lot, Property::Vehicles, (0, 0), Some(5.0)),
        row(lot, Property::Vehicles, (0, 1), Some(5.0)),
        row(lot, Property::Vehicles, (0, 2), Some(7.0)),
        row(lot, Property::Vehicles, (0, 3), Some(5.0)),
        row(lot, Property::Vehicles, (20, 14), Some(9.0)),
    ] {
        log.record_row(arrived);
    }
    log.record_garbage();
    let truth = Truth::of(&log);
    let ledger = truth.ledger();
    assert_eq!(
        (ledger.stored, ledger.repeated, ledger.corrected),
        (1, 2, 1)
    );
    assert_eq!((ledger.quarantined, ledger.received()), (2, 6));
    let figures = truth.stream(lot, Property::Vehicles, range(0, 15));
    assert_eq!((figures.integral, figures.readings), (7 * 15 * MINUTE, 1));
}

#[test]
fn holds_end_and_nulls_end_them_sooner() {
    let region = region();
    let lot = index_of(&region, "prato:lot-1");
    let mut log = TruthLog::new(region);
    log.record_row(row(lot, Property::Vehicles, (0, 0), Some(10.0)));
    log.record_row(row(lot, Property::Vehicles, (300, 300), Some(4.0)));
    log.record_row(row(lot, Property::Vehicles, (310, 310), None));
    log.record_row(row(lot, Property::Vehicles, (330, 330), Some(-3.0)));
    let truth = Truth::of(&log);
    let figures = truth.stream(lot, Property::Vehicles, range(60, 240));
    assert_eq!(figures.known_us, 60 * MINUTE, "held for two hours from 0");
    let figures = truth.stream(lot, Property::Vehicles, range(300, 360));
    assert_eq!(
        (figures.known_us, figures.integral),
        (10 * MINUTE, 40 * MINUTE)
    );
    assert_eq!(figures.readings, 3);
}

#[test]
fn occupancy_joins_vehicles_and_capacity() {
    let region = region();
    let lot = index_of(&region, "prato:lot-4");
    let mut log = TruthLog::new(Arc::clone(&region));
    for arrived in [
        row(lot, Property::Capacity, (0, 0), Some(100.0)),
        row(lot, Property::Vehicles, (0, 0), Some(50.0)),
        row(lot, Property::Online, (5, 5), Some(0.0)),
        row(lot, Property::Capacity, (5, 5), Some(200.0)),
    ] {
        log.record_row(arrived);
    }
    let truth = Truth::of(&log);
    let figures = truth.parking(lot, range(0, 15));
    assert_eq!(figures.load_integral, 250 * MINUTE);
    assert_eq!(figures.capacity_integral, 500 * MINUTE);
    assert_eq!(figures.capacity_expected, 2_500 * MINUTE);
    assert_eq!(figures.occupancy(), Some(0.5));
    assert_eq!(figures.known_share(), Some(0.2));
}

#[test]
fn bays_of_a_lot_that_counts_itself_are_not_added_again() {
    let region = region();
    let truth = Truth::of(&TruthLog::new(Arc::clone(&region)));
    let counting = truth.counting_things(0);
    let bay = |number: usize| index_of(&region, &format!("prato:bay-{number}"));
    assert!(!counting.contains(&bay(1)), "in lot-1, which counts itself");
    assert!(counting.contains(&bay(11)), "in lot-5, which does not");
    assert!(counting.contains(&bay(30)), "on the street");
    assert!(!counting.contains(&index_of(&region, "prato:lot-5")));
    assert_eq!(counting.len(), 4 + 40);
}

#[test]
fn a_day_of_a_town_adds_up_and_is_written() {
    let region = region();
    let start = Timestamp::parse("2026-10-24T22:00:00Z").unwrap();
    let end = start.plus_us(25 * 60 * MINUTE);
    let mut generator = Generator::new(Arc::clone(&region), start);
    let mut log = TruthLog::new(region);
    for chunk in generator.hours(end) {
        log.record(&chunk);
    }
    let truth = Truth::of(&log);
    let whole = truth.town_parking(0, VehicleKind::Car, TimeRange::new(start, end), true);
    let mut sum = ParkingFigures::default();
    for hour in 0..25 {
        let from = start.plus_us(hour * 60 * MINUTE);
        let bucket = TimeRange::new(from, from.plus_us(60 * MINUTE));
        let part = truth.town_parking(0, VehicleKind::Car, bucket, true);
        sum.load_integral += part.load_integral;
        sum.capacity_integral += part.capacity_integral;
        sum.capacity_expected += part.capacity_expected;
    }
    assert_eq!(whole, sum);
    assert!(
        whole
            .occupancy()
            .is_some_and(|share| (0.2..0.9).contains(&share)),
        "{whole:?}"
    );
    assert!(whole.known_share().is_some_and(|share| share > 0.8));
    let received = log.rows.len() as u64 + log.garbage_count;
    assert_eq!(truth.ledger().received(), received);
    let folder = tempfile::tempdir().unwrap();
    truth
        .write(folder.path(), TimeRange::new(start, end))
        .unwrap();
    let text = std::fs::read_to_string(folder.path().join("towns-1h.csv")).unwrap();
    assert_eq!(text.lines().count(), 1 + 25);
    let lines = std::fs::read_to_string(folder.path().join("emitted.ndjson")).unwrap();
    assert_eq!(lines.lines().count(), log.rows.len());
}

#[test]
fn without_faults_everything_is_stored() {
    let region = region();
    let mut config = region.config().clone();
    config.faults = FaultRates::NONE;
    let towns: Vec<_> = region
        .towns()
        .iter()
        .map(|town| town.municipality.clone())
        .collect();
    let region = Arc::new(Region::build(config, &towns).unwrap());
    let start = Timestamp::parse("2026-05-01T00:00:00Z").unwrap();
    let mut generator = Generator::new(Arc::clone(&region), start);
    let mut log = TruthLog::new(region);
    for chunk in generator.hours(start.plus_us(600 * MINUTE)) {
        log.record(&chunk);
    }
    let ledger = Truth::of(&log).ledger();
    assert_eq!(ledger.stored, ledger.received());
}
