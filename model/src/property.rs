//! Observed properties: how a measured quantity behaves between its observations and over an area.
//!
//! # Why
//! The signal kind, not code, decides how a number is integrated, merged and shown. A new kind of
//! sensor is an entry in `properties.toml`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::PropertyId;

/// What is known between two observations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignalKind {
    /// Holds until the next observation, at most `max_hold`.
    State,
    /// Nothing is known between samples.
    Gauge,
    /// Grows; a drop is a reset.
    Counter,
    /// An amount since the last report, over its period.
    Delta,
    /// An estimate of distinct items, made while it happened.
    Distinct,
}

/// How a property adds over the things of an area.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AreaMode {
    /// Weighted by capacity: parking.
    Capacity,
    /// Summed over things.
    Sum,
    /// Averaged over things.
    Mean,
    /// Means nothing over an area.
    None,
}

/// What numbers a property takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NumberType {
    /// Whole numbers; integrals of them are exact.
    Integer,
    /// Any finite number.
    Number,
    /// 0 or 1; payloads may say `false` and `true`.
    Boolean,
}

macro_rules! text_enum {
    ($name:ident { $($variant:ident => $text:literal),+ $(,)? }) => {
        impl $name {
            /// The name in files, answers and SQL.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.as_str())
            }
        }
        impl FromStr for $name {
            type Err = crate::property::UnknownWord;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(crate::property::UnknownWord {
                        text: text.chars().take(60).collect(),
                        allowed: &[$($text),+],
                    }),
                }
            }
        }
    };
}
pub(crate) use text_enum;

/// A word outside a closed list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is unknown; allowed are {}", allowed.join(", "))]
pub struct UnknownWord {
    /// The refused word.
    pub text: String,
    /// The words that are allowed.
    pub allowed: &'static [&'static str],
}

text_enum!(SignalKind {
    State => "state", Gauge => "gauge", Counter => "counter", Delta => "delta",
    Distinct => "distinct",
});
text_enum!(AreaMode { Capacity => "capacity", Sum => "sum", Mean => "mean", None => "none" });
text_enum!(NumberType { Integer => "integer", Number => "number", Boolean => "boolean" });

/// One entry of `properties.toml`.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedProperty {
    /// Its name.
    pub id: PropertyId,
    /// A human name, Italian then English.
    pub name: (String, String),
    /// UCUM unit; `1` for counts.
    pub unit: String,
    /// How it behaves between observations.
    pub signal: SignalKind,
    /// What numbers it takes.
    pub number: NumberType,
    /// How it adds over an area.
    pub area_mode: AreaMode,
    /// States: how long a value holds without a successor. Absent: without limit.
    pub max_hold: Option<Duration>,
    /// Gauges: the usual time between samples, for the known share.
    pub expected_interval: Option<Duration>,
    /// Counters: beyond this gap the increase is reported as unplaced.
    pub max_gap: Option<Duration>,
    /// Deltas: how long before its time an observation reaches back.
    pub period: Option<Duration>,
    /// Least plausible result; below it the interval counts as unknown.
    pub min: Option<f64>,
    /// Greatest plausible result.
    pub max: Option<f64>,
    /// Whether it counts people: public only as published cells.
    pub counts_people: bool,
}

impl ObservedProperty {
    /// Whether a result lies in the plausible range.
    pub fn is_plausible(&self, result: f64) -> bool {
        self.min.is_none_or(|min| result >= min) && self.max.is_none_or(|max| result <= max)
    }

    /// Whether observations must carry their own time: what has a period can't be placed by the
    /// time of receipt, and a repeat of it would count twice.
    pub fn needs_time(&self) -> bool {
        matches!(self.signal, SignalKind::Delta | SignalKind::Distinct)
    }

    /// Whether offline (`online` = 0) leaves it known: `capacity` and `online` themselves.
    pub fn survives_offline(&self) -> bool {
        matches!(self.id.as_str(), "capacity" | "online")
    }
}
