//! A phone's address is pushed through every path, and then searched for everywhere.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::house::{House, agent, small_registry, wait_a_moment};

const CANARY: &str = "de:ad:be:ef:ca:fe";
/// The ways in which it could be written.
const SPELLINGS: [&str; 5] = [
    "de:ad:be:ef:ca:fe",
    "DE:AD:BE:EF:CA:FE",
    "de-ad-be-ef-ca-fe",
    "deadbeefcafe",
    "DEADBEEFCAFE",
];

fn publish(house: &House, topic: &str, payload: &str) {
    let port = house.mqtt.unwrap().port().to_string();
    let status = Command::new("mosquitto_pub")
        .args([
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-q",
            "1",
            "-t",
            topic,
            "-m",
            payload,
        ])
        .stderr(Stdio::null())
        .status();
    status.expect("mosquitto_pub is installed");
}

fn push(house: &House, route: &str, body: &str) -> String {
    let url = house.url(&format!("/api/v1/push/{route}"));
    let request = agent().post(url).header("content-type", "application/json");
    let mut response = request.send(body).unwrap();
    response.body_mut().read_to_string().unwrap()
}

fn search(place: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(place).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search(&path, found);
        } else if let Ok(bytes) = fs::read(&path) {
            for spelling in SPELLINGS {
                if bytes
                    .windows(spelling.len())
                    .any(|window| window == spelling.as_bytes())
                {
                    found.push(format!("{spelling} in {}", path.display()));
                }
            }
        }
    }
}

#[test]
fn a_phones_address_is_found_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let registry = small_registry(dir.path());
    let house = House::up(dir.path(), &[]);
    assert!(
        house
            .command(&["registry", "apply", registry.to_str().unwrap()])
            .status
            .success()
    );
    let subscribed = dir.path().join("subscribed.txt");
    let mut subscriber = Command::new("mosquitto_sub")
        .args([
            "-h",
            "127.0.0.1",
            "-p",
            &house.mqtt.unwrap().port().to_string(),
        ])
        .args(["-v", "-t", "arno/v1/live/#"])
        .stdout(fs::File::create(&subscribed).unwrap())
        .spawn()
        .unwrap();

    let mut answers = String::new();
    for spelling in SPELLINGS {
        publish(
            &house,
            "arno/v1/obs/prato/ap-1",
            &format!(r#"{{"clients":3,"mac":"{spelling}"}}"#),
        );
        publish(
            &house,
            "arno/v1/obs/prato/ap-1",
            &format!(r#"{{"{spelling}":3}}"#),
        );
        publish(
            &house,
            "arno/v1/obs/prato/ap-1",
            &format!("garbage {spelling}"),
        );
        publish(
            &house,
            "arno/v1/obs/prato/ap-1",
            &format!(r#"{{"time":"{spelling}","clients":1}}"#),
        );
        publish(
            &house,
            &format!("arno/v1/obs/prato/{spelling}"),
            r#"{"clients":3}"#,
        );
        publish(&house, &format!("anything/{spelling}"), r#"{"clients":3}"#);
        let clients = json!({"type":"DeviceMonitoring","general":{"hostname":"ap-1"},
            "interfaces":[{"name":"wlan0","wireless":{"ssid":"Comune","clients":[
                {"mac":spelling,"auth":true,"assoc":true},{"mac":"02:00:00:00:00:01","assoc":true}]}}]});
        answers += &push(&house, "netjson", &clients.to_string());
        let meraki = json!({"version":"3.0","type":"WiFi","data":{"networkId":"N_1","observations":[
            {"clientMac":spelling,"ipv4":"10.0.0.1","locations":[],"latestRecord":{"nearestApMac":"02:00:00:00:00:02"}}]}});
        answers += &push(&house, "meraki", &meraki.to_string());
        answers += &push(&house, "meraki", &format!("broken {spelling}"));
        answers += &push(&house, "native", &format!(r#"{{"{spelling}":1}}"#));
        answers += &house
            .fetch(&format!("/api/v1/things/prato:{spelling}"))
            .1
            .replace(spelling, "");
    }
    for path in [
        "/metrics",
        "/api/v1/things",
        "/api/v1/datastreams",
        "/ready",
        "/api/v1/products",
    ] {
        answers += &house.fetch(path).1;
    }
    let quarantine = house.command(&["query", "SELECT * FROM observations", "--format", "csv"]);
    answers += &String::from_utf8_lossy(&quarantine.stdout);
    wait_a_moment(Duration::from_secs(1));
    subscriber.kill().unwrap();
    subscriber.wait().unwrap();

    for spelling in SPELLINGS {
        assert!(
            !answers.contains(spelling),
            "{spelling} in an answer: {answers}"
        );
        assert!(
            !house.log_text().contains(spelling),
            "{spelling} in the log"
        );
    }
    house.stop();
    let mut found = Vec::new();
    search(dir.path(), &mut found);
    assert!(found.is_empty(), "{CANARY} was written: {found:?}");
}
