//! A stop takes nothing more, acknowledges what was taken, and closes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use arno_store::ObservationReader as _;
use rumqttc::v5::mqttbytes::v5::{DisconnectReasonCode, Packet as Packet5};
use rumqttc::{Packet, QoS};

use crate::backend::{Mood, MoodyStore};
use crate::client::{Client3, Client5, Login};
use crate::world::{PATIENCE, World};

const LOT: &str = "arno/v1/obs/prato/lot-1";
const READING: &str = r#"{"time":1777636000,"vehicles":1}"#;

/// Stops a world whose store holds an append, and lets the store go on meanwhile.
async fn stop(world: World) -> Arc<MoodyStore> {
    let store = Arc::clone(&world.store);
    let holding = async {
        while store.appends.load(Ordering::Acquire) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, holding).await.unwrap();
    let started = Instant::now();
    let recovering = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        store.set(Mood::Well);
    };
    futures::future::join(world.stop(), recovering).await;
    assert!(started.elapsed() < Duration::from_secs(6));
    store
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_flight_is_acknowledged_before_the_goodbye() {
    let world = World::start().await;
    world.store.set(Mood::Stalled);
    let login = Login::new(world.port(), "a").will(LOT, r#"{"online":0}"#);
    let mut three = Client3::connect(&login).await;
    three.publish(LOT, QoS::AtLeastOnce, READING).await;
    let store = stop(world).await;
    assert!(matches!(three.next().await, Ok(Packet::PubAck(_))));
    three.next().await.unwrap_err();
    assert_eq!(
        store.inner.ledger().received(),
        1,
        "and no will: the device is not gone"
    );

    let world = World::start().await;
    world.store.set(Mood::Stalled);
    let mut five = Client5::connect(&Login::new(world.port(), "a")).await;
    five.publish(LOT, QoS::AtLeastOnce, READING).await;
    stop(world).await;
    assert!(matches!(five.next().await, Ok(Packet5::PubAck(_))));
    assert_eq!(
        five.goodbye().await,
        DisconnectReasonCode::ServerShuttingDown
    );
}
