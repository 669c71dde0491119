//! The ledger: every observation that arrives is counted under exactly one outcome.
//!
//! # Invariants
//! `received = stored + repeated + corrected + quarantined + ignored`, committed with the data.

use std::fmt;
use std::ops::AddAssign;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::property::text_enum;

/// What became of one received observation (an undecodable payload is one).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// New, and durable.
    Stored,
    /// Known already.
    Repeated,
    /// A further version of a known identity, and durable.
    Corrected,
    /// Refused with its reason, and the refusal is durable.
    Quarantined,
    /// A field that the mapping says to leave.
    Ignored,
}

text_enum!(Outcome {
    Stored => "stored", Repeated => "repeated", Corrected => "corrected",
    Quarantined => "quarantined", Ignored => "ignored",
});

/// Counts of outcomes, of a commit or of a store's whole life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// New and durable.
    pub stored: u64,
    /// Known already.
    pub repeated: u64,
    /// Further versions.
    pub corrected: u64,
    /// Refused with a durable reason.
    pub quarantined: u64,
    /// Left out by the mapping's word.
    pub ignored: u64,
}

impl Ledger {
    /// The sum of all outcomes.
    pub fn received(&self) -> u64 {
        self.stored + self.repeated + self.corrected + self.quarantined + self.ignored
    }

    /// The counts by outcome.
    pub fn entries(&self) -> [(Outcome, u64); 5] {
        [
            (Outcome::Stored, self.stored),
            (Outcome::Repeated, self.repeated),
            (Outcome::Corrected, self.corrected),
            (Outcome::Quarantined, self.quarantined),
            (Outcome::Ignored, self.ignored),
        ]
    }
}

impl AddAssign for Ledger {
    fn add_assign(&mut self, other: Self) {
        self.stored += other.stored;
        self.repeated += other.repeated;
        self.corrected += other.corrected;
        self.quarantined += other.quarantined;
        self.ignored += other.ignored;
    }
}
