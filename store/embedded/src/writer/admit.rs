//! What of a group's appends is kept: stamps, judgements, columns for the log.

use std::sync::Arc;

use arno_model::Timestamp;
use arno_model::observation::{ObservationColumns, kept_schema};
use arno_store::{Append, ClockMark, ClockState, StoreError};
use arrow::array::{ArrayRef, BooleanArray, RecordBatch, TimestampMicrosecondArray};
use arrow::compute::{concat_batches, filter_record_batch};

use super::Writer;
use super::group::Group;
use crate::group;
use crate::judge::{self, Arrivals, Kept};
use crate::log::{Commit, State};
use crate::row::{Row, RowReader};
use crate::touch::Range;

impl Writer {
    /// Stamps, judges and encodes the group's appends.
    pub(super) fn prepare(&mut self, group: &mut Group) -> Result<(), StoreError> {
        for waiting in &group.waiting {
            let arrivals = self.arrive(&mut group.commit, &waiting.append)?;
            group.arrivals.push(arrivals);
        }
        let others = judge::sift(&group.arrivals, &mut self.tails);
        let kept = self.look_up_whole(&judge::identities(&group.arrivals, &others))?;
        judge::settle(&mut group.arrivals, &others, kept);
        let mut batches = Vec::with_capacity(group.arrivals.len());
        for (arrivals, waiting) in group.arrivals.iter_mut().zip(&group.waiting) {
            let counts = &mut arrivals.ledger;
            let refused = waiting
                .append
                .quarantine
                .iter()
                .map(|entry| entry.observations_count);
            counts.quarantined = refused.sum();
            counts.ignored = waiting.append.ignored_count;
            group.commit.state.ledger += *counts;
            group.touched.push(self.touched(arrivals));
            if arrivals.accepted_count() > 0 {
                batches.push(kept_batch(&waiting.append.observations, arrivals)?);
            }
        }
        if !batches.is_empty() {
            if batches.len() > 1 {
                let together = concat_batches(&kept_schema(), &batches);
                let invalid = |_source| StoreError::Invalid {
                    reason: "columns cannot be joined",
                };
                batches = vec![together.map_err(invalid)?];
            }
            group.commit.state.seq += 1;
            group.commit.rows = Some(group::encode(&batches)?);
        }
        Ok(())
    }

    fn arrive(&self, commit: &mut Commit, append: &Append) -> Result<Arrivals, StoreError> {
        let state = &mut commit.state;
        let moment = match append.clock {
            ClockMark::Live => self.clock.now(),
            ClockMark::Recorded(moment) => moment,
        };
        let known_at = stamp(state, moment);
        state.known_at_us = Some(known_at.as_micros());
        tell(state, append.clock);
        for entry in &append.quarantine {
            state.quarantine_id += 1;
            commit.quarantine.push((state.quarantine_id, entry.clone()));
        }
        let view = ObservationColumns::view(&append.observations);
        let columns = view.map_err(|_source| StoreError::Invalid {
            reason: "another schema",
        })?;
        Ok(Arrivals::new(columns, known_at.as_micros()))
    }

    /// Looks up again when a lake file turned out damaged: it is set aside by then, and late
    /// readings must not be refused for it.
    fn look_up_whole(&mut self, identities: &[judge::Identity]) -> Result<Kept, StoreError> {
        let file_count = self.shared.read().files.len();
        for _file in 0..file_count {
            match self.look_up(identities) {
                Err(StoreError::Damaged { name, .. }) => {
                    tracing::error!(name, "a damaged lake file is set aside");
                }
                looked => return looked,
            }
        }
        self.look_up(identities)
    }

    /// The versions kept under some identities, which ascend: the lake's, then the hot part's.
    fn look_up(&mut self, identities: &[judge::Identity]) -> Result<Kept, StoreError> {
        let mut kept = Kept::with_capacity(identities.len());
        if identities.is_empty() {
            return Ok(kept);
        }
        let mut in_hot: Vec<Vec<Row>> = Vec::with_capacity(identities.len());
        let moment = self.shared.read();
        let files = Arc::clone(&moment.files);
        for (key, time_us) in identities {
            let mut found = Vec::new();
            if let Some(flushing) = &moment.flushing {
                flushing.versions(*key, *time_us, &mut found);
            }
            moment.active.versions(*key, *time_us, &mut found);
            in_hot.push(found);
        }
        drop(moment);
        self.cache.forget(&files);
        let looking = self
            .cache
            .versions(&self.lake, &files, identities, |identity, row| {
                judge::keep(&mut kept, identity, &[row]);
            });
        self.runtime.block_on(looking)?;
        for (identity, rows) in identities.iter().zip(in_hot) {
            judge::keep(&mut kept, *identity, &rows);
        }
        Ok(kept)
    }

    fn touched(&mut self, arrivals: &Arrivals) -> Vec<Range> {
        let reader = RowReader::new(&arrivals.columns);
        for index in 0..arrivals.columns.len() {
            if arrivals.is_accepted(index) {
                self.gather
                    .add(reader.datastream(index), reader.time(index));
            }
        }
        self.gather.take()
    }
}

fn stamp(state: &State, moment: Timestamp) -> Timestamp {
    match state.known_at_us {
        Some(before) => Timestamp::from_micros(before).plus_us(1).max(moment),
        None => moment,
    }
}

fn tell(state: &mut State, mark: ClockMark) {
    match mark {
        ClockMark::Live => {
            state.is_live = true;
            state.clock = ClockState::Live;
        }
        ClockMark::Recorded(moment) if !state.is_live => {
            let now = match state.clock {
                ClockState::Recorded { now } => now.max(moment),
                ClockState::Live => moment,
            };
            state.clock = ClockState::Recorded { now };
        }
        ClockMark::Recorded(_moment) => {}
    }
}

/// The kept rows of an append, in the kept schema.
fn kept_batch(observations: &RecordBatch, arrivals: &Arrivals) -> Result<RecordBatch, StoreError> {
    let invalid = |_source| StoreError::Invalid {
        reason: "its columns do not form a batch",
    };
    let stamps = vec![arrivals.known_at_us; arrivals.columns.len()];
    let mut columns: Vec<ArrayRef> = observations.columns().to_vec();
    columns.push(Arc::new(
        TimestampMicrosecondArray::from(stamps).with_timezone("UTC"),
    ));
    let all = RecordBatch::try_new(kept_schema(), columns).map_err(invalid)?;
    match &arrivals.accepted {
        None => Ok(all),
        Some(accepted) => {
            let mask = BooleanArray::from(accepted.clone());
            filter_record_batch(&all, &mask).map_err(invalid)
        }
    }
}
