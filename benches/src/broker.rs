//! A real mosquitto on a free loopback port, in a folder of its own, for as long as it is held.
//!
//! # Limits
//! It queues without bound for sessions that are away, and keeps that in memory alone: its
//! snapshots would come and go in the middle of a measurement.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

/// Where Debian puts it.
const MOSQUITTO: &str = "/usr/sbin/mosquitto";
/// How long it may take until it listens.
const START: Duration = Duration::from_secs(10);

/// A running broker; it ends when this is dropped.
#[derive(Debug)]
pub struct Broker {
    /// Where it listens.
    pub address: SocketAddr,
    child: Child,
    _folder: TempDir,
}

impl Broker {
    /// Starts one; a client's receive maximum alone bounds what it has in flight.
    ///
    /// # Errors
    /// When mosquitto is missing, or does not listen in time.
    pub async fn start() -> anyhow::Result<Self> {
        ensure!(
            Path::new(MOSQUITTO).try_exists()?,
            "{MOSQUITTO} is missing; `scripts/setup services` installs it"
        );
        let address = free_address().await?;
        let port = address.port();
        let folder = TempDir::new()?;
        let config = folder.path().join("mosquitto.conf");
        // Started by root it would become a user who can't read the folder.
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nuser root\npersistence false\n\
             max_queued_messages 0\nmax_inflight_messages 0\n"
        );
        fs::write(&config, text)?;
        let child = Command::new(MOSQUITTO)
            .arg("-c")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting mosquitto")?;
        let mut broker = Self {
            address,
            child,
            _folder: folder,
        };
        let started = Instant::now();
        while TcpStream::connect(address).await.is_err() {
            if let Some(status) = broker.child.try_wait()? {
                bail!("mosquitto ended: {status}");
            }
            ensure!(started.elapsed() < START, "mosquitto does not listen");
            sleep(Duration::from_millis(5)).await;
        }
        Ok(broker)
    }

    /// The number of its process.
    pub fn process(&self) -> String {
        self.child.id().to_string()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It may have ended by itself; and nothing in it is worth a goodbye.
        let _killed = self.child.kill().is_ok();
        let _ended = self.child.wait().is_ok();
    }
}

async fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    Ok(listener.local_addr()?)
}
