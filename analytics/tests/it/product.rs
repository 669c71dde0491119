//! The shipped products against plain computations.

use arno_analytics::ProductQuery;
use arno_model::time::{HOUR_US, MINUTE_US};
use arno_model::{Timestamp, Zone};
use arno_store::Role;

use crate::world::{World, area_id, at, full, publisher, thing_id};

fn number(text: &str) -> f64 {
    text.parse()
        .unwrap_or_else(|_| panic!("`{text}` is no number"))
}

fn close(found: &str, expected: f64) {
    let found = number(found);
    assert!(
        (found - expected).abs() <= 1e-9 * expected.abs().max(1.0),
        "{found}, not {expected}"
    );
}

#[tokio::test]
async fn all_shipped_products_are_described_and_answer_at_all_levels() {
    let world = World::new(full(), "2026-05-01T10:00:00Z").await;
    world
        .say(&[("prato:lot-1", "vehicles", "2026-05-01T08:00:00Z", 50.0)])
        .await;
    let products = world.analytics.products();
    let names: Vec<_> = products.iter().map(|product| product.id.as_str()).collect();
    let expected = [
        "completeness",
        "parking_now",
        "parking_occupancy",
        "parking_typical_week",
        "wifi_usage",
    ];
    assert_eq!(names, expected);
    for product in &products {
        for level in &product.levels {
            for bucket in &product.buckets {
                let query = ProductQuery {
                    level: Some(level.clone()),
                    bucket: Some(bucket.clone()),
                    ..ProductQuery::of(product.id.clone())
                };
                for role in [Role::Anonymous, publisher("vinci"), Role::Operator] {
                    let stream = world.analytics.product(&role, &query).await;
                    let stream = stream.unwrap_or_else(|error| panic!("{}: {error:?}", product.id));
                    let (given, said) = (stream.schema(), product.schema());
                    for (given, said) in given.fields().iter().zip(said.fields()) {
                        assert_eq!(given.name(), said.name(), "{}", product.id);
                        assert_eq!(given.data_type(), said.data_type(), "{}", product.id);
                    }
                    assert_eq!(given.fields().len(), said.fields().len());
                    crate::world::collect(stream).await.unwrap();
                }
            }
        }
    }
}

#[tokio::test]
async fn occupancy_is_load_over_capacity_while_both_are_known() {
    let world = World::new(full(), "2026-05-01T12:00:00Z").await;
    world
        .say(&[
            ("prato:lot-1", "vehicles", "2026-05-01T08:00:00Z", 50.0),
            ("prato:lot-1", "vehicles", "2026-05-01T08:45:00Z", 90.0),
            ("prato:lot-2", "vehicles", "2026-05-01T08:30:00Z", 60.0),
        ])
        .await;
    let query = ProductQuery {
        area: Some(area_id("it-mun-1")),
        from: Some(at("2026-05-01T08:00:00Z")),
        to: Some(at("2026-05-01T09:00:00Z")),
        ..ProductQuery::of("parking_occupancy")
    };
    let columns = [
        "area",
        "level",
        "bucket",
        "bucket_start",
        "vehicle_kind",
        "occupancy",
        "known_share",
        "over_capacity",
        "open",
        "things",
    ];
    let rows = world
        .product(&Role::Anonymous, &query, &columns)
        .await
        .unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        rows[0][..5],
        [
            "it-mun-1",
            "municipality",
            "1h",
            "2026-05-01T08:00:00Z",
            "car"
        ]
    );
    // Loads in vehicle·minutes over known places·minutes.
    let load = 50.0 * 45.0 + 90.0 * 15.0 + 60.0 * 30.0;
    let known = 100.0 * 60.0 + 50.0 * 30.0;
    close(&rows[0][5], load / known);
    close(&rows[0][6], known / (150.0 * 60.0));
    assert_eq!(rows[0][7..], ["true", "false", "2"]);
    // Below half known there is no figure: lot 3 of town 3 says nothing.
    let silent = ProductQuery {
        area: Some(area_id("it-mun-3")),
        ..query.clone()
    };
    let rows = world
        .product(&Role::Anonymous, &silent, &["occupancy", "known_share"])
        .await
        .unwrap();
    assert_eq!(rows, [["", "0.0"]]);
    let one = ProductQuery {
        thing: Some(thing_id("prato:lot-2")),
        area: None,
        ..query.clone()
    };
    let rows = world
        .product(&Role::Anonymous, &one, &["area", "level", "occupancy"])
        .await
        .unwrap();
    assert_eq!(rows, [["prato:lot-2", "thing", "1.2"]]);
    let zones = ProductQuery {
        level: Some("zone".to_owned()),
        ..query
    };
    let rows = world
        .product(&Role::Anonymous, &zones, &["area", "load_integral"])
        .await
        .unwrap();
    assert_eq!(
        rows,
        [["centro", "216000000000"], ["outside", "108000000000"]]
    );
}

