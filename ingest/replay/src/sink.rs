//! Where a recording goes: into ingest on the recorded clock, or through a broker as if it were
//! live.

mod broker;
mod ingest;

use std::future::Future;

use arno_model::Ledger;

use crate::error::ReplayError;
use crate::recording::Portion;

pub use broker::BrokerSink;
pub use ingest::IngestSink;

/// Takes portions, in order.
pub trait Sink: Send {
    /// Takes a portion; durable, or acknowledged, when it returns.
    ///
    /// # Errors
    /// Whatever keeps it from being taken.
    fn take(
        &mut self,
        portion: Portion,
    ) -> impl Future<Output = Result<Ledger, ReplayError>> + Send;

    /// Ends it, after the last portion.
    ///
    /// # Errors
    /// Whatever keeps it from ending well.
    fn finish(&mut self) -> impl Future<Output = Result<(), ReplayError>> + Send;
}
