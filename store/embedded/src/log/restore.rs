//! A new log out of salvaged values.

use std::path::Path;

use arno_store::StoreError;

use super::SegmentFile;
use super::table::{
    DOCUMENTS, LOG, MARKS, QUARANTINE, SEGMENTS, STATE, STREAMS, open_database, parse,
};
use crate::disk::Disk;
use crate::envelope::Kind;
use crate::error::database_failed;
use crate::salvage::Salvaged;

/// Writes salvaged values into a new log at `path`.
pub(crate) fn restore(
    disk: &dyn Disk,
    path: &Path,
    salvaged: &Salvaged,
    has_file: impl Fn(&str, &SegmentFile) -> bool,
) -> Result<(), StoreError> {
    let database = open_database(disk, path)?;
    let failed = |source: redb::Error| database_failed("restore the log", source);
    let restored = (|| -> Result<(), redb::Error> {
        let transaction = database.begin_write()?;
        {
            let mut log = transaction.open_table(LOG)?;
            for (key, sealed) in salvaged.of(Kind::Log) {
                if let Ok(seq) = key.try_into().map(u64::from_le_bytes) {
                    log.insert(seq, sealed)?;
                }
            }
            let mut quarantine = transaction.open_table(QUARANTINE)?;
            for (key, sealed) in salvaged.of(Kind::Quarantine) {
                if let Ok(id) = key.try_into().map(u64::from_le_bytes) {
                    quarantine.insert(id, sealed)?;
                }
            }
            let mut streams = transaction.open_table(STREAMS)?;
            for (key, sealed) in salvaged.of(Kind::Stream) {
                if let Ok(key) = key.try_into().map(i32::from_le_bytes) {
                    streams.insert(key, sealed)?;
                }
            }
            let mut segments = transaction.open_table(SEGMENTS)?;
            for (key, sealed) in salvaged.of(Kind::Segment) {
                let name = String::from_utf8_lossy(key);
                let Some((kind, day)) = name.rsplit_once('/') else {
                    continue;
                };
                let file: Result<SegmentFile, _> = parse(&name, sealed);
                if let (Ok(day), Ok(file)) = (day.parse(), file)
                    && has_file(kind, &file)
                {
                    segments.insert((kind, day), sealed)?;
                }
            }
        }
        for (kind, table) in [
            (Kind::State, STATE),
            (Kind::Document, DOCUMENTS),
            (Kind::Mark, MARKS),
        ] {
            let mut table = transaction.open_table(table)?;
            for (key, sealed) in salvaged.of(kind) {
                table.insert(String::from_utf8_lossy(key).as_ref(), sealed)?;
            }
        }
        transaction.commit()?;
        Ok(())
    })();
    restored.map_err(failed)
}
