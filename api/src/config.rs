//! Settings of the HTTP face: text from a file or flags comes in, checked settings go out.
//!
//! # Why
//! Every bound of the face stands here with its unit, so that an operator can widen it; all faults
//! are told together.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How people reach whoever runs the service; goes into the OpenAPI document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Contact {
    /// The office.
    pub name: String,
    /// Its page.
    pub url: String,
    /// Its address for letters; empty: none.
    pub email: String,
}

impl Default for Contact {
    fn default() -> Self {
        Self {
            name: "Arno".to_owned(),
            url: "https://developers.italia.it/".to_owned(),
            email: String::new(),
        }
    }
}

/// Settings of the HTTP face.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApiConfig {
    /// The address under which people reach the service, without a final slash; empty: taken from
    /// each request.
    pub public_url: String,
    /// Addresses or networks (`10.0.0.0/8`) of proxies whose `X-Forwarded-*` headers are believed.
    pub trusted_proxies: Vec<String>,
    /// Requests a minute of one anonymous address; 0: no limit.
    pub rate_anonymous_per_minute: u32,
    /// Requests a minute of one publisher or of the operators; 0: no limit.
    pub rate_token_per_minute: u32,
    /// Connections open at once; further ones wait to be accepted.
    pub connections_count_max: usize,
    /// Requests being answered at once; further ones get 503.
    pub requests_count_max: usize,
    /// Listeners to live events at once; further ones get 503.
    pub live_listeners_count_max: usize,
    /// How long a request may work before its first byte of answer.
    #[serde(with = "duration_text")]
    pub request_time_max: Duration,
    /// How long a streamed answer may take in all.
    #[serde(with = "duration_text")]
    pub answer_time_max: Duration,
    /// How long a reader may take nothing of a streamed answer.
    #[serde(with = "duration_text")]
    pub stall_time_max: Duration,
    /// Bytes of a pushed payload.
    pub push_bytes_max: usize,
    /// Bytes of an uploaded registry.
    pub upload_bytes_max: usize,
    /// The page with the terms of use, for the OpenAPI document.
    pub terms_url: String,
    /// Whom to ask.
    pub contact: Contact,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            public_url: String::new(),
            trusted_proxies: Vec::new(),
            rate_anonymous_per_minute: 6_000,
            rate_token_per_minute: 60_000,
            connections_count_max: 4_096,
            requests_count_max: 512,
            live_listeners_count_max: 1_024,
            request_time_max: Duration::from_secs(30),
            answer_time_max: Duration::from_mins(15),
            stall_time_max: Duration::from_mins(1),
            push_bytes_max: 1024 * 1024,
            upload_bytes_max: 128 * 1024 * 1024,
            terms_url: "https://creativecommons.org/licenses/by/4.0/".to_owned(),
            contact: Contact::default(),
        }
    }
}

/// One setting that can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFault {
    /// The setting's name within this table.
    pub key: &'static str,
    /// What is wrong, and the mend.
    pub problem: String,
}

/// All settings that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", faults.iter().map(|fault| format!("`{}` {}", fault.key, fault.problem)).collect::<Vec<_>>().join("; "))]
pub struct ConfigError {
    /// The faults.
    pub faults: Vec<ConfigFault>,
}

