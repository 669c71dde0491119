//! Claims of the law, by example, through the public face.

use std::time::Duration;

use arno_analytics_rollup::{AreaLevelAsked, Audience, IntervalQuery};
use arno_model::bucket::BASE_US;
use arno_model::time::MINUTE_US;
use arno_model::{AreaLevel, PublisherId, TimeRange, Timestamp};
use futures::TryStreamExt as _;

use crate::world::{
    World, ask, ask_now, ask_streams, at, floats, full, range, texts, thing_id, times, truths,
    wholes,
};

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn the_laws_example_of_a_known_share_comes_out_exactly() {
    let world = World::new(full(), "2026-03-28T12:00:00Z").await;
    world
        .say(&[
            (
                "prato:lot-1",
                "vehicles",
                "2026-03-28T10:00:00Z",
                Some(50.0),
            ),
            ("prato:lot-1", "vehicles", "2026-03-28T10:05:00Z", None),
            (
                "prato:lot-1",
                "capacity",
                "2026-03-28T10:05:00Z",
                Some(200.0),
            ),
        ])
        .await;
    world.rollups.refresh().await.unwrap();
    let asked = range("2026-03-28T10:00:00Z", "2026-03-28T10:15:00Z");
    let batch = world
        .rollups
        .area_rows(&ask(&["centro"], AreaLevelAsked::Own, "parking", asked))
        .await
        .unwrap();
    assert_eq!(wholes(&batch, "load_integral"), [250 * MINUTE_US]);
    assert_eq!(wholes(&batch, "capacity_integral"), [500 * MINUTE_US]);
    assert_eq!(wholes(&batch, "capacity_expected"), [2_500 * MINUTE_US]);
    assert_eq!(
        wholes(&batch, "buckets_known"),
        [0],
        "a fifth is below the threshold"
    );
    let batch = world
        .rollups
        .thing_rows(&ask_streams(Some(("prato:lot-1", "vehicles")), asked))
        .await
        .unwrap();
    assert_eq!(wholes(&batch, "load_integral"), [250 * MINUTE_US]);
    assert_eq!(wholes(&batch, "capacity_expected"), [2_500 * MINUTE_US]);
    assert_eq!(wholes(&batch, "integral"), [250 * MINUTE_US]);
    assert_eq!(wholes(&batch, "known_us"), [5 * MINUTE_US]);
    assert_eq!(wholes(&batch, "expected_us"), [BASE_US]);
    assert_eq!(wholes(&batch, "readings"), [2]);
}

#[tokio::test]
async fn a_silent_lot_is_expected_and_unknown_not_empty() {
    let world = World::new(full(), "2026-03-28T12:00:00Z").await;
    world
        .say(&[("prato:lot-1", "vehicles", "2026-03-28T10:00:00Z", Some(0.0))])
        .await;
    world.rollups.refresh().await.unwrap();
    let asked = range("2026-03-28T10:00:00Z", "2026-03-28T10:15:00Z");
    let query = ask(&["it-mun-1"], AreaLevelAsked::Thing, "parking", asked);
    let batch = world.rollups.area_rows(&query).await.unwrap();
    assert_eq!(
        texts(&batch, "area"),
        ["prato:bay-2", "prato:lot-1", "prato:lot-2", "prato:lot-5"]
    );
    let capacity = wholes(&batch, "capacity_integral");
    assert_eq!(capacity, [0, 100 * BASE_US, 0, 0]);
    let expected = wholes(&batch, "capacity_expected");
    assert_eq!(
        expected,
        [BASE_US, 100 * BASE_US, 50 * BASE_US, 20 * 8 * MINUTE_US]
    );
}

