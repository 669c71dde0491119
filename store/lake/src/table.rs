//! The lake's table: which files belong to it, and how that changes.
//!
//! # Why
//! The Delta log makes a change of files one atomic step that other tools understand, and carries
//! the position of whoever writes ([`Change::position`]), so that a restart knows what is in.
//!
//! # Invariants
//! On a local disk a file and the log entry that names it are synced before [`Lake::commit`]
//! returns. Files that a commit removed stay for a while: scans and other tools may be reading them.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::{Path as DiskPath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arno_model::{DatastreamKey, Timestamp};
use arno_store::{BatchStream, Datastreams, StoreError, Streams};
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake::kernel::{Action, Add, LogicalFileView, Remove, Transaction};
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::{DeltaTable, DeltaTableBuilder, DeltaTableError, ensure_table_uri};
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use tokio::sync::Mutex;

use crate::columns::{MONTH_COLUMN, delta_columns};
use crate::error::LakeError;
use crate::file::LakeFile;
use crate::merge::Source;
use crate::month::Month;
use crate::read::{self, Ask};
use crate::statistics::statistics;
use crate::write::encode_file;

/// Commits between two checkpoints of the log: opening reads at most so many entries.
const CHECKPOINT_COMMITS: &str = "32";

/// The files of one moment, by month.
pub type Files = Arc<Vec<Arc<LakeFile>>>;

/// A lake at a place: a folder or any object store's address.
#[derive(Debug)]
pub struct Lake {
    table: Mutex<DeltaTable>,
    store: Arc<dyn ObjectStore>,
    disk: Option<PathBuf>,
    retired: Mutex<Vec<Retired>>,
}

#[derive(Debug)]
struct Retired {
    path: Path,
    /// Held while a scan may read it; absent for files retired before the start.
    file: Option<Arc<LakeFile>>,
    at: Timestamp,
}

/// A change of the lake's files, all or nothing.
#[derive(Debug, Default)]
pub struct Change {
    /// Files that were written and belong to the lake now.
    pub added: Vec<Arc<LakeFile>>,
    /// Files whose rows are in the added ones.
    pub removed: Vec<Arc<LakeFile>>,
    /// Up to where the writer's own log is in the lake now.
    pub position: Option<u64>,
}

/// What opening finds.
#[derive(Debug)]
pub struct Opened {
    /// The lake.
    pub lake: Lake,
    /// Its files.
    pub files: Files,
    /// The newest position that a change carried.
    pub position: Option<u64>,
}

impl Lake {
    /// Opens the lake at `place` (a path or URL), or makes it; `writer` names whose position is
    /// asked for.
    ///
    /// # Errors
    /// `Place` for what is no address, `Delta`, `Object` or `Disk` when it does not answer,
    /// `Damaged` when a footer does not hold.
    pub async fn open(
        place: &str,
        options: HashMap<String, String>,
        writer: &str,
    ) -> Result<Opened, LakeError> {
        let refused = |_source: DeltaTableError| LakeError::Place { place: place.to_owned() };
        let url = ensure_table_uri(place).map_err(refused)?;
        let disk = url.to_file_path().ok().filter(|_path| url.scheme() == "file");
        let builder = DeltaTableBuilder::from_url(url).map_err(refused)?;
        let mut table = builder
            .with_storage_options(options)
            .build()
            .map_err(LakeError::delta("open"))?;
        match table.load().await {
            Ok(()) => {}
            Err(DeltaTableError::NotATable(_)) => table = create(&table).await?,
            Err(source) => return Err(LakeError::delta("open")(source)),
        }
        let store = table.object_store();
        let (files, position) = list(&table, &store, &HashMap::new(), writer).await?;
        let retired = tombstones(&table).await?;
        let lake = Self {
            table: Mutex::new(table),
            store,
            disk,
            retired: Mutex::new(retired),
        };
        Ok(Opened { lake, files, position })
    }

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
        let Some(bytes) = encode_file(rows, names).await? else { return Ok(None) };
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
        let mut actions: Vec<Action> =
            change.added.iter().map(|file| Action::Add(add(file, now_ms))).collect();
        actions.extend(change.removed.iter().map(|file| Action::Remove(remove(file, now_ms))));
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
        let state = table.snapshot().map_err(LakeError::delta("read its state"))?;
        let commit = CommitBuilder::from(properties)
            .with_actions(actions)
            .build(Some(state), table.log_store(), operation)
            .await
            .map_err(LakeError::delta("take a change"))?;
        table.state = Some(commit.snapshot());
        self.sync(&format!("_delta_log/{:020}.json", commit.version()))?;
        drop(table);
        let removed: HashSet<&str> = change.removed.iter().map(|file| file.path()).collect();
        let mut after: Vec<Arc<LakeFile>> =
            files.iter().filter(|file| !removed.contains(file.path())).cloned().collect();
        after.extend(change.added);
        after.sort_by(|left, right| (left.month, &left.path).cmp(&(right.month, &right.path)));
        let retire = |file: Arc<LakeFile>| Retired {
            path: file.path.clone(),
            file: Some(file),
            at: now,
        };
        self.retired.lock().await.extend(change.removed.into_iter().map(retire));
        Ok(Arc::new(after))
    }

    /// Asks the place itself which files and position are in, after a commit that may have happened.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn reload(
        &self,
        files: &Files,
        writer: &str,
    ) -> Result<(Files, Option<u64>), LakeError> {
        let mut table = self.table.lock().await;
        table.update_state().await.map_err(LakeError::delta("read its state"))?;
        let known: HashMap<&str, &Arc<LakeFile>> =
            files.iter().map(|file| (file.path(), file)).collect();
        list(&table, &self.store, &known, writer).await
    }

    /// The sorted rows of a file that answer; `None` when it has none.
    pub fn source(&self, file: &Arc<LakeFile>, ask: &Ask) -> Option<Source> {
        if file.is_damaged() { None } else { read::source(&self.store, file, ask) }
    }

    /// The last `row_count` rows of each of some datastreams in a file.
    pub fn tails(&self, file: &Arc<LakeFile>, keys: Vec<DatastreamKey>, row_count: u32) -> Source {
        read::tails(&self.store, file, &Streams::of(keys), row_count)
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
            let is_read = file.file.as_ref().is_some_and(|file| Arc::strong_count(file) > 1);
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
        failed.map_or(Ok(()), |source| Err(LakeError::object("delete a file")(source)))
    }

    /// Deletes files that the log never named: what a crash left between writing and committing.
    /// Only for a lake with a single writer, before it writes.
    ///
    /// # Errors
    /// `Object` when listing or deleting fails.
    pub async fn sweep(&self, files: &Files) -> Result<(), LakeError> {
        let failed = |source| LakeError::object("sweep")(source);
        let retired = self.retired.lock().await;
        let known: HashSet<&str> = files
            .iter()
            .map(|file| file.path.as_ref())
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

    /// Bytes of all files.
    pub fn bytes(files: &Files) -> u64 {
        files.iter().map(|file| file.size_bytes).sum()
    }

    fn sync(&self, name: &str) -> Result<(), LakeError> {
        let Some(disk) = &self.disk else { return Ok(()) };
        sync_with_folders(disk, &disk.join(name)).map_err(LakeError::disk("sync a file"))
    }
}

