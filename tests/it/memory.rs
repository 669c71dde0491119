//! Memory stays bounded: while ten million rows go to a slow reader, and while the store stands
//! still and devices go on publishing.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rumqttc::{Client, Event, MqttOptions, Packet, QoS};
use serde_json::json;

use crate::house::{House, agent, small_registry, wait_a_moment};

/// How much a running system may grow by in these tests: answers in flight, not histories.
const GROWTH_KIB_MAX: u64 = 400 * 1024;

#[test]
fn ten_million_rows_stream_in_bounded_memory() {
    const ROWS: usize = 10_000_000;
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("arno.toml");
    std::fs::write(&config, "[analytics]\nquery_time_max = \"10m\"\n").unwrap();
    let flags = [
        "demo", "--towns", "4", "--days", "10", "--live", "0", "--config",
    ];
    let mut args = flags.to_vec();
    args.push(config.to_str().unwrap());
    let house = House::start(dir.path(), &args, Duration::from_mins(3));
    let before = house.memory_kib("VmRSS");
    let query = format!(
        "SELECT o.thing, o.property, o.time, o.result, a.n AS one, b.n AS two FROM observations AS o \
         CROSS JOIN (VALUES (1), (2), (3), (4), (5), (6), (7), (8)) AS a(n) \
         CROSS JOIN (VALUES (1), (2), (3), (4), (5), (6), (7), (8)) AS b(n) LIMIT {ROWS}"
    );
    let mut response = agent()
        .post(house.url("/api/v1/sql?format=csv"))
        .header("content-type", "application/json")
        .send(json!({ "query": query }).to_string())
        .unwrap();
    let status = response.status().as_u16();
    assert_eq!(
        status,
        200,
        "{}",
        response.body_mut().read_to_string().unwrap()
    );
    let mut reader = BufReader::with_capacity(1 << 20, response.into_body().into_reader());
    let mut line = Vec::new();
    let mut count = 0;
    let mut most = before;
    while reader.read_until(b'\n', &mut line).unwrap() > 0 {
        assert!(line.contains(&b','), "{}", String::from_utf8_lossy(&line));
        line.clear();
        count += 1;
        if count % 1_000_000 == 0 {
            // A reader that pauses: what it does not take must not heap up.
            wait_a_moment(Duration::from_millis(200));
            most = most.max(house.memory_kib("VmRSS"));
        }
    }
    assert_eq!(count, ROWS + 1, "with the header");
    let grown = most - before.min(most);
    println!("memory: {before} KiB before, grew by {grown} KiB at most");
    assert!(
        grown < GROWTH_KIB_MAX,
        "grew by {grown} KiB from {before} KiB"
    );
    house.stop();
}

/// A database of its own on the tests' PostgreSQL: its address, and a connection to it.
fn database() -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/test-timescale");
    let output = Command::new(script)
        .args(["up", "timescale"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let server = text.lines().last().unwrap_or_else(|| {
        panic!(
            "no database server (scripts/setup database): {}",
            String::from_utf8_lossy(&output.stderr)
        )
    });
    let name = format!("arno_memory_{}", std::process::id());
    sql(server, &format!("DROP DATABASE IF EXISTS {name}"));
    sql(server, &format!("CREATE DATABASE {name}"));
    server.replacen("/postgres?", &format!("/{name}?"), 1)
}

/// One statement on a connection of its own.
fn sql(url: &str, statement: &str) {
    let mut client = postgres::Client::connect(url, postgres::NoTls).unwrap();
    client.batch_execute(statement).unwrap();
}

/// Publishes so many; counts what was acknowledged.
fn publish(address: SocketAddr, connection: usize, count: usize, acknowledged: &AtomicUsize) {
    let mut options = MqttOptions::new(format!("m{connection}"), "127.0.0.1", address.port());
    options
        .set_inflight(100)
        .set_keep_alive(Duration::from_mins(2));
    let (client, mut incoming) = Client::new(options, count + 10);
    let start_s = 1_777_593_600 + connection * count;
    for number in 0..count {
        let payload = format!(
            r#"{{"time":{},"vehicles":{}}}"#,
            start_s + number,
            number % 90
        );
        client
            .publish("arno/v1/obs/prato/lot-1", QoS::AtLeastOnce, false, payload)
            .unwrap();
    }
    let mut left = count;
    for event in incoming.iter() {
        if let Event::Incoming(Packet::PubAck(_)) = event.expect("the connection holds") {
            acknowledged.fetch_add(1, Ordering::AcqRel);
            left -= 1;
            if left == 0 {
                return;
            }
        }
    }
}

#[test]
fn a_store_that_stands_still_holds_devices_back_and_loses_nothing() {
    const CONNECTIONS: usize = 50;
    const EACH: usize = 1_000;
    let dir = tempfile::tempdir().unwrap();
    let registry = small_registry(dir.path());
    let url = database();
    let mut house = House::up(dir.path(), &["--database", &url]);
    let applied = house.command(&["registry", "apply", registry.to_str().unwrap()]);
    assert!(
        applied.status.success(),
        "{}",
        String::from_utf8_lossy(&applied.stderr)
    );
    let before = house.memory_kib("VmRSS");

    let mut blocker = postgres::Client::connect(&url, postgres::NoTls).unwrap();
    let mut block = blocker.transaction().unwrap();
    block
        .batch_execute("LOCK TABLE arno.observations IN ACCESS EXCLUSIVE MODE")
        .unwrap();
    let acknowledged = AtomicUsize::new(0);
    let address = house.mqtt.unwrap();
    thread::scope(|scope| {
        let acknowledged = &acknowledged;
        for connection in 0..CONNECTIONS {
            scope.spawn(move || publish(address, connection, EACH, acknowledged));
        }
        let start = Instant::now();
        let mut most = before;
        while start.elapsed() < Duration::from_secs(6) {
            wait_a_moment(Duration::from_millis(200));
            most = most.max(house.memory_kib("VmRSS"));
        }
        assert_eq!(
            acknowledged.load(Ordering::Acquire),
            0,
            "nothing is durable, nothing is said"
        );
        let grown = most - before;
        println!("memory: {before} KiB before, grew by {grown} KiB at most");
        assert!(
            grown < GROWTH_KIB_MAX,
            "grew by {grown} KiB from {before} KiB"
        );
        block.commit().unwrap();
    });
    assert_eq!(acknowledged.load(Ordering::Acquire), CONNECTIONS * EACH);
    let rows = house.query("SELECT count(*) AS n, count(DISTINCT time) AS times FROM observations");
    let count = CONNECTIONS * EACH;
    assert_eq!(rows[0]["n"].as_u64(), u64::try_from(count).ok(), "{rows:?}");
    assert_eq!(
        rows[0]["times"].as_u64(),
        u64::try_from(count).ok(),
        "{rows:?}"
    );
    house.wait("readiness", Duration::from_secs(10), |house| {
        house.status("/ready") == 200
    });
    house.stop();
}
