//! A running `arno` of its own: free ports, an own folder, ended when the test ends.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long anything may take to become true.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The built binary.
pub(crate) fn arno() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_arno"));
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"ARNO_") {
            command.env_remove(name);
        }
    }
    command
        .env("ARNO_LOG", "warn,arno=info")
        .stdin(Stdio::null());
    command
}

/// A running system.
#[derive(Debug)]
pub(crate) struct House {
    child: Child,
    dir: PathBuf,
    log: PathBuf,
    pub http: SocketAddr,
    pub mqtt: Option<SocketAddr>,
    pub mqtts: Option<SocketAddr>,
}

impl House {
    /// `arno up` on free ports over `dir/data`, ready.
    pub(crate) fn up(dir: &Path, flags: &[&str]) -> Self {
        let mut args = vec!["up"];
        args.extend(flags);
        Self::start(dir, &args, PATIENCE)
    }

    /// Any command that serves, ready within `patience`.
    pub(crate) fn start(dir: &Path, args: &[&str], patience: Duration) -> Self {
        let mut command = arno();
        command.args(args);
        Self::start_command(dir, command, patience)
    }

    /// As [`Self::start`], with an environment of its own.
    pub(crate) fn start_command(dir: &Path, mut command: Command, patience: Duration) -> Self {
        let data = dir.join("data");
        let log = dir.join(format!("log-{}.txt", fs::read_dir(dir).unwrap().count()));
        drop(fs::remove_file(data.join("run.json")));
        let child = command
            .args([
                "--http",
                "127.0.0.1:0",
                "--mqtt",
                "127.0.0.1:0",
                "--data-dir",
            ])
            .arg(&data)
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut house = Self {
            child,
            dir: data,
            log,
            http: ([127, 0, 0, 1], 0).into(),
            mqtt: None,
            mqtts: None,
        };
        let run = house.run_file(patience);
        house.http = run["http"].as_str().unwrap().parse().unwrap();
        house.mqtt = run["mqtt"].as_str().map(|text| text.parse().unwrap());
        house.mqtts = run["mqtts"].as_str().map(|text| text.parse().unwrap());
        house.wait("ready", patience, |house| house.status("/ready") == 200);
        house
    }

    fn run_file(&mut self, patience: Duration) -> Value {
        let path = self.dir.join("run.json");
        let start = Instant::now();
        loop {
            if let Some(run) = fs::read(&path)
                .ok()
                .and_then(|text| serde_json::from_slice(&text).ok())
            {
                return run;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("arno ended with {status}:\n{}", self.log_text());
            }
            assert!(
                start.elapsed() < patience,
                "no run.json; the log:\n{}",
                self.log_text()
            );
            pause();
        }
    }

