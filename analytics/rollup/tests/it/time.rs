//! Claims about local days: 23 and 25 hours, weeks and months that are exactly their quarters.

use arno_analytics_rollup::AreaLevelAsked;
use arno_model::time::HOUR_US;
use arno_model::{Bucket, TimeRange, Zone};

use crate::world::{CENTRE, World, areas, ask, ask_streams, at, lot, range, times, wholes};

/// A lot that says every hour how many hours have passed, over a change of the clock.
async fn hourly(start: &str, hours: i64, now: &str) -> World {
    let bundle = areas().with_thing(lot("prato:lot-1", CENTRE, 100, &["vehicles"]));
    let world = World::new(bundle, now).await;
    let said: Vec<_> = (0..hours)
        .map(|hour| {
            let time = at(start).plus_us(hour * HOUR_US);
            (
                "prato:lot-1",
                "vehicles",
                time,
                Some(f64::from(i32::try_from(hour).unwrap())),
            )
        })
        .collect();
    world.say_at(&said).await;
    world.rollups.refresh().await.unwrap();
    world
}

#[tokio::test]
async fn the_day_that_loses_an_hour_has_23_hours() {
    let world = hourly("2026-03-28T23:00:00Z", 23, "2026-03-30T12:00:00Z").await;
    let asked = range("2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00");
    let mut query = ask(&["it-mun-1"], AreaLevelAsked::Own, "parking", asked);
    query.bucket = Bucket::Day;
    let batch = world.rollups.area_rows(&query).await.unwrap();
    assert_eq!(
        wholes(&batch, "load_integral"),
        [(0..23).sum::<i64>() * HOUR_US]
    );
    assert_eq!(wholes(&batch, "capacity_expected"), [100 * 23 * HOUR_US]);
    assert_eq!(wholes(&batch, "buckets_known"), [23 * 4]);
}

#[tokio::test]
async fn the_day_that_gains_an_hour_has_25_hours() {
    let world = hourly("2026-10-24T22:00:00Z", 25, "2026-10-27T12:00:00Z").await;
    let asked = range("2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00");
    let mut query = ask(&["it-mun-1"], AreaLevelAsked::Own, "parking", asked);
    query.bucket = Bucket::Day;
    let batch = world.rollups.area_rows(&query).await.unwrap();
    assert_eq!(
        wholes(&batch, "load_integral"),
        [(0..25).sum::<i64>() * HOUR_US]
    );
    assert_eq!(wholes(&batch, "capacity_expected"), [100 * 25 * HOUR_US]);
    let mut query = ask_streams(Some(("prato:lot-1", "vehicles")), asked);
    query.bucket = Bucket::Day;
    let batch = world.rollups.thing_rows(&query).await.unwrap();
    assert_eq!(wholes(&batch, "integral"), [(0..25).sum::<i64>() * HOUR_US]);
    assert_eq!(wholes(&batch, "expected_us"), [25 * HOUR_US]);
    assert_eq!(wholes(&batch, "readings"), [25]);
}

/// Whole sums of an answer, bucket by bucket.
async fn sums(world: &World, range: TimeRange, bucket: Bucket) -> Vec<(TimeRange, [i64; 5])> {
    let mut query = ask(&["it-mun-1"], AreaLevelAsked::Own, "parking", range);
    query.bucket = bucket;
    let batch = world.rollups.area_rows(&query).await.unwrap();
    let columns = [
        "load_integral",
        "capacity_integral",
        "capacity_expected",
        "buckets_known",
        "readings",
    ];
    let columns = columns.map(|name| wholes(&batch, name));
    let (starts, ends) = (times(&batch, "bucket_start"), times(&batch, "bucket_end"));
    (0..batch.num_rows())
        .map(|row| {
            let bucket = TimeRange::new(starts[row].unwrap(), ends[row].unwrap());
            (
                bucket,
                [0, 1, 2, 3, 4].map(|column: usize| columns[column][row]),
            )
        })
        .collect()
}

#[tokio::test]
async fn every_bucket_is_exactly_its_quarters_over_both_changes_of_the_clock() {
    let rome = Zone::parse("Europe/Rome").unwrap();
    for (start, now) in [
        ("2026-03-20T00:30:00Z", "2026-04-12T10:07:00Z"),
        ("2026-10-10T00:30:00Z", "2026-11-12T10:07:00Z"),
    ] {
        let world = hourly(start, 24 * 20, now).await;
        let asked = TimeRange::new(at(start), at(now));
        for bucket in [Bucket::Hour, Bucket::Day, Bucket::Week, Bucket::Month] {
            let merged = sums(&world, asked, bucket).await;
            assert!(!merged.is_empty());
            for (span, sums_of) in &merged {
                assert_eq!(bucket.containing(span.start, &rome), *span);
                let quarters = sums(&world, *span, Bucket::Quarter).await;
                let mut total = [0; 5];
                for (_, parts) in &quarters {
                    for (sum, part) in total.iter_mut().zip(parts) {
                        *sum += part;
                    }
                }
                if span.start >= asked.start {
                    assert_eq!(total, *sums_of, "{bucket} from {}", span.start);
                } else {
                    // The quarters before the first observation have no rows; capacity was there.
                    let expected_us = span.end.min(at(now)).since_us(span.start);
                    assert_eq!(sums_of[2], 100 * expected_us);
                    assert_eq!([total[0], total[1]], [sums_of[0], sums_of[1]]);
                }
            }
        }
    }
}
