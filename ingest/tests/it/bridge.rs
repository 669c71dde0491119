//! The bridge against a real mosquitto.

use std::sync::Arc;
use std::time::Duration;

use arno_ingest::{Bridge, BridgeParts, BrokerSettings, BrokerUrl};
use arno_model::PublisherId;
use arno_store::QuarantineReason;
use rumqttc::{Packet, QoS};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::backend::Mood;
use crate::broker::Broker;
use crate::client::{Client3, Login};
use crate::world::{PATIENCE, World};

struct Running {
    bridge: Bridge,
    tracker: TaskTracker,
    token: CancellationToken,
}

impl Running {
    async fn start(world: &World, settings: BrokerSettings) -> Self {
        let (tracker, token) = (TaskTracker::new(), CancellationToken::new());
        let parts = BridgeParts {
            ingest: world.ingest.clone(),
            clock: Arc::clone(&world.clock),
            tracker: tracker.clone(),
            token: token.clone(),
        };
        let running = Self {
            bridge: Bridge::start(settings, parts),
            tracker,
            token,
        };
        running.wait(true).await;
        running
    }

    async fn wait(&self, is_connected: bool) {
        let waiting = async {
            while self.bridge.is_connected() != is_connected {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap();
    }

    async fn stop(self) {
        self.token.cancel();
        self.tracker.close();
        tokio::time::timeout(PATIENCE, self.tracker.wait())
            .await
            .unwrap();
    }
}

fn settings(broker: &Broker, version: u8) -> BrokerSettings {
    let url = format!(
        "mqtt://127.0.0.1:{}/?client_id=arno-test&version={version}",
        broker.port
    );
    BrokerSettings::of(BrokerUrl::parse(&url).unwrap())
}

/// Publishes numbered readings to the broker and waits for its acknowledgements.
async fn publish(broker: &Broker, topic: &str, numbers: std::ops::Range<usize>) {
    let mut client = Client3::connect(&Login::new(broker.port, "device")).await;
    let count = numbers.len();
    for number in numbers {
        let payload = format!(
            r#"{{"time":"2026-05-01T11:{:02}:{:02}Z","vehicles":{number}}}"#,
            number / 60,
            number % 60
        );
        client.publish(topic, QoS::AtLeastOnce, &payload).await;
    }
    for _number in 0..count {
        assert!(matches!(client.next().await, Ok(Packet::PubAck(_))));
    }
    client.hand.disconnect().await.unwrap();
}

const LOT: &str = "arno/v1/obs/prato/lot-1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_stored_and_acknowledged_in_both_versions() {
    let broker = Broker::start();
    for version in [3, 5] {
        let world = World::start().await;
        let running = Running::start(&world, settings(&broker, version)).await;
        // The subscription is on its way when the bridge is connected.
        tokio::time::sleep(Duration::from_millis(200)).await;
        publish(&broker, LOT, 0..50).await;
        world.wait_for_ledger(|ledger| ledger.stored == 50).await;
        running.stop().await;
        let running = Running::start(&world, settings(&broker, version)).await;
        publish(&broker, LOT, 50..51).await;
        let ledger = world.wait_for_ledger(|ledger| ledger.stored == 51).await;
        assert_eq!(
            ledger.repeated, 0,
            "what was acknowledged does not come again"
        );
        running.stop().await;
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_durable_is_not_acknowledged_and_comes_again() {
    let broker = Broker::start();
    for version in [3, 5] {
        let world = World::start().await;
        let running = Running::start(&world, settings(&broker, version)).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        world.store.set(Mood::Stalled);
        publish(&broker, LOT, 0..30).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        running.stop().await;
        assert_eq!(world.ledger().received(), 0);
        world.store.set(Mood::Well);
        let running = Running::start(&world, settings(&broker, version)).await;
        world.wait_for_ledger(|ledger| ledger.stored == 30).await;
        running.stop().await;
        world.stop().await;
    }
}

/// mosquitto 2.0.11 sends a queue without heeding the receive maximum.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_longer_than_the_limit_comes_over_one_connection_and_once() {
    let broker = Broker::start();
    for version in [3, 5] {
        let world = World::start().await;
        let running = Running::start(&world, settings(&broker, version)).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        running.stop().await;
        for start in (0..3_000).step_by(500) {
            publish(&broker, LOT, start..start + 500).await;
        }
        let settings = BrokerSettings {
            in_flight_count_max: 50,
            ..settings(&broker, version)
        };
        let running = Running::start(&world, settings).await;
        let ledger = world
            .wait_for_ledger(|ledger| ledger.received() >= 3_000)
            .await;
        assert_eq!((ledger.stored, ledger.repeated), (3_000, 0), "{version}");
        running.stop().await;
        assert_eq!(world.ledger().received(), 3_000, "{version}");
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_restarts_is_met_again_and_old_acknowledgements_are_void() {
    let mut broker = Broker::start();
    for version in [3, 5] {
        let world = World::start().await;
        let running = Running::start(&world, settings(&broker, version)).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        world.store.set(Mood::Stalled);
        publish(&broker, LOT, 0..20).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        broker.stop();
        running.wait(false).await;
        world.store.set(Mood::Well);
        world.wait_for_ledger(|ledger| ledger.stored == 20).await;
        broker.run();
        running.wait(true).await;
        world.wait_for_ledger(|ledger| ledger.repeated == 20).await;
        publish(&broker, LOT, 20..40).await;
        let ledger = world.wait_for_ledger(|ledger| ledger.stored == 40).await;
        assert_eq!((ledger.repeated, ledger.quarantined), (20, 0));
        running.stop().await;
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_towns_broker_writes_for_that_town_alone_and_unread_topics_are_refused() {
    let broker = Broker::start();
    let world = World::start().await;
    let settings = BrokerSettings {
        publisher: Some(PublisherId::parse("pistoia").unwrap()),
        topics: vec!["arno/v1/obs/#".to_owned(), "other/#".to_owned()],
        ..settings(&broker, 5)
    };
    let running = Running::start(&world, settings).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    publish(&broker, LOT, 0..1).await;
    publish(&broker, "arno/v1/obs/pistoia/lot-1", 1..2).await;
    publish(&broker, "other/topic", 2..3).await;
    let ledger = world.wait_for_ledger(|ledger| ledger.received() == 3).await;
    assert_eq!((ledger.stored, ledger.quarantined), (1, 2));
    let quarantined = world.quarantined().await;
    let entries: Vec<_> = quarantined
        .iter()
        .map(|kept| (kept.entry.reason, kept.entry.payload.is_some()))
        .collect();
    assert!(entries.contains(&(QuarantineReason::UnknownThing, true)));
    assert!(entries.contains(&(QuarantineReason::Malformed, false)));
    running.stop().await;
    world.stop().await;
}
