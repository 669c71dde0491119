//! The lake's table: which files belong to it, and how that changes.
//!
//! # Why
//! The Delta log makes a change of files one atomic step that other tools understand, and carries
//! the position of whoever writes ([`Change::position`]), so that a restart knows what is in.
//!
//! # Invariants
//! On a local disk a file and the log entry that names it are synced before [`Lake::commit`]
//! returns. Files that a commit removed stay for a while: scans and other tools may be reading
//! them.

mod change;
mod retire;

use std::collections::HashMap;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use arno_model::DatastreamKey;
use arno_store::Streams;
use deltalake::kernel::LogicalFileView;
use deltalake::{DeltaTable, DeltaTableBuilder, DeltaTableError, ensure_table_uri};
use object_store::ObjectStore;
use object_store::path::Path;
use tokio::sync::Mutex;

use self::retire::{Retired, tombstones};
use crate::columns::{MONTH_COLUMN, delta_columns};
use crate::error::LakeError;
use crate::file::LakeFile;
use crate::merge::Source;
use crate::month::Month;
use crate::read::{self, Ask};

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
    /// Files that cannot be read: they stay where they are.
    aside: Vec<String>,
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
    /// Files that cannot be read, by their place: set aside, the rest is served.
    pub damaged: Vec<String>,
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
        let refused = |_source: DeltaTableError| LakeError::Place {
            place: place.to_owned(),
        };
        let url = ensure_table_uri(place).map_err(refused)?;
        let disk = url
            .to_file_path()
            .ok()
            .filter(|_path| url.scheme() == "file");
        let builder = DeltaTableBuilder::from_url(url).map_err(refused)?;
        let mut table = builder
            .with_storage_options(options)
            .build()
            .map_err(LakeError::delta("open"))?;
        // Asked first: to load what is not there is an error in the log of a first start.
        let is_there = table.verify_deltatable_existence().await;
        if is_there.map_err(LakeError::delta("open"))? {
            table.load().await.map_err(LakeError::delta("open"))?;
        } else {
            table = create(&table).await?;
        }
        let store = table.object_store();
        let Listed {
            files,
            position,
            damaged,
        } = list(&table, &store, &HashMap::new(), writer).await?;
        let retired = tombstones(&table).await?;
        let version = table.version();
        let lake = Self {
            table: Mutex::new(table),
            store,
            disk,
            retired: Mutex::new(retired),
            aside: damaged.clone(),
        };
        if let Some(version) = version {
            // The entry may be of a process that was killed before it could sync it.
            lake.sync_log(version)?;
        }
        Ok(Opened {
            lake,
            files,
            position,
            damaged,
        })
    }

    /// Asks the place itself which files and position are in, after a commit that may have
    /// happened.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn reload(
        &self,
        files: &Files,
        writer: &str,
    ) -> Result<(Files, Option<u64>), LakeError> {
        let mut table = self.table.lock().await;
        table
            .update_state()
            .await
            .map_err(LakeError::delta("read its state"))?;
        let known: HashMap<&str, &Arc<LakeFile>> =
            files.iter().map(|file| (file.path(), file)).collect();
        let listed = list(&table, &self.store, &known, writer).await?;
        Ok((listed.files, listed.position))
    }

    /// The sorted rows of a file that answer; `None` when it has none.
    pub fn source(&self, file: &Arc<LakeFile>, ask: &Ask) -> Option<Source> {
        if file.is_damaged() {
            None
        } else {
            read::source(&self.store, file, ask)
        }
    }

    /// The last `row_count` rows of each of some datastreams in a file.
    pub fn tails(&self, file: &Arc<LakeFile>, keys: Vec<DatastreamKey>, row_count: u32) -> Source {
        read::tails(&self.store, file, &Streams::of(keys), row_count)
    }

    /// Bytes of all files.
    pub fn bytes(files: &Files) -> u64 {
        files.iter().map(|file| file.size_bytes).sum()
    }
}

/// By month, then by path.
fn sort(files: &mut [Arc<LakeFile>]) {
    files.sort_by(|left, right| (left.month, &left.path).cmp(&(right.month, &right.path)));
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

struct Listed {
    files: Files,
    position: Option<u64>,
    damaged: Vec<String>,
}

/// The table's files, taking those that are known as they are, and the writer's position.
async fn list(
    table: &DeltaTable,
    store: &Arc<dyn ObjectStore>,
    known: &HashMap<&str, &Arc<LakeFile>>,
    writer: &str,
) -> Result<Listed, LakeError> {
    let state = table
        .snapshot()
        .map_err(LakeError::delta("read its state"))?;
    let named: Vec<LogicalFileView> = state.log_data().iter().collect();
    let mut files = Vec::with_capacity(named.len());
    let mut damaged = Vec::new();
    for view in named {
        if let Some(file) = known.get(view.object_store_path().as_ref()) {
            files.push(Arc::clone(file));
            continue;
        }
        match open_file(store, &view).await {
            Ok(file) => files.push(Arc::new(file)),
            Err(
                source @ (LakeError::Damaged { .. }
                | LakeError::Object {
                    source: object_store::Error::NotFound { .. },
                    ..
                }),
            ) => {
                let path = view.path().into_owned();
                tracing::error!(
                    path,
                    error = &source as &dyn Error,
                    "a lake file is set aside"
                );
                damaged.push(path);
            }
            Err(source) => return Err(source),
        }
    }
    sort(&mut files);
    let log_store = table.log_store();
    let position = state.transaction_version(log_store.as_ref(), writer).await;
    let position = position.map_err(LakeError::delta("read the position"))?;
    let position = position.and_then(|position| u64::try_from(position).ok());
    Ok(Listed {
        files: Arc::new(files),
        position,
        damaged,
    })
}

async fn open_file(
    store: &Arc<dyn ObjectStore>,
    view: &LogicalFileView,
) -> Result<LakeFile, LakeError> {
    let path = view.object_store_path();
    let size_bytes = u64::try_from(view.size()).unwrap_or(0);
    let month =
        month_of(&path).ok_or_else(|| LakeError::damaged(path.to_string(), "it has no month"))?;
    LakeFile::open(store.as_ref(), path, month, size_bytes).await
}

fn month_of(path: &Path) -> Option<Month> {
    let part = path.parts().next()?;
    Month::parse(part.as_ref().strip_prefix("month=")?)
}
