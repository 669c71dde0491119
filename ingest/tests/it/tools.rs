//! What a person types: mosquitto's own clients against the gateway.

use std::process::{Command, Output};

use crate::broker::need;
use crate::world::World;

const PUB: &str = "/usr/bin/mosquitto_pub";

async fn publish(port: u16, more: &[&str], topic: &str, message: &str) -> Output {
    let mut command = Command::new(PUB);
    command.args([
        "-h",
        "127.0.0.1",
        "-p",
        &port.to_string(),
        "-t",
        topic,
        "-m",
        message,
    ]);
    command.args(more);
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mosquitto_pub_speaks_with_the_gateway() {
    need(PUB);
    let world = World::start().await;
    let topic = "arno/v1/obs/prato/lot-1";
    let mut count = 0;
    for version in ["mqttv311", "mqttv5"] {
        for qos in ["0", "1", "2"] {
            count += 1;
            let message = format!(r#"{{"time":"2026-05-01T11:{count:02}:00Z","vehicles":12}}"#);
            let output = publish(world.port(), &["-V", version, "-q", qos], topic, &message).await;
            assert!(output.status.success(), "{version} QoS {qos}: {output:?}");
            world.wait_for_ledger(|ledger| ledger.stored == count).await;
        }
    }
    let as_prato = [
        "-u",
        "prato",
        "-P",
        &world.prato.clone(),
        "-q",
        "1",
        "-V",
        "mqttv5",
    ];
    let output = publish(world.port(), &as_prato, "arno/v1/obs/pistoia/lot-1", "{}").await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.to_lowercase().contains("not authorized"), "{said}");
    let output = publish(world.port(), &as_prato, topic, "{").await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.to_lowercase().contains("payload format invalid"),
        "{said}"
    );
    world.stop().await;
}
