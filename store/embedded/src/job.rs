//! What waits for the writer: changes, each with who waits for its answer.
//!
//! # Limits
//! The queue holds [`QUEUE_JOBS_MAX`] jobs and the rows that [`crate::EmbeddedConfig`] allows; a
//! caller beyond either waits, and so do the devices behind it.

use arno_model::DatastreamKey;
use arno_store::{Append, Appended, DatastreamName, StoreError};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::log::SegmentSwap;

/// Jobs in the queue; more wait outside. As many as one group takes.
pub(crate) const QUEUE_JOBS_MAX: usize = 4_096;

/// Who waits for an answer.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// One change.
#[derive(Debug)]
pub(crate) enum Job {
    /// An append, checked already, with its share of the queue's rows.
    Append {
        append: Append,
        share: OwnedSemaphorePermit,
        reply: Reply<Appended>,
    },
    /// Names that want keys.
    Register {
        names: Vec<DatastreamName>,
        reply: Reply<Vec<DatastreamKey>>,
    },
    /// A document, if it still has a revision.
    Document {
        name: String,
        bytes: Vec<u8>,
        expected: u64,
        reply: Reply<u64>,
    },
    /// Segments whose files are written.
    Segments { swap: SegmentSwap, reply: Reply<()> },
    /// Groups up to a number are in the lake.
    Trim { upto: u64 },
    /// Nothing but a commit, to see whether a failed disk takes one again.
    Probe,
    /// No further jobs.
    Close { reply: Reply<()> },
}
