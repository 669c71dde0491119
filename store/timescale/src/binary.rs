//! The server's binary row format: rows become bytes for `COPY … FROM`, bytes of `COPY … TO` become
//! Arrow columns.
//!
//! # Shape
//! A header of 19 bytes, then per row the number of fields and per field its length (−1 for null)
//! and its big-endian bytes; −1 instead of a number of fields ends it. Times are microseconds from
//! 2000-01-01 UTC.
//!
//! # Limits
//! A field longer than 8 bytes or a row of another number of fields is refused: the schema has
//! none.
//!
//! # Source
//! PostgreSQL documentation, "COPY", section "Binary Format".

use arno_model::observation::ObservationBuilder;
use arno_model::{DatastreamKey, Observation, Quality, Timestamp};
use arno_store::StoreError;
use bytes::{Buf as _, BufMut as _, BytesMut};

/// Microseconds from 1970-01-01 to 2000-01-01.
const SERVER_EPOCH_US: i64 = 946_684_800_000_000;
const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
const HEADER_BYTES: usize = 19;
const COLUMNS_COUNT: i16 = 8;

/// A row as the table keeps it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct KeptRow {
    pub(crate) observation: Observation,
    pub(crate) known_at: Timestamp,
    pub(crate) place: i32,
}

/// Starts a copy.
pub(crate) fn put_header(buffer: &mut BytesMut) {
    buffer.put_slice(SIGNATURE);
    buffer.put_i32(0);
    buffer.put_i32(0);
}

/// Ends a copy.
pub(crate) fn put_trailer(buffer: &mut BytesMut) {
    buffer.put_i16(-1);
}

/// Adds a row, in the order of [`COLUMNS`].
pub(crate) fn put_row(buffer: &mut BytesMut, row: &KeptRow) {
    let observation = &row.observation;
    buffer.put_i16(COLUMNS_COUNT);
    put_i32(buffer, observation.datastream.0);
    put_time(buffer, observation.time);
    put_time(buffer, row.known_at);
    put_i32(buffer, row.place);
    match observation.result {
        Some(result) => {
            buffer.put_i32(8);
            buffer.put_f64(result);
        }
        None => buffer.put_i32(-1),
    }
    buffer.put_i32(2);
    buffer.put_i16(i16::from(observation.quality.code()));
    put_time(buffer, observation.received);
    match observation.result_time {
        Some(moment) => put_time(buffer, moment),
        None => buffer.put_i32(-1),
    }
}

/// The columns of a row, in their order on the wire.
pub(crate) const COLUMNS: &str =
    "datastream, time, known_at, place, result, quality, received, result_time";

fn put_i32(buffer: &mut BytesMut, number: i32) {
    buffer.put_i32(4);
    buffer.put_i32(number);
}

fn put_time(buffer: &mut BytesMut, moment: Timestamp) {
    buffer.put_i32(8);
    buffer.put_i64(moment.as_micros() - SERVER_EPOCH_US);
}

/// Decodes a copy that arrives in pieces.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    pending: BytesMut,
    has_header: bool,
    has_ended: bool,
}

fn malformed(what: &'static str) -> StoreError {
    StoreError::Unavailable {
        action: "read the database's answer",
        source: what.into(),
    }
}

impl Decoder {
    /// Takes a piece and adds its whole rows to `rows`.
    pub(crate) fn feed(
        &mut self,
        piece: &[u8],
        rows: &mut ObservationBuilder,
    ) -> Result<(), StoreError> {
        self.pending.extend_from_slice(piece);
        if !self.has_header {
            if self.pending.len() < HEADER_BYTES {
                return Ok(());
            }
            if !self.pending.starts_with(SIGNATURE) {
                return Err(malformed("not a binary copy"));
            }
            self.pending.advance(HEADER_BYTES);
            self.has_header = true;
        }
        while !self.has_ended {
            let Some(row_bytes) = self.whole_row()? else {
                return Ok(());
            };
            let mut row = self.pending.split_to(row_bytes);
            let kept = take_row(&mut row)?;
            rows.push_kept(&kept.observation, kept.known_at);
        }
        Ok(())
    }

