//! What is admitted, marked and refused.

use std::collections::BTreeMap;
use std::time::Duration;

use arno_model::bucket::BASE_US;
use arno_model::time::{DAY_US, SECOND_US};
use arno_model::{
    AreaMode, PropertyId, Publisher, PublisherKind, SignalKind, ThingId, ThingKind, TimeRange,
    VehicleKind,
};
use arno_store::Bundle;
use arno_store::testkit::{MemoryStore, TestClock};
use proptest::prelude::*;

use super::*;

pub(crate) fn blank_thing(id: ThingId, kind: ThingKind) -> Thing {
    let is_parking = matches!(kind, ThingKind::ParkingLot | ThingKind::ParkingBay);
    Thing {
        name: id.to_string(),
        id,
        kind,
        vehicle_kind: is_parking.then_some(VehicleKind::Car),
        location: None,
        part_of: None,
        capacity: Vec::new(),
        municipality: None,
        properties: Vec::new(),
        max_hold: BTreeMap::new(),
        max_stay: None,
        is_reserved: false,
        is_open: true,
        aliases: Vec::new(),
        valid: TimeRange::ALL,
    }
}

fn property(id: &str, signal: SignalKind, number: NumberType) -> ObservedProperty {
    ObservedProperty {
        id: PropertyId::parse(id).unwrap(),
        name: (id.to_owned(), id.to_owned()),
        unit: "1".to_owned(),
        signal,
        number,
        area_mode: AreaMode::None,
        max_hold: None,
        expected_interval: None,
        max_gap: None,
        period: (signal == SignalKind::Delta).then(|| Duration::from_mins(15)),
        min: Some(0.0),
        max: Some(1_000.0),
        counts_people: false,
    }
}

fn noon() -> Timestamp {
    Timestamp::parse("2026-05-01T12:00:00Z").unwrap()
}

struct Bench {
    admitter: Admitter,
    _registry: watch::Sender<Arc<Registry>>,
}

fn bench() -> Bench {
    let publisher = |id: &str, days: u64| Publisher {
        id: PublisherId::parse(id).unwrap(),
        name: id.to_owned(),
        kind: PublisherKind::Municipality,
        ipa_code: None,
        municipality: None,
        max_age: Duration::from_secs(days * 86_400),
    };
    let thing = |id: &str, valid: TimeRange| {
        let blank = blank_thing(ThingId::parse(id).unwrap(), ThingKind::Sensor);
        Thing { valid, ..blank }
    };
    let from_may = TimeRange::new(
        Timestamp::parse("2026-05-01T00:00:00Z").unwrap(),
        Timestamp::MAX,
    );
    let lot = ThingId::parse("prato:lot").unwrap();
    let bay = |id: &str, is_reserved: bool| Thing {
        part_of: Some(lot.clone()),
        properties: vec![PropertyId::parse("occupied").unwrap()],
        is_reserved,
        ..blank_thing(ThingId::parse(id).unwrap(), ThingKind::ParkingBay)
    };
    let bundle = Bundle::default()
        .with_thing(blank_thing(lot.clone(), ThingKind::ParkingLot))
        .with_thing(bay("prato:bay-1", false))
        .with_thing(bay("prato:bay-2", true))
        .with_publisher(publisher("prato", 400))
        .with_publisher(publisher("pistoia", 10))
        .with_property(property("number", SignalKind::Gauge, NumberType::Number))
        .with_property(property("whole", SignalKind::State, NumberType::Integer))
        .with_property(property("yesno", SignalKind::State, NumberType::Boolean))
        .with_property(property("amount", SignalKind::Delta, NumberType::Number))
        .with_thing(thing("prato:a", TimeRange::ALL))
        .with_thing(thing("prato:new", from_may))
        .with_thing(thing("pistoia:a", TimeRange::ALL));
    let registry = Arc::new(Registry::build(bundle).unwrap().0);
    let (sender, receiver) = watch::channel(registry);
    let store = Arc::new(MemoryStore::new(Arc::new(TestClock::at(noon()))));
    Bench {
        admitter: Admitter::new(receiver, store),
        _registry: sender,
    }
}

