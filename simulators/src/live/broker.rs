//! The broker: an address comes in, checked parts of it go out; passwords stay unprinted.

use std::collections::BTreeMap;
use std::fmt;

use arno_model::PublisherId;

use crate::error::SimulatorError;

/// MQTT's registered port.
const PORT: u16 = 1883;

/// A password or token; it never prints itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text secret.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the one who sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// How lines log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Without a name.
    Anonymous,
    /// All by one name.
    Shared {
        /// The name.
        user: String,
        /// Its password.
        password: Secret,
    },
    /// Each town as its publisher, by its token; a publisher without one stays anonymous.
    PerPublisher(BTreeMap<PublisherId, Secret>),
}

impl Credentials {
    /// Name and password of a publisher's line.
    pub(crate) fn of(&self, publisher: &PublisherId) -> Option<(String, Secret)> {
        match self {
            Self::Anonymous => None,
            Self::Shared { user, password } => Some((user.clone(), password.clone())),
            Self::PerPublisher(tokens) => {
                let token = tokens.get(publisher)?;
                Some((publisher.as_str().to_owned(), token.clone()))
            }
        }
    }
}

/// Where to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How to log in.
    pub credentials: Credentials,
}

impl Broker {
    /// Parses `mqtt://[user:password@]host[:port]`.
    ///
    /// # Errors
    /// [`SimulatorError::Broker`] when it is anything else; TLS (`mqtts://`) is not spoken here.
    pub fn parse(url: &str) -> Result<Self, SimulatorError> {
        let shown = || {
            let (head, tail) = url.rsplit_once('@').unwrap_or(("", url));
            if head.is_empty() {
                tail.to_owned()
            } else {
                format!("…@{tail}")
            }
        };
        let refused = |mend| SimulatorError::Broker { url: shown(), mend };
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| refused("write it as mqtt://host:port"))?;
        match scheme {
            "mqtt" | "tcp" => {}
            "mqtts" | "ssl" | "tls" => {
                return Err(refused("simulated devices speak without TLS; use mqtt://"));
            }
            _ => return Err(refused("the scheme must be mqtt://")),
        }
        let rest = rest.trim_end_matches('/');
        let (login, address) = rest
            .rsplit_once('@')
            .map_or((None, rest), |(login, address)| (Some(login), address));
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => {
                let port = port
                    .parse()
                    .map_err(|_cause| refused("the port must be 1 to 65535"))?;
                (host, port)
            }
            _ => (address, PORT),
        };
        if host.is_empty() || host.contains(['/', '?', '#', ' ']) || port == 0 {
            return Err(refused("write it as mqtt://host:port"));
        }
        let credentials = match login.map(|login| login.split_once(':').unwrap_or((login, ""))) {
            None => Credentials::Anonymous,
            Some((user, password)) => Credentials::Shared {
                user: user.to_owned(),
                password: Secret::new(password.to_owned()),
            },
        };
        Ok(Self {
            host: host.to_owned(),
            port,
            credentials,
        })
    }
}

impl fmt::Display for Broker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "mqtt://{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart_and_passwords_not_shown() {
        let broker = Broker::parse("mqtt://localhost").unwrap();
        assert_eq!((broker.host.as_str(), broker.port), ("localhost", 1883));
        let broker = Broker::parse("mqtt://ann:s3cret@10.0.0.1:1884/").unwrap();
        assert_eq!(broker.to_string(), "mqtt://10.0.0.1:1884");
        assert!(!format!("{broker:?}").contains("s3cret"));
        let (user, password) = broker
            .credentials
            .of(&PublisherId::parse("prato").unwrap())
            .unwrap();
        assert_eq!((user.as_str(), password.expose()), ("ann", "s3cret"));
    }

    #[test]
    fn what_is_no_broker_is_refused_with_the_mend() {
        for bad in [
            "localhost:1883",
            "http://a",
            "mqtts://a",
            "mqtt://",
            "mqtt://a:0",
            "mqtt://a:x",
        ] {
            assert!(Broker::parse(bad).is_err(), "{bad}");
        }
        let error = Broker::parse("mqtts://ann:s3cret@a").unwrap_err();
        assert!(!error.to_string().contains("s3cret"));
    }
}