#[tokio::test]
async fn now_tells_free_places_with_their_age() {
    let world = World::new(full(), "2026-05-01T09:00:00Z").await;
    world
        .say(&[
            ("prato:lot-1", "vehicles", "2026-05-01T08:50:00Z", 30.0),
            ("prato:lot-2", "vehicles", "2026-05-01T06:00:00Z", 49.0),
        ])
        .await;
    let query = ProductQuery {
        area: Some(area_id("it-mun-1")),
        ..ProductQuery::of("parking_now")
    };
    let columns = [
        "area",
        "bucket",
        "bucket_start",
        "vehicles",
        "capacity",
        "free",
        "known_share",
        "things",
        "things_known",
        "age_s",
    ];
    let rows = world
        .product(&Role::Anonymous, &query, &columns)
        .await
        .unwrap();
    // Lot 2 is three hours old: beyond its hold, so it is neither full nor empty.
    assert_eq!(
        rows[0][..6],
        ["it-mun-1", "now", "2026-05-01T09:00:00Z", "30", "150", "70"]
    );
    close(&rows[0][6], 100.0 / 150.0);
    assert_eq!(rows[0][7..], ["2", "1", "600"]);
    let all = ProductQuery {
        level: Some("municipality".to_owned()),
        ..ProductQuery::of("parking_now")
    };
    let rows = world
        .product(&Role::Anonymous, &all, &["area", "vehicles", "free"])
        .await
        .unwrap();
    assert_eq!(
        rows,
        [
            ["it-mun-1", "30", "70"],
            ["it-mun-2", "", ""],
            ["it-mun-3", "", ""]
        ]
    );
    let lots = ProductQuery {
        publisher: Some(arno_model::PublisherId::parse("prato").unwrap()),
        ..ProductQuery::of("parking_now")
    };
    let rows = world
        .product(&Role::Anonymous, &lots, &["area"])
        .await
        .unwrap();
    assert_eq!(rows, [["prato:bay-1"], ["prato:lot-1"], ["prato:lot-2"]]);
}

#[tokio::test]
async fn the_typical_week_is_quantiles_by_local_hour() {
    let world = World::new(full(), "2026-11-09T00:00:00Z").await;
    // Four weeks over the October change, a value each hour that depends on hour and day.
    let start = at("2026-10-12T00:00:00Z");
    let value = |hour: i64| f64::from(i32::try_from((hour * 7 + hour / 24) % 101).unwrap());
    let hours: Vec<_> = (0..28 * 24)
        .map(|hour| {
            (
                "prato:lot-1",
                "vehicles",
                start.plus_us(hour * HOUR_US),
                value(hour),
            )
        })
        .collect();
    world.say_at(&hours).await;
    let query = ProductQuery {
        thing: Some(thing_id("prato:lot-1")),
        from: Some(start),
        to: Some(at("2026-11-09T00:00:00Z")),
        ..ProductQuery::of("parking_typical_week")
    };
    let columns = [
        "hour_of_week",
        "weekday",
        "hour",
        "q10",
        "q50",
        "q90",
        "samples",
        "weeks",
        "bucket_start",
    ];
    let rows = world
        .product(&Role::Anonymous, &query, &columns)
        .await
        .unwrap();
    assert_eq!(rows.len(), 168);
    let zone = Zone::parse("Europe/Rome").unwrap();
    let mut expected: Vec<Vec<f64>> = vec![Vec::new(); 168];
    for hour in 0..28 * 24 {
        let moment: Timestamp = start.plus_us(hour * HOUR_US);
        expected[usize::from(zone.hour_of_week(moment))].push(value(hour) / 100.0);
    }
    for (row, values) in rows.iter().zip(&mut expected) {
        values.sort_by(f64::total_cmp);
        let quantile = |share: f64| {
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "small"
            )]
            let (place, below) = {
                let place = share * (values.len() - 1) as f64;
                (place, place as usize)
            };
            let above = values[(below + 1).min(values.len() - 1)];
            values[below] + place.fract() * (above - values[below])
        };
        let hour: usize = row[0].parse().unwrap();
        assert_eq!(row[1], (hour / 24 + 1).to_string());
        assert_eq!(row[2], (hour % 24).to_string());
        close(&row[3], quantile(0.1));
        close(&row[4], quantile(0.5));
        close(&row[5], quantile(0.9));
        assert_eq!(row[6], values.len().to_string());
        assert_eq!(row[8], "2026-10-12T00:00:00Z");
    }
    // Sunday 02:00 happens twice on 25 October: five samples of four Sundays.
    assert_eq!(rows[146][6], "5");
    assert_eq!(rows[146][7], "4");
}

