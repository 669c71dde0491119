//! The live feed out.

use bytes::Bytes;
use rumqttc::v5::mqttbytes::v5::Packet as Packet5;
use rumqttc::{Packet, QoS, v5};

use crate::client::{Client3, Client5, Login};
use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscribers_get_what_is_retained_and_then_what_changes() {
    let world = World::start().await;
    let live = world.gateway.live();
    assert!(live.publish_live(
        "arno/v1/live/it-reg-09/parking_now",
        &Bytes::from_static(b"old")
    ));
    let mut three = Client3::connect(&Login::new(world.port(), "a")).await;
    three
        .hand
        .subscribe("arno/v1/live/+/parking_now", QoS::AtLeastOnce)
        .await
        .unwrap();
    let mut five = Client5::connect(&Login::new(world.port(), "b")).await;
    let qos = v5::mqttbytes::QoS::AtMostOnce;
    five.hand.subscribe("arno/v1/live/#", qos).await.unwrap();
    // The acknowledgement and the retained message may come in either order.
    let mut payloads = Vec::new();
    while payloads.is_empty() {
        if let Packet::Publish(publish) = three.next().await.unwrap() {
            payloads.push((publish.payload, publish.retain));
        }
    }
    assert_eq!(payloads, [(Bytes::from_static(b"old"), true)]);
    let mut is_retained = None;
    while is_retained.is_none() {
        if let Packet5::Publish(publish) = five.next().await.unwrap() {
            is_retained = Some(publish.retain);
        }
    }
    assert_eq!(is_retained, Some(true));
    for number in 0..50_u8 {
        live.publish_live(
            "arno/v1/live/it-reg-09/parking_now",
            &Bytes::from(vec![number]),
        );
    }
    let mut last = 0;
    while last < 49 {
        if let Packet::Publish(publish) = three.next().await.unwrap() {
            assert!(!publish.retain && publish.payload[0] >= last);
            last = publish.payload[0];
        }
    }
    world.stop().await;
}
