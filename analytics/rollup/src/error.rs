//! What can go wrong while rollups are made or read, as their callers must tell it apart.

use arno_model::{AreaId, ObservationError, PropertyId, ThingId};
use arno_store::{Retry, StoreError};
use arrow::error::ArrowError;

/// Why rollups could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum RollupError {
    /// The store did not give or take something.
    #[error("rollups could not {action}")]
    Store {
        /// What was being done.
        action: &'static str,
        /// The store's word.
        #[source]
        source: StoreError,
    },
    /// A batch from the store is not what its schema says.
    #[error("a scanned batch could not be read")]
    Batch {
        /// What is wrong with it.
        #[source]
        source: ObservationError,
    },
    /// Columns that do not form a batch.
    #[error("rows could not be made a batch")]
    Columns {
        /// What Arrow says.
        #[source]
        source: ArrowError,
    },
    /// A kept segment or its mark is not what was written.
    #[error("the kept rollups of `{name}` are damaged")]
    Damaged {
        /// Which segment, or `mark`.
        name: String,
    },
    /// The asked area is not in the registry.
    #[error("there is no area `{area}`")]
    UnknownArea {
        /// The area.
        area: AreaId,
    },
    /// The asked thing is not in the registry.
    #[error("there is no thing `{thing}`")]
    UnknownThing {
        /// The thing.
        thing: ThingId,
    },
    /// The asked property is not in the registry.
    #[error("there is no observed property `{property}`")]
    UnknownProperty {
        /// The property.
        property: PropertyId,
    },
    /// The answer would be longer than one batch may be.
    #[error("the answer has more than {rows_max} rows; ask a shorter range or a wider bucket")]
    TooManyRows {
        /// Most rows of one answer.
        rows_max: usize,
    },
    /// A computing task ended without an answer.
    #[error("a computing task was stopped")]
    Stopped,
}

impl RollupError {
    /// Whether trying again can help.
    pub const fn retry(&self) -> Retry {
        match self {
            Self::Store { source, .. } => source.retry(),
            Self::Stopped => Retry::Now,
            _ => Retry::Never,
        }
    }

    /// A label for metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Store { source, .. } => source.reason(),
            Self::Batch { .. } => "batch",
            Self::Columns { .. } => "columns",
            Self::Damaged { .. } => "damaged",
            Self::UnknownArea { .. } => "unknown_area",
            Self::UnknownThing { .. } => "unknown_thing",
            Self::UnknownProperty { .. } => "unknown_property",
            Self::TooManyRows { .. } => "too_many_rows",
            Self::Stopped => "stopped",
        }
    }

    /// Whether the question, not the system, is at fault.
    pub const fn is_callers_fault(&self) -> bool {
        matches!(
            self,
            Self::UnknownArea { .. }
                | Self::UnknownThing { .. }
                | Self::UnknownProperty { .. }
                | Self::TooManyRows { .. }
        )
    }
}

impl From<ObservationError> for RollupError {
    fn from(source: ObservationError) -> Self {
        Self::Batch { source }
    }
}

impl From<ArrowError> for RollupError {
    fn from(source: ArrowError) -> Self {
        Self::Columns { source }
    }
}

/// Names what was being done when the store failed.
pub(crate) fn store_error(action: &'static str) -> impl Fn(StoreError) -> RollupError {
    move |source| RollupError::Store { action, source }
}