#[tokio::test]
async fn days_have_23_and_25_hours() {
    let world = World::new(full(), "2026-11-01T12:00:00Z").await;
    let mut said = Vec::new();
    for (start, hours) in [("2026-03-28T20:00:00Z", 48), ("2026-10-24T20:00:00Z", 48)] {
        said.extend((0..hours * 2).map(|half| {
            (
                "prato:lot-1",
                "vehicles",
                at(start).plus_us(half * 30 * MINUTE_US),
                25.0,
            )
        }));
    }
    world.say_at(&said).await;
    for (from, to, hours) in [
        ("2026-03-29T10:00:00Z", "2026-03-29T11:00:00Z", 23),
        ("2026-10-25T10:00:00Z", "2026-10-25T11:00:00Z", 25),
    ] {
        let query = ProductQuery {
            thing: Some(thing_id("prato:lot-1")),
            bucket: Some("1d".to_owned()),
            from: Some(at(from)),
            to: Some(at(to)),
            ..ProductQuery::of("parking_occupancy")
        };
        let columns = ["load_integral", "occupancy", "known_share"];
        let rows = world
            .product(&Role::Anonymous, &query, &columns)
            .await
            .unwrap();
        assert_eq!(
            rows,
            [[
                (25 * hours * HOUR_US).to_string(),
                "0.25".to_owned(),
                "1.0".to_owned()
            ]]
        );
    }
}

#[tokio::test]
async fn completeness_tells_what_is_silent() {
    let world = World::new(full(), "2026-05-01T12:00:00Z").await;
    world
        .say(&[
            ("prato:lot-1", "vehicles", "2026-05-01T08:00:00Z", 50.0),
            ("prato:ap-1", "clients", "2026-05-01T08:00:00Z", 3.0),
        ])
        .await;
    let query = ProductQuery {
        area: Some(area_id("it-mun-1")),
        from: Some(at("2026-05-01T08:00:00Z")),
        to: Some(at("2026-05-01T09:00:00Z")),
        ..ProductQuery::of("completeness")
    };
    let columns = ["property", "known_share", "things", "readings"];
    let rows = world
        .product(&Role::Anonymous, &query, &columns)
        .await
        .unwrap();
    // One of two lots speaks; one of two hotspots, for its half hour of hold.
    assert!(
        rows.contains(&["vehicles", "0.5", "2", "1"].map(str::to_owned).to_vec()),
        "{rows:?}"
    );
    assert!(
        rows.contains(&["clients", "0.25", "2", ""].map(str::to_owned).to_vec()),
        "{rows:?}"
    );
}

