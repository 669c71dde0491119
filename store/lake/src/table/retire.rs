//! Files that left the lake: kept for those who read them, then deleted.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use arno_model::Timestamp;
use deltalake::DeltaTable;
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore as _, ObjectStoreExt as _};

use super::{Files, Lake};
use crate::error::LakeError;
use crate::file::LakeFile;

/// A file that left the lake.
#[derive(Debug)]
pub(super) struct Retired {
    path: Path,
    /// Held while a scan may read it; absent for files retired before the start.
    file: Option<Arc<LakeFile>>,
    at: Timestamp,
}

impl Lake {
    /// Remembers files that left the lake.
    pub(super) async fn retire(&self, files: Vec<Arc<LakeFile>>, now: Timestamp) {
        let retire = |file: Arc<LakeFile>| Retired {
            path: file.path.clone(),
            file: Some(file),
            at: now,
        };
        self.retired
            .lock()
            .await
            .extend(files.into_iter().map(retire));
    }

    /// Deletes removed files that nobody here reads and that are older than `age`.
    ///
    /// # Errors
    /// `Object` when a file cannot be deleted; the others are tried again next time.
    pub async fn vacuum(&self, now: Timestamp, age: Duration) -> Result<(), LakeError> {
        let age_us = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
        let mut retired = self.retired.lock().await;
        let mut kept = Vec::new();
        let mut failed = None;
        for file in retired.drain(..) {
            let is_read = file
                .file
                .as_ref()
                .is_some_and(|file| Arc::strong_count(file) > 1);
            if is_read || now.since_us(file.at) < age_us {
                kept.push(file);
                continue;
            }
            match self.store.delete(&file.path).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(source) => {
                    failed = Some(source);
                    kept.push(file);
                }
            }
        }
        *retired = kept;
        failed.map_or(Ok(()), |source| {
            Err(LakeError::object("delete a file")(source))
        })
    }

    /// Deletes files that the log never named: what a crash left between writing and committing.
    /// Only for a lake with a single writer, before it writes.
    ///
    /// # Errors
    /// `Object` when listing or deleting fails.
    pub async fn sweep(&self, files: &Files) -> Result<(), LakeError> {
        let failed = |source| LakeError::object("sweep")(source);
        let retired = self.retired.lock().await;
        let named = files.iter().map(|file| file.path.as_ref());
        let known: HashSet<&str> = named
            .chain(self.aside.iter().map(String::as_str))
            .chain(retired.iter().map(|file| file.path.as_ref()))
            .collect();
        let found: Vec<_> = self.store.list(None).try_collect().await.map_err(failed)?;
        for object in found {
            let name = object.location.as_ref();
            let is_ours = name.starts_with("month=") && !known.contains(name);
            if is_ours {
                tracing::info!(file = name, "a file that was never committed is deleted");
                self.store.delete(&object.location).await.map_err(failed)?;
            }
        }
        Ok(())
    }
}

/// Files that left the lake before it was opened.
pub(super) async fn tombstones(table: &DeltaTable) -> Result<Vec<Retired>, LakeError> {
    let failed = LakeError::delta("list its removed files");
    let state = table
        .snapshot()
        .map_err(LakeError::delta("read its state"))?;
    let log_store = table.log_store();
    let found: Vec<_> = state
        .all_tombstones(log_store.as_ref())
        .try_collect()
        .await
        .map_err(failed)?;
    let retired = found.iter().map(|removed| Retired {
        path: Path::from(removed.path().as_ref()),
        file: None,
        at: Timestamp::from_micros(
            removed
                .deletion_timestamp()
                .unwrap_or(0)
                .saturating_mul(1_000),
        ),
    });
    Ok(retired.collect())
}
