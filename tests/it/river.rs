//! One reading's whole way: from a real client's publish to the answer of the API.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::house::{House, small_registry};

fn publish(house: &House, thing: &str, payload: &str) {
    let address = house.mqtt.expect("the gateway is on");
    let topic = format!("arno/v1/obs/prato/{thing}");
    let status = Command::new("mosquitto_pub")
        .args([
            "-h",
            "127.0.0.1",
            "-p",
            &address.port().to_string(),
            "-q",
            "1",
        ])
        .args(["-t", &topic, "-m", payload])
        .status();
    assert!(status.expect("mosquitto_pub is installed").success());
}

#[test]
fn a_reading_is_in_the_answer_within_a_second() {
    let dir = tempfile::tempdir().unwrap();
    let registry = small_registry(dir.path());
    let mut house = House::up(dir.path(), &[]);
    let applied = house.command(&["registry", "apply", registry.to_str().unwrap()]);
    assert!(
        applied.status.success(),
        "{}",
        String::from_utf8_lossy(&applied.stderr)
    );

    publish(&house, "lot-1", r#"{"vehicles":41}"#);
    let sent = Instant::now();
    house.wait(
        "the reading in the answer",
        Duration::from_secs(1),
        |house| {
            let rows = house.product("parking_now?area=it-mun-100005");
            rows.first()
                .is_some_and(|row| row["vehicles"].as_f64() == Some(41.0))
        },
    );
    assert!(sent.elapsed() < Duration::from_secs(1));
    let rows = house.query("SELECT thing, property, result FROM observations");
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0]["thing"], "prato:lot-1");
    house.stop();
}
