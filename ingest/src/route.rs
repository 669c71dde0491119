//! Routes: a topic or a push route comes in, its decoder and what its wildcards matched go out.
//!
//! # Shape
//! Topic filters as MQTT 3.1.1 §4.7 has them (`+` for a level, a last `#` for the rest). The native
//! route `arno/v1/obs/{publisher}/{thing}` is always there and comes first; then the
//! configuration's, the first that matches. Push routes are named.
//!
//! # Limits
//! [`ROUTES_COUNT_MAX`] → refused when the configuration is checked.

use std::collections::BTreeMap;
use std::sync::Arc;

use arno_model::PublisherId;

use crate::decode::{Decoder, DecoderError, Decoders};
use crate::delivery::Route;

/// The native topics.
pub const NATIVE_FILTER: &str = "arno/v1/obs/+/+";
/// Most routes of a configuration; topics are matched one route after another.
pub const ROUTES_COUNT_MAX: usize = 256;
/// Longest topic or filter in bytes; longer ones match nothing.
pub const TOPIC_BYTES_MAX: usize = 512;

/// A topic filter that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TopicFilter {
    text: String,
    levels: Vec<Level>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Level {
    Name(String),
    One,
    Rest,
}

/// Why a text is no topic filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no topic filter: {reason}")]
pub struct FilterError {
    /// The refused text, cut.
    pub text: String,
    /// What is wrong.
    pub reason: &'static str,
}

impl TopicFilter {
    /// Parses a filter.
    ///
    /// # Errors
    /// [`FilterError`] for an empty or overlong one, and for wildcards that share a level or are
    /// not last.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let refused = |reason| FilterError {
            text: text.chars().take(80).collect(),
            reason,
        };
        if text.is_empty() || text.len() > TOPIC_BYTES_MAX {
            return Err(refused("it must have 1 to 512 bytes"));
        }
        if text.contains('\0') {
            return Err(refused("it holds a null character"));
        }
        let mut levels = Vec::new();
        for level in text.split('/') {
            if levels.last() == Some(&Level::Rest) {
                return Err(refused("`#` must be the last level"));
            }
            levels.push(match level {
                "+" => Level::One,
                "#" => Level::Rest,
                name if name.contains(['+', '#']) => {
                    return Err(refused("a wildcard must be a whole level"));
                }
                name => Level::Name(name.to_owned()),
            });
        }
        Ok(Self {
            text: text.to_owned(),
            levels,
        })
    }

    /// The filter as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What the `+` levels matched, in order; `None` when the topic does not match.
    pub fn captures<'t>(&self, topic: &'t str) -> Option<Vec<&'t str>> {
        if topic.len() > TOPIC_BYTES_MAX {
            return None;
        }
        let starts_wild = !matches!(self.levels.first(), Some(Level::Name(_)));
        if starts_wild && topic.starts_with('$') {
            return None;
        }
        let mut captures = Vec::new();
        let mut names = topic.split('/');
        for level in &self.levels {
            match (level, names.next()) {
                (Level::Rest, _) => return Some(captures),
                (Level::One, Some(name)) => captures.push(name),
                (Level::Name(wanted), Some(name)) if wanted == name => {}
                _ => return None,
            }
        }
        names.next().is_none().then_some(captures)
    }

    /// Whether the topic matches.
    pub fn matches(&self, topic: &str) -> bool {
        self.captures(topic).is_some()
    }

    /// Whether every topic that `other` matches is matched by this filter too.
    pub fn covers(&self, other: &Self) -> bool {
        let mut theirs = other.levels.iter();
        for ours in &self.levels {
            match (ours, theirs.next()) {
                (Level::Rest, _) => return true,
                (Level::One, Some(Level::One | Level::Name(_))) => {}
                (Level::Name(ours), Some(Level::Name(theirs))) if ours == theirs => {}
                _ => return false,
            }
        }
        theirs.next().is_none()
    }
}

/// One configured route, checked.
#[derive(Debug, Clone)]
pub struct TopicRoute {
    /// Which topics.
    pub filter: TopicFilter,
    /// Who decodes.
    pub decoder: Arc<dyn Decoder>,
    /// Whose data they are; absent: the sender's, or as the topic says.
    pub publisher: Option<PublisherId>,
}

/// A decoder and what it needs to know of the route.
#[derive(Debug, Clone)]
pub struct Found<'t> {
    /// Who decodes.
    pub decoder: Arc<dyn Decoder>,
    /// What the wildcards matched.
    pub captures: Vec<&'t str>,
    /// Whose data they are, where the route or the topic says so.
    pub publisher: Option<PublisherId>,
}

/// All routes.
#[derive(Debug, Clone)]
pub struct Routes {
    native: TopicRoute,
    topics: Vec<TopicRoute>,
    pushes: BTreeMap<String, Arc<dyn Decoder>>,
}

impl Routes {
    /// The native route, these topic routes, and a push route for each decoder that needs no
    /// options and for each named one in `pushes`.
    ///
    /// # Errors
    /// What a decoder says to being built without options never counts: it has no push route then.
    pub fn new(
        decoders: &Decoders,
        topics: Vec<TopicRoute>,
        mut pushes: BTreeMap<String, Arc<dyn Decoder>>,
    ) -> Result<Self, DecoderError> {
        let none = toml::Table::new();
        for name in decoders.names() {
            if let Ok(decoder) = decoders.build(name, &none) {
                pushes.entry(name.to_owned()).or_insert(decoder);
            }
        }
        let filter = TopicFilter::parse(NATIVE_FILTER).map_err(|error| DecoderError::Options {
            name: "native".to_owned(),
            reason: error.to_string(),
        })?;
        let decoder = decoders.build("native", &none)?;
        let native = TopicRoute {
            filter,
            decoder,
            publisher: None,
        };
        Ok(Self {
            native,
            topics,
            pushes,
        })
    }

    /// The decoder for a route; `None` when there is none.
    pub fn find<'t>(&self, route: &'t Route) -> Option<Found<'t>> {
        match route {
            Route::Push(name) => Some(Found {
                decoder: Arc::clone(self.pushes.get(name)?),
                captures: Vec::new(),
                publisher: None,
            }),
            Route::Topic(topic) => {
                let mut routes = std::iter::once(&self.native).chain(&self.topics);
                let (route, captures) =
                    routes.find_map(|route| Some((route, route.filter.captures(topic)?)))?;
                let publisher = if std::ptr::eq(route, &raw const self.native) {
                    captures
                        .first()
                        .and_then(|name| PublisherId::parse(name).ok())
                } else {
                    route.publisher.clone()
                };
                Some(Found {
                    decoder: Arc::clone(&route.decoder),
                    captures,
                    publisher,
                })
            }
        }
    }

    /// The push routes' names, in order.
    pub fn push_names(&self) -> impl Iterator<Item = &str> {
        self.pushes.keys().map(String::as_str)
    }

    /// The configured topic routes.
    pub fn topics(&self) -> &[TopicRoute] {
        &self.topics
    }
}

#[cfg(test)]
mod tests;
