//! What a gateway hands to the store, and what it hears back.

use std::fmt;

use arno_model::{Ledger, PublisherId, Timestamp};
use arrow::array::RecordBatch;
use serde::{Deserialize, Serialize};

/// Most rows of one append; gateways split above it, stores refuse above it. 262,144 rows are about
/// 12 MB of columns: enough to make an fsync cheap, little enough to hold a few in memory.
pub const APPEND_ROWS_MAX: usize = 262_144;
/// Longest payload kept in quarantine; longer ones keep their first bytes.
pub const QUARANTINE_PAYLOAD_BYTES_MAX: usize = 16_384;
/// Longest explanation kept with a quarantined payload.
pub const QUARANTINE_DETAIL_BYTES_MAX: usize = 512;

/// One all-or-nothing commit.
#[derive(Debug, Clone)]
pub struct Append {
    /// Observations in [`arno_model::observation::arrival_schema`], in order of arrival; at most
    /// [`APPEND_ROWS_MAX`].
    pub observations: RecordBatch,
    /// What could not be stored; each counts as one `quarantined` per `observations_count`.
    pub quarantine: Vec<QuarantineEntry>,
    /// Fields that a mapping says to leave.
    pub ignored_count: u64,
    /// On whose clock this happened.
    pub clock: ClockMark,
}

/// On whose clock an append happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockMark {
    /// The process's: the store is live from now on.
    Live,
    /// A recording's, standing at this moment: the store's "now" moves there if it is not live.
    Recorded(Timestamp),
}

/// What became of an append, now durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The commit's stamp.
    pub known_at: Timestamp,
    /// Its counts.
    pub ledger: Ledger,
}

/// Why something was refused; a closed list, since it labels metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuarantineReason {
    /// Not in the route's format.
    Malformed,
    /// Longer than the route allows.
    TooLong,
    /// The thing is not in the registry.
    UnknownThing,
    /// The property is not in the registry.
    UnknownProperty,
    /// The time is no time.
    BadTime,
    /// A property that can't do without a time came without one.
    MissingTime,
    /// Later than now and 5 minutes.
    Future,
    /// Older than the publisher's `max_age`.
    TooOld,
    /// Not a number where one is needed, or not finite.
    BadValue,
    /// Fractional where the property takes whole numbers, or neither 0 nor 1 for a boolean.
    WrongNumber,
    /// A device that is no equipment of the publisher.
    UnknownDevice,
    /// The thing does not exist at that time.
    ThingNotValid,
    /// A lot's own count that it does not list, and that would show its reserved bays.
    ShowsReserved,
}

impl QuarantineReason {
    /// The label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TooLong => "too_long",
            Self::UnknownThing => "unknown_thing",
            Self::UnknownProperty => "unknown_property",
            Self::BadTime => "bad_time",
            Self::MissingTime => "missing_time",
            Self::Future => "future",
            Self::TooOld => "too_old",
            Self::BadValue => "bad_value",
            Self::WrongNumber => "wrong_number",
            Self::UnknownDevice => "unknown_device",
            Self::ThingNotValid => "thing_not_valid",
            Self::ShowsReserved => "shows_reserved",
        }
    }
}

impl fmt::Display for QuarantineReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// One refusal, to be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineEntry {
    /// Why.
    pub reason: QuarantineReason,
    /// Which part and what would be right, at most [`QUARANTINE_DETAIL_BYTES_MAX`]; holds nothing
    /// of the payload on routes that can carry people's identifiers.
    pub detail: String,
    /// The topic or route it came by.
    pub topic: String,
    /// Who sent it.
    pub publisher: Option<PublisherId>,
    /// When it came.
    pub received: Timestamp,
    /// The payload; `None` on routes that can carry people's identifiers.
    pub payload: Option<Vec<u8>>,
    /// The payload's whole length in bytes.
    pub payload_bytes: u64,
    /// How many observations it stands for (an undecodable payload is one).
    pub observations_count: u64,
}

/// A kept refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// Its number, growing.
    pub id: u64,
    /// What was kept.
    #[serde(flatten)]
    pub entry: QuarantineEntry,
}
