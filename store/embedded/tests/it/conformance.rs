//! The suite that every backend passes.

use std::sync::Arc;
use std::time::Duration;

use arno_store::testkit::{Bench, Site, conform};
use arno_store::{Backend, Clock, StoreError};
use arno_store_embedded::{EmbeddedConfig, EmbeddedStore};
use async_trait::async_trait;
use tempfile::TempDir;

struct Folders(EmbeddedConfig);

struct Folder(TempDir, EmbeddedConfig);

#[async_trait]
impl Bench for Folders {
    async fn fresh(&self) -> Box<dyn Site> {
        Box::new(Folder(tempfile::tempdir().unwrap(), self.0.clone()))
    }
}

#[async_trait]
impl Site for Folder {
    async fn open(&self, clock: Arc<dyn Clock>) -> Result<Arc<dyn Backend>, StoreError> {
        let store = EmbeddedStore::open(self.0.path(), self.1.clone(), clock).await?;
        Ok(store)
    }
}

#[tokio::test]
async fn the_hot_part_answers_as_the_oracle_does() {
    conform(&Folders(EmbeddedConfig::default())).await;
}

/// Everything is flushed by every `maintain`, and by itself every few hundred rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lake_answers_as_the_oracle_does() {
    let config = EmbeddedConfig {
        flush_rows: 300,
        flush_age: Duration::ZERO,
        vacuum_age: Duration::ZERO,
        ..EmbeddedConfig::default()
    };
    conform(&Folders(config)).await;
}
