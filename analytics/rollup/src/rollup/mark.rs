//! The mark beside the segments: what they include, so that a restart goes on from there.
//!
//! # Shape
//! JSON, about 100 bytes a thing and a cell. Written together with the segments, all or nothing.
//!
//! # Invariants
//! Rows of all buckets before `frontier` include every commit up to `known_at`, under the plan
//! whose fingerprints stand here. Fingerprints come from the standard hasher: should it change with
//! a new toolchain, everything is computed once more, to the same rows.

use std::collections::BTreeMap;

use arno_model::ThingId;
use serde::{Deserialize, Serialize};

use crate::error::RollupError;
use crate::layout::CellKey;
use crate::rollup::codec::FORMAT;
use crate::rollup::row::Thresholds;

/// What the segments include.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// [`FORMAT`] of mark and segments.
    pub format: u32,
    /// The newest commit included, microseconds.
    pub known_at: i64,
    /// Where closed buckets end, microseconds.
    pub frontier: i64,
    /// Where the first bucket with an observation begins, microseconds.
    pub begin: i64,
    /// What counted as known and saturated, percent.
    pub known_percent: u8,
    /// See `known_percent`.
    pub saturation_percent: u8,
    /// Cells by slot: the first has −1, the next −2; never reused.
    pub slots: Vec<CellKey>,
    /// Fingerprints of kept cells, by slot.
    pub cells: BTreeMap<i32, u64>,
    /// What is kept of things.
    pub things: BTreeMap<ThingId, ThingMark>,
}

/// What is kept of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThingMark {
    /// Its plan's fingerprint.
    #[serde(rename = "f")]
    pub fingerprint: u64,
    /// Its capacity over time, where it was reported and not only declared: start, end, places.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Vec<(i64, i64, i64)>>,
}

impl Mark {
    /// As bytes.
    ///
    /// # Errors
    /// [`RollupError::Damaged`] never happens.
    pub fn encode(&self) -> Result<Vec<u8>, RollupError> {
        serde_json::to_vec(self).map_err(|_cause| damaged())
    }

    /// From bytes; `None` when it is of another format or made with other thresholds: then
    /// everything is built anew.
    ///
    /// # Errors
    /// [`RollupError::Damaged`] when it is no mark.
    pub fn decode(bytes: &[u8], thresholds: Thresholds) -> Result<Option<Self>, RollupError> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let head: Head = serde_json::from_slice(bytes).map_err(|_cause| damaged())?;
        if head.format != FORMAT {
            return Ok(None);
        }
        let mark: Self = serde_json::from_slice(bytes).map_err(|_cause| damaged())?;
        let is_same = mark.known_percent == thresholds.known_percent
            && mark.saturation_percent == thresholds.saturation_percent;
        Ok(is_same.then_some(mark))
    }
}

fn damaged() -> RollupError {
    RollupError::Damaged {
        name: "mark".to_owned(),
    }
}
