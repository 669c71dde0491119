//! The generator is repeatable, its faults are there, and its volume is what it should be.

use arno_model::time::DAY_US;
use arno_model::{AreaId, Location, Zone};

use super::*;
use crate::fault::FaultRates;
use crate::municipality::Municipality;
use crate::region::RegionConfig;

fn town(code: u32, name: &str) -> Municipality {
    Municipality {
        id: AreaId::parse(&format!("it-mun-{code:06}")).unwrap(),
        name: name.to_owned(),
        population: 40_000,
        polygons: vec![vec![vec![
            (11.0, 43.8),
            (11.2, 43.8),
            (11.2, 43.9),
            (11.0, 43.9),
            (11.0, 43.8),
        ]]],
        centre: Some(Location {
            lon: 11.1,
            lat: 43.85,
        }),
        zone: Zone::parse("Europe/Rome").unwrap(),
    }
}

fn generator(seed: u64, faults: FaultRates) -> Generator {
    let config = RegionConfig {
        seed,
        faults,
        ..RegionConfig::default()
    };
    let towns = [town(100_005, "Prato"), town(48_017, "Firenze")];
    let region = Region::build(config, &towns).unwrap();
    Generator::new(Arc::new(region), at("2026-03-27T00:00:00Z"))
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

#[test]
fn the_same_rows_come_however_time_is_cut() {
    let end = at("2026-03-28T07:00:00Z");
    let whole = generator(5, FaultRates::default()).advance(end);
    let mut cut = generator(5, FaultRates::default());
    let (mut rows, mut garbage) = (Vec::new(), Vec::new());
    for step in [1, 977, 60_011, 3_600, 13, 899, 900, 901, 100_000, 200_000] {
        let to = cut.now().plus_us(step * 1_000_000 + 333).min(end);
        let chunk = cut.advance(to);
        assert!(
            chunk
                .rows
                .iter()
                .all(|row| chunk.range.contains(row.received))
        );
        rows.extend(chunk.rows);
        garbage.extend(chunk.garbage);
    }
    assert_eq!(cut.now(), end);
    assert_eq!(rows.len(), whole.rows.len());
    assert!(rows == whole.rows && garbage == whole.garbage);
    let other = generator(6, FaultRates::default()).advance(end);
    assert!(other.rows != whole.rows);
}

#[test]
fn a_month_of_twenty_towns_is_about_five_million_rows() {
    let mut moving = generator(1, FaultRates::default());
    let end = moving.now().plus_us(10 * DAY_US);
    let count: usize = moving.hours(end).map(|chunk| chunk.rows.len()).sum();
    let month_of_twenty = count * 3 * 10;
    assert!(
        (4_500_000..5_800_000).contains(&month_of_twenty),
        "{month_of_twenty}"
    );
}

#[test]
fn without_faults_every_row_arrives_in_time_and_once() {
    let mut moving = generator(2, FaultRates::NONE);
    let end = moving.now().plus_us(2 * DAY_US);
    let mut seen = std::collections::HashSet::new();
    for chunk in moving.hours(end) {
        assert!(chunk.garbage.is_empty());
        for row in &chunk.rows {
            let lag_us = row.received.since_us(row.time);
            assert!((0..3_000_000).contains(&lag_us));
            assert!(row.result.is_some_and(|result| result >= 0.0));
            assert!(seen.insert((row.thing, row.property, row.time)), "{row:?}");
        }
    }
}

#[test]
fn every_fault_appears() {
    let faults = FaultRates {
        windows_per_day: 0.5,
        ..FaultRates::default()
    };
    let mut moving = generator(3, faults);
    let end = moving.now().plus_us(6 * DAY_US);
    let chunks: Vec<Chunk> = moving.hours(end).collect();
    let rows: Vec<Row> = chunks
        .iter()
        .flat_map(|chunk| chunk.rows.iter().copied())
        .collect();
    let has = |test: &dyn Fn(&Row) -> bool| rows.iter().any(test);
    assert!(chunks.iter().any(|chunk| !chunk.garbage.is_empty()));
    assert!(has(&|row| row.result.is_none()));
    assert!(has(&|row| row.result.is_some_and(|result| result < 0.0)));
    assert!(has(
        &|row| row.property == Property::Online && row.result == Some(0.0)
    ));
    assert!(has(&|row| row.received.since_us(row.time) > HOUR_US));
    assert!(
        has(&|row| row.time.since_us(row.received) > 60_000_000),
        "clocks run ahead"
    );
    assert!(has(&|row| row.property == Property::Capacity));
}

#[test]
fn a_faster_pace_reports_more_often_by_the_same_clock() {
    let mut moving = generator(4, FaultRates::NONE);
    moving.skip_to(at("2026-03-27T12:00:00Z"));
    let natural = moving
        .clone()
        .advance(at("2026-03-27T12:30:00Z"))
        .rows
        .len();
    moving.set_pace(20.0).unwrap();
    let fast = moving.advance(at("2026-03-27T12:30:00Z")).rows.len();
    assert!(
        (15..=25).contains(&(fast / natural)),
        "{natural} and {fast}"
    );
    assert!(moving.set_pace(0.0).is_err() && moving.set_pace(1e9).is_err());
}
