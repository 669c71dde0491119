//! What the database says, as the store's callers must hear it.

use arno_store::StoreError;
use deadpool_postgres::PoolError;
use tokio_postgres::error::SqlState;

/// Why a database can't be used, at connection.
#[derive(Debug, thiserror::Error)]
pub enum TimescaleError {
    /// The address is no `postgres://` address, or asks for what is not supported.
    #[error("the database address is not valid: {reason}")]
    Address {
        /// What is wrong with it.
        reason: String,
    },
    /// The pool can't be built.
    #[error("the connection pool could not be built")]
    Pool {
        /// The cause.
        #[source]
        source: deadpool_postgres::BuildError,
    },
    /// The server is too old.
    #[error("the server is PostgreSQL {found}; {least} or newer is needed")]
    TooOld {
        /// Its major version.
        found: i32,
        /// The oldest one supported.
        least: i32,
    },
    /// The schema could not be read or brought up to date.
    #[error("the store in the database could not be opened")]
    Open {
        /// The cause.
        #[source]
        source: StoreError,
    },
}

/// Turns a failed statement into the store's error: no room, or not available.
pub(crate) fn failed(
    action: &'static str,
) -> impl Fn(tokio_postgres::Error) -> StoreError + Copy + Send {
    move |error| {
        let is_full = error.code() == Some(&SqlState::DISK_FULL);
        let source = Box::new(error);
        if is_full {
            StoreError::Full { action, source }
        } else {
            StoreError::Unavailable { action, source }
        }
    }
}

/// Turns a missing connection into the store's error.
pub(crate) fn no_connection(error: PoolError) -> StoreError {
    StoreError::Unavailable {
        action: "connect to the database",
        source: Box::new(error),
    }
}
