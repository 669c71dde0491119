//! A store of lists with ingest before it, and a sink that judges by itself.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arno_ingest::config::IngestConfig;
use arno_ingest::decode::Decoders;
use arno_ingest::{Ingest, IngestParts};
use arno_ingest_replay::{Portion, ReplayError, Sink};
use arno_model::version::{Arrival, Version, judge};
use arno_model::{Ledger, Timestamp};
use arno_store::registry::Files;
use arno_store::testkit::{MemoryStore, TestClock};
use arno_store::{Bundle, Registry};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The checkout's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A registry from a folder, checked.
pub(crate) fn registry(folder: &Path) -> Arc<Registry> {
    let files = Files::read_folder(folder).unwrap();
    let checked = files
        .check(&Bundle::default())
        .unwrap_or_else(|report| panic!("{report}"));
    Arc::new(checked.registry)
}

/// Ingest over a store of lists.
pub(crate) struct World {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) ingest: Ingest,
    token: CancellationToken,
    tracker: TaskTracker,
}

impl World {
    pub(crate) fn of(registry: Arc<Registry>) -> Self {
        let now = Timestamp::parse("2026-06-01T00:00:00Z").unwrap();
        let store = Arc::new(MemoryStore::new(Arc::new(TestClock::at(now))));
        let (tracker, token) = (TaskTracker::new(), CancellationToken::new());
        let (_sender, registry) = watch::channel(registry);
        let parts = IngestParts::of(
            Arc::clone(&store) as _,
            registry,
            tracker.clone(),
            token.clone(),
        );
        let routes = IngestConfig::default().build(&Decoders::shipped()).unwrap();
        let ingest = Ingest::start(routes, parts);
        Self {
            store,
            ingest,
            token,
            tracker,
        }
    }

    pub(crate) async fn end(self) {
        self.token.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

/// Judges arrivals by the law of versions, without a store: fast enough for a million.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    kept: HashMap<(String, Timestamp), Vec<Version>>,
    pub(crate) ledger: Ledger,
    pub(crate) reasons: HashMap<&'static str, usize>,
    pub(crate) moments: Vec<Timestamp>,
    pub(crate) by_stream: HashMap<String, usize>,
}

impl Sink for Judge {
    async fn take(&mut self, portion: Portion) -> Result<Ledger, ReplayError> {
        let mut ledger = Ledger {
            quarantined: portion.refused.len() as u64,
            ignored: portion.ignored_count,
            ..Ledger::default()
        };
        for entry in &portion.refused {
            *self.reasons.entry(entry.reason.as_str()).or_default() += 1;
        }
        for reading in &portion.readings {
            let stream = format!("{}/{}", reading.thing, reading.property);
            let kept = self
                .kept
                .entry((stream.clone(), reading.moment()))
                .or_default();
            match judge(kept, reading.result, reading.result_time) {
                Arrival::New => ledger.stored += 1,
                Arrival::Repeat => {
                    ledger.repeated += 1;
                    continue;
                }
                Arrival::Correction => ledger.corrected += 1,
            }
            *self.by_stream.entry(stream).or_default() += 1;
            kept.push(Version {
                result: reading.result,
                result_time: None,
                received: reading.received,
                known_at: portion.moment,
            });
        }
        self.moments.push(portion.moment);
        self.ledger += ledger;
        Ok(ledger)
    }

    async fn finish(&mut self) -> Result<(), ReplayError> {
        Ok(())
    }
}

impl Judge {
    /// Versions kept of one property, over all things.
    pub(crate) fn ledger_of(&self, property: &str) -> u64 {
        let of_property = self.by_stream.iter().filter(|(stream, _count)| {
            stream
                .rsplit_once('/')
                .is_some_and(|(_thing, name)| name == property)
        });
        of_property.map(|(_stream, count)| *count as u64).sum()
    }
}
