//! A quarantined payload as bytes: its words as JSON, then the payload as it came.
//!
//! # Shape
//! Length of the JSON (u32 little-endian), the JSON without the payload, the payload.

use arno_store::{QuarantineEntry, StoreError};
use serde::{Deserialize, Serialize};

use crate::error::damaged;

#[derive(Serialize, Deserialize)]
struct Words {
    #[serde(flatten)]
    entry: QuarantineEntry,
    has_payload: bool,
}

/// The bytes of a refusal.
pub(crate) fn encode(entry: &QuarantineEntry) -> Vec<u8> {
    let payload = entry.payload.as_deref().unwrap_or_default();
    let words = Words {
        entry: QuarantineEntry {
            payload: None,
            ..entry.clone()
        },
        has_payload: entry.payload.is_some(),
    };
    let json = serde_json::to_vec(&words).expect("a struct with text keys always becomes JSON");
    let length = u32::try_from(json.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(4 + json.len() + payload.len());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&json);
    bytes.extend_from_slice(payload);
    bytes
}

/// The refusal that [`encode`] made bytes of; `name` is for the error.
pub(crate) fn decode(name: &str, bytes: &[u8]) -> Result<QuarantineEntry, StoreError> {
    let short = || damaged(name, "it is too short");
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(short)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let (json, payload) = rest.split_at_checked(length).ok_or_else(short)?;
    let words: Words = serde_json::from_slice(json).map_err(|source| damaged(name, source))?;
    let mut entry = words.entry;
    entry.payload = words.has_payload.then(|| payload.to_vec());
    Ok(entry)
}
