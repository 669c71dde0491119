//! Judging a group of appends: arriving batches and the versions kept under their identities come
//! in, the rows to keep and each append's counts go out.
//!
//! # Invariants
//! Row by row in order of arrival, by [`arno_model::version::judge`]: what an earlier row of the
//! group added is kept for the later ones. No I/O here.

use std::collections::HashMap;

use arno_model::observation::ObservationColumns;
use arno_model::version::judge;
use arno_model::{Arrival, DatastreamKey, Ledger, Timestamp, Version};
use arno_store::{Append, StoreError};

use crate::binary::KeptRow;

/// (datastream, phenomenon time).
pub(crate) type Identity = (DatastreamKey, Timestamp);

/// What a group adds.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    pub(crate) rows: Vec<KeptRow>,
    pub(crate) ledgers: Vec<Ledger>,
}

/// The identities of a group, ascending, each once.
pub(crate) fn identities(batches: &[ObservationColumns]) -> Vec<Identity> {
    let of_batch = |columns: &ObservationColumns| {
        let keys = columns.datastream.values().iter().copied();
        let times = columns.time.values().iter().copied();
        keys.zip(times).collect::<Vec<_>>()
    };
    let mut all: Vec<(i32, i64)> = batches.iter().flat_map(of_batch).collect();
    all.sort_unstable();
    all.dedup();
    let named = |(key, micros)| (DatastreamKey(key), Timestamp::from_micros(micros));
    all.into_iter().map(named).collect()
}

/// Judges a group under one commit.
pub(crate) fn judge_group(
    appends: &[Append],
    batches: &[ObservationColumns],
    mut kept: HashMap<Identity, Vec<Version>>,
    known_at: Timestamp,
) -> Result<Judged, StoreError> {
    let mut judged = Judged::default();
    let mut place = 0;
    for (append, columns) in appends.iter().zip(batches) {
        let mut ledger = Ledger {
            quarantined: append
                .quarantine
                .iter()
                .map(|entry| entry.observations_count)
                .sum(),
            ignored: append.ignored_count,
            ..Ledger::default()
        };
        for index in 0..columns.len() {
            let invalid = StoreError::Invalid {
                reason: "a quality code that is not known",
            };
            let mut observation = columns.row(index).ok_or(invalid)?;
            // −0 is stored as 0.
            observation.result = observation.result.map(|number| number + 0.0);
            let versions = kept
                .entry((observation.datastream, observation.time))
                .or_default();
            match judge(versions, observation.result, observation.result_time) {
                Arrival::Repeat => {
                    ledger.repeated += 1;
                    continue;
                }
                Arrival::New => ledger.stored += 1,
                Arrival::Correction => ledger.corrected += 1,
            }
            versions.push(Version {
                result: observation.result,
                result_time: observation.result_time,
                received: observation.received,
                known_at,
            });
            judged.rows.push(KeptRow {
                observation,
                known_at,
                place,
            });
            place += 1;
        }
        judged.ledgers.push(ledger);
    }
    Ok(judged)
}
