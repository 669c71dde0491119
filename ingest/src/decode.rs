//! Decoders: a payload and its route come in, readings and worded refusals go out.
//!
//! # Why
//! Devices, network servers and makers each speak their own JSON. A decoder knows one of them by
//! name; a route in the configuration says which topics speak it, with options of the decoder's
//! own. What names a thing (the topic, an alias, a field) is the decoder's business, what may be
//! stored is not: that is admission's, the same for all.
//!
//! # Invariants
//! Decoders are pure: no I/O, no clock, no state; any bytes give an answer and never a panic.
//! Of a decoder that may carry people's identifiers nothing of the payload is kept: the pipeline
//! drops the parts of its refusals, whatever the decoder says.

mod equipment;
pub mod json;
pub mod meraki;
pub mod native;
pub mod netjson;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use arno_model::{PublisherId, Timestamp};
use arno_store::Registry;

use crate::delivery::Problem;
use crate::reading::Reading;

/// What a decoder sees.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The topic, or `push/{route}`.
    pub topic: &'a str,
    /// The topic's levels that the route's wildcards matched, in order; empty for a push.
    pub captures: &'a [&'a str],
    /// On whose behalf; absent: anybody's.
    pub publisher: Option<&'a PublisherId>,
    /// The bytes, at most the route's limit.
    pub payload: &'a [u8],
    /// When they came.
    pub received: Timestamp,
    /// For aliases, and for how properties are written.
    pub registry: &'a Registry,
}

/// One observation that a decoder could not make a reading of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub problem: Problem,
    /// The part of the payload that could be delivered again by itself; absent: the whole payload.
    pub part: Option<Vec<u8>>,
}

/// What a decoder made of a payload.
#[derive(Debug, Default, PartialEq)]
pub struct Decoded {
    /// Readings in the payload's order.
    pub readings: Vec<Reading>,
    /// What could not be read, each one observation.
    pub refused: Vec<Refused>,
    /// Observations that the route's options say to leave.
    pub ignored_count: u64,
}

impl Decoded {
    /// A payload of which nothing can be read: one refused observation.
    pub fn refuse_whole(problem: Problem) -> Self {
        Self {
            refused: vec![Refused {
                problem,
                part: None,
            }],
            ..Self::default()
        }
    }
}

/// Reads one kind of payload.
pub trait Decoder: Send + Sync + Debug {
    /// Reads a payload; never fails as a whole: what can't be read is refused in the answer.
    fn decode(&self, input: Input<'_>) -> Decoded;

    /// Whether payloads of this kind can carry people's identifiers (addresses of their devices,
    /// user names): then the quarantine keeps reason, length and structure only.
    fn may_identify_people(&self) -> bool {
        false
    }
}

/// Why a decoder can't be made from a route's options.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecoderError {
    /// No decoder of that name.
    #[error("`{name}` is no decoder; allowed are {}", allowed.join(", "))]
    Unknown {
        /// The name.
        name: String,
        /// The decoders there are.
        allowed: Vec<String>,
    },
    /// The options are not the decoder's.
    #[error("the options of decoder `{name}` are not valid: {reason}")]
    Options {
        /// The decoder.
        name: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
}

/// Makes a decoder from a route's options.
pub type DecoderFactory = fn(&toml::Table) -> Result<Arc<dyn Decoder>, DecoderError>;

/// The decoders there are, by name.
#[derive(Debug, Clone)]
pub struct Decoders {
    factories: BTreeMap<&'static str, DecoderFactory>,
}

impl Decoders {
    /// The decoders that Arno ships.
    pub fn shipped() -> Self {
        let factories: [(&'static str, DecoderFactory); 3] = [
            ("meraki", meraki::factory),
            ("native", native::factory),
            ("netjson", netjson::factory),
        ];
        Self {
            factories: BTreeMap::from(factories),
        }
    }

    /// With one more decoder, or another one under a known name.
    #[must_use]
    pub fn with(mut self, name: &'static str, factory: DecoderFactory) -> Self {
        self.factories.insert(name, factory);
        self
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.factories.keys().copied()
    }

    /// Makes a decoder.
    ///
    /// # Errors
    /// `Unknown` for a name that is not there, `Options` for options that are not the decoder's.
    pub fn build(
        &self,
        name: &str,
        options: &toml::Table,
    ) -> Result<Arc<dyn Decoder>, DecoderError> {
        let factory = self
            .factories
            .get(name)
            .ok_or_else(|| DecoderError::Unknown {
                name: name.to_owned(),
                allowed: self.names().map(str::to_owned).collect(),
            })?;
        factory(options)
    }

    /// Refuses any option, for decoders that take none.
    ///
    /// # Errors
    /// `Options` when there is one.
    pub fn no_options(name: &str, options: &toml::Table) -> Result<(), DecoderError> {
        match options.keys().next() {
            None => Ok(()),
            Some(key) => Err(DecoderError::Options {
                name: name.to_owned(),
                reason: format!("`{key}` is unknown; it takes none"),
            }),
        }
    }
}
