//! Who may publish and subscribe where.

use std::time::Duration;

use rumqttc::v5::mqttbytes::v5::{
    ConnectReturnCode, Packet as Packet5, PubAckReason, PubRecReason, SubscribeReasonCode,
};
use rumqttc::{ConnectReturnCode as Code3, ConnectionError, Packet, QoS, v5};

use crate::client::{Client3, Client5, Login};
use crate::world::World;

const OWN: &str = "arno/v1/obs/prato/lot-1";
const OTHERS: &str = "arno/v1/obs/pistoia/lot-1";
const READING: &str = r#"{"time":"2026-05-01T11:59:00Z","vehicles":3}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anothers_topic_is_0x87_and_nothing_of_it_is_kept() {
    let world = World::start().await;
    let login = Login::new(world.port(), "a").user("prato", &world.prato);
    let mut five = Client5::connect(&login).await;
    for topic in [OTHERS, "arno/v1/obs/prato", "arno/v1/live/x/y", "elsewhere"] {
        five.publish(topic, QoS::AtLeastOnce, READING).await;
        assert_eq!(five.puback().await, PubAckReason::NotAuthorized, "{topic}");
    }
    five.publish(OTHERS, QoS::ExactlyOnce, READING).await;
    match five.next().await {
        Ok(Packet5::PubRec(packet)) => assert_eq!(packet.reason, PubRecReason::NotAuthorized),
        other => panic!("no PUBREC but {other:?}"),
    }
    five.publish(OWN, QoS::AtLeastOnce, READING).await;
    assert_eq!(five.puback().await, PubAckReason::Success);
    five.publish(OTHERS, QoS::AtMostOnce, READING).await;
    assert!(matches!(
        five.next().await,
        Ok(Packet5::Disconnect(_)) | Err(_)
    ));
    let ledger = world.ledger();
    assert_eq!((ledger.received(), ledger.stored), (1, 1));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_3_1_1_anothers_topic_ends_the_connection() {
    let world = World::start().await;
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let login = Login::new(world.port(), "a").user("prato", &world.prato);
        let mut three = Client3::connect(&login).await;
        three.publish(OTHERS, qos, READING).await;
        assert!(three.next().await.is_err(), "{qos:?}");
    }
    assert_eq!(world.ledger().received(), 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_credentials_are_refused() {
    let world = World::start().await;
    for (user, password) in [
        ("prato", "nonsense"),
        ("pistoia", world.prato.as_str()),
        ("nobody", ""),
        ("prato", ""),
    ] {
        let login = Login::new(world.port(), "a").user(user, password);
        match Client3::open(&login).next().await {
            Err(ConnectionError::ConnectionRefused(code)) => {
                assert_eq!(code, Code3::BadUserNamePassword);
            }
            other => panic!("not refused but {other:?}"),
        }
        match Client5::open(&login).next().await {
            Err(v5::ConnectionError::ConnectionRefused(code)) => {
                assert_eq!(code, ConnectReturnCode::BadUserNamePassword);
            }
            other => panic!("not refused but {other:?}"),
        }
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_writes_for_all() {
    let world = World::start().await;
    let login = Login::new(world.port(), "a").user("me", &world.operator);
    let mut five = Client5::connect(&login).await;
    for topic in [OWN, OTHERS] {
        five.publish(topic, QoS::AtLeastOnce, READING).await;
        assert_eq!(five.puback().await, PubAckReason::Success);
    }
    assert_eq!(world.ledger().stored, 2);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anonymous_may_publish_from_loopback_unless_that_is_off() {
    let world = World::start().await;
    let mut five = Client5::connect(&Login::new(world.port(), "a")).await;
    five.publish(OWN, QoS::AtLeastOnce, READING).await;
    assert_eq!(five.puback().await, PubAckReason::Success);
    five.publish("arno/v1/obs/prato/nowhere", QoS::AtLeastOnce, READING)
        .await;
    assert_eq!(five.puback().await, PubAckReason::PayloadFormatInvalid);
    world.stop().await;

    let world = World::with("mqtt.anonymous = \"subscribe\"").await;
    let mut five = Client5::connect(&Login::new(world.port(), "a")).await;
    five.publish(OWN, QoS::AtLeastOnce, READING).await;
    assert_eq!(five.puback().await, PubAckReason::NotAuthorized);
    world.stop().await;

    let world = World::with("mqtt.anonymous = \"off\"").await;
    let mut five = Client5::open(&Login::new(world.port(), "a"));
    five.next().await.unwrap_err();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscriptions_stay_within_the_live_feed_and_ones_own() {
    let world = World::start().await;
    let login = Login::new(world.port(), "a").user("prato", &world.prato);
    let mut five = Client5::connect(&login).await;
    let qos = v5::mqttbytes::QoS::AtLeastOnce;
    for (filter, is_allowed) in [
        ("arno/v1/live/#", true),
        ("arno/v1/live/+/parking_now", true),
        ("arno/v1/obs/prato/#", true),
        ("arno/v1/obs/prato/lot-1", true),
        ("arno/v1/obs/pistoia/#", false),
        ("arno/v1/obs/+/lot-1", false),
        ("arno/v1/#", false),
        ("#", false),
        ("$SYS/#", false),
        ("$share/g/arno/v1/live/#", false),
    ] {
        five.hand.subscribe(filter, qos).await.unwrap();
        match five.next().await {
            Ok(Packet5::SubAck(packet)) => {
                let code = packet.return_codes[0];
                let is_granted = matches!(code, SubscribeReasonCode::Success(_));
                assert_eq!(is_granted, is_allowed, "{filter}: {code:?}");
            }
            other => panic!("no SUBACK but {other:?}"),
        }
    }
    let mut three = Client3::connect(&Login::new(world.port(), "b")).await;
    three
        .hand
        .subscribe("arno/v1/obs/prato/#", QoS::AtMostOnce)
        .await
        .unwrap();
    match three.next().await {
        Ok(Packet::SubAck(packet)) => {
            assert_eq!(packet.return_codes, [rumqttc::SubscribeReasonCode::Failure]);
        }
        other => panic!("no SUBACK but {other:?}"),
    }
    five.publish(OWN, QoS::AtLeastOnce, READING).await;
    assert_eq!(five.puback().await, PubAckReason::Success);
    assert!(
        five.is_quiet(Duration::from_millis(100)).await,
        "what is ingested is not routed on"
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configured_topic_is_its_publishers_alone_and_is_decoded() {
    let config = r#"
        [[routes]]
        filter = "openwisp/+/monitoring"
        decoder = "netjson"
        publisher = "prato"
        [[routes]]
        filter = "nobodys/+"
        decoder = "netjson"
    "#;
    let world = World::with(config).await;
    let monitoring = r#"{"type":"DeviceMonitoring","general":{"local_time":1777636000},
        "interfaces":[{"statistics":{"rx_bytes":1,"tx_bytes":2},"wireless":{"mode":"access_point",
        "clients":[{"mac":"02:00","assoc":true}]}}]}"#;
    let login = Login::new(world.port(), "a").user("prato", &world.prato);
    let mut prato = Client5::connect(&login).await;
    prato
        .publish("openwisp/ap-1/monitoring", QoS::AtLeastOnce, monitoring)
        .await;
    assert_eq!(prato.puback().await, PubAckReason::Success);
    assert_eq!(world.ledger().stored, 3);
    prato
        .publish("nobodys/ap-1", QoS::AtLeastOnce, monitoring)
        .await;
    assert_eq!(prato.puback().await, PubAckReason::NotAuthorized);
    let login = Login::new(world.port(), "b").user("pistoia", &world.pistoia);
    let mut pistoia = Client5::connect(&login).await;
    pistoia
        .publish("openwisp/ap-1/monitoring", QoS::AtLeastOnce, monitoring)
        .await;
    assert_eq!(pistoia.puback().await, PubAckReason::NotAuthorized);
    assert_eq!(world.ledger().received(), 3);
    assert!(world.gateway.live().is_serving());
    world.stop().await;
}
