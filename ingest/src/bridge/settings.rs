//! The settings of one external broker, as the configuration has them under `[[brokers]]`.

use std::fmt;
use std::str::FromStr;

use arno_model::PublisherId;
use serde::{Deserialize, Serialize};

use crate::config::Fault;
use crate::gateway::settings::PACKET_BYTES_MAX;
use crate::route::TopicFilter;

/// Most topic filters of one broker.
pub const TOPICS_COUNT_MAX: usize = 256;

/// One external broker to consume from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerSettings {
    /// `mqtt://user:password@host:port/?client_id=…&version=5`, or `mqtts://…`.
    pub url: BrokerUrl,
    /// Which topics; those without a route are refused into quarantine.
    #[serde(default = "native_topics")]
    pub topics: Vec<String>,
    /// Whose data come from there: things of others are refused. Absent: as topics and routes say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<PublisherId>,
    /// Most messages that wait for their commit; beyond it nothing is read until half of them are
    /// durable. The broker is told (MQTT 5).
    #[serde(default = "in_flight_default")]
    pub in_flight_count_max: u16,
    /// Largest packet in bytes that is taken; a larger one ends the connection.
    #[serde(default = "packet_default")]
    pub packet_bytes_max: u32,
}

fn native_topics() -> Vec<String> {
    vec!["arno/v1/obs/#".to_owned()]
}

const fn in_flight_default() -> u16 {
    10_000
}

const fn packet_default() -> u32 {
    256 << 10
}

impl BrokerSettings {
    /// The settings for a URL alone, as `--broker URL` gives them.
    pub fn of(url: BrokerUrl) -> Self {
        Self {
            url,
            topics: native_topics(),
            publisher: None,
            in_flight_count_max: in_flight_default(),
            packet_bytes_max: packet_default(),
        }
    }

    /// All that is wrong with the settings, keys below `prefix`.
    pub fn faults(&self, prefix: &str) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut fault = |key: String, mend: String| {
            faults.push(Fault {
                key: format!("{prefix}.{key}"),
                mend,
            });
        };
        if self.topics.is_empty() || self.topics.len() > TOPICS_COUNT_MAX {
            fault(
                "topics".to_owned(),
                format!("name 1 to {TOPICS_COUNT_MAX} topic filters"),
            );
        }
        for (index, topic) in self.topics.iter().enumerate() {
            if let Err(error) = TopicFilter::parse(topic) {
                fault(format!("topics[{index}]"), error.to_string());
            }
        }
        if self.in_flight_count_max == 0 {
            fault(
                "in_flight_count_max".to_owned(),
                "write 1 to 65535".to_owned(),
            );
        }
        if !(1_024..=PACKET_BYTES_MAX).contains(&self.packet_bytes_max) {
            fault(
                "packet_bytes_max".to_owned(),
                "write 1024 to 1049600".to_owned(),
            );
        }
        faults
    }
}

/// Which protocol version is spoken with a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// MQTT 3.1.1.
    V3,
    /// MQTT 5.
    V5,
}

/// Where a broker is, and as whom to connect. Prints its password as `***`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BrokerUrl {
    /// Whether the connection is encrypted (`mqtts`).
    pub is_tls: bool,
    /// The broker's name or address.
    pub host: String,
    /// Its port; 1883, or 8883 encrypted, where the URL has none.
    pub port: u16,
    /// User name and password.
    pub credentials: Option<(String, String)>,
    /// The client id: a session lives under it, so it must be one consumer's alone.
    pub client_id: String,
    /// The protocol version, 5 where the URL does not say `version=3`.
    pub version: Version,
}

/// Why a text is no broker's URL. Holds nothing of the text: it may carry a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a broker's URL: {0}; write `mqtt://user:password@host:1883/?client_id=arno`")]
pub struct UrlError(&'static str);

impl BrokerUrl {
    /// Parses a URL.
    ///
    /// # Errors
    /// [`UrlError`] says which part is wrong.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = text
            .split_once("://")
            .ok_or(UrlError("it has no `mqtt://`"))?;
        let is_tls = match scheme {
            "mqtt" | "tcp" => false,
            "mqtts" | "ssl" => true,
            _ => return Err(UrlError("it begins with neither `mqtt://` nor `mqtts://`")),
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (user_info, address) = match rest.rsplit_once('@') {
            Some((user_info, address)) => (Some(user_info), address),
            None => (None, rest),
        };
        let credentials = user_info.map(credentials_of).transpose()?;
        let (host, port) = host_and_port(address, if is_tls { 8883 } else { 1883 })?;
        let mut url = Self {
            is_tls,
            host,
            port,
            credentials,
            client_id: "arno".to_owned(),
            version: Version::V5,
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decoded(value)?;
            match (key, value.as_str()) {
                ("client_id", "") => return Err(UrlError("its `client_id` is empty")),
                ("client_id", _) => url.client_id = value,
                ("version", "3" | "3.1.1" | "4") => url.version = Version::V3,
                ("version", "5") => url.version = Version::V5,
                ("version", _) => return Err(UrlError("its `version` is neither 3 nor 5")),
                _ => return Err(UrlError("it has options beside `client_id` and `version`")),
            }
        }
        Ok(url)
    }

    /// `host:port`, for logs.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

fn credentials_of(user_info: &str) -> Result<(String, String), UrlError> {
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    if user.is_empty() {
        return Err(UrlError("its user name is empty"));
    }
    Ok((decoded(user)?, decoded(password)?))
}

fn host_and_port(address: &str, port_default: u16) -> Result<(String, u16), UrlError> {
    // An IPv6 address stands in brackets: its colons are not the port's.
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (
            host,
            port.parse()
                .map_err(|_cause| UrlError("its port is no number"))?,
        ),
        _ => (address, port_default),
    };
    if host.is_empty() || port == 0 {
        return Err(UrlError("it has no host, or port 0"));
    }
    Ok((host.to_owned(), port))
}

/// Undoes percent-encoding.
fn decoded(text: &str) -> Result<String, UrlError> {
    let broken = UrlError("a `%` is not followed by two hexadecimal digits");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || {
            rest.next()
                .and_then(|byte| char::from(byte).to_digit(16))
                .ok_or(broken)
        };
        let value = digit()? * 16 + digit()?;
        bytes.push(u8::try_from(value).map_err(|_cause| broken)?);
    }
    String::from_utf8(bytes).map_err(|_cause| UrlError("it is not UTF-8"))
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.is_tls { "mqtts://" } else { "mqtt://" })?;
        if let Some((user, _password)) = &self.credentials {
            write!(formatter, "{user}:***@")?;
        }
        let version = if self.version == Version::V3 {
            "3"
        } else {
            "5"
        };
        let (address, client_id) = (self.address(), &self.client_id);
        write!(
            formatter,
            "{address}/?client_id={client_id}&version={version}"
        )
    }
}

impl fmt::Debug for BrokerUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for BrokerUrl {
    type Err = UrlError;
    fn from_str(text: &str) -> Result<Self, UrlError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for BrokerUrl {
    type Error = UrlError;
    fn try_from(text: String) -> Result<Self, UrlError> {
        Self::parse(&text)
    }
}

impl From<BrokerUrl> for String {
    fn from(url: BrokerUrl) -> Self {
        url.to_string()
    }
}

#[cfg(test)]
mod tests;
