//! Rights: who connects and a topic come in, whether that is allowed goes out.
//!
//! # Why
//! A town must not write another town's readings. A publisher writes under its own topics and reads
//! the live feed and its own; an operator writes for all; anybody reads the live feed, and writes
//! only from the machine itself, where a person tries things out.
//!
//! # Invariants
//! What is not allowed here never reaches a decoder. Topics without a route are nobody's.

use std::fmt::Debug;

use arno_model::PublisherId;
use arno_store::Role;
use serde::{Deserialize, Serialize};

use crate::delivery::Route;
use crate::route::{Routes, TopicFilter};

/// The live feed's topics.
pub const LIVE_FILTER: &str = "arno/v1/live/#";

/// Knows who is who.
pub trait Authority: Send + Sync + Debug {
    /// The role of a connection, or nothing when its credentials are wrong. Without a user name it
    /// is [`Role::Anonymous`] or nothing.
    fn authenticate(
        &self,
        user: Option<&str>,
        password: Option<&[u8]>,
        peer_is_loopback: bool,
    ) -> Option<Role>;
}

/// What connections without credentials may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Anonymous {
    /// Publish from loopback; from elsewhere read the live feed.
    #[default]
    Loopback,
    /// Read the live feed.
    Subscribe,
    /// Nothing: the connection is refused.
    Off,
}

/// Who holds a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its role.
    pub role: Role,
    /// Whether it may publish without credentials.
    pub may_publish_anonymously: bool,
}

impl Holder {
    /// Whether, and on whose behalf, the holder may publish to a topic: its own name, or for those
    /// who may publish for all the one that the route or topic names.
    pub fn may_publish(&self, topic: &str, routes: &Routes) -> Option<Option<PublisherId>> {
        let route = Route::Topic(topic.to_owned());
        let named = routes.find(&route)?.publisher;
        match &self.role {
            Role::Operator => Some(named),
            Role::Anonymous => self.may_publish_anonymously.then_some(named),
            Role::Publisher(own) => (named.as_ref() == Some(own)).then_some(named),
        }
    }

    /// Whether the holder may subscribe to a filter: within the live feed, or within its own
    /// topics.
    pub fn may_subscribe(&self, filter: &TopicFilter) -> bool {
        let own = match &self.role {
            Role::Anonymous => None,
            Role::Operator => Some("arno/v1/obs/#".to_owned()),
            Role::Publisher(publisher) => Some(format!("arno/v1/obs/{publisher}/#")),
        };
        let allowed = [Some(LIVE_FILTER.to_owned()), own];
        allowed
            .into_iter()
            .flatten()
            .filter_map(|allowed| TopicFilter::parse(&allowed).ok())
            .any(|allowed| allowed.covers(filter))
    }
}
