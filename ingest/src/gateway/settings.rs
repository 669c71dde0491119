//! The embedded gateway's settings, as the configuration has them under `[mqtt]`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::rights::Anonymous;
use crate::config::Fault;

/// The largest packet that may be allowed: MQTT's own limit is 256 MB, a megabyte and its header
/// are what a decoder takes.
pub const PACKET_BYTES_MAX: u32 = (1 << 20) + 1_024;

/// The embedded MQTT gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewaySettings {
    /// Where to listen, `address:port` (port 0: any), or `off`.
    pub listen: String,
    /// Where to listen for TLS, `address:port`, beside `listen`; empty: nowhere.
    pub tls_listen: String,
    /// The certificate with its chain, PEM; renewals are noticed.
    pub tls_certificate: PathBuf,
    /// The certificate's private key, PEM.
    pub tls_key: PathBuf,
    /// What connections without credentials may do: `loopback`, `subscribe` or `off`.
    pub anonymous: Anonymous,
    /// Threads that serve connections, 1 to 64.
    pub threads_count: usize,
    /// Most connections at once; a further one is refused as busy.
    pub connections_count_max: usize,
    /// Most publishes of one connection that may wait for their acknowledgement; the client is told
    /// (MQTT 5), and reading pauses.
    pub in_flight_count_max: u16,
    /// Largest packet in bytes; a larger one ends its connection.
    pub packet_bytes_max: u32,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:1883".to_owned(),
            tls_listen: String::new(),
            tls_certificate: PathBuf::new(),
            tls_key: PathBuf::new(),
            anonymous: Anonymous::Loopback,
            threads_count: 1,
            connections_count_max: 20_000,
            in_flight_count_max: 256,
            packet_bytes_max: 256 << 10,
        }
    }
}

impl GatewaySettings {
    /// Whether the gateway is to listen at all.
    pub fn is_on(&self) -> bool {
        self.listen != "off"
    }

    /// Whether TLS is spoken too.
    pub fn is_tls(&self) -> bool {
        !self.tls_listen.is_empty()
    }

    /// All that is wrong with the settings, keys below `prefix`.
    pub fn faults(&self, prefix: &str) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut check = |is_right: bool, key: &str, mend: &str| {
            if !is_right {
                faults.push(Fault {
                    key: format!("{prefix}.{key}"),
                    mend: mend.to_owned(),
                });
            }
        };
        check(
            !self.is_on() || is_address(&self.listen),
            "listen",
            "write `address:port`, like `127.0.0.1:1883`, or `off`",
        );
        check(
            !self.is_tls() || (is_address(&self.tls_listen) && self.is_on()),
            "tls_listen",
            "write `address:port`, like `0.0.0.0:8883`, beside a gateway that is not `off`",
        );
        for (key, path) in [
            ("tls_certificate", &self.tls_certificate),
            ("tls_key", &self.tls_key),
        ] {
            let mend = "name a readable PEM file; it goes with `tls_listen`";
            check(self.is_tls() == path.is_file(), key, mend);
        }
        check(
            (1..=64).contains(&self.threads_count),
            "threads_count",
            "write 1 to 64",
        );
        check(
            self.connections_count_max >= 1,
            "connections_count_max",
            "write 1 or more",
        );
        check(
            self.in_flight_count_max >= 1,
            "in_flight_count_max",
            "write 1 to 65535",
        );
        let is_size = (1_024..=PACKET_BYTES_MAX).contains(&self.packet_bytes_max);
        check(is_size, "packet_bytes_max", "write 1024 to 1049600");
        faults
    }
}

fn is_address(text: &str) -> bool {
    let parts = text.rsplit_once(':');
    parts.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}