#[tokio::test]
async fn the_topmost_thing_that_reports_counts_and_bays_count_where_nothing_above_does() {
    let world = World::new(full(), "2026-03-28T12:00:00Z").await;
    let time = "2026-03-28T10:00:00Z";
    world
        .say(&[
            ("prato:lot-3", "vehicles", time, Some(4.0)),
            ("prato:bay-0", "occupied", time, Some(1.0)),
            ("prato:bay-1", "occupied", time, Some(1.0)),
            ("prato:bay-2", "occupied", time, Some(0.0)),
            ("prato:bay-3", "occupied", time, Some(1.0)),
        ])
        .await;
    world.rollups.refresh().await.unwrap();
    let asked = range(time, "2026-03-28T10:15:00Z");
    let mut query = ask(&["it-mun-2"], AreaLevelAsked::Own, "parking", asked);
    let public = world.rollups.area_rows(&query).await.unwrap();
    assert_eq!(
        wholes(&public, "load_integral"),
        [5 * BASE_US],
        "reserved bays are no one's business"
    );
    assert_eq!(wholes(&public, "things"), [2]);
    query.audience = Audience::Operator;
    let all = world.rollups.area_rows(&query).await.unwrap();
    assert_eq!(wholes(&all, "load_integral"), [6 * BASE_US]);
    query.level = AreaLevelAsked::Thing;
    query.things = Some(vec![thing_id("prato:bays"), thing_id("prato:bay-0")]);
    let own = world.rollups.area_rows(&query).await.unwrap();
    assert_eq!(texts(&own, "area"), ["prato:bay-0", "prato:bays"]);
    assert_eq!(wholes(&own, "load_integral"), [BASE_US, 2 * BASE_US]);
    assert_eq!(wholes(&own, "capacity_expected"), [BASE_US, 3 * BASE_US]);
}

#[tokio::test]
async fn a_thing_that_is_not_open_counts_for_its_owner_alone() {
    let world = World::new(full(), "2026-03-28T12:00:00Z").await;
    world
        .say(&[(
            "carmignano:lot-4",
            "vehicles",
            "2026-03-28T10:00:00Z",
            Some(7.0),
        )])
        .await;
    world.rollups.refresh().await.unwrap();
    let asked = range("2026-03-28T10:00:00Z", "2026-03-28T10:15:00Z");
    let load = async |audience: Audience| {
        let mut query = ask(&["it-mun-3"], AreaLevelAsked::Own, "parking", asked);
        query.audience = audience;
        wholes(
            &world.rollups.area_rows(&query).await.unwrap(),
            "load_integral",
        )
    };
    let publisher = |id| Audience::Publisher(PublisherId::parse(id).unwrap());
    assert_eq!(load(Audience::Public).await, [] as [i64; 0]);
    assert_eq!(load(publisher("prato")).await, [] as [i64; 0]);
    assert_eq!(load(publisher("carmignano")).await, [7 * BASE_US]);
    assert_eq!(load(Audience::Operator).await, [7 * BASE_US]);
}

#[tokio::test]
async fn sums_over_an_area_add_each_things_mean_and_the_peak_is_the_most_at_once() {
    let world = World::new(full(), "2026-03-28T12:00:00Z").await;
    world
        .say(&[
            ("prato:ap-1", "clients", "2026-03-28T10:00:00Z", Some(4.0)),
            ("prato:ap-1", "clients", "2026-03-28T10:15:00Z", Some(8.0)),
            ("prato:ap-1", "clients", "2026-03-28T10:30:00Z", None),
            ("prato:ap-2", "clients", "2026-03-28T10:15:00Z", Some(1.0)),
            ("prato:ap-2", "clients", "2026-03-28T10:20:00Z", Some(5.0)),
            ("prato:ap-2", "clients", "2026-03-28T10:25:00Z", None),
        ])
        .await;
    world.rollups.refresh().await.unwrap();
    let asked = range("2026-03-28T10:00:00Z", "2026-03-28T11:00:00Z");
    let mut query = ask(&["it-mun-1"], AreaLevelAsked::Own, "clients", asked);
    let quarters = world.rollups.area_rows(&query).await.unwrap();
    assert_eq!(
        floats(&quarters, "value"),
        [Some(4.0), Some(11.0), None, None]
    );
    assert_eq!(
        floats(&quarters, "peak"),
        [Some(4.0), Some(13.0), None, None]
    );
    assert_eq!(wholes(&quarters, "things_reporting"), [1, 2, 0, 0]);
    query.bucket = arno_model::Bucket::Hour;
    let hour = world.rollups.area_rows(&query).await.unwrap();
    // ap-1: (4 · 15 + 8 · 15) / 30 = 6; ap-2: (1 · 5 + 5 · 5) / 10 = 3.
    assert_eq!(floats(&hour, "value"), [Some(9.0)]);
    assert_eq!(floats(&hour, "peak"), [Some(13.0)]);
    assert_eq!(wholes(&hour, "known_us"), [40 * MINUTE_US]);
    assert_eq!(wholes(&hour, "expected_us"), [120 * MINUTE_US]);
    assert_eq!(wholes(&hour, "things"), [2]);
}