/// Syncs a file and the folders from it up to the lake's own.
fn sync_with_folders(root: &DiskPath, path: &DiskPath) -> std::io::Result<()> {
    File::open(path)?.sync_all()?;
    let mut folder = path.parent();
    while let Some(at) = folder.filter(|at| at.starts_with(root)) {
        File::open(at)?.sync_all()?;
        folder = at.parent();
    }
    Ok(())
}

async fn create(table: &DeltaTable) -> Result<DeltaTable, LakeError> {
    let settings = [
        ("delta.checkpointInterval", CHECKPOINT_COMMITS),
        ("delta.deletedFileRetentionDuration", "interval 1 days"),
        ("delta.logRetentionDuration", "interval 1 days"),
        ("delta.enableExpiredLogCleanup", "true"),
    ];
    let created = table
        .create()
        .with_table_name("observations")
        .with_comment("Observations of the region: all versions, by datastream and time")
        .with_columns(delta_columns())
        .with_partition_columns([MONTH_COLUMN])
        .with_configuration(settings.map(|(name, value)| (name, Some(value))))
        .await;
    created.map_err(LakeError::delta("be made"))
}

/// The table's files, taking those that are known as they are, and the writer's position.
async fn list(
    table: &DeltaTable,
    store: &Arc<dyn ObjectStore>,
    known: &HashMap<&str, &Arc<LakeFile>>,
    writer: &str,
) -> Result<(Files, Option<u64>), LakeError> {
    let state = table.snapshot().map_err(LakeError::delta("read its state"))?;
    let named: Vec<LogicalFileView> = state.log_data().iter().collect();
    let mut files = Vec::with_capacity(named.len());
    for view in named {
        match known.get(view.object_store_path().as_ref()) {
            Some(file) => files.push(Arc::clone(file)),
            None => files.push(Arc::new(open_file(store, &view).await?)),
        }
    }
    files.sort_by(|left, right| (left.month, &left.path).cmp(&(right.month, &right.path)));
    let log_store = table.log_store();
    let position = state.transaction_version(log_store.as_ref(), writer).await;
    let position = position.map_err(LakeError::delta("read the position"))?;
    Ok((Arc::new(files), position.and_then(|position| u64::try_from(position).ok())))
}

async fn open_file(
    store: &Arc<dyn ObjectStore>,
    view: &LogicalFileView,
) -> Result<LakeFile, LakeError> {
    let path = view.object_store_path();
    let size_bytes = u64::try_from(view.size()).unwrap_or(0);
    let month = month_of(&path).ok_or_else(|| LakeError::damaged(&path, "it has no month"))?;
    LakeFile::open(store.as_ref(), path, month, size_bytes).await
}

fn month_of(path: &Path) -> Option<Month> {
    let part = path.parts().next()?;
    Month::parse(part.as_ref().strip_prefix("month=")?)
}

async fn tombstones(table: &DeltaTable) -> Result<Vec<Retired>, LakeError> {
    let failed = LakeError::delta("list its removed files");
    let state = table.snapshot().map_err(LakeError::delta("read its state"))?;
    let log_store = table.log_store();
    let found: Vec<_> =
        state.all_tombstones(log_store.as_ref()).try_collect().await.map_err(failed)?;
    let retired = found.iter().map(|removed| Retired {
        path: Path::from(removed.path().as_ref()),
        file: None,
        at: Timestamp::from_micros(
            removed.deletion_timestamp().unwrap_or(0).saturating_mul(1_000),
        ),
    });
    Ok(retired.collect())
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

impl From<LakeError> for Box<StoreError> {
    fn from(error: LakeError) -> Self {
        Self::new(error.into())
    }
}
