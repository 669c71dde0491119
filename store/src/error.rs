//! What can go wrong in a store, as its callers must tell it apart.

use std::error::Error;

/// The cause under a store's error, from the backend's own libraries.
pub type Cause = Box<dyn Error + Send + Sync + 'static>;

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same call will fail the same way.
    Never,
    /// The same call may succeed at once.
    Now,
    /// The same call may succeed after a pause.
    After,
}

/// Why a store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No room left: nothing of the call was kept.
    #[error("the store has no room left to {action}; free space or enlarge the volume")]
    Full {
        /// What was being done.
        action: &'static str,
        /// The cause.
        #[source]
        source: Cause,
    },
    /// The database, disk or object store did not answer.
    #[error("the store could not {action}")]
    Unavailable {
        /// What was being done.
        action: &'static str,
        /// The cause.
        #[source]
        source: Cause,
    },
    /// Bytes on disk are not what was written.
    #[error("`{name}` is damaged; it was set aside")]
    Damaged {
        /// The file or row.
        name: String,
        /// The cause.
        #[source]
        source: Cause,
    },
    /// Written by a newer Arno.
    #[error("`{name}` has format {found}, this Arno reads up to {supported}; use a newer Arno")]
    NewerFormat {
        /// What has the format.
        name: String,
        /// Its format.
        found: u32,
        /// The newest one known here.
        supported: u32,
    },
    /// Another process holds the data folder.
    #[error("`{name}` is in use by another arno process")]
    Held {
        /// The folder or database.
        name: String,
    },
    /// A document changed since it was read.
    #[error("`{name}` was changed by somebody else meanwhile; read it again")]
    Conflict {
        /// The document.
        name: String,
    },
    /// The caller's batch, scan or name is not valid.
    #[error("the call is not valid: {reason}")]
    Invalid {
        /// Why.
        reason: &'static str,
    },
    /// The store is shutting down.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether trying again can help.
    pub const fn retry(&self) -> Retry {
        match self {
            Self::Full { .. } | Self::Unavailable { .. } => Retry::After,
            Self::Conflict { .. } => Retry::Now,
            Self::Damaged { .. }
            | Self::NewerFormat { .. }
            | Self::Held { .. }
            | Self::Invalid { .. }
            | Self::Closed => Retry::Never,
        }
    }

    /// A label for metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Full { .. } => "full",
            Self::Unavailable { .. } => "unavailable",
            Self::Damaged { .. } => "damaged",
            Self::NewerFormat { .. } => "newer_format",
            Self::Held { .. } => "held",
            Self::Conflict { .. } => "conflict",
            Self::Invalid { .. } => "invalid",
            Self::Closed => "closed",
        }
    }
}