#[tokio::test]
async fn a_mean_over_an_area_is_of_each_things_mean() {
    let world = World::new(full(), "2026-03-28T12:00:00Z").await;
    world
        .say(&[
            (
                "prato:air-1",
                "temperature",
                "2026-03-28T10:00:00Z",
                Some(10.0),
            ),
            (
                "prato:air-1",
                "temperature",
                "2026-03-28T10:05:00Z",
                Some(12.0),
            ),
            (
                "prato:air-1",
                "temperature",
                "2026-03-28T10:06:00Z",
                Some(999.0),
            ),
            (
                "prato:air-2",
                "temperature",
                "2026-03-28T10:10:00Z",
                Some(20.0),
            ),
        ])
        .await;
    world.rollups.refresh().await.unwrap();
    let asked = range("2026-03-28T10:00:00Z", "2026-03-28T10:30:00Z");
    let batch = world
        .rollups
        .area_rows(&ask(
            &["it-prov-100"],
            AreaLevelAsked::Own,
            "temperature",
            asked,
        ))
        .await
        .unwrap();
    assert_eq!(floats(&batch, "value"), [Some(15.5), None]);
    assert_eq!(wholes(&batch, "known_us"), [2 * BASE_US, 0]);
    assert_eq!(
        wholes(&batch, "readings"),
        [4, 0],
        "an implausible reading is a reading"
    );
}

#[tokio::test]
async fn an_open_bucket_integrates_to_now() {
    let world = World::new(full(), "2026-03-28T10:20:00Z").await;
    world
        .say(&[(
            "prato:lot-1",
            "vehicles",
            "2026-03-28T10:00:00Z",
            Some(50.0),
        )])
        .await;
    let done = world.rollups.refresh().await.unwrap();
    assert_eq!(done.frontier, at("2026-03-28T10:15:00Z"));
    let asked = range("2026-03-28T10:00:00Z", "2026-03-28T11:00:00Z");
    let mut query = ask(&["centro"], AreaLevelAsked::Own, "parking", asked);
    let batch = world.rollups.area_rows(&query).await.unwrap();
    assert_eq!(
        wholes(&batch, "load_integral"),
        [50 * BASE_US, 50 * 5 * MINUTE_US]
    );
    assert_eq!(
        wholes(&batch, "capacity_expected"),
        [100 * BASE_US, 100 * 5 * MINUTE_US]
    );
    assert_eq!(truths(&batch, "open"), [Some(false), Some(true)]);
    query.bucket = arno_model::Bucket::Hour;
    let batch = world.rollups.area_rows(&query).await.unwrap();
    assert_eq!(wholes(&batch, "load_integral"), [50 * 20 * MINUTE_US]);
    assert_eq!(wholes(&batch, "capacity_expected"), [100 * 20 * MINUTE_US]);
    assert_eq!(truths(&batch, "open"), [Some(true)]);
}

#[tokio::test]
async fn late_data_and_corrections_raise_the_revision_of_what_they_change() {
    let world = World::new(full(), "2026-03-28T12:00:00Z").await;
    world
        .say(&[(
            "prato:lot-1",
            "vehicles",
            "2026-03-28T10:00:00Z",
            Some(50.0),
        )])
        .await;
    world.rollups.refresh().await.unwrap();
    world.advance(MINUTE);
    world
        .say(&[(
            "prato:lot-1",
            "vehicles",
            "2026-03-28T10:20:00Z",
            Some(60.0),
        )])
        .await;
    world.rollups.refresh().await.unwrap();
    let asked = range("2026-03-28T10:00:00Z", "2026-03-28T11:00:00Z");
    let mut query = ask(&["centro"], AreaLevelAsked::Own, "parking", asked);
    let batch = world.rollups.area_rows(&query).await.unwrap();
    assert_eq!(wholes(&batch, "revision"), [1, 2, 2, 2]);
    let computed = times(&batch, "computed_at");
    assert_eq!(computed[0], Some(at("2026-03-28T12:00:00Z")));
    assert_eq!(computed[1], Some(at("2026-03-28T12:01:00Z")));
    query.bucket = arno_model::Bucket::Hour;
    let batch = world.rollups.area_rows(&query).await.unwrap();
    assert_eq!(wholes(&batch, "revision"), [4]);
}

