//! Publishers: who owns things and data.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{AreaId, PublisherId};
use crate::property::text_enum;

/// What a publisher is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PublisherKind {
    /// A municipality.
    Municipality,
    /// A union of municipalities.
    Union,
    /// A province or metropolitan city.
    Province,
    /// A region.
    Region,
    /// A utility or another body.
    Utility,
}

text_enum!(PublisherKind {
    Municipality => "municipality", Union => "union", Province => "province", Region => "region",
    Utility => "utility",
});

/// Phenomenon times older than this are quarantined, unless the publisher says otherwise.
pub const MAX_AGE_DEFAULT: Duration = Duration::from_hours(9600);

/// One entry of `publishers.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publisher {
    /// Its name; the MQTT user name.
    pub id: PublisherId,
    /// Its human name.
    pub name: String,
    /// What it is.
    pub kind: PublisherKind,
    /// IPA code, when it is Italian public administration.
    pub ipa_code: Option<String>,
    /// The municipality its things belong to when nothing nearer is known.
    pub municipality: Option<AreaId>,
    /// Older phenomenon times are quarantined.
    pub max_age: Duration,
}
