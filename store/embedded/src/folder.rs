//! The data folder: whose it is, in which format, and that its names survive a power cut.
//!
//! # Shape
//! `format` (a number), `lock`, `log.redb`, `lake/`, `segments/`, `damaged/`.
//!
//! # Invariants
//! One process holds the folder: an advisory lock on `lock`, which the kernel lets go when the
//! process ends, however it ends.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use arno_store::StoreError;

use crate::error::{damaged, io_failed};

/// The folder format that this Arno writes, and the newest it reads.
pub(crate) const FORMAT: u32 = 1;

/// A data folder held by this process.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    lock: Mutex<Option<File>>,
}

impl Folder {
    /// Makes or takes the folder.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let failed = |source| io_failed("open the data folder", source);
        fs::create_dir_all(path).map_err(failed)?;
        let lock_path = path.join("lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(lock_path);
        let lock = lock.map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Held {
                    name: path.display().to_string(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let folder = Self {
            path: path.to_owned(),
            lock: Mutex::new(Some(lock)),
        };
        folder.check_format()?;
        for name in ["segments", "damaged"] {
            fs::create_dir_all(folder.path.join(name)).map_err(failed)?;
        }
        sync_dir(path).map_err(failed)?;
        if let Some(parent) = path.parent() {
            // The folder's own name; a parent that may not be read is the operator's.
            drop(sync_dir(parent));
        }
        Ok(folder)
    }

    fn check_format(&self) -> Result<(), StoreError> {
        let path = self.path.join("format");
        let failed = |source| io_failed("read the folder's format", source);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(source) if source.kind() == io::ErrorKind::NotFound => {
                return write_durably(&path, format!("{FORMAT}\n").as_bytes()).map_err(failed);
            }
            Err(source) => return Err(failed(source)),
        };
        let name = path.display().to_string();
        let found: u32 = text
            .trim()
            .parse()
            .map_err(|source| damaged(name.clone(), source))?;
        if found > FORMAT {
            return Err(StoreError::NewerFormat {
                name,
                found,
                supported: FORMAT,
            });
        }
        Ok(())
    }

    /// A path within.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Lets another process have it.
    pub(crate) fn release(&self) {
        drop(
            self.lock
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }
}

/// Writes a file so that it is whole under its name or not there, also after a power cut.
pub(crate) fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_added_extension("new");
    let mut file = File::create(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Makes the names in a folder durable.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