#[tokio::test]
async fn pages_and_past_knowledge_work() {
    let world = World::new(full(), "2026-05-01T08:10:00Z").await;
    world
        .say(&[("prato:lot-1", "vehicles", "2026-05-01T08:00:00Z", 50.0)])
        .await;
    world.clock.advance_us(4 * HOUR_US);
    world
        .say(&[("prato:lot-1", "vehicles", "2026-05-01T08:30:00Z", 100.0)])
        .await;
    let query = ProductQuery {
        thing: Some(thing_id("prato:lot-1")),
        from: Some(at("2026-05-01T08:00:00Z")),
        to: Some(at("2026-05-01T09:00:00Z")),
        bucket: Some("15m".to_owned()),
        ..ProductQuery::of("parking_occupancy")
    };
    let columns = ["bucket_start", "occupancy"];
    let all = world
        .product(&Role::Anonymous, &query, &columns)
        .await
        .unwrap();
    assert_eq!(all.len(), 4);
    assert_eq!(all[3], ["2026-05-01T08:45:00Z", "1.0"]);
    let page = ProductQuery {
        limit: Some(3),
        cursor: Some(2),
        ..query.clone()
    };
    let page = world
        .product(&Role::Anonymous, &page, &columns)
        .await
        .unwrap();
    assert_eq!(page, all[2..]);
    let then = ProductQuery {
        as_of: Some(at("2026-05-01T09:10:00Z")),
        ..query
    };
    let then = world
        .product(&Role::Anonymous, &then, &columns)
        .await
        .unwrap();
    assert_eq!(
        then[3],
        ["2026-05-01T08:45:00Z", "0.5"],
        "as it was known then"
    );
}

#[tokio::test]
async fn products_are_tables_that_join() {
    let world = World::new(full(), "2026-05-01T10:00:00Z").await;
    world
        .say(&[("prato:lot-1", "vehicles", "2026-05-01T08:00:00Z", 50.0)])
        .await;
    let query = "SELECT a.name, p.occupancy FROM products.parking_occupancy AS p JOIN areas AS a ON a.id = p.area
        WHERE p.level = 'zone' AND p.bucket = '1h' AND p.bucket_start >= '2026-05-01T08:00:00Z'
          AND p.bucket_start < '2026-05-01T09:00:00Z'";
    assert_eq!(
        world.rows(&Role::Anonymous, query).await,
        [["CENTRO", "0.5"]]
    );
    let narrowed = "SELECT area, occupancy FROM products.parking_occupancy WHERE level = 'zone'
        AND bucket = '1h' AND area = 'centro' AND bucket_start = '2026-05-01T08:00:00Z'";
    assert_eq!(
        world.rows(&Role::Anonymous, narrowed).await,
        [["centro", "0.5"]]
    );
    let now = "SELECT count(*) FROM products.parking_now WHERE level = 'municipality'";
    assert_eq!(world.rows(&Role::Anonymous, now).await, [["3"]]);
}

#[tokio::test]
async fn wrong_parameters_name_what_is_allowed() {
    let world = World::new(full(), "2026-05-01T10:00:00Z").await;
    let base = ProductQuery::of("parking_occupancy");
    let text = |text: &str| Some(text.to_owned());
    let wrong = [
        (ProductQuery::of("parking"), "product", "parking_now"),
        (
            ProductQuery {
                level: text("town"),
                ..base.clone()
            },
            "level",
            "municipality",
        ),
        (
            ProductQuery {
                bucket: text("7m"),
                ..base.clone()
            },
            "bucket",
            "15m",
        ),
        (
            ProductQuery {
                area: Some(area_id("it-mun-9")),
                ..base.clone()
            },
            "area",
            "it-reg-09",
        ),
        (
            ProductQuery {
                thing: Some(thing_id("a:b")),
                ..base.clone()
            },
            "thing",
            "",
        ),
        (
            ProductQuery {
                from: Some(at("2026-05-02T00:00:00Z")),
                to: Some(at("2026-05-01T00:00:00Z")),
                ..base.clone()
            },
            "from",
            "",
        ),
        (
            ProductQuery {
                area: Some(area_id("centro")),
                level: text("region"),
                ..base.clone()
            },
            "level",
            "",
        ),
        (
            ProductQuery {
                from: Some(at("2026-05-01T00:00:00Z")),
                ..ProductQuery::of("parking_now")
            },
            "from",
            "area",
        ),
        (
            ProductQuery {
                thing: Some(thing_id("prato:lot-1")),
                level: text("region"),
                ..base
            },
            "thing",
            "",
        ),
    ];
    for (query, field, allowed) in wrong {
        let error = world
            .product(&Role::Anonymous, &query, &[])
            .await
            .unwrap_err();
        assert!(error.is_callers_fault(), "{query:?}: {error:?}");
        assert_eq!(error.field(), Some(field), "{query:?}: {error:?}");
        let lists = allowed.is_empty() || error.allowed().iter().any(|one| one == allowed);
        assert!(lists, "{query:?}: {error:?}");
    }
}
