//! What can go wrong with a question, as those who answer over HTTP must tell it apart.
//!
//! # Why
//! A refused question names its mend and what is allowed, so that a person can act on it; a fault
//! of ours says nothing of our insides. The engine's own errors are sorted here, once.

use std::fmt;

use arno_analytics_rollup::RollupError;
use arno_store::{Retry, StoreError};
use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;

/// Which bound a question met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bound {
    /// Working time.
    Time,
    /// Memory of joins, sorts and groups.
    Memory,
    /// Space for what does not fit in memory.
    Disk,
    /// Rows of the answer.
    Rows,
    /// Text made by functions.
    Text,
    /// A reader that takes nothing any more.
    Reader,
}

impl Bound {
    /// A label for metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Rows => "rows",
            Self::Text => "text",
            Self::Reader => "reader",
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AnalyticsError {
    /// The query does something that is not offered here.
    #[error("{reason}; {mend}")]
    Refused {
        /// What it does.
        reason: String,
        /// What to do instead.
        mend: String,
        /// What is allowed in its place; may be empty.
        allowed: Vec<String>,
    },
    /// The query is not valid SQL, or not over these tables.
    #[error("{message}")]
    Query {
        /// What the planner says.
        message: String,
    },
    /// A name that does not exist.
    #[error("there is no {kind} `{name}`")]
    Unknown {
        /// What it should be: `area`, `product`.
        kind: &'static str,
        /// The name.
        name: String,
        /// The names that exist; empty where they are too many to list.
        allowed: Vec<String>,
    },
    /// A parameter or filter is missing or has a value that is not allowed.
    #[error("`{field}` {reason}")]
    Parameter {
        /// Which.
        field: &'static str,
        /// What is wrong, and the mend.
        reason: String,
        /// The values that are allowed; empty where they can't be listed.
        allowed: Vec<String>,
    },
    /// The question met one of its bounds.
    #[error("the question met its bound of {bound}: {mend}")]
    Exceeded {
        /// Which bound.
        bound: Bound,
        /// The bound's size and what to ask instead.
        mend: String,
    },
    /// Too many questions at once.
    #[error("{running} questions are being answered and this one waited too long; ask again")]
    Busy {
        /// How many run.
        running: usize,
    },
    /// The store did not give something.
    #[error("the store could not answer")]
    Store {
        /// The store's word.
        #[source]
        source: StoreError,
    },
    /// The rollups did not give something.
    #[error("the rollups could not answer")]
    Rollup {
        /// The engine's word.
        #[source]
        source: RollupError,
    },
    /// A shipped product, or the folder of a region's own, could not be read.
    #[error("the products in `{place}` could not be read: {reason}")]
    Products {
        /// Which folder.
        place: String,
        /// Why.
        reason: String,
    },
    /// The threads that answer could not be started.
    #[error("the threads that answer questions could not be started")]
    Start {
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// A bug of ours: the question was given up, others go on.
    #[error("the question could not be answered because of a fault in {place}")]
    Broken {
        /// Where.
        place: &'static str,
        /// The cause, for the log alone.
        #[source]
        source: Option<DataFusionError>,
    },
}

impl AnalyticsError {
    /// Whether trying again can help.
    pub const fn retry(&self) -> Retry {
        match self {
            Self::Store { source } => source.retry(),
            Self::Rollup { source } => source.retry(),
            Self::Busy { .. } => Retry::After,
            _ => Retry::Never,
        }
    }

    /// A label for metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::Query { .. } => "query",
            Self::Unknown { .. } => "unknown",
            Self::Parameter { .. } => "parameter",
            Self::Exceeded { bound, .. } => bound.as_str(),
            Self::Busy { .. } => "busy",
            Self::Store { source } => source.reason(),
            Self::Rollup { source } => source.reason(),
            Self::Products { .. } => "products",
            Self::Start { .. } => "start",
            Self::Broken { .. } => "broken",
        }
    }

    /// Whether the question, not the system, is at fault: an answer of the 400 class.
    pub const fn is_callers_fault(&self) -> bool {
        match self {
            Self::Refused { .. }
            | Self::Query { .. }
            | Self::Unknown { .. }
            | Self::Parameter { .. }
            | Self::Exceeded { .. } => true,
            Self::Rollup { source } => source.is_callers_fault(),
            _ => false,
        }
    }

    /// What would be allowed instead; empty where that can't be listed.
    pub fn allowed(&self) -> &[String] {
        match self {
            Self::Refused { allowed, .. }
            | Self::Unknown { allowed, .. }
            | Self::Parameter { allowed, .. } => allowed,
            _ => &[],
        }
    }

