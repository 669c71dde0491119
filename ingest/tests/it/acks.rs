//! What an acknowledgement means.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rumqttc::v5::mqttbytes::v5::{
    DisconnectReasonCode, Packet as Packet5, PubAckReason, PubRecReason,
};
use rumqttc::{Packet, QoS};

use crate::backend::Mood;
use crate::client::{Client3, Client5, Login};
use crate::world::World;

const LOT: &str = "arno/v1/obs/prato/lot-1";

fn at(second: usize, vehicles: usize) -> String {
    format!(
        r#"{{"time":"2026-05-01T11:{:02}:{:02}Z","vehicles":{vehicles}}}"#,
        second / 60,
        second % 60
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_puback_means_durable_in_both_versions() {
    let world = World::start().await;
    let login = Login::new(world.port(), "a").user("prato", &world.prato);
    let mut three = Client3::connect(&login).await;
    three.publish(LOT, QoS::AtLeastOnce, &at(1, 10)).await;
    assert!(matches!(three.next().await, Ok(Packet::PubAck(_))));
    assert_eq!(world.ledger().stored, 1);

    let login = Login::new(world.port(), "b").user("prato", &world.prato);
    let mut five = Client5::connect(&login).await;
    five.publish(LOT, QoS::AtLeastOnce, &at(2, 10)).await;
    assert_eq!(five.puback().await, PubAckReason::Success);
    assert_eq!(world.ledger().stored, 2);

    five.publish(LOT, QoS::AtLeastOnce, &at(2, 10)).await;
    assert_eq!(five.puback().await, PubAckReason::Success);
    five.publish(LOT, QoS::AtLeastOnce, &at(2, 11)).await;
    assert_eq!(five.puback().await, PubAckReason::Success);
    let ledger = world.ledger();
    assert_eq!(
        (ledger.stored, ledger.repeated, ledger.corrected),
        (2, 1, 1)
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn qos_2_is_received_when_durable_and_its_ids_do_not_run_out() {
    let world = World::with("mqtt.in_flight_count_max = 10").await;
    let login = Login::new(world.port(), "a").user("prato", &world.prato);
    let mut three = Client3::connect(&login).await;
    let login = Login::new(world.port(), "b").user("prato", &world.prato);
    let mut five = Client5::connect(&login).await;
    for number in 0..60_usize {
        three
            .publish(LOT, QoS::ExactlyOnce, &at(number * 2, 1))
            .await;
        assert!(matches!(three.next().await, Ok(Packet::PubRec(_))));
        assert_eq!(world.ledger().stored, 2 * number as u64 + 1);
        assert!(matches!(three.next().await, Ok(Packet::PubComp(_))));
        five.publish(LOT, QoS::ExactlyOnce, &at(number * 2 + 1, 1))
            .await;
        assert!(matches!(five.next().await, Ok(Packet5::PubRec(_))));
        assert!(matches!(five.next().await, Ok(Packet5::PubComp(_))));
    }
    let large = format!("[{}]", vec![at(1, 1); 4_000].join(","));
    assert!(large.len() > 150_000);
    three.publish(LOT, QoS::ExactlyOnce, &large).await;
    assert!(matches!(three.next().await, Ok(Packet::PubRec(_))));
    five.publish(LOT, QoS::ExactlyOnce, &large).await;
    assert!(matches!(five.next().await, Ok(Packet5::PubRec(_))));
    assert_eq!(world.ledger().repeated, 8_000);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_malformed_payload_is_durable_in_quarantine_and_then_named() {
    let world = World::start().await;
    let login = Login::new(world.port(), "a").user("prato", &world.prato);
    let mut five = Client5::connect(&login).await;
    for payload in [
        "{",
        "[]",
        "{}",
        "12",
        r#"{"vehicles":"12"}"#,
        r#"{"nonsense":1}"#,
    ] {
        five.publish(LOT, QoS::AtLeastOnce, payload).await;
        assert_eq!(
            five.puback().await,
            PubAckReason::PayloadFormatInvalid,
            "{payload}"
        );
    }
    assert_eq!(world.ledger().quarantined, 6);
    five.publish(LOT, QoS::ExactlyOnce, "{").await;
    match five.next().await {
        Ok(Packet5::PubRec(packet)) => {
            assert_eq!(packet.reason, PubRecReason::PayloadFormatInvalid);
        }
        other => panic!("no PUBREC but {other:?}"),
    }
    let login = Login::new(world.port(), "b").user("prato", &world.prato);
    let mut three = Client3::connect(&login).await;
    three.publish(LOT, QoS::AtLeastOnce, "{").await;
    assert!(matches!(three.next().await, Ok(Packet::PubAck(_))));
    let quarantined = world.quarantined().await;
    assert_eq!(quarantined.len(), 8);
    assert!(quarantined.iter().all(|kept| kept.entry.topic == LOT));
    assert_eq!(quarantined[0].entry.payload.as_deref(), Some(&b"{"[..]));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_property_does_not_sink_its_siblings() {
    let world = World::start().await;
    let login = Login::new(world.port(), "a").user("prato", &world.prato);
    let mut five = Client5::connect(&login).await;
    let payload =
        r#"{"time":"2026-05-01T11:59:00Z","vehicles":3,"free":1.5,"capacity":null,"moon":1}"#;
    five.publish(LOT, QoS::AtLeastOnce, payload).await;
    assert_eq!(five.puback().await, PubAckReason::Success);
    let ledger = world.ledger();
    assert_eq!((ledger.stored, ledger.quarantined), (2, 2));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_store_means_silence_and_then_the_end_of_the_connection() {
    let world = World::start().await;
    world.store.set(Mood::Stalled);
    let login = Login::new(world.port(), "a").user("prato", &world.prato);
    let mut three = Client3::connect(&login).await;
    let login = Login::new(world.port(), "b").user("prato", &world.prato);
    let mut five = Client5::connect(&login).await;
    let started = Instant::now();
    three.publish(LOT, QoS::AtLeastOnce, &at(1, 1)).await;
    five.publish(LOT, QoS::AtLeastOnce, &at(2, 1)).await;
    assert!(three.next().await.is_err(), "no acknowledgement may come");
    assert!(started.elapsed() >= Duration::from_secs(8));
    assert_eq!(five.goodbye().await, DisconnectReasonCode::ServerBusy);
    assert!(started.elapsed() <= Duration::from_secs(12));
    world.store.set(Mood::Well);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_fails_for_a_moment_delays_the_acknowledgement_only() {
    let world = World::start().await;
    world.store.set(Mood::Failing);
    let login = Login::new(world.port(), "a").user("prato", &world.prato);
    let mut five = Client5::connect(&login).await;
    five.publish(LOT, QoS::AtLeastOnce, &at(1, 1)).await;
    assert!(five.is_quiet(Duration::from_millis(400)).await);
    assert_eq!(world.ledger().received(), 0);
    world.store.set(Mood::Well);
    assert_eq!(five.puback().await, PubAckReason::Success);
    assert_eq!(world.ledger().stored, 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishes_of_one_connection_share_appends_and_are_acknowledged_in_order() {
    let world = World::start().await;
    world.store.set(Mood::Slow(Duration::from_millis(20)));
    let login = Login::new(world.port(), "a").user("prato", &world.prato);
    let mut three = Client3::connect(&login).await;
    let started = Instant::now();
    for number in 0..200 {
        three
            .publish(LOT, QoS::AtLeastOnce, &at(number, number))
            .await;
    }
    let mut last = 0;
    for _number in 0..200 {
        match three.next().await {
            Ok(Packet::PubAck(packet)) => {
                assert_eq!(packet.pkid, last + 1);
                last = packet.pkid;
            }
            other => panic!("no PUBACK but {other:?}"),
        }
    }
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "200 appends would take 4 s"
    );
    assert!(world.store.appends.load(Ordering::Acquire) < 60);
    assert_eq!(world.ledger().stored, 200);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_oversized_packet_ends_its_connection_and_stores_nothing() {
    let world = World::with("mqtt.packet_bytes_max = 2048").await;
    let login = Login::new(world.port(), "a").user("prato", &world.prato);
    let mut five = Client5::connect(&login).await;
    let mut three = Client3::connect(&Login::new(world.port(), "b")).await;
    three
        .publish(LOT, QoS::AtLeastOnce, &" ".repeat(4_000))
        .await;
    three.next().await.unwrap_err();
    five.publish(LOT, QoS::AtMostOnce, &at(1, 1)).await;
    world.wait_for_ledger(|ledger| ledger.stored == 1).await;
    assert!(five.is_quiet(Duration::from_millis(50)).await);
    world.stop().await;
}
