//! Writing files and making them belong.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::path::Path as DiskPath;
use std::sync::Arc;

use arno_model::Timestamp;
use arno_store::{BatchStream, Datastreams};
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake::kernel::{Action, Add, Remove, Transaction};
use deltalake::protocol::{DeltaOperation, SaveMode};
use object_store::ObjectStoreExt as _;
use object_store::path::Path;

use super::{Change, Files, Lake, sort};
use crate::columns::MONTH_COLUMN;
use crate::error::LakeError;
use crate::file::LakeFile;
use crate::month::Month;
use crate::statistics::statistics;
use crate::write::encode_file;

impl Lake {
    /// Writes sorted rows of one month as a file that does not belong to the lake yet; `None` when
    /// there are no rows.
    ///
    /// # Errors
    /// `Rows` when the rows fail, else `Encode`, `Object` or `Disk`.
    pub async fn write(
        &self,
        month: Month,
        rows: BatchStream,
        names: &Datastreams,
    ) -> Result<Option<LakeFile>, LakeError> {
        let Some(bytes) = encode_file(rows, names).await? else {
            return Ok(None);
        };
        let number: u64 = rand::random();
        let path = Path::from(format!("{MONTH_COLUMN}={month}/part-{number:016x}.parquet"));
        let file = LakeFile::of_bytes(path.clone(), month, &bytes)?;
        let put = self.store.put(&path, bytes.into()).await;
        put.map_err(LakeError::object("write a file"))?;
        self.sync(path.as_ref())?;
        Ok(Some(file))
    }

    /// Makes a change durable and returns the lake's files after it.
    ///
    /// # Errors
    /// `Delta` or `Disk`; whether the change happened is then open until the lake is opened again.
    pub async fn commit(
        &self,
        files: &Files,
        change: Change,
        writer: &str,
        now: Timestamp,
    ) -> Result<Files, LakeError> {
        let mut table = self.table.lock().await;
        let now_ms = now.as_micros().div_euclid(1_000);
        let mut actions: Vec<Action> = change
            .added
            .iter()
            .map(|file| Action::Add(add(file, now_ms)))
            .collect();
        actions.extend(
            change
                .removed
                .iter()
                .map(|file| Action::Remove(remove(file, now_ms))),
        );
        let mut properties = CommitProperties::default();
        if let Some(position) = change.position {
            let version = i64::try_from(position).unwrap_or(i64::MAX);
            let transaction = Transaction::new(writer, version);
            properties = properties.with_application_transaction(transaction);
        }
        let operation = DeltaOperation::Write {
            mode: SaveMode::Append,
            partition_by: Some(vec![MONTH_COLUMN.to_owned()]),
            predicate: None,
        };
        let state = table
            .snapshot()
            .map_err(LakeError::delta("read its state"))?;
        let commit = CommitBuilder::from(properties)
            .with_actions(actions)
            .build(Some(state), table.log_store(), operation)
            .await
            .map_err(LakeError::delta("take a change"))?;
        table.state = Some(commit.snapshot());
        self.sync_log(commit.version())?;
        drop(table);
        let removed: HashSet<&str> = change.removed.iter().map(|file| file.path()).collect();
        let mut after: Vec<Arc<LakeFile>> = files
            .iter()
            .filter(|file| !removed.contains(file.path()))
            .cloned()
            .collect();
        after.extend(change.added);
        sort(&mut after);
        self.retire(change.removed, now).await;
        Ok(Arc::new(after))
    }

    /// Makes an entry of the log durable, and the checkpoint that may have been made with it.
    pub(super) fn sync_log(&self, version: u64) -> Result<(), LakeError> {
        self.sync(&format!("_delta_log/{version:020}.json"))?;
        for name in [
            format!("{version:020}.checkpoint.parquet"),
            "_last_checkpoint".to_owned(),
        ] {
            match self.sync(&format!("_delta_log/{name}")) {
                Err(LakeError::Disk { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                }
                synced => synced?,
            }
        }
        Ok(())
    }

    /// Makes a file and its names durable, on a disk of our own.
    pub(super) fn sync(&self, name: &str) -> Result<(), LakeError> {
        let Some(disk) = &self.disk else {
            return Ok(());
        };
        sync_with_folders(disk, &disk.join(name)).map_err(LakeError::disk("sync a file"))
    }
}

/// Syncs a file and the folders from it up to the lake's own.
fn sync_with_folders(root: &DiskPath, path: &DiskPath) -> io::Result<()> {
    File::open(path)?.sync_all()?;
    let mut folder = path.parent();
    while let Some(at) = folder.filter(|at| at.starts_with(root)) {
        File::open(at)?.sync_all()?;
        folder = at.parent();
    }
    Ok(())
}

fn partition(file: &LakeFile) -> HashMap<String, Option<String>> {
    HashMap::from([(MONTH_COLUMN.to_owned(), Some(file.month.to_string()))])
}

fn add(file: &LakeFile, now_ms: i64) -> Add {
    Add {
        path: file.path().to_owned(),
        partition_values: partition(file),
        size: i64::try_from(file.size_bytes).unwrap_or(i64::MAX),
        modification_time: now_ms,
        data_change: true,
        stats: Some(statistics(file)),
        tags: None,
        deletion_vector: None,
        base_row_id: None,
        default_row_commit_version: None,
        clustering_provider: None,
    }
}

fn remove(file: &LakeFile, now_ms: i64) -> Remove {
    Remove {
        path: file.path().to_owned(),
        data_change: true,
        deletion_timestamp: Some(now_ms),
        extended_file_metadata: Some(true),
        partition_values: Some(partition(file)),
        size: Some(i64::try_from(file.size_bytes).unwrap_or(i64::MAX)),
        ..Remove::default()
    }
}