fn reading(thing: &str, property: &str, result: f64) -> Reading {
    Reading {
        thing: ThingId::parse(thing).unwrap(),
        property: PropertyId::parse(property).unwrap(),
        time: Some(noon()),
        result: Some(result),
        result_time: None,
        received: noon(),
    }
}

fn live() -> Context<'static> {
    Context {
        topic: Some("t"),
        publisher: None,
        clock: ClockMark::Live,
    }
}

async fn verdict(reading: Reading) -> Result<Observation, QuarantineReason> {
    verdict_in(reading, live()).await
}

async fn verdict_in(
    reading: Reading,
    context: Context<'_>,
) -> Result<Observation, QuarantineReason> {
    let bench = bench();
    let admitted = bench.admitter.admit(&[reading], context).await.unwrap();
    match (admitted.rows.as_slice(), admitted.quarantine.as_slice()) {
        ([row], []) => Ok(*row),
        ([], [entry]) => Err(entry.reason),
        other => panic!("not one of one: {other:?}"),
    }
}

#[tokio::test]
async fn names_must_be_in_the_registry_and_the_senders() {
    use QuarantineReason::{UnknownProperty, UnknownThing};
    assert_eq!(
        verdict(reading("prato:b", "whole", 1.0)).await,
        Err(UnknownThing)
    );
    assert_eq!(
        verdict(reading("prato:a", "other", 1.0)).await,
        Err(UnknownProperty)
    );
    let pistoia = PublisherId::parse("pistoia").unwrap();
    let context = Context {
        publisher: Some(&pistoia),
        ..live()
    };
    assert_eq!(
        verdict_in(reading("prato:a", "whole", 1.0), context).await,
        Err(UnknownThing)
    );
    verdict_in(reading("pistoia:a", "whole", 1.0), context)
        .await
        .unwrap();
}

#[tokio::test]
async fn numbers_must_be_of_the_propertys_type() {
    use QuarantineReason::{BadValue, WrongNumber};
    for (property, result, wanted) in [
        ("number", 1.5, None),
        ("number", f64::NAN, Some(BadValue)),
        ("number", f64::INFINITY, Some(BadValue)),
        ("whole", 2.0, None),
        ("whole", -0.0, None),
        ("whole", 2.5, Some(WrongNumber)),
        ("whole", 9_007_199_254_740_992.0, Some(WrongNumber)),
        ("yesno", 1.0, None),
        ("yesno", 0.0, None),
        ("yesno", 2.0, Some(WrongNumber)),
        ("yesno", 0.5, Some(WrongNumber)),
    ] {
        let got = verdict(reading("prato:a", property, result)).await.err();
        assert_eq!(got, wanted, "{property} {result}");
    }
    let unknown = Reading {
        result: None,
        ..reading("prato:a", "whole", 0.0)
    };
    assert_eq!(verdict(unknown).await.unwrap().result, None);
}

#[tokio::test]
async fn times_must_lie_between_max_age_and_five_minutes_ahead() {
    use QuarantineReason::{Future, MissingTime, ThingNotValid, TooOld};
    let at = |thing: &str, shift_us: i64| Reading {
        time: Some(noon().plus_us(shift_us)),
        ..reading(thing, "whole", 1.0)
    };
    verdict(at("prato:a", FUTURE_US_MAX)).await.unwrap();
    assert_eq!(verdict(at("prato:a", FUTURE_US_MAX + 1)).await, Err(Future));
    verdict(at("prato:a", -400 * DAY_US)).await.unwrap();
    assert_eq!(verdict(at("prato:a", -400 * DAY_US - 1)).await, Err(TooOld));
    assert_eq!(verdict(at("pistoia:a", -11 * DAY_US)).await, Err(TooOld));
    assert_eq!(
        verdict(at("prato:new", -13 * 3_600 * SECOND_US)).await,
        Err(ThingNotValid)
    );
    verdict(at("prato:new", -11 * 3_600 * SECOND_US))
        .await
        .unwrap();
    let timeless = |property| Reading {
        time: None,
        ..reading("prato:a", property, 1.0)
    };
    assert_eq!(verdict(timeless("amount")).await, Err(MissingTime));
    assert_eq!(verdict(timeless("whole")).await.unwrap().time, noon());
}

