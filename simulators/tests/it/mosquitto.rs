//! A mosquitto broker of one's own, where one is installed.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A running broker; it ends with the value.
pub(crate) struct Mosquitto {
    child: Child,
    folder: TempDir,
    /// Its port on 127.0.0.1.
    pub(crate) port: u16,
}

impl Mosquitto {
    /// Starts one on a free port; `None`, said loudly, where there is none to start.
    pub(crate) fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n\
             max_queued_messages 0\nmax_inflight_messages 1000\n"
        );
        fs::write(folder.path().join("mosquitto.conf"), config).unwrap();
        let Some(child) = spawn(&folder) else {
            eprintln!("SKIPPED: mosquitto is not installed, live play is not tested");
            assert!(
                std::env::var_os("CI").is_none(),
                "mosquitto must be there in CI"
            );
            return None;
        };
        let mut broker = Self {
            child,
            folder,
            port,
        };
        broker.wait();
        Some(broker)
    }

    /// Kills it and starts it anew on the same port.
    pub(crate) fn restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = spawn(&self.folder).unwrap();
        self.wait();
    }

    fn wait(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "mosquitto does not listen");
            assert!(self.child.try_wait().unwrap().is_none(), "mosquitto ended");
            std::thread::yield_now();
        }
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait().map(drop)) {
            eprintln!("mosquitto did not end: {error}");
        }
    }
}

fn spawn(folder: &TempDir) -> Option<Child> {
    let config = folder.path().join("mosquitto.conf");
    ["mosquitto", "/usr/sbin/mosquitto"]
        .into_iter()
        .find_map(|program| {
            let mut command = Command::new(program);
            command
                .arg("-c")
                .arg(&config)
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            command.spawn().ok()
        })
}
