//! The questions that answers are made of, as the faces ask them: a caller's role and a checked
//! question come in, a stream of rows goes out.
//!
//! # Why
//! The faces need five things of the analyses, not an engine. Behind this trait stands
//! `arno_analytics::Analytics` (`questions/engine.rs`); tests put streams of any length there.
//!
//! # Invariants
//! Whoever answers decides what the caller may see; the faces never widen it.

mod engine;
mod sheet;

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use arno_model::{AreaId, AreaLevel, Bucket, PropertyId, PublisherId, ThingId, Timestamp};
use arno_store::{Retry, Role};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use axum::http::StatusCode;
use futures::Stream;

use crate::problem::Problem;

pub use engine::shipped_sheets;
pub use sheet::{ChartSheet, ColumnSheet, ParameterSheet, ProductSheet, Wording};

/// Rows on their way: a schema and batches of it.
pub struct RowStream {
    /// The columns.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Pin<Box<dyn Stream<Item = Result<RecordBatch, QuestionError>> + Send>>,
}

impl fmt::Debug for RowStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RowStream")
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

/// Which rows a question about areas wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LevelAsked {
    /// One row a thing.
    Thing,
    /// One row an area of this level.
    Area(AreaLevel),
}

/// A question to a data product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductQuestion {
    /// Which product.
    pub product: String,
    /// Inside this area; without a level: its own rows.
    pub area: Option<AreaId>,
    /// Rows of this level.
    pub level: Option<LevelAsked>,
    /// Of this thing alone.
    pub thing: Option<ThingId>,
    /// Of this publisher's things alone.
    pub publisher: Option<PublisherId>,
    /// From this moment.
    pub from: Option<Timestamp>,
    /// To this moment, exclusive.
    pub to: Option<Timestamp>,
    /// In buckets of this width.
    pub bucket: Option<Bucket>,
    /// As it was known at this moment.
    pub as_of: Option<Timestamp>,
    /// At most so many rows.
    pub limit: Option<usize>,
    /// After leaving out so many.
    pub skip: usize,
}

/// A question to a thing's raw observations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservationQuestion {
    /// Which thing.
    pub thing: ThingId,
    /// Of this property alone.
    pub property: Option<PropertyId>,
    /// From this moment.
    pub from: Option<Timestamp>,
    /// To this moment, exclusive.
    pub to: Option<Timestamp>,
    /// As it was known at this moment.
    pub as_of: Option<Timestamp>,
    /// At most so many rows.
    pub limit: Option<usize>,
    /// After leaving out so many.
    pub skip: usize,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QuestionError {
    /// It names something that is not there.
    #[error("{detail}")]
    Unknown {
        /// What is not there.
        detail: String,
        /// The parameter at fault.
        field: Option<String>,
        /// What there is.
        allowed: Vec<String>,
    },
    /// It is well formed, but asks for what is not offered.
    #[error("{detail}")]
    Refused {
        /// What is wrong, and the mend.
        detail: String,
        /// The parameter at fault.
        field: Option<String>,
        /// What is allowed.
        allowed: Vec<String>,
    },
    /// This caller may not know.
    #[error("{detail}")]
    Forbidden {
        /// What is not for it.
        detail: String,
    },
    /// Too much is going on.
    #[error("too many questions are being answered")]
    Busy,
    /// It could not be answered.
    #[error("the question could not be answered")]
    Failed {
        /// Whether another try can help.
        retry: Retry,
        /// The cause, for the log alone.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

impl QuestionError {
    /// As the caller may see it; a fault of ours is logged here.
    pub(crate) fn into_problem(self, role: &Role) -> Problem {
        let with = |problem: Problem, field: Option<String>, allowed: Vec<String>| {
            let problem = match field {
                Some(field) => problem.at(field),
                None => problem,
            };
            if allowed.is_empty() {
                problem
            } else {
                problem.allowing(allowed)
            }
        };
        match self {
            Self::Unknown {
                detail,
                field,
                allowed,
            } => with(Problem::not_found(detail), field, allowed),
            Self::Refused {
                detail,
                field,
                allowed,
            } => with(Problem::wrong(detail), field, allowed),
            Self::Forbidden { detail } if *role == Role::Anonymous => Problem::unauthorized(detail),
            Self::Forbidden { detail } => Problem::forbidden(detail),
            Self::Busy => Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many questions are being answered at the moment; ask again a little later",
            )
            .retry_after(2),
            Self::Failed { retry, source } => {
                let cause: &(dyn Error + 'static) = source.as_ref();
                Problem::fault("answer a question", retry, cause)
            }
        }
    }
}

/// Answers questions.
#[async_trait]
pub trait Questions: Send + Sync + fmt::Debug {
    /// What each data product is.
    fn products(&self) -> Vec<Arc<ProductSheet>>;

    /// Rows of a product.
    ///
    /// # Errors
    /// [`QuestionError`], here or in the stream.
    async fn product(
        &self,
        caller: &Role,
        question: ProductQuestion,
    ) -> Result<RowStream, QuestionError>;

    /// Raw observations of a thing, by property and time.
    ///
    /// # Errors
    /// [`QuestionError`], here or in the stream.
    async fn observations(
        &self,
        caller: &Role,
        question: ObservationQuestion,
    ) -> Result<RowStream, QuestionError>;

    /// Rows of a read-only query over the caller's view.
    ///
    /// # Errors
    /// [`QuestionError`], here or in the stream.
    async fn sql(&self, caller: &Role, query: &str) -> Result<RowStream, QuestionError>;
}
