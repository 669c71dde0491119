//! Plays a history on a store and on the oracle, step by step.

mod make;

use std::sync::Arc;

use arno_model::observation::{ObservationBuilder, kept_schema};
use arno_model::time::{DAY_US, SECOND_US};
use arno_model::{DatastreamKey, Observation, Quality, TimeRange, Timestamp};
use arrow::array::RecordBatch;

use self::make::{batch_of, derived, name, pick, publisher};
use super::ask::{Disagreement, compare_scan, compare_touched};
use super::clock::TestClock;
use super::conform::Site;
use super::history::{STREAMS_COUNT, Step};
use super::memory::MemoryStore;
use crate::append::{APPEND_ROWS_MAX, Append, QuarantineReason};
use crate::backend::{Backend, QuarantineFilter};
use crate::clock::Clock;
use crate::error::StoreError;
use crate::scan::{Scan, Streams, Versions};

/// 2026-03-30T00:00:00Z: two days before a month ends.
const BEGIN_US: i64 = 1_774_828_800_000_000;

/// The two stores while a history is played.
pub(super) struct Play<'a> {
    site: &'a dyn Site,
    clock: Arc<TestClock>,
    store: Arc<dyn Backend>,
    oracle: Arc<MemoryStore>,
    sent: Vec<Append>,
}

impl<'a> Play<'a> {
    /// Opens both stores, empty.
    pub(super) async fn begin(site: &'a dyn Site) -> Result<Self, Disagreement> {
        let clock = Arc::new(TestClock::at(Timestamp::from_micros(
            BEGIN_US + 40 * DAY_US,
        )));
        let store = open(site, &clock).await?;
        let oracle = Arc::new(MemoryStore::new(Arc::clone(&clock) as Arc<dyn Clock>));
        let play = Self {
            site,
            clock,
            store,
            oracle,
            sent: Vec::new(),
        };
        let names: Vec<_> = (0..STREAMS_COUNT).map(name).collect();
        for names in names.chunks(4) {
            let found = play
                .store
                .register(names)
                .await
                .map_err(|e| e.to_string())?;
            let wanted = play
                .oracle_backend()
                .register(names)
                .await
                .map_err(|e| e.to_string())?;
            same("register", &wanted, &found)?;
        }
        Ok(play)
    }

    fn oracle_backend(&self) -> &dyn Backend {
        self.oracle.as_ref()
    }

    /// Plays one step and compares what can be seen at once.
    pub(super) async fn step(&mut self, step: &Step) -> Result<(), Disagreement> {
        match step {
            Step::Append {
                rows,
                refused,
                ignored,
                recorded,
            } => {
                let append = self.append_of(rows, (*refused, *ignored), *recorded);
                self.append(append).await?;
            }
            Step::Run {
                stream,
                slot,
                count,
                step_s,
            } => {
                let append = self.run_of((*stream, *slot), *count, *step_s);
                self.append(append).await?;
            }
            Step::Again { which } => {
                if let Some(append) = pick(&self.sent, *which).cloned() {
                    self.append(append).await?;
                }
            }
            Step::Wait { seconds } => self.clock.advance_us(i64::from(*seconds) * SECOND_US),
            Step::Restart => self.restart().await?,
            Step::Maintain => {
                self.store
                    .maintain()
                    .await
                    .map_err(|e| format!("maintain: {e:?}"))?;
            }
            Step::Document {
                name,
                bytes,
                is_right,
            } => {
                self.document(*name, bytes, *is_right).await?;
            }
            Step::Segments { kind, days, mark } => self.segments(*kind, days, *mark).await?,
            Step::Scan(step) => {
                let scan = self.scan_of(step);
                compare_scan(self.store.as_ref(), &self.oracle, scan).await?;
            }
            Step::Touched { since } => {
                let since = since.and_then(|which| pick(&self.oracle.commits(), which).copied());
                let since = since.unwrap_or(Timestamp::MIN);
                compare_touched(self.store.as_ref(), &self.oracle, since).await?;
            }
            Step::Quarantined {
                reason,
                publisher,
                before,
                limit,
            } => {
                self.quarantined(*reason, *publisher, *before, *limit)
                    .await?;
            }
            Step::Wrong { kind } => self.wrong(*kind).await?,
        }
        self.compare_words()
    }

