//! Cisco Meraki's Scanning API: a list of devices that access points saw comes in, the number of
//! associated ones per access point comes out.
//!
//! # Shape
//! Version 2 (`DevicesSeen`): one access point a payload, `data.apMac`; the time is the newest
//! `seenEpoch`. Version 3 (`WiFi`): a whole network; a device counts at its `nearestApMac`, an
//! access point of `reportingAps` without devices counts 0; the time is `data.endTime`.
//! No options.
//!
//! # Invariants
//! A device counts when it has an `ssid`: it joined the network. All others, and all of Bluetooth,
//! are refused: they are in no count. The list goes no further.
//!
//! # Source
//! Meraki Scanning API, versions 2.0 and 3.0: POST body; `ssid` is null for devices that are not
//! connected.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arno_model::{PropertyId, Timestamp};
use arno_store::QuarantineReason;

use super::equipment::{structure, thing_of};
use super::json::Node;
use super::{Decoded, Decoder, DecoderError, Decoders, Input, Refused};
use crate::delivery::Problem;
use crate::reading::Reading;

const KNOWN: [&str; 4] = ["version", "secret", "type", "data"];

/// The decoder.
#[derive(Debug, Clone, Copy, Default)]
pub struct Meraki;

/// Makes the decoder; it takes no options.
///
/// # Errors
/// `Options` when there are any.
pub fn factory(options: &toml::Table) -> Result<Arc<dyn Decoder>, DecoderError> {
    Decoders::no_options("meraki", options)?;
    Ok(Arc::new(Meraki))
}

impl Decoder for Meraki {
    fn may_identify_people(&self) -> bool {
        true
    }

    fn decode(&self, input: Input<'_>) -> Decoded {
        let counts = match read(input) {
            Ok(counts) => counts,
            Err(problem) => return Decoded::refuse_whole(problem),
        };
        let mut decoded = Decoded::default();
        for (access_point, clients) in &counts.by_access_point {
            match thing_of([access_point.as_str()], input) {
                Ok(thing) => decoded
                    .readings
                    .extend(PropertyId::parse("clients").ok().map(|property| Reading {
                        thing,
                        property,
                        time: counts.time,
                        result: Some(number_of(clients.len())),
                        result_time: None,
                        received: input.received,
                    })),
                Err(problem) => decoded.refused.push(Refused {
                    problem,
                    part: None,
                }),
            }
        }
        decoded
    }
}

/// Associated devices by access point; the devices' addresses live as long as this value.
#[derive(Default)]
struct Counts {
    by_access_point: BTreeMap<String, HashSet<String>>,
    time: Option<Timestamp>,
}

fn number_of(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

fn read(input: Input<'_>) -> Result<Counts, Problem> {
    let malformed = |detail: String| Problem::new(QuarantineReason::Malformed, detail);
    let node = Node::parse(input.payload)
        .map_err(|fault| malformed(format!("the payload is not readable: {fault}")))?;
    let kind = node.member("type").and_then(Node::as_text);
    let observations = node
        .member("data")
        .and_then(|data| Some((data, data.member("observations")?.as_list()?)));
    match (kind, observations) {
        (Some("DevicesSeen"), Some((data, devices))) => read_v2(data, devices),
        (Some("WiFi"), Some((data, devices))) => read_v3(data, devices),
        _ => {
            let detail = format!("no WiFi observations, but {}", structure(&node, &KNOWN));
            Err(malformed(detail))
        }
    }
}

/// Whether a device joined the network.
fn is_associated(device: &Node) -> bool {
    device
        .member("ssid")
        .and_then(Node::as_text)
        .is_some_and(|ssid| !ssid.is_empty())
}

fn read_v2(data: &Node, devices: &[Node]) -> Result<Counts, Problem> {
    let access_point = data
        .member("apMac")
        .and_then(Node::as_text)
        .ok_or_else(|| {
            Problem::new(
                QuarantineReason::Malformed,
                "`data` names no access point in `apMac`",
            )
        })?;
    let mut counts = Counts::default();
    let clients = counts
        .by_access_point
        .entry(access_point.to_ascii_lowercase())
        .or_default();
    for device in devices {
        if let Some(Node::Number(epoch)) = device.member("seenEpoch") {
            let seen = Timestamp::from_epoch(*epoch).map_err(|_cause| {
                Problem::new(QuarantineReason::BadTime, "`seenEpoch` is no epoch time")
            })?;
            counts.time = counts.time.max(Some(seen));
        }
        let address = device.member("clientMac").and_then(Node::as_text);
        clients.extend(
            address
                .filter(|_address| is_associated(device))
                .map(str::to_owned),
        );
    }
    Ok(counts)
}

fn read_v3(data: &Node, devices: &[Node]) -> Result<Counts, Problem> {
    let mut counts = Counts::default();
    if let Some(end) = data.member("endTime") {
        let end = end.as_text().and_then(|text| Timestamp::parse(text).ok());
        counts.time = Some(end.ok_or_else(|| {
            Problem::new(QuarantineReason::BadTime, "`endTime` is no RFC 3339 time")
        })?);
    }
    for access_point in data
        .member("reportingAps")
        .and_then(Node::as_list)
        .unwrap_or_default()
    {
        if let Some(address) = access_point.member("mac").and_then(Node::as_text) {
            counts
                .by_access_point
                .entry(address.to_ascii_lowercase())
                .or_default();
        }
    }
    for device in devices.iter().filter(|device| is_associated(device)) {
        let record = device.member("latestRecord");
        let nearest = record.and_then(|record| record.member("nearestApMac"));
        let address = device.member("clientMac").and_then(Node::as_text);
        if let (Some(nearest), Some(address)) = (nearest.and_then(Node::as_text), address) {
            let clients = counts
                .by_access_point
                .entry(nearest.to_ascii_lowercase())
                .or_default();
            clients.insert(address.to_owned());
        }
    }
    Ok(counts)
}
