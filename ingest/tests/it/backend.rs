//! A store that can be told to stall or fail, around the in-memory one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arno_model::DatastreamKey;
use arno_store::testkit::MemoryStore;
use arno_store::{
    Append, Appended, DatastreamName, DatastreamRegister, Datastreams, ObservationWriter,
    StoreError,
};
use async_trait::async_trait;
use tokio::sync::watch;

/// What the store does with an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Takes it.
    Well,
    /// Takes it, slowly.
    Slow(Duration),
    /// Holds it until the mood changes.
    Stalled,
    /// Refuses it.
    Failing,
}

#[derive(Debug)]
pub(crate) struct MoodyStore {
    pub(crate) inner: Arc<MemoryStore>,
    mood: watch::Sender<Mood>,
    pub(crate) appends: AtomicU64,
}

impl MoodyStore {
    pub(crate) fn new(inner: Arc<MemoryStore>) -> Self {
        Self {
            inner,
            mood: watch::Sender::new(Mood::Well),
            appends: AtomicU64::new(0),
        }
    }

    pub(crate) fn set(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }
}

#[async_trait]
impl ObservationWriter for MoodyStore {
    async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        self.appends.fetch_add(1, Ordering::AcqRel);
        let mut mood = self.mood.subscribe();
        let now = *mood.wait_for(|mood| *mood != Mood::Stalled).await.unwrap();
        match now {
            Mood::Failing => Err(StoreError::Unavailable {
                action: "append",
                source: "the disk is away".into(),
            }),
            Mood::Slow(pause) => {
                tokio::time::sleep(pause).await;
                self.inner.append(append).await
            }
            Mood::Well | Mood::Stalled => self.inner.append(append).await,
        }
    }
}

#[async_trait]
impl DatastreamRegister for MoodyStore {
    async fn register(&self, names: &[DatastreamName]) -> Result<Vec<DatastreamKey>, StoreError> {
        self.inner.register(names).await
    }

    fn datastreams(&self) -> Arc<Datastreams> {
        self.inner.datastreams()
    }
}
