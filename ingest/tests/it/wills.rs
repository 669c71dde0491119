//! Last Wills obey the rules of publishes and are ingested like them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use rumqttc::v5::mqttbytes::v5::DisconnectReasonCode;

use crate::client::{Client3, Client5, Login};
use crate::world::World;

const LOT: &str = "arno/v1/obs/prato/lot-1";
const OFFLINE: &str = r#"{"online":0}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_connection_leaves_its_will_and_a_goodbye_does_not() {
    let world = World::start().await;
    let login = Login::new(world.port(), "a")
        .user("prato", &world.prato)
        .will(LOT, OFFLINE);
    let three = Client3::connect(&login).await;
    three.hand.disconnect().await.unwrap();
    let login = Login::new(world.port(), "b")
        .user("prato", &world.prato)
        .will(LOT, OFFLINE);
    let five = Client5::connect(&login).await;
    five.hand.disconnect().await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(world.ledger().received(), 0);
    Client3::connect(&login).await.cut().await;
    assert_eq!(
        world
            .wait_for_ledger(|ledger| ledger.received() > 0)
            .await
            .stored,
        1
    );
    Client5::connect(&login).await.cut().await;
    // The clock stands, so the second will is the first one's repeat.
    world.wait_for_ledger(|ledger| ledger.repeated == 1).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_connection_of_a_client_ends_the_first_and_fires_its_will() {
    let world = World::start().await;
    let login = Login::new(world.port(), "a")
        .user("prato", &world.prato)
        .will(LOT, OFFLINE);
    let mut first = Client5::connect(&login).await;
    let foreign = Login::new(world.port(), "a").user("pistoia", &world.pistoia);
    let mut other = Client5::connect(&foreign).await;
    assert!(
        first.is_quiet(Duration::from_millis(100)).await,
        "another publisher's `a` is another"
    );
    let second = Client5::connect(&Login {
        will: None,
        ..login.clone()
    })
    .await;
    assert_eq!(
        first.goodbye().await,
        DisconnectReasonCode::SessionTakenOver
    );
    world.wait_for_ledger(|ledger| ledger.stored == 1).await;
    assert!(other.is_quiet(Duration::from_millis(50)).await);
    drop(second);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_will_on_anothers_topic_is_refused_at_once() {
    let world = World::start().await;
    let login = Login::new(world.port(), "a")
        .user("pistoia", &world.pistoia)
        .will(LOT, OFFLINE);
    Client3::open(&login).next().await.unwrap_err();
    Client5::open(&login).next().await.unwrap_err();
    assert_eq!(world.ledger().received(), 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_client_leaves_its_will_after_its_keep_alive() {
    let world = World::start().await;
    let port = world.port();
    let wait = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let mut packet = vec![0, 4];
        // Protocol 4, clean session, a will at QoS 1; keep-alive 1 s; client id "k".
        packet.extend_from_slice(b"MQTT\x04\x0e\x00\x01\x00\x01k");
        for text in [LOT, OFFLINE] {
            packet.extend_from_slice(&u16::try_from(text.len()).unwrap().to_be_bytes());
            packet.extend_from_slice(text.as_bytes());
        }
        let mut frame = vec![0x10, u8::try_from(packet.len()).unwrap()];
        frame.extend_from_slice(&packet);
        stream.write_all(&frame).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).unwrap();
        heard
    });
    assert_eq!(wait.await.unwrap(), [0x20, 2, 0, 0]);
    world.wait_for_ledger(|ledger| ledger.stored == 1).await;
    world.stop().await;
}
