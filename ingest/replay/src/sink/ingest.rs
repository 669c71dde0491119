//! Straight into ingest: every portion is one durable append on the recorded clock.

use arno_ingest::Ingest;
use arno_model::Ledger;
use arno_store::ClockMark;

use crate::error::ReplayError;
use crate::recording::Portion;
use crate::sink::Sink;

/// Plays into ingest.
#[derive(Debug)]
pub struct IngestSink {
    ingest: Ingest,
}

impl IngestSink {
    /// A sink over ingest.
    pub const fn new(ingest: Ingest) -> Self {
        Self { ingest }
    }
}

impl Sink for IngestSink {
    async fn take(&mut self, portion: Portion) -> Result<Ledger, ReplayError> {
        let moment = portion.moment;
        let clock = ClockMark::Recorded(moment);
        let Portion {
            readings,
            refused,
            ignored_count,
            ..
        } = portion;
        let delivered = self
            .ingest
            .deliver_readings(readings, refused, ignored_count, clock);
        let delivered = delivered.await;
        delivered
            .map(|delivered| delivered.ledger)
            .map_err(|source| ReplayError::Ingest { moment, source })
    }

    async fn finish(&mut self) -> Result<(), ReplayError> {
        Ok(())
    }
}
