//! Identifiers: text from outside comes in, checked names go out.
//!
//! # Shape
//! `[a-z0-9][a-z0-9._-]{0,63}`; `live`, `obs`, `sys` and `all` are reserved, since topics and
//! addresses use them. A thing's global name is `publisher:thing`.
//!
//! # Source
//! Own choice: safe unescaped in MQTT topics, URLs, file names and SQL literals.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Longest local name in bytes; longer ones are refused (they must fit in a topic level and a
/// path).
pub const ID_BYTES_MAX: usize = 64;
/// Names that addresses and topics keep for themselves.
pub const RESERVED: [&str; 4] = ["live", "obs", "sys", "all"];

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is empty or longer than [`ID_BYTES_MAX`].
    #[error("`{text}` must have 1 to 64 characters")]
    Length {
        /// The refused text, cut to a printable length.
        text: String,
    },
    /// A character outside `[a-z0-9._-]`, or a first one outside `[a-z0-9]`.
    #[error(
        "`{text}` may hold only a–z, 0–9, `.`, `_` and `-`, and must begin with a letter or digit"
    )]
    Character {
        /// The refused text.
        text: String,
    },
    /// One of [`RESERVED`].
    #[error("`{text}` is reserved; choose another name")]
    Reserved {
        /// The refused text.
        text: String,
    },
    /// A global thing name without exactly one `:`.
    #[error("`{text}` is not `publisher:thing`")]
    NotGlobal {
        /// The refused text.
        text: String,
    },
}

/// Checks one local name.
///
/// # Errors
/// `Length`, `Character`, `Reserved`: as their texts say.
pub fn check_name(text: &str) -> Result<(), IdError> {
    if text.is_empty() || text.len() > ID_BYTES_MAX {
        let text = text.chars().take(80).collect();
        return Err(IdError::Length { text });
    }
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut bytes = text.bytes();
    let first_is_plain = bytes.next().is_some_and(plain);
    if !first_is_plain || !bytes.all(|byte| plain(byte) || matches!(byte, b'.' | b'_' | b'-')) {
        return Err(IdError::Character {
            text: text.to_owned(),
        });
    }
    if RESERVED.contains(&text) {
        return Err(IdError::Reserved {
            text: text.to_owned(),
        });
    }
    Ok(())
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Parses a name.
            ///
            /// # Errors
            /// [`IdError`] when the text is not an identifier.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                check_name(text)?;
                Ok(Self(Arc::from(text)))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, formatter)
            }
        }
    };
}

name_type!(
    /// Who owns things and data; the MQTT user name.
    PublisherId
);
name_type!(
    /// An area: `it-mun-100005`, `it-prov-100`, `it-reg-09`, `group-piana`.
    AreaId
);
name_type!(
    /// An observed property: `occupied`, `vehicles`, `clients`.
    PropertyId
);
name_type!(
    /// A thing's name within its publisher: `lot-1`.
    LocalId
);

/// A thing's global name, `publisher:thing`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ThingId {
    text: Arc<str>,
    colon: u8,
}

/// As its text, so that a map is asked by `&str` ([`Borrow`] promises it); the text fixes the
/// colon.
impl Hash for ThingId {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.text.hash(hasher);
    }
}

impl ThingId {
    /// Joins a publisher's and a local name.
    ///
    /// # Panics
    /// Never: a publisher's name has at most 64 bytes.
    pub fn new(publisher: &PublisherId, local: &LocalId) -> Self {
        let colon = u8::try_from(publisher.as_str().len()).expect("names have at most 64 bytes");
        Self {
            text: Arc::from(format!("{publisher}:{local}")),
            colon,
        }
    }

    /// Parses `publisher:thing`.
    ///
    /// # Errors
    /// [`IdError::NotGlobal`] without exactly one colon, else what either half says.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let not_global = || IdError::NotGlobal {
            text: text.chars().take(160).collect(),
        };
        let (publisher, local) = text.split_once(':').ok_or_else(not_global)?;
        Ok(Self::new(
            &PublisherId::parse(publisher)?,
            &LocalId::parse(local)?,
        ))
    }

    /// The whole name as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The publisher's half.
    pub fn publisher(&self) -> PublisherId {
        PublisherId(Arc::from(self.split().0))
    }

    /// The thing's name within its publisher.
    pub fn local(&self) -> LocalId {
        LocalId(Arc::from(self.split().1))
    }

    fn split(&self) -> (&str, &str) {
        let (publisher, rest) = self.text.split_at(usize::from(self.colon));
        (publisher, rest.trim_start_matches(':'))
    }
}

impl Borrow<str> for ThingId {
    fn borrow(&self) -> &str {
        &self.text
    }
}

impl FromStr for ThingId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for ThingId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        Self::parse(&text)
    }
}

impl From<ThingId> for String {
    fn from(id: ThingId) -> Self {
        id.text.as_ref().to_owned()
    }
}

impl fmt::Display for ThingId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl fmt::Debug for ThingId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text, formatter)
    }
}

/// The integer that stands for one (thing, property) wherever rows travel; given out by the store,
/// from 1, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DatastreamKey(pub i32);

impl fmt::Display for DatastreamKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_and_reserved_ones_refused() {
        PublisherId::parse("prato").unwrap();
        LocalId::parse("lot-1.a_b").unwrap();
        LocalId::parse(&"a".repeat(64)).unwrap();
        for bad in [
            "", "-a", ".a", "A", "a b", "à", "live", "obs", "sys", "all", "a/b", "a+", "#",
        ] {
            assert!(LocalId::parse(bad).is_err(), "{bad}");
        }
        LocalId::parse(&"a".repeat(65)).unwrap_err();
    }

    #[test]
    fn a_global_name_splits_back() {
        let id = ThingId::parse("prato:lot-1").unwrap();
        assert_eq!(
            (id.publisher().as_str(), id.local().as_str()),
            ("prato", "lot-1")
        );
        ThingId::parse("prato").unwrap_err();
        let by_id = std::collections::HashMap::from([(id, 1)]);
        assert_eq!(by_id.get("prato:lot-1"), Some(&1));
        ThingId::parse("a:b:c").unwrap_err();
    }
}
