//! What can go wrong in the lake.

use std::error::Error;
use std::io;

use arno_store::StoreError;
use deltalake::DeltaTableError;
use parquet::errors::ParquetError;

/// Why the lake could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The Delta log refused.
    #[error("the lake's log could not {action}")]
    Delta {
        /// What was being done.
        action: &'static str,
        /// What Delta says.
        #[source]
        source: Box<DeltaTableError>,
    },
    /// A Parquet file could not be made.
    #[error("a lake file could not be written")]
    Encode {
        /// What Parquet says.
        #[source]
        source: ParquetError,
    },
    /// The object store refused.
    #[error("the lake's object store could not {action}")]
    Object {
        /// What was being done.
        action: &'static str,
        /// What the object store says.
        #[source]
        source: object_store::Error,
    },
    /// A local disk refused.
    #[error("the lake's disk could not {action}")]
    Disk {
        /// What was being done.
        action: &'static str,
        /// What the disk says.
        #[source]
        source: io::Error,
    },
    /// A file's bytes are not what was written.
    #[error("`{path}` is damaged")]
    Damaged {
        /// The file.
        path: String,
        /// How that was seen.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The place is no address of a lake.
    #[error("`{place}` is no address of a lake")]
    Place {
        /// The refused place.
        place: String,
    },
    /// The rows to write could not be read.
    #[error("the rows for the lake could not be read")]
    Rows {
        /// Why.
        #[source]
        source: Box<StoreError>,
    },
}

impl LakeError {
    pub(crate) fn delta(action: &'static str) -> impl FnOnce(DeltaTableError) -> Self {
        move |source| Self::Delta {
            action,
            source: Box::new(source),
        }
    }

    pub(crate) fn object(action: &'static str) -> impl FnOnce(object_store::Error) -> Self {
        move |source| Self::Object { action, source }
    }

    pub(crate) fn disk(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Disk { action, source }
    }

    pub(crate) fn damaged(
        path: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Damaged {
            path: path.into(),
            source: source.into(),
        }
    }

    /// Whether the disk under it has no room left.
    fn is_full(&self) -> bool {
        let mut cause: Option<&(dyn Error + 'static)> = Some(self);
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<io::Error>() {
                return matches!(
                    error.kind(),
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
                );
            }
            cause = error.source();
        }
        false
    }
}

impl From<LakeError> for StoreError {
    fn from(error: LakeError) -> Self {
        const ACTION: &str = "use the lake";
        match error {
            LakeError::Damaged { path, source } => Self::Damaged { name: path, source },
            LakeError::Rows { source } => *source,
            error if error.is_full() => Self::Full {
                action: ACTION,
                source: Box::new(error),
            },
            error => Self::Unavailable {
                action: ACTION,
                source: Box::new(error),
            },
        }
    }
}
