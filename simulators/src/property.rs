//! The observed properties that simulated things report, with the rules that the truth applies.
//!
//! # Source
//! Holds are the ones Arno ships: `occupied` 24 h, `vehicles` and `free` 2 h, `clients` 30 min,
//! `capacity` and `online` without limit. Counts below 0 are implausible.

use std::time::Duration;

use arno_model::PropertyId;
use serde::Serialize;

/// A property of a simulated thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Property {
    /// Whether a bay is taken: 0 or 1.
    Occupied,
    /// Vehicles in a lot.
    Vehicles,
    /// Free places of a lot.
    Free,
    /// Places of a lot.
    Capacity,
    /// Devices associated with an access point.
    Clients,
    /// Whether a thing is in touch: 0 or 1.
    Online,
}

impl Property {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Occupied,
        Self::Vehicles,
        Self::Free,
        Self::Capacity,
        Self::Clients,
        Self::Online,
    ];

    /// The name in payloads and the registry.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Occupied => "occupied",
            Self::Vehicles => "vehicles",
            Self::Free => "free",
            Self::Capacity => "capacity",
            Self::Clients => "clients",
            Self::Online => "online",
        }
    }

    /// The name as an identifier.
    ///
    /// # Panics
    /// Never: the names above are identifiers.
    pub fn id(self) -> PropertyId {
        PropertyId::parse(self.as_str()).expect("the names of the enum are identifiers")
    }

    /// How long a value holds without a successor; absent: without limit.
    pub const fn max_hold(self) -> Option<Duration> {
        match self {
            Self::Occupied => Some(Duration::from_hours(24)),
            Self::Vehicles | Self::Free => Some(Duration::from_hours(2)),
            Self::Clients => Some(Duration::from_mins(30)),
            Self::Capacity | Self::Online => None,
        }
    }

    /// Whether it takes 0 and 1 only.
    pub const fn is_boolean(self) -> bool {
        matches!(self, Self::Occupied | Self::Online)
    }
}
