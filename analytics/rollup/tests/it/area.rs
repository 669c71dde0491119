//! Claims about levels, what lies outside them, groups and memberships that change.

use std::collections::BTreeMap;

use arno_analytics_rollup::{AreaLevelAsked, Audience};
use arno_model::{AreaLevel, Bucket, Membership, TimeRange, Timestamp};
use arrow::array::RecordBatch;

use crate::world::{
    World, area, area_id, areas, ask, at, full, lot, range, texts, times, truths, wholes,
};

const DAY: (&str, &str) = ("2026-03-28T00:00:00Z", "2026-03-28T18:00:00Z");

/// A world in which everything says something every 20 minutes for a day.
async fn busy() -> World {
    let world = World::new(full(), "2026-03-28T18:05:00Z").await;
    let mut said = Vec::new();
    for step in 0..50_u32 {
        let time = at("2026-03-28T00:03:00Z").plus_us(i64::from(step) * 20 * 60_000_000);
        let number = |salt: u32, below: u32| Some(f64::from((step * 7 + salt * 13) % below));
        for (place, (thing, below)) in [
            ("prato:lot-1", 100),
            ("prato:lot-3", 12),
            ("carmignano:lot-4", 30),
            ("prato:lot-5", 20),
        ]
        .iter()
        .enumerate()
        {
            if *thing != "prato:lot-5" || time >= at("2026-03-28T10:07:00Z") {
                let result = number(u32::try_from(place).unwrap(), *below);
                said.push((*thing, "vehicles", time, result.filter(|_| step % 9 != 4)));
            }
        }
        said.push(("prato:lot-2", "free", time, number(3, 50)));
        for (place, bay) in ["prato:bay-1", "prato:bay-2", "prato:bay-3"]
            .iter()
            .enumerate()
        {
            said.push((
                *bay,
                "occupied",
                time,
                number(u32::try_from(place).unwrap(), 2),
            ));
        }
        for (place, point) in ["prato:ap-1", "prato:ap-2", "carmignano:ap-3"]
            .iter()
            .enumerate()
        {
            let result = number(u32::try_from(place).unwrap(), 9);
            said.push((*point, "clients", time, result.filter(|_| step % 7 != 2)));
        }
        if step % 12 == 5 {
            said.push(("prato:lot-1", "capacity", time, number(1, 60)));
        }
    }
    said.retain(|(_, _, time, _)| *time < at("2026-03-28T18:05:00Z"));
    world.say_at(&said).await;
    world.rollups.refresh().await.unwrap();
    world
}

const ADDITIVE: [&str; 4] = [
    "load_integral",
    "capacity_integral",
    "capacity_expected",
    "readings",
];

/// Additive parts summed over all rows of a kind and bucket.
fn totals(batch: &RecordBatch) -> BTreeMap<(String, Timestamp), Vec<i64>> {
    let kinds = texts(batch, "vehicle_kind");
    let starts = times(batch, "bucket_start");
    let mut totals: BTreeMap<_, Vec<i64>> = BTreeMap::new();
    for row in 0..batch.num_rows() {
        let sums = totals.entry((kinds[row].clone(), starts[row].unwrap()));
        let sums = sums.or_insert_with(|| vec![0; ADDITIVE.len()]);
        for (sum, name) in sums.iter_mut().zip(ADDITIVE) {
            *sum += wholes(batch, name)[row];
        }
    }
    totals
}

