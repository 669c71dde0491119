//! The disk under the log: opening its file, and how much room there is.
//!
//! # Why
//! A seam of two functions, so that tests can put a failing disk there.

use std::fmt::Debug;
use std::io;
use std::path::Path;

use redb::{Database, DatabaseError};

/// Pages the database keeps in memory: the log is written once and read at start only.
pub(crate) const CACHE_BYTES: usize = 32 << 20;

/// What the log stands on.
pub(crate) trait Disk: Debug + Send + Sync {
    /// Opens the log's file, or makes it.
    fn open(&self, path: &Path) -> Result<Database, DatabaseError>;

    /// Bytes that may still be written beside `path`.
    fn free_bytes(&self, path: &Path) -> io::Result<u64>;
}

/// The real one.
#[derive(Debug)]
pub(crate) struct LocalDisk;

impl Disk for LocalDisk {
    fn open(&self, path: &Path) -> Result<Database, DatabaseError> {
        Database::builder().set_cache_size(CACHE_BYTES).create(path)
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(path)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}
