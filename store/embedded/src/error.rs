//! What redb, the file system and Arrow report, as the store's callers must tell it apart.

use std::io;

use arno_store::StoreError;
use arno_store::error::Cause;

/// An I/O failure while doing `action`: full, or not available.
pub(crate) fn io_failed(action: &'static str, source: io::Error) -> StoreError {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full {
            action,
            source: Box::new(source),
        },
        _ => StoreError::Unavailable {
            action,
            source: Box::new(source),
        },
    }
}

/// A failure of the log's database while doing `action`.
pub(crate) fn database_failed(action: &'static str, source: redb::Error) -> StoreError {
    match source {
        redb::Error::Io(source) if source.kind() != io::ErrorKind::InvalidData => {
            io_failed(action, source)
        }
        source @ (redb::Error::Corrupted(_)
        | redb::Error::Io(_)
        | redb::Error::UpgradeRequired(_)) => StoreError::Damaged {
            name: "log.redb".to_owned(),
            source: Box::new(source),
        },
        source => StoreError::Unavailable {
            action,
            source: Box::new(source),
        },
    }
}

/// Bytes that are not what was written.
pub(crate) fn damaged(name: impl Into<String>, source: impl Into<Cause>) -> StoreError {
    StoreError::Damaged {
        name: name.into(),
        source: source.into(),
    }
}

/// A thread or task that ended without an answer.
pub(crate) fn gone(action: &'static str) -> StoreError {
    StoreError::Unavailable {
        action,
        source: "its task has ended".into(),
    }
}
