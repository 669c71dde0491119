//! A real mosquitto on a free port, which a test may stop and start again.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Where Debian puts it.
const MOSQUITTO: &str = "/usr/sbin/mosquitto";

/// A broker with persistence and without limits on its queues, as the README's example has it.
pub(crate) struct Broker {
    folder: TempDir,
    pub(crate) port: u16,
    child: Option<Child>,
}

/// Whether the real part is there; on a developer's machine its lack is a loud skip, in CI a failure.
pub(crate) fn is_there(program: &str) -> bool {
    let is_there = Path::new(program).try_exists().unwrap_or(false);
    assert!(
        is_there || std::env::var_os("CI").is_none(),
        "{program} is missing"
    );
    if !is_there {
        eprintln!("SKIPPED: {program} is missing; `scripts/setup` installs it");
    }
    is_there
}

impl Broker {
    pub(crate) fn start() -> Option<Self> {
        if !is_there(MOSQUITTO) {
            return None;
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let mut broker = Self {
            folder: TempDir::new().unwrap(),
            port,
            child: None,
        };
        let config = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nuser root\npersistence true\n\
             persistence_location {}/\nmax_queued_messages 0\nmax_inflight_messages 100\n",
            broker.folder.path().display()
        );
        fs::write(broker.config(), config).unwrap();
        broker.run();
        Some(broker)
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("mosquitto.conf")
    }

    pub(crate) fn run(&mut self) {
        let mut command = Command::new(MOSQUITTO);
        command
            .arg("-c")
            .arg(self.config())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.child = Some(command.spawn().unwrap());
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(
                started.elapsed() < Duration::from_secs(10),
                "mosquitto does not listen"
            );
            std::thread::yield_now();
        }
    }

    /// Ends it politely, so that it keeps its sessions.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let id = child.id().to_string();
            Command::new("kill").arg(id).status().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stop();
    }
}
