//! What can go wrong with tokens, as their callers must tell it apart.

use super::{NOTE_CHARS_MAX, TOKENS_COUNT_MAX};
use crate::error::{Cause, Retry, StoreError};

/// Why tokens could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// [`TOKENS_COUNT_MAX`] are there.
    #[error("there are {TOKENS_COUNT_MAX} tokens already; revoke some first")]
    TooMany,
    /// A token for nobody.
    #[error("anonymous callers need no token; name a publisher, or operator")]
    Anonymous,
    /// The note is too long or holds control characters.
    #[error("a note is one line of at most {NOTE_CHARS_MAX} characters")]
    Note,
    /// No token of this number, or it is revoked already.
    #[error("there is no token `{id}`; list them to see which there are")]
    Unknown {
        /// What was asked for, cut to a printable length.
        id: String,
    },
    /// The machine has no chance to give.
    #[error("the system gives no random numbers")]
    Random {
        /// The cause.
        #[source]
        source: Cause,
    },
    /// The store did not do its part.
    #[error("the store could not keep or give the tokens")]
    Store {
        /// The cause.
        #[from]
        source: StoreError,
    },
    /// The kept document is not what was written.
    #[error("the kept tokens can't be read back")]
    Kept {
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
}

impl TokenError {
    /// Whether trying again can help.
    pub const fn retry(&self) -> Retry {
        match self {
            Self::Store { source } => source.retry(),
            _ => Retry::Never,
        }
    }

    /// A label for metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::TooMany => "too_many",
            Self::Anonymous => "anonymous",
            Self::Note => "note",
            Self::Unknown { .. } => "unknown",
            Self::Random { .. } => "random",
            Self::Store { source } => source.reason(),
            Self::Kept { .. } => "kept",
        }
    }
}