    /// Compares everything at a history's end, and once more after a restart.
    pub(super) async fn end(&mut self) -> Result<(), Disagreement> {
        for is_restarted in [false, true] {
            if is_restarted {
                self.restart().await?;
            }
            self.compare_words()?;
            for versions in [Versions::All, Versions::Winning] {
                let scan = Scan {
                    versions,
                    ..Scan::of(Streams::All, TimeRange::ALL)
                };
                compare_scan(self.store.as_ref(), &self.oracle, scan).await?;
            }
            compare_touched(self.store.as_ref(), &self.oracle, Timestamp::MIN).await?;
            self.quarantined(None, false, None, 100).await?;
            for kind in ["one", "two"] {
                self.compare_segments(kind).await?;
            }
        }
        self.store
            .close()
            .await
            .map_err(|e| format!("close: {e:?}"))?;
        match self.store.append(self.append_of(&[], (0, 0), None)).await {
            Err(StoreError::Closed) => Ok(()),
            other => Err(format!("an append after close gave {other:?}")),
        }
    }

    fn compare_words(&self) -> Result<(), Disagreement> {
        let (store, oracle) = (self.store.as_ref(), self.oracle_backend());
        same("ledger", &oracle.ledger(), &store.ledger())?;
        same("clock", &oracle.clock(), &store.clock())?;
        same("now", &oracle.now(), &store.now())?;
        same("last commit", &oracle.last_commit(), &store.last_commit())?;
        same("rows", &oracle.health().rows, &store.health().rows)?;
        let listed = |store: &dyn Backend| {
            let all = store.datastreams();
            all.iter()
                .map(|(key, name)| (key, name.clone()))
                .collect::<Vec<_>>()
        };
        same("datastreams", &listed(oracle), &listed(store))
    }

    async fn append(&mut self, append: Append) -> Result<(), Disagreement> {
        let found = self.store.append(append.clone()).await;
        let found = found.map_err(|source| format!("append: {source:?}"))?;
        let wanted = self.oracle_backend().append(append.clone()).await;
        let wanted = wanted.map_err(|source| format!("oracle: {source:?}"))?;
        self.sent.push(append);
        same("append", &wanted, &found)
    }

    async fn restart(&mut self) -> Result<(), Disagreement> {
        self.store
            .close()
            .await
            .map_err(|source| format!("close: {source:?}"))?;
        self.store = open(self.site, &self.clock).await?;
        Ok(())
    }

    async fn document(&self, name: u8, bytes: &[u8], is_right: bool) -> Result<(), Disagreement> {
        let name = format!("document/{name}");
        let wanted = self
            .oracle_backend()
            .document(&name)
            .await
            .map_err(|e| e.to_string())?;
        let found = self
            .store
            .document(&name)
            .await
            .map_err(|e| format!("{e:?}"))?;
        same("document", &wanted, &found)?;
        let revision = wanted.map_or(0, |document| document.revision);
        let expected = if is_right { revision } else { revision + 1 };
        let put = |store: Arc<dyn Backend>| {
            let (name, bytes) = (name.clone(), bytes.to_vec());
            async move {
                match store.put_document(&name, bytes, expected).await {
                    Ok(revision) => Ok(Some(revision)),
                    Err(StoreError::Conflict { .. }) => Ok(None),
                    Err(source) => Err(format!("put document: {source:?}")),
                }
            }
        };
        let found = put(Arc::clone(&self.store)).await?;
        let wanted = put(Arc::clone(&self.oracle) as Arc<dyn Backend>).await?;
        same("revision", &wanted, &found)
    }