#[tokio::test]
async fn nothing_new_computes_nothing() {
    let world = World::new(full(), "2026-03-28T12:00:00Z").await;
    world
        .say(&[(
            "prato:lot-1",
            "vehicles",
            "2026-03-28T10:00:00Z",
            Some(50.0),
        )])
        .await;
    let first = world.rollups.refresh().await.unwrap();
    assert!(first.thing_rows > 0);
    let second = world.rollups.refresh().await.unwrap();
    assert_eq!((second.thing_rows, second.area_rows), (0, 0));
    world.advance(MINUTE);
    world
        .say(&[(
            "prato:lot-1",
            "vehicles",
            "2026-03-28T12:00:30Z",
            Some(51.0),
        )])
        .await;
    let third = world.rollups.refresh().await.unwrap();
    assert_eq!(
        (third.thing_rows, third.area_rows),
        (0, 0),
        "the bucket is open"
    );
    world.advance(15 * MINUTE);
    let fourth = world.rollups.refresh().await.unwrap();
    assert_eq!(fourth.thing_rows, 1);
}

#[tokio::test]
async fn as_of_answers_with_what_was_known_then() {
    let world = World::new(full(), "2026-03-28T10:40:00Z").await;
    world
        .say(&[(
            "prato:lot-1",
            "vehicles",
            "2026-03-28T10:00:00Z",
            Some(50.0),
        )])
        .await;
    world.advance(20 * MINUTE);
    world
        .say(&[(
            "prato:lot-1",
            "vehicles",
            "2026-03-28T10:05:00Z",
            Some(90.0),
        )])
        .await;
    world.rollups.refresh().await.unwrap();
    let asked = range("2026-03-28T10:00:00Z", "2026-03-28T12:00:00Z");
    let mut query = ask(&["centro"], AreaLevelAsked::Own, "parking", asked);
    query.bucket = arno_model::Bucket::Hour;
    query.as_of = Some(at("2026-03-28T10:50:00Z"));
    let then = world.rollups.area_rows(&query).await.unwrap();
    assert_eq!(wholes(&then, "load_integral"), [50 * 50 * MINUTE_US]);
    assert_eq!(truths(&then, "open"), [Some(true)]);
    query.as_of = None;
    let now = world.rollups.area_rows(&query).await.unwrap();
    assert_eq!(
        wholes(&now, "load_integral"),
        [(50 * 5 + 90 * 55) * MINUTE_US]
    );
}

#[tokio::test]
async fn now_says_what_holds_and_how_old_it_is() {
    let world = World::new(full(), "2026-03-28T12:00:00Z").await;
    world
        .say(&[
            (
                "prato:lot-1",
                "vehicles",
                "2026-03-28T10:00:00Z",
                Some(50.0),
            ),
            ("prato:lot-2", "free", "2026-03-28T09:59:59Z", Some(20.0)),
            ("prato:lot-3", "vehicles", "2026-03-28T11:59:00Z", Some(3.0)),
            ("prato:bay-1", "occupied", "2026-03-28T11:00:00Z", Some(1.0)),
            ("prato:bay-2", "occupied", "2026-03-28T11:00:00Z", Some(0.0)),
        ])
        .await;
    world.rollups.refresh().await.unwrap();
    let mut query = ask_now("parking");
    let batch = world.rollups.moment(&query).await.unwrap();
    let things = [
        "prato:bay-1",
        "prato:bay-2",
        "prato:lot-1",
        "prato:lot-2",
        "prato:lot-3",
        "prato:lot-5",
    ];
    assert_eq!(texts(&batch, "thing"), things);
    let values = floats(&batch, "value");
    assert_eq!(
        values,
        [Some(1.0), Some(0.0), Some(50.0), None, Some(3.0), None],
        "two hours hold, a second more does not"
    );
    let known = truths(&batch, "known");
    assert_eq!(known, [true, true, true, false, true, false].map(Some));
    let observed = times(&batch, "observed_at");
    assert_eq!(observed[3], Some(at("2026-03-28T09:59:59Z")));
    assert_eq!(observed[5], None);
    query.things = Some(vec![thing_id("prato:bays"), thing_id("prato:lot-2")]);
    query.at = Some(at("2026-03-28T11:30:00Z"));
    let batch = world.rollups.moment(&query).await.unwrap();
    assert_eq!(floats(&batch, "value"), [Some(1.0), Some(30.0)]);
    assert_eq!(floats(&batch, "capacity"), [Some(2.0), Some(50.0)]);
}