    /// The length of the first row, if it is all here.
    fn whole_row(&mut self) -> Result<Option<usize>, StoreError> {
        let mut rest = &self.pending[..];
        if rest.len() < 2 {
            return Ok(None);
        }
        match rest.get_i16() {
            -1 => {
                self.has_ended = true;
                return Ok(None);
            }
            COLUMNS_COUNT => {}
            _ => return Err(malformed("a row of another number of fields")),
        }
        for _ in 0..COLUMNS_COUNT {
            if rest.len() < 4 {
                return Ok(None);
            }
            let field_bytes = rest.get_i32();
            if field_bytes > 8 {
                return Err(malformed("a field longer than a number"));
            }
            let field_bytes = usize::try_from(field_bytes).unwrap_or(0);
            if rest.len() < field_bytes {
                return Ok(None);
            }
            rest.advance(field_bytes);
        }
        Ok(Some(self.pending.len() - rest.len()))
    }
}

fn take_row(row: &mut BytesMut) -> Result<KeptRow, StoreError> {
    row.advance(2);
    let datastream = DatastreamKey(take_i32(row)?);
    let time = take_time(row)?.ok_or_else(|| malformed("a row without a time"))?;
    let known_at = take_time(row)?.ok_or_else(|| malformed("a row without a commit"))?;
    let place = take_i32(row)?;
    let result = match row.get_i32() {
        8 => Some(row.get_f64()),
        -1 => None,
        _ => return Err(malformed("a result that is no number")),
    };
    if row.get_i32() != 2 {
        return Err(malformed("a quality of another width"));
    }
    let code = u8::try_from(row.get_i16()).ok();
    let quality = code
        .and_then(Quality::from_code)
        .ok_or_else(|| malformed("an unknown quality"))?;
    let received = take_time(row)?.ok_or_else(|| malformed("a row without its receipt"))?;
    let result_time = take_time(row)?;
    let observation = Observation {
        datastream,
        time,
        result,
        quality,
        received,
        result_time,
    };
    Ok(KeptRow {
        observation,
        known_at,
        place,
    })
}

fn take_i32(row: &mut BytesMut) -> Result<i32, StoreError> {
    if row.get_i32() != 4 {
        return Err(malformed("a number of another width"));
    }
    Ok(row.get_i32())
}

fn take_time(row: &mut BytesMut) -> Result<Option<Timestamp>, StoreError> {
    match row.get_i32() {
        8 => {
            let micros = row.get_i64().checked_add(SERVER_EPOCH_US);
            let micros = micros.ok_or_else(|| malformed("an infinite time"))?;
            Ok(Some(Timestamp::from_micros(micros)))
        }
        -1 => Ok(None),
        _ => Err(malformed("a time of another width")),
    }
}

#[cfg(test)]
mod tests {
    use arno_model::observation::ObservationColumns;

    use super::*;

    #[test]
    fn rows_survive_the_wire_in_any_pieces() {
        let row = |n: i32| KeptRow {
            observation: Observation {
                datastream: DatastreamKey(n),
                time: Timestamp::from_micros(i64::from(n) - 5),
                result: (n % 2 == 0).then(|| f64::from(n)),
                quality: Quality::Late,
                received: Timestamp::from_micros(7),
                result_time: (n % 3 == 0).then(|| Timestamp::from_micros(9)),
            },
            known_at: Timestamp::from_micros(11),
            place: n,
        };
        let mut bytes = BytesMut::new();
        put_header(&mut bytes);
        (1..=7).for_each(|n| put_row(&mut bytes, &row(n)));
        put_trailer(&mut bytes);
        for piece_bytes in [1, 3, 64, 10_000] {
            let (mut decoder, mut rows) = (Decoder::default(), ObservationBuilder::default());
            for piece in bytes.chunks(piece_bytes) {
                decoder.feed(piece, &mut rows).unwrap();
            }
            let batch = rows.finish_kept().unwrap();
            let columns = ObservationColumns::view(&batch).unwrap();
            let back: Vec<_> = (0..7).filter_map(|index| columns.row(index)).collect();
            let sent: Vec<_> = (1..=7).map(|n| row(n).observation).collect();
            assert_eq!(back, sent);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let mut rows = ObservationBuilder::default();
        assert!(Decoder::default().feed(&[0; 64], &mut rows).is_err());
        let mut bytes = BytesMut::new();
        put_header(&mut bytes);
        bytes.put_i16(3);
        assert!(Decoder::default().feed(&bytes, &mut rows).is_err());
    }
}
