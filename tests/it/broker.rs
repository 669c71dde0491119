//! A real mosquitto that Arno consumes from: the same readings, the same page, nothing lost when
//! Arno is killed while the broker holds the queue.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::house::{House, PATIENCE, small_registry};

struct Mosquitto {
    child: Child,
    port: u16,
}

impl Mosquitto {
    fn start(dir: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let config = dir.join("mosquitto.conf");
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n\
             max_queued_messages 0\nmax_inflight_messages 100\nuser root\n"
        );
        fs::write(&config, text).unwrap();
        let mut child = Command::new("/usr/sbin/mosquitto")
            .arg("-c")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("mosquitto is installed: scripts/setup test");
        let start = std::time::Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(child.try_wait().unwrap().is_none(), "mosquitto ended");
            assert!(start.elapsed() < PATIENCE, "mosquitto did not listen");
        }
        Self { child, port }
    }

    fn publish(&self, thing: &str, payload: &str) {
        let status = Command::new("mosquitto_pub")
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-q", "1"])
            .args(["-t", &format!("arno/v1/obs/prato/{thing}"), "-m", payload])
            .status();
        assert!(status.expect("mosquitto_pub is installed").success());
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn a_broker_is_consumed_from_and_holds_what_arno_could_not_take() {
    let dir = tempfile::tempdir().unwrap();
    let registry = small_registry(dir.path());
    let broker = Mosquitto::start(dir.path());
    let url = format!("mqtt://127.0.0.1:{}/?client_id=arno-test", broker.port);
    let mut house = House::up(dir.path(), &["--broker", &url]);
    assert!(
        house
            .command(&["registry", "apply", registry.to_str().unwrap()])
            .status
            .success()
    );

    // Until the bridge has subscribed, mosquitto drops what nobody asked for.
    house.wait("the first reading", PATIENCE, |house| {
        broker.publish("lot-1", r#"{"vehicles":7}"#);
        let rows = house.product("parking_now?area=it-mun-100005");
        rows.first()
            .is_some_and(|row| row["vehicles"].as_f64() == Some(7.0))
    });
    broker.publish("lot-1", r#"{"vehicles":41}"#);
    house.wait(
        "the change within a second",
        Duration::from_secs(1),
        |house| {
            let rows = house.product("parking_now?area=it-mun-100005");
            rows.first()
                .is_some_and(|row| row["vehicles"].as_f64() == Some(41.0))
        },
    );

    house.kill();
    for minute in 0..20 {
        let payload = format!(r#"{{"time":"2026-05-01T08:{minute:02}:00Z","vehicles":{minute}}}"#);
        broker.publish("lot-1", &payload);
    }
    let mut house = House::up(dir.path(), &["--broker", &url]);
    house.wait("what the broker held", PATIENCE, |house| {
        let sql =
            "SELECT count(*) AS n FROM observations WHERE time < TIMESTAMP '2026-05-02T00:00:00Z'";
        house.query(sql)[0]["n"].as_u64() == Some(20)
    });
    house.stop();
}