#[tokio::test]
async fn late_is_after_the_buckets_end_and_implausible_outweighs_it() {
    let start = noon().floor_to(BASE_US);
    let at = |received: i64, result: f64| Reading {
        time: Some(start),
        received: start.plus_us(received),
        ..reading("prato:a", "whole", result)
    };
    assert_eq!(
        verdict(at(BASE_US - 1, 1.0)).await.unwrap().quality,
        Quality::Good
    );
    assert_eq!(
        verdict(at(BASE_US, 1.0)).await.unwrap().quality,
        Quality::Late
    );
    assert_eq!(
        verdict(at(BASE_US, -1.0)).await.unwrap().quality,
        Quality::Implausible
    );
    assert_eq!(
        verdict(at(0, 1_001.0)).await.unwrap().quality,
        Quality::Implausible
    );
}

#[tokio::test]
async fn a_recording_is_judged_by_the_rows_own_moment() {
    let context = Context {
        clock: ClockMark::Recorded(noon().plus_us(3_600 * SECOND_US)),
        ..live()
    };
    let ahead = Reading {
        time: Some(noon().plus_us(FUTURE_US_MAX + 1)),
        ..reading("prato:a", "whole", 1.0)
    };
    assert_eq!(
        verdict_in(ahead, context).await,
        Err(QuarantineReason::Future)
    );
}

#[tokio::test]
async fn a_refused_reading_registers_no_datastream_and_siblings_live() {
    let bench = bench();
    let readings = [
        reading("prato:a", "yesno", 7.0),
        reading("prato:a", "whole", 1.0),
        reading("prato:a", "whole", 2.0),
        reading("prato:b", "whole", 1.0),
    ];
    let admitted = bench.admitter.admit(&readings, live()).await.unwrap();
    assert_eq!(admitted.rows.len(), 2);
    assert!(
        admitted
            .rows
            .iter()
            .all(|row| row.datastream == DatastreamKey(1))
    );
    assert_eq!(admitted.quarantine.len(), 2);
    assert_eq!(bench.admitter.register.datastreams().len(), 1);
    let again = bench.admitter.admit(&readings, live()).await.unwrap();
    assert_eq!(again.rows, admitted.rows);
    let payload = admitted.quarantine[0].payload.clone().unwrap();
    assert_eq!(payload, br#"{"time":"2026-05-01T12:00:00Z","yesno":7}"#);
}

proptest! {
    #[test]
    fn every_reading_is_one_row_or_one_refusal(
        picks in prop::collection::vec((0..4_usize, 0..5_usize, any::<i64>(), any::<f64>()), 0..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let readings: Vec<_> = picks.into_iter().map(|(thing, property, shift_us, result)| {
            let thing = ["prato:a", "prato:new", "prato:none", "pistoia:a"][thing];
            let property = ["number", "whole", "yesno", "amount", "none"][property];
            let time = (shift_us % 7 != 0).then(|| noon().plus_us(shift_us % (500 * DAY_US)));
            Reading { time, ..reading(thing, property, result) }
        }).collect();
        let bench = bench();
        let admitted = runtime.block_on(bench.admitter.admit(&readings, live())).unwrap();
        prop_assert_eq!(admitted.rows.len() + admitted.quarantine.len(), readings.len());
        for row in &admitted.rows {
            prop_assert!(row.datastream.0 >= 1 && row.result.is_none_or(f64::is_finite));
        }
    }
}

#[tokio::test]
async fn a_lot_does_not_count_itself_where_that_would_show_its_reserved_bays() {
    let refused = Err(QuarantineReason::ShowsReserved);
    for property in ["vehicles", "free", "occupied"] {
        let got = verdict(reading("prato:lot", property, 1.0)).await;
        assert_eq!(got, refused, "{property}");
    }
    verdict(reading("prato:lot", "capacity", 2.0))
        .await
        .unwrap();
    verdict(reading("prato:bay-1", "occupied", 1.0))
        .await
        .unwrap();
    verdict(reading("prato:bay-2", "occupied", 1.0))
        .await
        .unwrap();
}
