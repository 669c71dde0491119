//! Judges a group's rows against everything kept and against each other.
//!
//! # Why
//! Nearly all rows are newer than everything kept of their datastream: one comparison says so, and
//! no lookup is made. The others are looked up together, hot part and lake, once per group.
//!
//! # Invariants
//! [`arno_model::version::judge`] decides on every row that is not plainly new.

use std::collections::HashMap;

use arno_model::observation::ObservationColumns;
use arno_model::version::{Arrival, Version, judge};
use arno_model::{DatastreamKey, Ledger, Timestamp};

use crate::row::{Row, RowReader};

/// An identity: datastream and phenomenon time.
pub(crate) type Identity = (DatastreamKey, i64);

/// One append's rows before and after judgement.
#[derive(Debug)]
pub(crate) struct Arrivals {
    /// The rows.
    pub(crate) columns: ObservationColumns,
    /// Their commit.
    pub(crate) known_at_us: i64,
    /// What is kept of them; absent: all.
    pub(crate) accepted: Option<Vec<bool>>,
    /// Their counts.
    pub(crate) ledger: Ledger,
}

impl Arrivals {
    /// Rows not judged yet.
    pub(crate) fn new(columns: ObservationColumns, known_at_us: i64) -> Self {
        Self {
            columns,
            known_at_us,
            accepted: None,
            ledger: Ledger::default(),
        }
    }

    /// Whether a row is kept.
    pub(crate) fn is_accepted(&self, index: usize) -> bool {
        self.accepted
            .as_ref()
            .is_none_or(|accepted| accepted[index])
    }

    /// How many rows are kept.
    pub(crate) fn accepted_count(&self) -> usize {
        let all = self.columns.len();
        self.accepted
            .as_ref()
            .map_or(all, |kept| kept.iter().filter(|kept| **kept).count())
    }
}

/// The newest phenomenon time of every datastream, over everything kept.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tails(Vec<i64>);

impl Tails {
    /// The newest time of a datastream.
    pub(crate) fn slot(&mut self, key: DatastreamKey) -> &mut i64 {
        let place = usize::try_from(key.0).unwrap_or(0);
        if place >= self.0.len() {
            self.0.resize(place + 1, i64::MIN);
        }
        &mut self.0[place]
    }

    /// Raises a datastream's newest time.
    pub(crate) fn raise(&mut self, key: DatastreamKey, time_us: i64) {
        let slot = self.slot(key);
        *slot = (*slot).max(time_us);
    }
}

/// Kept versions of the identities that had to be looked up.
pub(crate) type Kept = HashMap<Identity, Vec<Version>>;

/// First pass: rows newer than everything kept of their datastream are new, and raise it. Returns
/// the others as (append, row).
pub(crate) fn sift(group: &[Arrivals], tails: &mut Tails) -> Vec<(usize, usize)> {
    let mut others = Vec::new();
    for (append, arrivals) in group.iter().enumerate() {
        let reader = RowReader::new(&arrivals.columns);
        for index in 0..arrivals.columns.len() {
            let time = reader.time(index);
            let tail = tails.slot(reader.datastream(index));
            if time > *tail {
                *tail = time;
            } else {
                others.push((append, index));
            }
        }
    }
    others
}

/// The identities of some rows, ascending, each once.
pub(crate) fn identities(group: &[Arrivals], rows: &[(usize, usize)]) -> Vec<Identity> {
    let identity = |(append, index): &(usize, usize)| {
        let columns = &group[*append].columns;
        (
            DatastreamKey(columns.datastream.value(*index)),
            columns.time.value(*index),
        )
    };
    let mut all: Vec<_> = rows.iter().map(identity).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Second pass: judges the rows that [`sift`] left, in order of arrival, against `kept` and the
/// group's own rows before them; and counts.
pub(crate) fn settle(group: &mut [Arrivals], others: &[(usize, usize)], mut kept: Kept) {
    let mut others = others.iter().copied().peekable();
    let has_others = others.peek().is_some();
    for (append, arrivals) in group.iter_mut().enumerate() {
        let count = arrivals.columns.len();
        let mut accepted = Vec::new();
        let mut ledger = Ledger::default();
        if has_others {
            accepted = vec![true; count];
            let reader = RowReader::new(&arrivals.columns);
            for (index, is_kept) in accepted.iter_mut().enumerate() {
                let is_other = others.next_if_eq(&(append, index)).is_some();
                let identity = (reader.datastream(index), reader.time(index));
                let Some(versions) = kept.get_mut(&identity) else {
                    continue;
                };
                let row = reader.row(index, arrivals.known_at_us);
                if is_other {
                    let result_time = row.result_time().map(Timestamp::from_micros);
                    match judge(versions, row.result(), result_time) {
                        Arrival::New => {}
                        Arrival::Repeat => {
                            ledger.repeated += 1;
                            *is_kept = false;
                            continue;
                        }
                        Arrival::Correction => ledger.corrected += 1,
                    }
                }
                versions.push(row.version());
            }
        }
        let all = u64::try_from(count).unwrap_or(u64::MAX);
        ledger.stored = all - ledger.repeated - ledger.corrected;
        arrivals.ledger = ledger;
        arrivals.accepted = (ledger.repeated > 0).then_some(accepted);
    }
}

/// Adds looked-up rows to the kept versions.
pub(crate) fn keep(kept: &mut Kept, identity: Identity, rows: &[Row]) {
    let versions = kept.entry(identity).or_default();
    versions.extend(rows.iter().map(Row::version));
}