    /// Which parameter is at fault, if one is.
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::Parameter { field, .. } => Some(field),
            Self::Unknown { kind, .. } => Some(kind),
            _ => None,
        }
    }

    /// A refusal without a list.
    pub(crate) fn refused(reason: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::Refused {
            reason: reason.into(),
            mend: mend.into(),
            allowed: Vec::new(),
        }
    }

    /// A parameter without a list.
    pub(crate) fn parameter(field: &'static str, reason: impl Into<String>) -> Self {
        Self::Parameter {
            field,
            reason: reason.into(),
            allowed: Vec::new(),
        }
    }

    /// Sorts an error of the query engine, such as a stream of an answer carries.
    pub fn of_engine(error: DataFusionError) -> Self {
        match error {
            DataFusionError::External(inner) => match inner.downcast::<Self>() {
                Ok(own) => *own,
                Err(inner) => match inner.downcast::<RollupError>() {
                    Ok(source) => Self::Rollup { source: *source },
                    Err(inner) => Self::broken(DataFusionError::External(inner)),
                },
            },
            DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
                Self::of_engine(*inner)
            }
            DataFusionError::Collection(mut all) if !all.is_empty() => {
                Self::of_engine(all.swap_remove(0))
            }
            DataFusionError::Shared(inner) => match std::sync::Arc::try_unwrap(inner) {
                Ok(inner) => Self::of_engine(inner),
                Err(shared) => Self::of_shared(shared.as_ref()),
            },
            DataFusionError::ArrowError(inner, _) => Self::of_arrow(*inner),
            DataFusionError::ResourcesExhausted(message) => Self::exhausted(&message),
            error if is_spilled_out(&error.to_string()) => Self::exhausted("disk space"),
            DataFusionError::SQL(error, _) => Self::Query {
                message: words_of(&error),
            },
            DataFusionError::Plan(_)
            | DataFusionError::NotImplemented(_)
            | DataFusionError::Configuration(_)
            | DataFusionError::SchemaError(..)
            | DataFusionError::Execution(_) => Self::Query {
                message: tidy(&error.message()),
            },
            other => Self::broken(other),
        }
    }

    fn of_shared(error: &DataFusionError) -> Self {
        match error.find_root() {
            root if is_spilled_out(&root.to_string()) => Self::exhausted("disk space"),
            DataFusionError::ResourcesExhausted(message) => Self::exhausted(message),
            DataFusionError::External(inner) => match inner.downcast_ref::<Self>() {
                Some(Self::Exceeded { bound, mend }) => Self::Exceeded {
                    bound: *bound,
                    mend: mend.clone(),
                },
                Some(own) if own.is_callers_fault() => Self::Query {
                    message: own.to_string(),
                },
                _ => Self::Broken {
                    place: "a table",
                    source: None,
                },
            },
            DataFusionError::Internal(_) => Self::Broken {
                place: "the engine",
                source: None,
            },
            root => Self::Query {
                message: tidy(&root.message()),
            },
        }
    }

    fn of_arrow(error: ArrowError) -> Self {
        match error {
            ArrowError::ExternalError(inner) => match inner.downcast::<Self>() {
                Ok(own) => *own,
                Err(inner) => Self::broken(DataFusionError::External(inner)),
            },
            error if is_spilled_out(&error.to_string()) => Self::exhausted("disk space"),
            ArrowError::CastError(_)
            | ArrowError::ParseError(_)
            | ArrowError::ComputeError(_)
            | ArrowError::DivideByZero
            | ArrowError::ArithmeticOverflow(_)
            | ArrowError::InvalidArgumentError(_)
            | ArrowError::NotYetImplemented(_)
            | ArrowError::OffsetOverflowError(_) => Self::Query {
                message: error.to_string(),
            },
            other => Self::broken(other.into()),
        }
    }

    fn exhausted(message: &str) -> Self {
        let is_disk = message.contains("disk space") || message.contains("temp");
        let (bound, what) = if is_disk {
            (Bound::Disk, "temporary space")
        } else {
            (Bound::Memory, "memory")
        };
        Self::Exceeded {
            bound,
            mend: format!(
                "it needs more {what} than one question may have; ask a shorter time, fewer things or fewer groups"
            ),
        }
    }

    fn broken(source: DataFusionError) -> Self {
        Self::Broken {
            place: "the query engine",
            source: Some(source),
        }
    }
}

/// Whether temporary files met their bound; the engine says so in errors of several kinds.
fn is_spilled_out(message: &str) -> bool {
    message.contains("disk space during the spilling")
}

/// What the parser says, without the names of its types.
fn words_of(error: &ParserError) -> String {
    match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => tidy(message),
        ParserError::RecursionLimitExceeded => "the query nests too deeply".to_owned(),
    }
}

/// Drops what the engine adds for its own developers.
fn tidy(message: &str) -> String {
    const NOISE: [&str; 2] = ["\n\nbacktrace", "\nThis issue was likely caused by a bug"];
    let end = NOISE.iter().filter_map(|noise| message.find(noise)).min();
    let text = end.and_then(|end| message.get(..end)).unwrap_or(message);
    text.trim().chars().take(600).collect()
}

impl From<AnalyticsError> for DataFusionError {
    fn from(error: AnalyticsError) -> Self {
        Self::External(Box::new(error))
    }
}

impl From<StoreError> for AnalyticsError {
    fn from(source: StoreError) -> Self {
        Self::Store { source }
    }
}

impl From<RollupError> for AnalyticsError {
    fn from(source: RollupError) -> Self {
        Self::Rollup { source }
    }
}
