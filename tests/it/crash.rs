//! Kill -9 at a random moment while fifty connections publish; then everything acknowledged is
//! there, once.
//!
//! Each connection sends one observation at a time or a few in flight, notes what was acknowledged,
//! and after the restart sends everything that was not. `ARNO_TEST_ROUNDS` sets the rounds,
//! `ARNO_TEST_SEED` repeats one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rumqttc::{Client, Event, MqttOptions, Outgoing, Packet, QoS};

use crate::house::{House, PATIENCE};

const CONNECTIONS: usize = 50;
/// Observations of one connection in one round.
const EACH: usize = 40;
/// Publishes of one connection that may be without an answer.
const IN_FLIGHT: u16 = 8;
/// 2026-05-01T00:00:00Z.
const START_S: u64 = 1_777_593_600;

/// (connection, number) of an observation.
type Name = (usize, usize);

fn registry(dir: &Path) -> std::path::PathBuf {
    let folder = crate::house::small_registry(dir);
    let features: Vec<String> = (0..CONNECTIONS)
        .map(|connection| {
            format!(
                r#"{{"type":"Feature","id":"prato:lot-{connection}","geometry":{{"type":"Point","coordinates":[11.1,43.88]}},
"properties":{{"id":"lot-{connection}","publisher":"prato","name":"Lot {connection}","kind":"parking_lot","vehicle_kind":"car","capacity":100,"properties":["vehicles"]}}}}"#
            )
        })
        .collect();
    let text = format!(
        r#"{{"type":"FeatureCollection","features":[{}]}}"#,
        features.join(",\n")
    );
    std::fs::write(folder.join("things.geojson"), text).unwrap();
    folder
}

/// Publishes what is not acknowledged yet, until all is or the gateway goes away.
fn publish(
    address: SocketAddr,
    connection: usize,
    todo: &BTreeSet<usize>,
    acknowledged: &Mutex<BTreeSet<Name>>,
) {
    let mut options = MqttOptions::new(format!("c{connection}"), "127.0.0.1", address.port());
    options
        .set_inflight(IN_FLIGHT)
        .set_keep_alive(Duration::from_secs(5));
    let (client, mut incoming) = Client::new(options, EACH + 10);
    let topic = format!("arno/v1/obs/prato/lot-{connection}");
    for number in todo {
        let time_s = START_S + u64::try_from(*number).unwrap() * 60;
        let payload = format!(r#"{{"time":{time_s},"vehicles":{}}}"#, number % 90);
        client
            .publish(&topic, QoS::AtLeastOnce, false, payload)
            .unwrap();
    }
    let mut numbers = todo.iter();
    let mut sent: BTreeMap<u16, usize> = BTreeMap::new();
    let mut left = todo.len();
    let start = Instant::now();
    while left > 0 && start.elapsed() < PATIENCE {
        match incoming.recv_timeout(PATIENCE) {
            Ok(Ok(Event::Outgoing(Outgoing::Publish(packet)))) => {
                if let Some(number) = numbers.next() {
                    sent.insert(packet, *number);
                }
            }
            Ok(Ok(Event::Incoming(Packet::PubAck(ack)))) => {
                let number = sent.remove(&ack.pkid).expect("an answer to what was sent");
                acknowledged.lock().unwrap().insert((connection, number));
                left -= 1;
            }
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(_) => return,
        }
    }
}

fn publish_all(address: SocketAddr, acknowledged: &Arc<Mutex<BTreeSet<Name>>>, resend: usize) {
    thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            let done = acknowledged.lock().unwrap().clone();
            let is_open =
                |number: &usize| *number < resend || !done.contains(&(connection, *number));
            let todo: BTreeSet<usize> = (0..EACH).filter(is_open).collect();
            scope.spawn(move || publish(address, connection, &todo, acknowledged));
        }
    });
}

fn stored(house: &House) -> BTreeMap<Name, u64> {
    let rows = house.query(
        "SELECT thing, CAST(EXTRACT(EPOCH FROM time) AS BIGINT) AS second, count(*) AS n \
         FROM observations GROUP BY thing, second",
    );
    let name = |row: &serde_json::Value| {
        let lot = row["thing"]
            .as_str()
            .unwrap()
            .trim_start_matches("prato:lot-");
        let number = (row["second"].as_u64().unwrap() - START_S) / 60;
        (lot.parse().unwrap(), usize::try_from(number).unwrap())
    };
    rows.iter()
        .map(|row| (name(row), row["n"].as_u64().unwrap()))
        .collect()
}

#[test]
fn what_was_acknowledged_survives_kill_nine_once() {
    let rounds = std::env::var("ARNO_TEST_ROUNDS").map_or(20, |text| text.parse().unwrap());
    let seed = std::env::var("ARNO_TEST_SEED").map_or(7, |text| text.parse().unwrap());
    for round in 0..rounds {
        one_round(seed + round);
    }
}

fn one_round(seed: u64) {
    let mut chance = StdRng::seed_from_u64(seed);
    let dir = tempfile::tempdir().unwrap();
    let folder = registry(dir.path());
    let house = House::up(dir.path(), &[]);
    let applied = house.command(&["registry", "apply", folder.to_str().unwrap()]);
    assert!(
        applied.status.success(),
        "{}",
        String::from_utf8_lossy(&applied.stderr)
    );

    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    let address = house.mqtt.unwrap();
    let pause = Duration::from_millis(chance.random_range(5..400));
    let publishers = {
        let acknowledged = Arc::clone(&acknowledged);
        thread::spawn(move || publish_all(address, &acknowledged, 0))
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "the random moment of the power cut"
    )]
    thread::sleep(pause);
    house.kill();
    publishers.join().unwrap();
    let before: BTreeSet<Name> = acknowledged.lock().unwrap().clone();

    let house = House::up(dir.path(), &[]);
    let kept = stored(&house);
    for name in &before {
        assert_eq!(
            kept.get(name),
            Some(&1),
            "seed {seed}: {name:?} was acknowledged, then killed"
        );
    }
    // The rest, and some of what is known again: repeats change nothing.
    publish_all(house.mqtt.unwrap(), &acknowledged, 3);
    let kept = stored(&house);
    assert_eq!(kept.len(), CONNECTIONS * EACH, "seed {seed}");
    assert!(kept.values().all(|count| *count == 1), "seed {seed}");
    house.stop();
}
