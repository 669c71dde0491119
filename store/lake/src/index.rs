//! Which rows of a sorted file belong to which datastream, and what times they cover.
//!
//! # Why
//! A file is sorted by datastream, so a list of spans finds the rows of a few datastreams exactly;
//! statistics of row groups only guess.
//!
//! # Shape
//! Kept in the Parquet footer under [`INDEX_NAME`] as base64 of variable-length integers and a
//! crc32, so that the file needs nothing beside it.

use arno_model::DatastreamKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The footer's key for the index.
pub(crate) const INDEX_NAME: &str = "arno.index.1";
/// The footer's key for the checksums of column chunks.
pub(crate) const CHECKS_NAME: &str = "arno.checks.1";

/// The rows of one datastream in one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The datastream.
    pub key: DatastreamKey,
    /// How many rows.
    pub row_count: u32,
    /// The first time, in microseconds.
    pub first_us: i64,
    /// The last time, in microseconds.
    pub last_us: i64,
    /// The oldest commit, in microseconds.
    pub first_known_us: i64,
    /// The newest commit, in microseconds.
    pub last_known_us: i64,
}

/// Gathers spans from sorted rows.
#[derive(Debug, Default)]
pub(crate) struct SpanBuilder {
    spans: Vec<Span>,
}

impl SpanBuilder {
    /// Adds rows in their order.
    pub(crate) fn add(&mut self, keys: &[i32], times: &[i64], stamps: &[i64]) {
        for ((key, time_us), known_us) in keys.iter().zip(times).zip(stamps) {
            match self.spans.last_mut() {
                Some(span) if span.key.0 == *key => {
                    span.row_count += 1;
                    span.last_us = *time_us;
                    span.first_known_us = span.first_known_us.min(*known_us);
                    span.last_known_us = span.last_known_us.max(*known_us);
                }
                _ => self.spans.push(Span {
                    key: DatastreamKey(*key),
                    row_count: 1,
                    first_us: *time_us,
                    last_us: *time_us,
                    first_known_us: *known_us,
                    last_known_us: *known_us,
                }),
            }
        }
    }

    /// All spans, by ascending datastream.
    pub(crate) fn finish(self) -> Vec<Span> {
        self.spans
    }
}

/// Spans as text.
pub(crate) fn encode(spans: &[Span]) -> String {
    let mut bytes = Vec::with_capacity(spans.len() * 24 + 16);
    let (mut key, mut first_us, mut known_us) = (0, 0, 0);
    put(&mut bytes, i64::try_from(spans.len()).unwrap_or(i64::MAX));
    for span in spans {
        put(&mut bytes, i64::from(span.key.0) - key);
        put(&mut bytes, i64::from(span.row_count));
        put(&mut bytes, span.first_us.wrapping_sub(first_us));
        put(&mut bytes, span.last_us.wrapping_sub(span.first_us));
        put(&mut bytes, span.first_known_us.wrapping_sub(known_us));
        put(
            &mut bytes,
            span.last_known_us.wrapping_sub(span.first_known_us),
        );
        (key, first_us, known_us) = (i64::from(span.key.0), span.first_us, span.first_known_us);
    }
    seal(bytes)
}

/// The spans that [`encode`] made text of.
pub(crate) fn decode(text: &str) -> Option<Vec<Span>> {
    let bytes = unseal(text)?;
    let mut bytes = bytes.as_slice();
    let count = usize::try_from(take(&mut bytes)?).ok()?;
    // A span is at least 6 bytes: a damaged count asks for no memory.
    let mut spans = Vec::with_capacity(count.min(bytes.len() / 6));
    let (mut key, mut first_us, mut known_us) = (0_i64, 0_i64, 0_i64);
    for _ in 0..count {
        key = key.checked_add(take(&mut bytes)?)?;
        let row_count = u32::try_from(take(&mut bytes)?).ok()?;
        first_us = first_us.wrapping_add(take(&mut bytes)?);
        let last_us = first_us.wrapping_add(take(&mut bytes)?);
        known_us = known_us.wrapping_add(take(&mut bytes)?);
        spans.push(Span {
            key: DatastreamKey(i32::try_from(key).ok()?),
            row_count,
            first_us,
            last_us,
            first_known_us: known_us,
            last_known_us: known_us.wrapping_add(take(&mut bytes)?),
        });
    }
    Some(spans)
}

/// Checksums as text.
pub(crate) fn encode_checks(checks: &[u32]) -> String {
    seal(
        checks
            .iter()
            .flat_map(|check| check.to_le_bytes())
            .collect(),
    )
}

/// The checksums that [`encode_checks`] made text of.
pub(crate) fn decode_checks(text: &str) -> Option<Vec<u32>> {
    let bytes = unseal(text)?;
    let (chunks, rest) = bytes.as_chunks::<4>();
    rest.is_empty().then(|| {
        chunks
            .iter()
            .map(|chunk| u32::from_le_bytes(*chunk))
            .collect()
    })
}

fn seal(mut bytes: Vec<u8>) -> String {
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    STANDARD.encode(bytes)
}

fn unseal(text: &str) -> Option<Vec<u8>> {
    let mut bytes = STANDARD.decode(text).ok()?;
    let crc = u32::from_le_bytes(*bytes.last_chunk::<4>()?);
    bytes.truncate(bytes.len() - 4);
    (crc32fast::hash(&bytes) == crc).then_some(bytes)
}

/// Writes a number in seven-bit groups, small ones of either sign in one byte.
fn put(bytes: &mut Vec<u8>, number: i64) {
    let mut rest = ((number << 1) ^ (number >> 63)).cast_unsigned();
    while rest >= 0x80 {
        bytes.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push((rest & 0x7f) as u8);
}

fn take(bytes: &mut &[u8]) -> Option<i64> {
    let mut folded = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        folded |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((folded >> 1).cast_signed() ^ -((folded & 1).cast_signed()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_back_and_damage_is_seen() {
        let mut builder = SpanBuilder::default();
        let keys = [1, 1, 7, 7, 7, 2_000_000];
        let times = [-5, 1_700_000_000_000_000, i64::MIN / 2, 3, 4, 5];
        let stamps = [9, 8, 7, 6, 5, 4];
        builder.add(&keys, &times, &stamps);
        let spans = builder.finish();
        assert_eq!(
            spans.iter().map(|span| span.row_count).collect::<Vec<_>>(),
            [2, 3, 1]
        );
        assert_eq!((spans[1].first_known_us, spans[1].last_known_us), (5, 7));
        let text = encode(&spans);
        assert_eq!(decode(&text), Some(spans));
        assert_eq!(
            decode_checks(&encode_checks(&[1, u32::MAX])),
            Some(vec![1, u32::MAX])
        );
        for place in 0..text.len() {
            let mut damaged = text.clone().into_bytes();
            damaged[place] = if damaged[place] == b'A' { b'B' } else { b'A' };
            assert_eq!(
                decode(&String::from_utf8(damaged).unwrap()),
                None,
                "{place}"
            );
        }
    }
}
