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

/// Fails the test, with the mend, when the real part is missing.
pub(crate) fn need(program: &str) {
    assert!(
        Path::new(program).try_exists().unwrap_or(false),
        "{program} is missing; `scripts/setup services` installs it"
    );
}

impl Broker {
    pub(crate) fn start() -> Self {
        need(MOSQUITTO);
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
        broker
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
