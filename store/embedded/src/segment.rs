//! Segments: derived batches as Parquet files, swapped all at once by the log.
//!
//! # Shape
//! `segments/<kind>/<day>-<number>.parquet`; the log says which file is a day's, with its checksum.
//!
//! # Invariants
//! A file is durable before the log names it, and is deleted only after the log names another.
//! Files that the log does not name are deleted at start.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use arno_store::StoreError;
use arno_store_lake::segment;
use arrow::array::RecordBatch;

use crate::error::{damaged, io_failed};
use crate::folder::{sync_dir, write_durably};
use crate::log::{Log, SegmentFile, SegmentSwap};

/// Longest name of a kind; it is a folder's name.
const KIND_BYTES_MAX: usize = 64;

/// The folder of all segments.
#[derive(Debug)]
pub(crate) struct SegmentFolder {
    path: PathBuf,
    next: AtomicU64,
}

impl SegmentFolder {
    /// Opens the folder and deletes what the log does not name.
    pub(crate) fn open(path: PathBuf, log: &Log) -> Result<Self, StoreError> {
        let failed = |source| io_failed("open the segments", source);
        let mut next = 0;
        for kind in fs::read_dir(&path).map_err(failed)? {
            let kind = kind.map_err(failed)?;
            let name = kind.file_name().to_string_lossy().into_owned();
            let named: HashSet<String> = log
                .segments(&name)?
                .into_iter()
                .map(|(_day, file)| file.file)
                .collect();
            for file in fs::read_dir(kind.path()).map_err(failed)? {
                let file = file.map_err(failed)?;
                let name = file.file_name().to_string_lossy().into_owned();
                next = next.max(number_of(&name) + 1);
                if !named.contains(&name) {
                    fs::remove_file(file.path()).map_err(failed)?;
                }
            }
        }
        Ok(Self {
            path,
            next: AtomicU64::new(next),
        })
    }

    /// Writes the files of a swap; they count once the log has it.
    pub(crate) fn prepare(
        &self,
        kind: &str,
        segments: &[(i32, RecordBatch)],
        mark: Vec<u8>,
    ) -> Result<SegmentSwap, StoreError> {
        check_kind(kind)?;
        let failed = |source| io_failed("write a segment", source);
        let folder = self.path.join(kind);
        if !folder.try_exists().map_err(failed)? {
            fs::create_dir_all(&folder).map_err(failed)?;
            sync_dir(&self.path).map_err(failed)?;
        }
        let mut swap = SegmentSwap {
            kind: kind.to_owned(),
            days: Vec::new(),
            mark,
        };
        for (day, batch) in segments {
            if batch.num_rows() == 0 {
                swap.days.push((*day, None));
                continue;
            }
            let invalid = |_source| StoreError::Invalid {
                reason: "a column type Parquet lacks",
            };
            let bytes = segment::encode(batch).map_err(invalid)?;
            let file = format!(
                "{day}-{}.parquet",
                self.next.fetch_add(1, Ordering::Relaxed)
            );
            write_durably(&folder.join(&file), &bytes).map_err(failed)?;
            let crc32 = crc32fast::hash(&bytes);
            swap.days.push((*day, Some(SegmentFile { file, crc32 })));
        }
        Ok(swap)
    }

    /// Reads a day's segment, as the log names it now.
    pub(crate) fn read(
        &self,
        log: &Log,
        kind: &str,
        day: i32,
    ) -> Result<Option<RecordBatch>, StoreError> {
        let mut is_retry = false;
        loop {
            let Some(file) = log.segment(kind, day)? else {
                return Ok(None);
            };
            let path = self.path.join(kind).join(&file.file);
            match fs::read(&path) {
                Ok(bytes) => return parse(&path, &file, bytes).map(Some),
                // Swapped between the two looks: look again.
                Err(source) if source.kind() == io::ErrorKind::NotFound && !is_retry => {
                    is_retry = true;
                }
                Err(source) => return Err(io_failed("read a segment", source)),
            }
        }
    }

    /// Deletes files that a swap replaced; what cannot be deleted now is at the next start.
    pub(crate) fn delete(&self, kind: &str, files: impl IntoIterator<Item = SegmentFile>) {
        for file in files {
            let path = self.path.join(kind).join(&file.file);
            if let Err(source) = fs::remove_file(&path) {
                tracing::debug!(path = %path.display(), %source, "an old segment stays for now");
            }
        }
    }
}

fn parse(path: &Path, file: &SegmentFile, bytes: Vec<u8>) -> Result<RecordBatch, StoreError> {
    let name = || path.display().to_string();
    if crc32fast::hash(&bytes) != file.crc32 {
        return Err(damaged(name(), "its checksum does not hold"));
    }
    segment::decode(bytes.into()).map_err(|source| damaged(name(), source))
}

fn check_kind(kind: &str) -> Result<(), StoreError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if kind.is_empty() || kind.len() > KIND_BYTES_MAX || !kind.bytes().all(is_plain) {
        let reason = "a segment's kind has 1 to 64 letters, digits, `_` or `-`";
        return Err(StoreError::Invalid { reason });
    }
    Ok(())
}

fn number_of(file: &str) -> u64 {
    let stem = file.strip_suffix(".parquet").unwrap_or(file);
    stem.rsplit('-')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}
