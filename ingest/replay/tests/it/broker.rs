//! Through a real broker: every reading arrives as a device would have sent it.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use arno_ingest::BrokerUrl;
use arno_ingest_replay::{BrokerSink, Mapping, Replay, Speed};
use rumqttc::{AsyncClient, Event, Incoming, MqttOptions, QoS};
use serde_json::json;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

struct Mosquitto {
    child: Child,
    port: u16,
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait().map(drop)) {
            eprintln!("mosquitto did not end: {error}");
        }
    }
}

/// A broker on a free port; `None`, said loudly, where none is installed.
fn mosquitto() -> Option<Mosquitto> {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let start = |program| {
        let mut command = Command::new(program);
        command
            .args(["-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.spawn().ok()
    };
    let Some(child) = ["mosquitto", "/usr/sbin/mosquitto"]
        .into_iter()
        .find_map(start)
    else {
        eprintln!("SKIPPED: mosquitto is not installed");
        assert!(
            std::env::var_os("CI").is_none(),
            "mosquitto must be there in CI"
        );
        return None;
    };
    let deadline = Instant::now() + Duration::from_secs(10);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "mosquitto does not listen");
        std::thread::yield_now();
    }
    Some(Mosquitto { child, port })
}

#[tokio::test]
async fn readings_arrive_as_native_payloads() {
    let Some(broker) = mosquitto() else {
        return;
    };
    let options = MqttOptions::new("listener", "127.0.0.1", broker.port);
    let (client, mut events) = AsyncClient::new(options, 10);
    client
        .subscribe("arno/v1/obs/#", QoS::AtLeastOnce)
        .await
        .unwrap();
    while !matches!(
        events.poll().await.unwrap(),
        Event::Incoming(Incoming::SubAck(_))
    ) {}
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mapping = Mapping::open(&fixtures.join("lots.toml")).unwrap();
    let files = [
        fixtures.join("lots-a.ndjson"),
        fixtures.join("lots-b.ndjson"),
    ];
    let replay = Replay::read_now(&files, &mapping).unwrap();
    let wanted = replay.counts();
    let url = format!("mqtt://127.0.0.1:{}/?client_id=replay", broker.port);
    let mut sink = BrokerSink::new(&BrokerUrl::parse(&url).unwrap());
    let token = CancellationToken::new();
    let played = replay
        .run(&mut sink, Speed::Max, &token, |_progress| {})
        .await
        .unwrap();
    assert_eq!(played.ledger.received(), wanted.received());
    let mut payloads = Vec::new();
    let mut readings = 0;
    let heard = timeout(Duration::from_secs(10), async {
        while readings < wanted.readings {
            if let Event::Incoming(Incoming::Publish(publish)) = events.poll().await.unwrap() {
                let object: serde_json::Value = serde_json::from_slice(&publish.payload).unwrap();
                readings += object.as_object().unwrap().len() - 1;
                payloads.push((publish.topic, object));
            }
        }
    });
    assert!(
        heard.await.is_ok(),
        "{readings} of {} readings came",
        wanted.readings
    );
    assert_eq!(readings, wanted.readings);
    let said = |topic: &str, object: serde_json::Value| (topic.to_owned(), object);
    let lot = "arno/v1/obs/borgo/lot-1";
    let first = json!({"time": "2026-03-01T08:00:00Z", "free": 40});
    assert_eq!(payloads[0], said(lot, first));
    let both = json!({"time": "2026-03-01T08:01:00Z", "capacity": 100, "online": 1});
    assert_eq!(payloads[1], said(lot, both));
    let unknown = json!({"time": "2026-03-01T08:00:30Z", "free": null});
    assert!(
        payloads.contains(&said("arno/v1/obs/borgo/lot-2", unknown)),
        "{payloads:#?}"
    );
}
