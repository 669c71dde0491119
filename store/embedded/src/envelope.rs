//! The frame around every value in the log's database: a checksum, and enough to know the value
//! again in a raw file.
//!
//! # Shape
//! `ARN1`, crc32 of all that follows, length of key and payload, kind, stamp, key, payload;
//! integers little-endian. The stamp grows with every commit, so that of two copies the newer is
//! known.
//!
//! # Why
//! The database verifies its pages after a crash only, and all or nothing: one flipped bit would
//! take every entry away. With frames a damaged value is found when it is read and the others
//! survive, even out of a file that the database refuses.

use crc32fast::Hasher;

/// How every frame begins.
pub(crate) const MAGIC: &[u8; 4] = b"ARN1";
const HEAD_BYTES: usize = 4 + 4 + 4 + 4 + 1 + 8;

/// Which table a value belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Kind {
    /// A group of commits.
    Log = 1,
    /// Counts, clock and newest commit.
    State = 2,
    /// A refusal.
    Quarantine = 3,
    /// A datastream's name.
    Stream = 4,
    /// A document.
    Document = 5,
    /// Where a segment's file is.
    Segment = 6,
    /// A kind's mark.
    Mark = 7,
}

impl Kind {
    fn from_code(code: u8) -> Option<Self> {
        let all = [
            Self::Log,
            Self::State,
            Self::Quarantine,
            Self::Stream,
            Self::Document,
            Self::Segment,
            Self::Mark,
        ];
        all.into_iter().find(|kind| *kind as u8 == code)
    }
}

/// A value whose checksum holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Opened<'a> {
    /// Its table.
    pub(crate) kind: Kind,
    /// The commit that wrote it.
    pub(crate) stamp: u64,
    /// Its key.
    pub(crate) key: &'a [u8],
    /// What it holds.
    pub(crate) payload: &'a [u8],
    /// Bytes of the whole frame.
    pub(crate) length: usize,
}

/// The bytes are not what was written.
#[derive(Debug, thiserror::Error)]
#[error("its checksum does not hold")]
pub(crate) struct BadChecksum;

/// Frames a payload.
pub(crate) fn seal(kind: Kind, stamp: u64, key: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut sealed = Vec::with_capacity(HEAD_BYTES + key.len() + payload.len());
    sealed.extend_from_slice(MAGIC);
    sealed.extend_from_slice(&[0; 4]);
    sealed.extend_from_slice(&length(key));
    sealed.extend_from_slice(&length(payload));
    sealed.push(kind as u8);
    sealed.extend_from_slice(&stamp.to_le_bytes());
    sealed.extend_from_slice(key);
    sealed.extend_from_slice(payload);
    let mut hasher = Hasher::new();
    hasher.update(&sealed[8..]);
    let crc = hasher.finalize().to_le_bytes();
    sealed[4..8].copy_from_slice(&crc);
    sealed
}

/// Opens a frame at the beginning of `bytes`; what follows it is ignored.
///
/// # Errors
/// [`BadChecksum`] for anything that [`seal`] did not make.
pub(crate) fn open(bytes: &[u8]) -> Result<Opened<'_>, BadChecksum> {
    let head = bytes.get(..HEAD_BYTES).ok_or(BadChecksum)?;
    if !head.starts_with(MAGIC) {
        return Err(BadChecksum);
    }
    let number = |at: usize| -> Option<usize> {
        let bytes: [u8; 4] = head.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    };
    let crc: [u8; 4] = head[4..8].try_into().map_err(|_source| BadChecksum)?;
    let key_bytes = number(8).ok_or(BadChecksum)?;
    let payload_bytes = number(12).ok_or(BadChecksum)?;
    let end = HEAD_BYTES
        .saturating_add(key_bytes)
        .saturating_add(payload_bytes);
    let framed = bytes.get(8..end).ok_or(BadChecksum)?;
    let mut hasher = Hasher::new();
    hasher.update(framed);
    if hasher.finalize() != u32::from_le_bytes(crc) {
        return Err(BadChecksum);
    }
    let stamp: [u8; 8] = head[17..25].try_into().map_err(|_source| BadChecksum)?;
    let (key, payload) = bytes[HEAD_BYTES..end].split_at(key_bytes);
    Ok(Opened {
        kind: Kind::from_code(head[16]).ok_or(BadChecksum)?,
        stamp: u64::from_le_bytes(stamp),
        key,
        payload,
        length: end,
    })
}

/// Where the next frame may begin.
pub(crate) fn find(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(MAGIC.len())
        .position(|window| window == MAGIC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_is_found() {
        let sealed = seal(Kind::Document, 7, b"name", b"some bytes");
        let opened = open(&sealed).unwrap();
        assert_eq!((opened.kind, opened.stamp), (Kind::Document, 7));
        assert_eq!(
            (opened.key, opened.payload),
            (&b"name"[..], &b"some bytes"[..])
        );
        for bit in 0..sealed.len() * 8 {
            let mut damaged = sealed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&damaged).ok(), None, "bit {bit}");
        }
        open(&sealed[..sealed.len() - 1]).unwrap_err();
    }
}
