//! A stop takes nothing more, acknowledges what was taken, and closes.

use std::time::{Duration, Instant};

use rumqttc::v5::mqttbytes::v5::{DisconnectReasonCode, Packet as Packet5};
use rumqttc::{Packet, QoS};

use crate::backend::Mood;
use crate::client::{Client3, Client5, Login};
use crate::world::World;

const LOT: &str = "arno/v1/obs/prato/lot-1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_flight_is_acknowledged_before_the_goodbye() {
    let world = World::start().await;
    world.store.set(Mood::Slow(Duration::from_millis(300)));
    let mut three =
        Client3::connect(&Login::new(world.port(), "a").will(LOT, r#"{"online":0}"#)).await;
    let mut five = Client5::connect(&Login::new(world.port(), "b")).await;
    three
        .publish(LOT, QoS::AtLeastOnce, r#"{"time":1777636000,"vehicles":1}"#)
        .await;
    five.publish(LOT, QoS::AtLeastOnce, r#"{"time":1777636001,"vehicles":1}"#)
        .await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (store, started) = (world.store.clone(), Instant::now());
    world.stop().await;
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(matches!(three.next().await, Ok(Packet::PubAck(_))));
    assert!(three.next().await.is_err());
    assert!(matches!(five.next().await, Ok(Packet5::PubAck(_))));
    assert_eq!(
        five.goodbye().await,
        DisconnectReasonCode::ServerShuttingDown
    );
    use arno_store::ObservationReader as _;
    assert_eq!(
        store.inner.ledger().stored,
        2,
        "and no will: the devices are not gone"
    );
}
