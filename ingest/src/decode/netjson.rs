//! NetJSON DeviceMonitoring, as OpenWISP's agents send it: interfaces with their associated clients
//! come in, the number of clients and the traffic of one access point come out.
//!
//! # Shape
//! Options: `traffic` (default true) also reads `bytes_down` and `bytes_up` of the access point's
//! wireless interfaces. The device is the route's last wildcard, else `general.hostname`, else an
//! interface's `mac`: the first that is an alias or a local name of the publisher's things.
//! The time is `general.local_time`, else the receipt.
//!
//! # Invariants
//! Clients are counted where `assoc` is true and the interface is an access point; the list goes no
//! further. Neighbours and leases are not looked at.
//!
//! # Source
//! NetJSON, DeviceMonitoring (general, interfaces, wireless.clients); openwisp-monitoring's agent.

use std::collections::HashSet;
use std::sync::Arc;

use arno_model::{PropertyId, ThingId, Timestamp};
use arno_store::QuarantineReason;
use serde::Deserialize;

use super::equipment::{structure, thing_of};
use super::json::Node;
use super::{Decoded, Decoder, DecoderError, Input, Refused};
use crate::delivery::Problem;
use crate::reading::Reading;

const KNOWN: [&str; 8] = [
    "type",
    "general",
    "interfaces",
    "resources",
    "neighbors",
    "dhcp_leases",
    "dns_servers",
    "routes",
];

/// The decoder.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Netjson {
    /// Whether traffic counters are read too.
    traffic: bool,
}

impl Default for Netjson {
    fn default() -> Self {
        Self { traffic: true }
    }
}

/// Makes the decoder.
///
/// # Errors
/// `Options` for anything but `traffic`.
pub fn factory(options: &toml::Table) -> Result<Arc<dyn Decoder>, DecoderError> {
    let netjson: Netjson = options
        .clone()
        .try_into()
        .map_err(|error: toml::de::Error| {
            let reason = error.message().to_owned();
            DecoderError::Options {
                name: "netjson".to_owned(),
                reason,
            }
        })?;
    Ok(Arc::new(netjson))
}

impl Decoder for Netjson {
    fn may_identify_people(&self) -> bool {
        true
    }

    fn decode(&self, input: Input<'_>) -> Decoded {
        match self.read(input) {
            Ok(readings) => Decoded {
                readings,
                ..Decoded::default()
            },
            Err(problem) => Decoded {
                refused: vec![Refused {
                    problem,
                    part: None,
                }],
                ..Decoded::default()
            },
        }
    }
}

impl Netjson {
    fn read(&self, input: Input<'_>) -> Result<Vec<Reading>, Problem> {
        let malformed = |detail: String| Problem::new(QuarantineReason::Malformed, detail);
        let node = Node::parse(input.payload)
            .map_err(|fault| malformed(format!("the payload is not readable: {fault}")))?;
        if node.member("type").and_then(Node::as_text) != Some("DeviceMonitoring") {
            let detail = format!("not a DeviceMonitoring, but {}", structure(&node, &KNOWN));
            return Err(malformed(detail));
        }
        let interfaces = node
            .member("interfaces")
            .and_then(Node::as_list)
            .unwrap_or_default();
        let general = node.member("general");
        let hostname = general.and_then(|general| general.member("hostname"));
        let addresses = interfaces
            .iter()
            .filter_map(|interface| interface.member("mac"));
        let named = hostname
            .into_iter()
            .chain(addresses)
            .filter_map(Node::as_text);
        let thing = match input.captures.last() {
            Some(name) => thing_of([*name], input)?,
            None => thing_of(named, input)?,
        };
        let time = general.and_then(|general| general.member("local_time"));
        let time = time.map(time_of).transpose()?;
        let access_points: Vec<&Node> = interfaces
            .iter()
            .filter(|interface| is_access_point(interface))
            .collect();
        if access_points.is_empty() {
            let detail = format!("no access point among {} interfaces", interfaces.len());
            return Err(malformed(detail));
        }
        let mut results = vec![("clients", clients_count(&access_points))];
        if self.traffic {
            // What the access point transmits is what its clients receive.
            results.extend(traffic(&access_points, "tx_bytes").map(|bytes| ("bytes_down", bytes)));
            results.extend(traffic(&access_points, "rx_bytes").map(|bytes| ("bytes_up", bytes)));
        }
        Ok(results
            .into_iter()
            .filter_map(|(property, result)| reading(&thing, property, time, result, input))
            .collect())
    }
}

fn reading(
    thing: &ThingId,
    property: &str,
    time: Option<Timestamp>,
    result: f64,
    input: Input<'_>,
) -> Option<Reading> {
    Some(Reading {
        thing: thing.clone(),
        property: PropertyId::parse(property).ok()?,
        time,
        result: Some(result),
        result_time: None,
        received: input.received,
    })
}

fn time_of(node: &Node) -> Result<Timestamp, Problem> {
    let bad = || Problem::new(QuarantineReason::BadTime, "`local_time` is no epoch time");
    match node {
        Node::Number(number) => Timestamp::from_epoch(*number).map_err(|_cause| bad()),
        _ => Err(bad()),
    }
}

fn is_access_point(interface: &Node) -> bool {
    let wireless = interface.member("wireless");
    let mode = wireless.and_then(|wireless| wireless.member("mode"));
    mode.and_then(Node::as_text) == Some("access_point")
}

/// Different associated clients; who is only near is not counted.
fn clients_count(access_points: &[&Node]) -> f64 {
    let mut seen = HashSet::new();
    for interface in access_points {
        let clients = interface
            .member("wireless")
            .and_then(|wireless| wireless.member("clients"));
        for client in clients.and_then(Node::as_list).unwrap_or_default() {
            let is_associated = client.member("assoc") == Some(&Node::Bool(true));
            if let Some(address) = client.member("mac").and_then(Node::as_text)
                && is_associated
            {
                seen.insert(address.to_ascii_lowercase());
            }
        }
    }
    u32::try_from(seen.len()).map_or(f64::from(u32::MAX), f64::from)
}

/// The sum of a counter over the interfaces; nothing unless all of them have it.
fn traffic(access_points: &[&Node], name: &str) -> Option<f64> {
    let counters = access_points.iter().map(|interface| {
        match interface.member("statistics")?.member(name)? {
            Node::Number(bytes) => Some(*bytes),
            _ => None,
        }
    });
    counters.sum()
}
