//! Refusals: how what can't be stored is worded for the quarantine.
//!
//! # Why
//! Decoders and admission refuse alike, and a refusal must stay within its bounds and, on routes
//! that can carry people's identifiers, hold nothing of the payload.
//!
//! # Limits
//! The store's `QUARANTINE_DETAIL_BYTES_MAX` and `QUARANTINE_PAYLOAD_BYTES_MAX`: longer texts are
//! cut at a character, longer payloads keep their first bytes and their whole length.

use arno_model::{PublisherId, Timestamp};
use arno_store::append::{QUARANTINE_DETAIL_BYTES_MAX, QUARANTINE_PAYLOAD_BYTES_MAX};
use arno_store::{QuarantineEntry, QuarantineReason};

use crate::delivery::Problem;
use crate::personal::{mask, mask_text};

/// How far past a payload's cut an address may reach that begins before it.
const MASK_AHEAD_BYTES: usize = 320;

/// Where a refused part came from.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The topic or route.
    pub topic: &'a str,
    /// Who sent it.
    pub publisher: Option<&'a PublisherId>,
    /// When it came.
    pub received: Timestamp,
}

impl Problem {
    /// A problem with its detail cut to what the quarantine keeps.
    pub fn new(reason: QuarantineReason, detail: impl Into<String>) -> Self {
        let detail = cut(mask_text(detail.into()), QUARANTINE_DETAIL_BYTES_MAX);
        Self { reason, detail }
    }

    /// The quarantine entry for one observation, or one undecodable payload.
    ///
    /// `payload` is `None` on routes that can carry people's identifiers; `payload_bytes` is the
    /// length of what came.
    pub fn into_entry(
        self,
        origin: Origin<'_>,
        payload: Option<&[u8]>,
        payload_bytes: usize,
    ) -> QuarantineEntry {
        let kept = payload.map(|bytes| {
            let kept_bytes = bytes.len().min(QUARANTINE_PAYLOAD_BYTES_MAX);
            // Masked before it is cut: half an address at the cut would not be known as one.
            let seen_bytes = bytes.len().min(kept_bytes + MASK_AHEAD_BYTES);
            let mut kept = mask(bytes.get(..seen_bytes).unwrap_or(bytes)).into_owned();
            kept.truncate(kept_bytes);
            kept
        });
        QuarantineEntry {
            reason: self.reason,
            detail: self.detail,
            topic: cut(
                mask_text(origin.topic.to_owned()),
                QUARANTINE_DETAIL_BYTES_MAX,
            ),
            publisher: origin.publisher.cloned(),
            received: origin.received,
            payload: kept,
            payload_bytes: u64::try_from(payload_bytes).unwrap_or(u64::MAX),
            observations_count: 1,
        }
    }
}

fn cut(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        let end = (0..=bytes_max)
            .rev()
            .find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or(0));
    }
    text
}