impl ApiConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`ConfigError`] with all faults.
    pub fn check(&self) -> Result<(), ConfigError> {
        let mut faults = Vec::new();
        let mut fault = |key, problem: String| faults.push(ConfigFault { key, problem });
        if !self.public_url.is_empty() && !is_web_address(&self.public_url) {
            fault(
                "public_url",
                format!(
                    "is `{}`: write `https://` and a host, no final slash",
                    self.public_url
                ),
            );
        }
        for proxy in &self.trusted_proxies {
            if Network::parse(proxy).is_none() {
                fault(
                    "trusted_proxies",
                    format!("holds `{proxy}`: write an address or a network like `10.0.0.0/8`"),
                );
            }
        }
        let counts = [
            ("connections_count_max", self.connections_count_max),
            ("requests_count_max", self.requests_count_max),
            ("push_bytes_max", self.push_bytes_max),
            ("upload_bytes_max", self.upload_bytes_max),
        ];
        for (key, _) in counts.into_iter().filter(|(_, count)| *count == 0) {
            fault(key, "is 0: it must be at least 1".to_owned());
        }
        let times = [
            ("request_time_max", self.request_time_max),
            ("answer_time_max", self.answer_time_max),
            ("stall_time_max", self.stall_time_max),
        ];
        for (key, _) in times.into_iter().filter(|(_, time)| time.is_zero()) {
            fault(key, "is 0: write a time like `30s`".to_owned());
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(ConfigError { faults })
        }
    }

    /// The proxies whose headers are believed; faulty entries, which [`Self::check`] names, are
    /// left out.
    pub(crate) fn proxies(&self) -> Vec<Network> {
        self.trusted_proxies
            .iter()
            .filter_map(|text| Network::parse(text))
            .collect()
    }
}

fn is_web_address(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let is_plain = |rest: &str| {
        rest.bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}#?".contains(&byte))
    };
    rest.is_some_and(|rest| !rest.is_empty() && !rest.ends_with('/') && is_plain(rest))
}

/// A set of addresses that share a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().ok()?;
        let widest = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = bits.unwrap_or(widest);
        (prefix_bits <= widest).then_some(Self {
            address,
            prefix_bits,
        })
    }

    /// Whether an address lies in it.
    pub(crate) fn contains(self, other: IpAddr) -> bool {
        match (self.address, other.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let shift = 32 - u32::from(self.prefix_bits);
                let cut = |bits: u32| bits.checked_shr(shift).unwrap_or(0);
                cut(own.to_bits()) == cut(other.to_bits())
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let shift = 128 - u32::from(self.prefix_bits);
                let cut = |bits: u128| bits.checked_shr(shift).unwrap_or(0);
                cut(own.to_bits()) == cut(other.to_bits())
            }
            _ => false,
        }
    }
}

/// Durations as text with a unit.
mod duration_text {
    use std::time::Duration;

    use arno_model::time::{format_duration, parse_duration};
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(
        time: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format_duration(*time))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_duration(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_good_and_reads_back() {
        let config = ApiConfig::default();
        config.check().unwrap();
        let text = serde_json::to_string(&config).unwrap();
        assert!(text.contains("\"request_time_max\":\"30s\""));
        assert_eq!(serde_json::from_str::<ApiConfig>(&text).unwrap(), config);
        serde_json::from_str::<ApiConfig>("{\"rate\":1}").unwrap_err();
    }

    #[test]
    fn all_faults_are_told_together() {
        let config = ApiConfig {
            public_url: "arno.example/".to_owned(),
            trusted_proxies: vec!["10.0.0.0/33".to_owned()],
            requests_count_max: 0,
            ..ApiConfig::default()
        };
        let keys: Vec<_> = config
            .check()
            .unwrap_err()
            .faults
            .iter()
            .map(|fault| fault.key)
            .collect();
        assert_eq!(
            keys,
            ["public_url", "trusted_proxies", "requests_count_max"]
        );
    }

    #[test]
    fn networks_hold_their_addresses() {
        let network = Network::parse("10.1.0.0/16").unwrap();
        assert!(network.contains("10.1.200.3".parse().unwrap()));
        assert!(network.contains("::ffff:10.1.0.1".parse().unwrap()));
        assert!(!network.contains("10.2.0.1".parse().unwrap()));
        assert!(
            Network::parse("0.0.0.0/0")
                .unwrap()
                .contains("8.8.8.8".parse().unwrap())
        );
        assert!(
            Network::parse("::1")
                .unwrap()
                .contains("::1".parse().unwrap())
        );
    }
}
