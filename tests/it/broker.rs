//! A real mosquitto that Arno consumes from: the same readings, the same page, nothing lost when
//! Arno is killed while the broker holds the queue.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::house::{House, PATIENCE, arno, small_registry};

struct Mosquitto {
    child: Child,
    port: u16,
    /// What is needed to publish, beside the port.
    publish: Vec<String>,
}

/// A self-signed certificate of `localhost` and its key, as files.
fn certificate(dir: &Path) -> (PathBuf, PathBuf) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (dir.join("cert.pem"), dir.join("key.pem"));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (certificate, key)
}

impl Mosquitto {
    fn start(dir: &Path) -> Self {
        Self::start_with(dir, "", &["-h", "127.0.0.1"])
    }

    /// With these lines of its own, and what publishing then needs.
    fn start_with(dir: &Path, lines: &str, publish: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let config = dir.join("mosquitto.conf");
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n\
             max_queued_messages 0\nmax_inflight_messages 100\nuser root\n{lines}"
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
        let publish = publish.iter().map(|word| (*word).to_owned()).collect();
        Self {
            child,
            port,
            publish,
        }
    }

    fn publish(&self, thing: &str, payload: &str) {
        let words: Vec<&str> = self.publish.iter().map(String::as_str).collect();
        publish(&words, self.port, thing, payload);
    }
}

fn publish(words: &[&str], port: u16, thing: &str, payload: &str) {
    let status = Command::new("mosquitto_pub")
        .args(words)
        .args(["-p", &port.to_string(), "-q", "1"])
        .args(["-t", &format!("arno/v1/obs/prato/{thing}"), "-m", payload])
        .status();
    assert!(status.expect("mosquitto_pub is installed").success());
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

#[test]
fn tls_is_spoken_to_brokers_and_to_devices() {
    let dir = tempfile::tempdir().unwrap();
    let registry = small_registry(dir.path());
    let (certificate, key) = certificate(dir.path());
    let trusting = ["-h", "localhost", "--cafile", certificate.to_str().unwrap()];
    let lines = format!(
        "certfile {}\nkeyfile {}\n",
        certificate.display(),
        key.display()
    );
    let broker = Mosquitto::start_with(dir.path(), &lines, &trusting);
    let mut command = arno();
    command
        .arg("up")
        .arg("--broker")
        .arg(format!(
            "mqtts://localhost:{}/?client_id=arno-test",
            broker.port
        ))
        .env("SSL_CERT_FILE", &certificate)
        .env("ARNO_GATEWAY__TLS_LISTEN", "127.0.0.1:0")
        .env("ARNO_GATEWAY__TLS_CERTIFICATE", &certificate)
        .env("ARNO_GATEWAY__TLS_KEY", &key);
    let mut house = House::start_command(dir.path(), command, PATIENCE);
    let applied = house.command(&["registry", "apply", registry.to_str().unwrap()]);
    assert!(applied.status.success());
    let vehicles = |house: &House| {
        let rows = house.product("parking_now?area=it-mun-100005");
        rows.first()?["vehicles"].as_f64()
    };
    house.wait("a reading by way of the broker", PATIENCE, |house| {
        broker.publish("lot-1", r#"{"vehicles":7}"#);
        vehicles(house) == Some(7.0)
    });
    let port = house.mqtts.unwrap().port();
    publish(&trusting, port, "lot-1", r#"{"vehicles":41}"#);
    house.wait("a reading by way of the gateway", PATIENCE, |house| {
        vehicles(house) == Some(41.0)
    });
    house.stop();
}
