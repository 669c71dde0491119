//! A person's device is pushed through every path and searched for everywhere.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use arno_ingest::{Delivery, Route};
use arno_model::PublisherId;
use arno_model::observation::ObservationColumns;
use arno_model::{TimeRange, Timestamp};
use arno_store::{ClockMark, ObservationReader as _, Scan, Streams};
use bytes::Bytes;
use futures::StreamExt as _;
use rumqttc::v5::mqttbytes::v5::Packet as Packet5;
use rumqttc::{QoS, v5};
use tracing_subscriber::fmt::MakeWriter;

use crate::client::{Client3, Client5, Login};
use crate::world::{World, noon};

const CANARY: &str = "de:ad:be:ef:00:01";

/// Everything that is logged.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn payloads() -> Vec<String> {
    let client = format!(r#"{{"mac":"{CANARY}","assoc":true,"name":"{CANARY}"}}"#);
    let wlan = format!(
        r#"{{"mac":"00:11:22:33:44:55","wireless":{{"mode":"access_point","clients":[{client}]}}}}"#
    );
    let seen = format!(r#"{{"clientMac":"{CANARY}","ssid":"x","seenEpoch":1777636000}}"#);
    vec![
        format!(
            r#"{{"type":"DeviceMonitoring","general":{{"hostname":"ap-1"}},"interfaces":[{wlan}]}}"#
        ),
        format!(
            r#"{{"type":"DeviceMonitoring","general":{{"hostname":"{CANARY}"}},"interfaces":[{client}]}}"#
        ),
        format!(
            r#"{{"type":"DevicesSeen","data":{{"apMac":"00:11:22:33:44:55","observations":[{seen}]}}}}"#
        ),
        format!(
            r#"{{"type":"DevicesSeen","data":{{"apMac":"{CANARY}","observations":[{seen}]}}}}"#
        ),
        format!(r#"{{"type":"{CANARY}","{CANARY}":{seen}}}"#),
        format!(r#"["{CANARY}",{seen}"#),
        format!("{CANARY}"),
    ]
}

const CONFIG: &str = r#"
[[routes]]
filter = "openwisp/prato"
decoder = "netjson"
publisher = "prato"
[[routes]]
filter = "meraki/prato"
decoder = "meraki"
publisher = "prato"
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_persons_device_is_found_nowhere() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let world = World::with(CONFIG).await;
    let login = Login::new(world.port(), "watch").user("me", &world.operator);
    let mut watch = Client5::connect(&login).await;
    for filter in ["arno/v1/live/#", "arno/v1/obs/#"] {
        watch
            .hand
            .subscribe(filter, v5::mqttbytes::QoS::AtMostOnce)
            .await
            .unwrap();
        assert!(matches!(watch.next().await, Ok(Packet5::SubAck(_))));
    }
    let mut problems = String::new();
    let login = Login::new(world.port(), "a").user("prato", &world.prato);
    let mut five = Client5::connect(&login).await;
    let mut count = 0;
    for topic in ["openwisp/prato", "meraki/prato"] {
        for payload in payloads() {
            for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
                five.publish(topic, qos, &payload).await;
                count += 1;
            }
            let will = Login::new(world.port(), "w").user("prato", &world.prato);
            Client3::connect(&will.will(topic, &payload))
                .await
                .cut()
                .await;
            count += 1;
            for route in ["netjson", "meraki"] {
                let delivered = world.ingest.deliver(Delivery {
                    route: Route::Push(route.to_owned()),
                    publisher: Some(PublisherId::parse("prato").unwrap()),
                    payload: Bytes::from(payload.clone()),
                    received: noon(),
                    clock: ClockMark::Live,
                });
                problems.extend([format!("{:?}", delivered.await.unwrap())]);
                count += 1;
            }
        }
    }
    world
        .wait_for_ledger(|ledger| ledger.received() >= count)
        .await;
    let mut heard = String::new();
    while !five.is_quiet(std::time::Duration::from_millis(200)).await {
        heard.extend([format!("{:?}", five.next().await)]);
    }
    assert!(watch.is_quiet(std::time::Duration::from_millis(50)).await);
    let quarantined = world.quarantined().await;
    assert!(quarantined.len() > 20);
    assert!(quarantined.iter().all(|kept| kept.entry.payload.is_none()));
    let everywhere = format!("{problems}{heard}{quarantined:?}{}", rows(&world).await);
    world.stop().await;
    let logged = log.0.lock().unwrap().clone();
    let logged = String::from_utf8_lossy(&logged).into_owned();
    assert!(
        logged.contains("the MQTT gateway listens"),
        "the log is looked at"
    );
    for text in [everywhere, logged] {
        let text = text.to_ascii_lowercase();
        for shape in [
            CANARY.to_owned(),
            CANARY.replace(':', ""),
            CANARY.replace(':', "-"),
        ] {
            assert!(!text.contains(&shape), "found {shape}");
        }
    }
}

async fn rows(world: &World) -> String {
    let scan = Scan::of(Streams::All, TimeRange::new(Timestamp::MIN, Timestamp::MAX));
    let mut text = String::new();
    for mut stream in world.store.inner.scan(scan).await.unwrap() {
        while let Some(batch) = stream.next().await {
            let columns = ObservationColumns::view(&batch.unwrap()).unwrap();
            text.extend([format!("{columns:?}")]);
        }
    }
    assert!(!text.is_empty());
    text
}
