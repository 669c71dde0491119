//! What can go wrong on the way from a payload to its durability, as callers must tell it apart.

use arno_store::{Retry, StoreError};

/// Why a delivery is not durable. Data faults are no errors: they are durable in quarantine.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// No route of that name or topic.
    #[error("`{route}` is no route; allowed are {}", allowed.join(", "))]
    UnknownRoute {
        /// What was asked for.
        route: String,
        /// The push routes there are.
        allowed: Vec<String>,
    },
    /// The store refused or did not answer.
    #[error("the store did not take the data")]
    Store {
        /// The cause.
        #[source]
        source: StoreError,
    },
    /// A shared commit failed; its cause was logged once by the committer.
    #[error("the commit failed ({reason}); nothing of it was acknowledged")]
    Commit {
        /// The store's reason, for metrics.
        reason: &'static str,
        /// Whether trying again can help.
        retry: Retry,
    },
    /// The store did not finish in time.
    #[error("the store did not make the data durable within {limit_s} s; send them again")]
    Stalled {
        /// The limit, in seconds.
        limit_s: u64,
    },
    /// The rows do not form a batch: a fault of ours.
    #[error("the rows do not form a batch")]
    Batch {
        /// The cause.
        #[source]
        source: arno_model::ObservationError,
    },
    /// Ingest is shutting down.
    #[error("ingest is closed")]
    Closed,
}

impl IngestError {
    /// Whether trying again can help.
    pub const fn retry(&self) -> Retry {
        match self {
            Self::Store { source } => source.retry(),
            Self::Commit { retry, .. } => *retry,
            Self::Stalled { .. } => Retry::After,
            Self::UnknownRoute { .. } | Self::Batch { .. } | Self::Closed => Retry::Never,
        }
    }

    /// A label for metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::UnknownRoute { .. } => "unknown_route",
            Self::Store { source } => source.reason(),
            Self::Commit { reason, .. } => reason,
            Self::Stalled { .. } => "stalled",
            Self::Batch { .. } => "batch",
            Self::Closed => "closed",
        }
    }
}