#[tokio::test]
async fn intervals_are_one_for_every_observation_with_hold_null_and_offline_applied() {
    let world = World::new(full(), "2026-03-28T16:00:00Z").await;
    world
        .say(&[
            (
                "prato:lot-1",
                "vehicles",
                "2026-03-28T10:00:00Z",
                Some(50.0),
            ),
            (
                "prato:lot-1",
                "vehicles",
                "2026-03-28T10:05:00Z",
                Some(50.0),
            ),
            (
                "prato:lot-1",
                "vehicles",
                "2026-03-28T13:00:00Z",
                Some(51.0),
            ),
            ("prato:lot-1", "online", "2026-03-28T13:10:00Z", Some(0.0)),
            ("prato:lot-1", "online", "2026-03-28T13:20:00Z", Some(1.0)),
            ("prato:lot-1", "vehicles", "2026-03-28T13:30:00Z", None),
        ])
        .await;
    world.rollups.refresh().await.unwrap();
    let query = IntervalQuery {
        things: None,
        properties: Some(vec![arno_model::PropertyId::parse("vehicles").unwrap()]),
        range: range("2026-03-28T11:00:00Z", "2026-03-28T14:00:00Z"),
        as_of: None,
    };
    let batches: Vec<_> = world.rollups.intervals(query).try_collect().await.unwrap();
    let [batch] = batches.as_slice() else {
        panic!("one batch, not {}", batches.len())
    };
    assert_eq!(floats(batch, "value"), [Some(50.0), Some(51.0), Some(51.0)]);
    let from: Vec<_> = times(batch, "valid_from").into_iter().flatten().collect();
    let to: Vec<_> = times(batch, "valid_to").into_iter().flatten().collect();
    let times = ["10:05", "13:00", "13:20"].map(|time| at(&format!("2026-03-28T{time}:00Z")));
    assert_eq!(from, times);
    let times = ["12:05", "13:10", "13:30"].map(|time| at(&format!("2026-03-28T{time}:00Z")));
    assert_eq!(to, times);
}

#[tokio::test]
async fn capacity_is_told_from_its_beginning_to_its_next_word_however_far() {
    let world = World::new(full(), "2026-05-28T16:00:00Z").await;
    world
        .say(&[
            (
                "prato:lot-1",
                "capacity",
                "2026-03-28T10:00:00Z",
                Some(90.0),
            ),
            (
                "prato:lot-1",
                "capacity",
                "2026-05-20T10:00:00Z",
                Some(95.0),
            ),
            (
                "prato:lot-1",
                "vehicles",
                "2026-03-28T09:00:00Z",
                Some(50.0),
            ),
        ])
        .await;
    world.rollups.refresh().await.unwrap();
    let query = IntervalQuery {
        things: Some(vec![thing_id("prato:lot-1")]),
        properties: Some(vec![arno_model::PropertyId::parse("capacity").unwrap()]),
        range: range("2026-04-01T00:00:00Z", "2026-04-02T00:00:00Z"),
        as_of: None,
    };
    let batches: Vec<_> = world
        .rollups
        .intervals(query.clone())
        .try_collect()
        .await
        .unwrap();
    assert_eq!(floats(&batches[0], "value"), [Some(90.0)]);
    assert_eq!(
        times(&batches[0], "valid_from"),
        [Some(at("2026-03-28T10:00:00Z"))]
    );
    assert_eq!(
        times(&batches[0], "valid_to"),
        [Some(at("2026-05-20T10:00:00Z"))]
    );
    let all = IntervalQuery {
        range: TimeRange::ALL,
        ..query
    };
    let batches: Vec<_> = world.rollups.intervals(all).try_collect().await.unwrap();
    let declared_first = [Some(100.0), Some(90.0), Some(95.0)];
    assert_eq!(floats(&batches[0], "value"), declared_first);
    assert_eq!(times(&batches[0], "valid_from")[0], Some(Timestamp::MIN));
    assert_eq!(
        times(&batches[0], "valid_to")[2],
        Some(at("2026-05-28T16:00:00Z"))
    );
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let world = World::new(full(), "2026-03-28T16:00:00Z").await;
    world.rollups.refresh().await.unwrap();
    let asked = range("2026-03-28T10:00:00Z", "2026-03-28T12:00:00Z");
    let query = ask(&["nowhere"], AreaLevelAsked::Own, "parking", asked);
    let error = world.rollups.area_rows(&query).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no area `nowhere`");
    assert!(error.is_callers_fault());
    let query = ask(
        &[],
        AreaLevelAsked::Level(AreaLevel::Province),
        "nothing",
        asked,
    );
    let error = world.rollups.area_rows(&query).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no observed property `nothing`");
}