    /// A line of the kernel's account of the process: `VmRSS`, `VmHWM`.
    pub(crate) fn memory_kib(&self, name: &str) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap();
        let words = line.trim_start_matches(':').split_whitespace();
        words.take(1).map(|word| word.parse::<u64>().unwrap()).sum()
    }

    /// What it logged.
    pub(crate) fn log_text(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http)
    }

    /// The status of a GET; 0 when nothing answers.
    pub(crate) fn status(&self, path: &str) -> u16 {
        let agent = agent();
        agent
            .get(self.url(path))
            .call()
            .map_or(0, |response| response.status().as_u16())
    }

    /// A GET's JSON; panics unless it is 200.
    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, text) = self.fetch(path);
        assert_eq!(status, 200, "GET {path}: {text}\nlog:\n{}", self.log_text());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("GET {path}: {error}: {text}"))
    }

    /// A GET's status and text.
    pub(crate) fn fetch(&self, path: &str) -> (u16, String) {
        let mut response = agent().get(self.url(path)).call().unwrap();
        let status = response.status().as_u16();
        (
            status,
            response
                .body_mut()
                .with_config()
                .limit(1 << 30)
                .read_to_string()
                .unwrap(),
        )
    }

    /// The items of a public product.
    pub(crate) fn product(&self, query: &str) -> Vec<Value> {
        let answer = self.get(&format!("/api/v1/products/{query}"));
        answer["items"].as_array().unwrap().clone()
    }

    /// Rows of an operator's query, through the command line.
    pub(crate) fn query(&self, sql: &str) -> Vec<Value> {
        let output = self.command(&["query", sql, "--format", "ndjson"]);
        assert!(
            output.status.success(),
            "{sql}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Another command on the same folder.
    pub(crate) fn command(&self, args: &[&str]) -> Output {
        arno()
            .args(args)
            .arg("--data-dir")
            .arg(&self.dir)
            .output()
            .unwrap()
    }

    /// Waits until something holds.
    pub(crate) fn wait(
        &mut self,
        what: &str,
        patience: Duration,
        mut holds: impl FnMut(&Self) -> bool,
    ) {
        let start = Instant::now();
        while !holds(self) {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!(
                    "arno ended with {status} before {what}:\n{}",
                    self.log_text()
                );
            }
            assert!(
                start.elapsed() < patience,
                "{what} did not happen:\n{}",
                self.log_text()
            );
            pause();
        }
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it as a service manager would, and expects exit code 0 within 10 seconds.
    pub(crate) fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert_eq!(status.code(), Some(0), "log:\n{}", self.log_text());
                return;
            }
            assert!(
                start.elapsed() < Duration::from_secs(10),
                "no stop:\n{}",
                self.log_text()
            );
            pause();
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A client that gives statuses, not errors.
pub(crate) fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_mins(2)));
    config.build().into()
}

#[expect(
    clippy::disallowed_methods,
    reason = "polls a condition of another process"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}

/// A registry of one town with one lot of 100 places and one access point, and its folder.
pub(crate) fn small_registry(dir: &Path) -> PathBuf {
    let folder = dir.join("registry");
    fs::create_dir_all(&folder).unwrap();
    fs::write(
        folder.join("publishers.toml"),
        "[[publisher]]\nid = \"prato\"\nname = \"Comune di Prato\"\nkind = \"municipality\"\n\
         municipality = \"it-mun-100005\"\n",
    )
    .unwrap();
    fs::write(folder.join("properties.toml"), "").unwrap();
    fs::write(
        folder.join("areas.geojson"),
        r#"{"type":"FeatureCollection","features":[
{"type":"Feature","id":"it-mun-100005","geometry":{"type":"Polygon","coordinates":[[[11.0,43.8],[11.2,43.8],[11.2,44.0],[11.0,44.0],[11.0,43.8]]]},
 "properties":{"name":"Prato","level":"municipality","zone":"Europe/Rome","parents":["it-prov-100"]}},
{"type":"Feature","id":"it-prov-100","geometry":{"type":"Polygon","coordinates":[[[11.0,43.8],[11.2,43.8],[11.2,44.0],[11.0,44.0],[11.0,43.8]]]},
 "properties":{"name":"Prato","level":"province","zone":"Europe/Rome","parents":[]}}]}"#,
    )
    .unwrap();
    fs::write(
        folder.join("things.geojson"),
        r#"{"type":"FeatureCollection","features":[
{"type":"Feature","id":"prato:lot-1","geometry":{"type":"Point","coordinates":[11.1,43.88]},
 "properties":{"id":"lot-1","publisher":"prato","name":"Piazza Mercatale","kind":"parking_lot","vehicle_kind":"car","capacity":100,"properties":["vehicles"]}},
{"type":"Feature","id":"prato:bay-1","geometry":{"type":"Point","coordinates":[11.101,43.881]},
 "properties":{"id":"bay-1","publisher":"prato","name":"Stallo 1","kind":"parking_bay","vehicle_kind":"car","properties":["occupied"]}},
{"type":"Feature","id":"prato:ap-1","geometry":{"type":"Point","coordinates":[11.102,43.882]},
 "properties":{"id":"ap-1","publisher":"prato","name":"Hotspot","kind":"access_point","properties":["clients"]}}]}"#,
    )
    .unwrap();
    folder
}

/// Lets what is under way be written: a negative can't be waited for.
pub(crate) fn wait_a_moment(moment: Duration) {
    let start = Instant::now();
    while start.elapsed() < moment {
        pause();
    }
}