#[tokio::test]
async fn the_levels_inside_an_area_and_what_is_outside_of_them_add_up_exactly() {
    let world = busy().await;
    let asked = range(DAY.0, DAY.1);
    for audience in [Audience::Public, Audience::Operator] {
        for bucket in [Bucket::Quarter, Bucket::Hour, Bucket::Day] {
            for whole in [
                "it-reg-09",
                "it-prov-100",
                "it-mun-1",
                "group-piana",
                "union-colli",
            ] {
                let mut query = ask(&[whole], AreaLevelAsked::Own, "parking", asked);
                (query.bucket, query.audience) = (bucket, audience.clone());
                let own = totals(&world.rollups.area_rows(&query).await.unwrap());
                assert!(!own.is_empty());
                let levels = ["zone", "municipality", "union", "province", "region"];
                let levels = levels
                    .iter()
                    .map(|level| AreaLevelAsked::Level(level.parse().unwrap()));
                for level in levels.chain([AreaLevelAsked::Thing]) {
                    query.level = level;
                    let parts = totals(&world.rollups.area_rows(&query).await.unwrap());
                    assert_eq!(parts, own, "{whole} {level:?} {bucket} {audience:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_level_that_does_not_tile_its_parent_has_a_row_outside() {
    let world = busy().await;
    let asked = range("2026-03-28T12:00:00Z", "2026-03-28T12:15:00Z");
    let level = AreaLevelAsked::Level(AreaLevel::Zone);
    let query = ask(&["it-mun-1"], level, "parking", asked);
    let batch = world.rollups.area_rows(&query).await.unwrap();
    assert_eq!(texts(&batch, "area"), ["centro", "it-mun-1"]);
    assert_eq!(texts(&batch, "level"), ["zone", "zone"]);
    assert_eq!(truths(&batch, "outside"), [Some(false), Some(true)]);
    assert_eq!(wholes(&batch, "things"), [1, 3]);
    let query = ask(
        &["it-prov-100"],
        AreaLevelAsked::Level(AreaLevel::Municipality),
        "parking",
        asked,
    );
    let batch = world.rollups.area_rows(&query).await.unwrap();
    assert_eq!(
        texts(&batch, "area"),
        ["it-mun-1", "it-mun-2"],
        "towns tile their province"
    );
}

#[tokio::test]
async fn kept_rows_and_rows_computed_from_things_say_the_same() {
    let world = busy().await;
    let asked = range(DAY.0, DAY.1);
    for measure in ["parking", "clients"] {
        for bucket in [Bucket::Quarter, Bucket::Hour, Bucket::Day] {
            // Nothing is kept of the past as it was known: a moment ago, all of it.
            let mut query = ask(
                &["it-mun-1", "it-prov-100"],
                AreaLevelAsked::Own,
                measure,
                asked,
            );
            query.bucket = bucket;
            let kept = world.rollups.area_rows(&query).await.unwrap();
            world.advance(std::time::Duration::from_secs(1));
            query.as_of = Some(at("2026-03-28T18:05:00Z"));
            let computed = world.rollups.area_rows(&query).await.unwrap();
            let closed = |batch: &RecordBatch| {
                let rows = truths(batch, "open")
                    .iter()
                    .filter(|open| **open == Some(false))
                    .count();
                crate::world::said(&batch.slice(0, rows))
            };
            if bucket != Bucket::Day {
                assert_eq!(
                    crate::world::difference(&closed(&kept), &closed(&computed)),
                    None
                );
            }
        }
    }
}

#[tokio::test]
async fn a_group_defined_now_is_right_for_the_past_at_once() {
    let world = busy().await;
    let asked = range("2026-03-28T06:00:00Z", "2026-03-28T09:00:00Z");
    let mut query = ask(&["it-mun-2"], AreaLevelAsked::Own, "parking", asked);
    query.bucket = Bucket::Hour;
    let town = totals(&world.rollups.area_rows(&query).await.unwrap());
    let mut bundle = full().with_area(area("group-new", AreaLevel::Group, &[]), None);
    let member = bundle.areas.get_mut("it-mun-2").unwrap();
    member.area.parents.push(Membership {
        parent: area_id("group-new"),
        valid: TimeRange::ALL,
    });
    world.apply(bundle);
    let done = world.rollups.refresh().await.unwrap();
    assert_eq!(done.thing_rows, 0, "groups touch no kept row");
    query.areas = Some(vec![area_id("group-new")]);
    let group = totals(&world.rollups.area_rows(&query).await.unwrap());
    assert_eq!(group, town);
}

#[tokio::test]
async fn a_thing_counts_where_it_was_when() {
    let turn = at("2026-03-28T10:00:00Z");
    let mut bundle =
        areas().with_thing(lot("prato:lot-1", crate::world::TOWN_2, 10, &["vehicles"]));
    let town = &mut bundle.areas.get_mut("it-mun-2").unwrap().area;
    let before = TimeRange::new(Timestamp::MIN, turn);
    let after = TimeRange::new(turn, Timestamp::MAX);
    town.parents = vec![
        Membership {
            parent: area_id("it-prov-100"),
            valid: before,
        },
        Membership {
            parent: area_id("it-prov-048"),
            valid: after,
        },
    ];
    let world = World::new(bundle, "2026-03-28T12:00:00Z").await;
    world
        .say(&[
            ("prato:lot-1", "vehicles", "2026-03-28T09:00:00Z", Some(3.0)),
            ("prato:lot-1", "vehicles", "2026-03-28T10:30:00Z", Some(5.0)),
        ])
        .await;
    world.rollups.refresh().await.unwrap();
    let asked = range("2026-03-28T09:00:00Z", "2026-03-28T11:00:00Z");
    let level = AreaLevelAsked::Level(AreaLevel::Province);
    let mut query = ask(&["it-reg-09"], level, "parking", asked);
    query.bucket = Bucket::Hour;
    let batch = world.rollups.area_rows(&query).await.unwrap();
    assert_eq!(
        texts(&batch, "area"),
        ["it-prov-048", "it-prov-048", "it-prov-100", "it-prov-100"]
    );
    let minute_us = arno_model::time::MINUTE_US;
    let load = wholes(&batch, "load_integral");
    assert_eq!(
        load,
        [0, (3 * 30 + 5 * 30) * minute_us, 3 * 60 * minute_us, 0]
    );
    assert_eq!(wholes(&batch, "things"), [0, 1, 1, 0]);
}

#[tokio::test]
async fn figures_are_never_added_across_vehicle_kinds() {
    let mut bikes = lot("prato:bikes", crate::world::CENTRE, 40, &["vehicles"]);
    bikes.vehicle_kind = Some(arno_model::VehicleKind::Bike);
    bikes.part_of = Some(crate::world::thing_id("prato:lot-1"));
    let cars = lot("prato:lot-1", crate::world::CENTRE, 10, &["vehicles"]);
    let world = World::new(
        areas().with_thing(bikes).with_thing(cars),
        "2026-03-28T12:00:00Z",
    )
    .await;
    world
        .say(&[
            ("prato:lot-1", "vehicles", "2026-03-28T11:00:00Z", Some(3.0)),
            (
                "prato:bikes",
                "vehicles",
                "2026-03-28T11:00:00Z",
                Some(20.0),
            ),
        ])
        .await;
    world.rollups.refresh().await.unwrap();
    let asked = range("2026-03-28T11:00:00Z", "2026-03-28T11:15:00Z");
    let query = ask(&["it-reg-09"], AreaLevelAsked::Own, "parking", asked);
    let batch = world.rollups.area_rows(&query).await.unwrap();
    assert_eq!(texts(&batch, "vehicle_kind"), ["car", "bike"]);
    let quarter_us = arno_model::bucket::BASE_US;
    assert_eq!(
        wholes(&batch, "load_integral"),
        [3 * quarter_us, 20 * quarter_us]
    );
}

#[tokio::test]
async fn a_property_without_a_figure_still_has_its_known_share() {
    let world = busy().await;
    let asked = range("2026-03-28T12:00:00Z", "2026-03-28T13:00:00Z");
    let mut query = ask(&["it-mun-2"], AreaLevelAsked::Own, "occupied", asked);
    query.bucket = Bucket::Hour;
    let batch = world.rollups.area_rows(&query).await.unwrap();
    assert_eq!(crate::world::floats(&batch, "value"), [None]);
    assert_eq!(
        wholes(&batch, "things"),
        [2],
        "the bay under the counting lot is there too"
    );
    assert_eq!(wholes(&batch, "things_reporting"), [1], "and says nothing");
    let hour_us = arno_model::time::HOUR_US;
    assert_eq!(wholes(&batch, "known_us"), [hour_us]);
    assert_eq!(wholes(&batch, "expected_us"), [2 * hour_us]);
}