    async fn segments(&self, kind: u8, days: &[(i8, u8)], mark: u8) -> Result<(), Disagreement> {
        let kind = if kind == 0 { "one" } else { "two" };
        let mut segments: Vec<_> = days
            .iter()
            .map(|(day, rows)| (i32::from(*day), derived(*rows)))
            .collect();
        segments.sort_by_key(|(day, _batch)| *day);
        segments.dedup_by_key(|(day, _batch)| *day);
        for store in [self.store.as_ref(), self.oracle_backend()] {
            let put = store
                .put_segments(kind, segments.clone(), vec![mark, 1, 2])
                .await;
            put.map_err(|source| format!("put segments: {source:?}"))?;
        }
        self.compare_segments(kind).await
    }

    async fn compare_segments(&self, kind: &str) -> Result<(), Disagreement> {
        let failed = |source: StoreError| format!("segments: {source:?}");
        let (store, oracle) = (self.store.as_ref(), self.oracle_backend());
        let wanted = oracle.segment_days(kind).await.map_err(failed)?;
        same(
            "segment days",
            &wanted,
            &store.segment_days(kind).await.map_err(failed)?,
        )?;
        let mark = oracle.segment_mark(kind).await.map_err(failed)?;
        same(
            "segment mark",
            &mark,
            &store.segment_mark(kind).await.map_err(failed)?,
        )?;
        for day in -3..4 {
            let wanted = oracle.segment(kind, day).await.map_err(failed)?;
            same(
                "segment",
                &wanted,
                &store.segment(kind, day).await.map_err(failed)?,
            )?;
        }
        Ok(())
    }

    async fn quarantined(
        &self,
        reason: Option<QuarantineReason>,
        has_publisher: bool,
        before: Option<u8>,
        limit: u8,
    ) -> Result<(), Disagreement> {
        let filter = QuarantineFilter {
            publisher: has_publisher.then(publisher),
            reason,
            before_id: before.map(|before| u64::from(before) / 8),
            limit: usize::from(limit),
        };
        let wanted = self.oracle_backend().quarantined(filter.clone()).await;
        let found = self
            .store
            .quarantined(filter)
            .await
            .map_err(|e| format!("{e:?}"))?;
        same("quarantined", &wanted.map_err(|e| e.to_string())?, &found)
    }

    async fn wrong(&self, kind: u8) -> Result<(), Disagreement> {
        let row = |stream: i32, result: f64| Observation {
            datastream: DatastreamKey(stream),
            time: self.clock.now(),
            result: Some(result),
            quality: Quality::Good,
            received: self.clock.now(),
            result_time: None,
        };
        let mut builder = ObservationBuilder::default();
        let batch = match kind {
            0 => batch_of(&mut builder, &[row(i32::from(STREAMS_COUNT) + 1, 1.0)]),
            1 => batch_of(&mut builder, &[row(1, 1.0), row(0, 1.0)]),
            2 => batch_of(&mut builder, &[row(1, f64::NAN)]),
            3 => RecordBatch::new_empty(kept_schema()),
            _ => batch_of(&mut builder, &vec![row(1, 1.0); APPEND_ROWS_MAX + 1]),
        };
        let mut append = self.append_of(&[], (1, 1), None);
        append.observations = batch;
        match self.store.append(append).await {
            Err(StoreError::Invalid { .. }) => Ok(()),
            other => Err(format!("a wrong batch ({kind}) gave {other:?}")),
        }
    }
}

async fn open(site: &dyn Site, clock: &Arc<TestClock>) -> Result<Arc<dyn Backend>, Disagreement> {
    let opened = site.open(Arc::clone(clock) as Arc<dyn Clock>).await;
    opened.map_err(|source| format!("open: {source:?}"))
}

fn same<T: PartialEq + std::fmt::Debug>(
    what: &str,
    wanted: &T,
    found: &T,
) -> Result<(), Disagreement> {
    if wanted == found {
        Ok(())
    } else {
        Err(format!("{what}: wanted {wanted:?}, found {found:?}"))
    }
}
