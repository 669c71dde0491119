//! Keeps the registry: folders and uploads come in, durable revisions and fresh snapshots go out.
//!
//! # Why
//! The registry changes while Arno runs, from the command line, from uploads and from other
//! processes on the same database. The whole registry is one document under compare-and-set: a
//! change is there whole or not at all, and of two writers the later one rebases on the earlier.
//!
//! # Shape
//! Document `registry`: the four canonical files and the last change. Documents
//! `registry/<revision>`: one kept [`ChangeRecord`] each. The document's revision is the
//! registry's.
//!
//! # Invariants
//! Snapshots only move forward; subscribers see a revision after it is durable.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arno_model::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, watch};
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::MissedTickBehavior;

use super::bundle::Bundle;
use super::change::{self, Change, ChangeRecord};
use super::fault::Report;
use super::files::{Checked, Files};
use super::{Registry, export};
use crate::backend::Documents;
use crate::error::{Retry, StoreError};
use crate::pause;

/// The document that holds the registry.
const DOCUMENT: &str = "registry";
/// The format of that document; newer ones are refused.
const FORMAT: u32 = 1;
/// Most changes that one question to the history returns.
pub const HISTORY_COUNT_MAX: usize = 1_000;

/// Why the registry could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The files contradict the format or each other.
    #[error(transparent)]
    Faults(Report),
    /// A file is there and can't be read.
    #[error("could not read `{}`", path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file can't be written.
    #[error("could not write `{}`", path.display())]
    WriteFile {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The store did not do its part.
    #[error("the store could not keep or give the registry")]
    Store {
        /// The cause.
        #[from]
        source: StoreError,
    },
    /// The kept document is not what was written.
    #[error("the kept registry can't be read back")]
    Kept {
        /// The cause.
        #[source]
        source: crate::error::Cause,
    },
    /// The check was stopped: the process is shutting down.
    #[error("the check of the registry was stopped")]
    Stopped {
        /// The cause.
        #[from]
        source: JoinError,
    },
}

impl RegistryError {
    /// Whether trying again can help.
    pub const fn retry(&self) -> Retry {
        match self {
            Self::Store { source } => source.retry(),
            Self::Faults(_)
            | Self::ReadFile { .. }
            | Self::WriteFile { .. }
            | Self::Kept { .. }
            | Self::Stopped { .. } => Retry::Never,
        }
    }

    /// A label for metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Faults(_) => "faults",
            Self::ReadFile { .. } => "read_file",
            Self::WriteFile { .. } => "write_file",
            Self::Store { source } => source.reason(),
            Self::Kept { .. } => "kept",
            Self::Stopped { .. } => "stopped",
        }
    }
}

/// Keeps the registry in a store's documents.
#[derive(Debug)]
pub struct RegistryKeeper {
    documents: Arc<dyn Documents>,
    snapshots: watch::Sender<Arc<Registry>>,
    turn: Mutex<()>,
}

impl RegistryKeeper {
    /// Reads the kept registry; an empty store gives the empty one, which knows the shipped
    /// properties.
    ///
    /// # Errors
    /// `Store`, `Kept`.
    pub async fn load(documents: Arc<dyn Documents>) -> Result<Self, RegistryError> {
        let (snapshots, _) = watch::channel(Arc::new(Registry::default()));
        let keeper = Self {
            documents,
            snapshots,
            turn: Mutex::new(()),
        };
        keeper.refresh().await?;
        Ok(keeper)
    }

    /// The present snapshot.
    pub fn current(&self) -> Arc<Registry> {
        Arc::clone(&self.snapshots.borrow())
    }

    /// Hears of every new snapshot.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Registry>> {
        self.snapshots.subscribe()
    }

    /// Takes over what another process applied meanwhile; says whether there was anything.
    ///
    /// # Errors
    /// `Store`, `Kept`.
    pub async fn refresh(&self) -> Result<bool, RegistryError> {
        let _turn = self.turn.lock().await;
        self.pull().await
    }

    /// Refreshes every `interval`, until `stopped` is ready. Failures are logged, and tried again.
    pub async fn follow(&self, interval: Duration, stopped: impl Future<Output = ()> + Send) {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stopped = std::pin::pin!(stopped);
        loop {
            // Both arms lose nothing when the other one wins.
            tokio::select! {
                () = &mut stopped => return,
                _ = ticks.tick() => {}
            }
            if let Err(fault) = self.refresh().await {
                let reason = fault.reason();
                tracing::warn!(reason, "could not look for changed registry: {fault}");
            }
        }
    }

    /// Says what applying these files would do; parts without a file stay as they are.
    ///
    /// # Errors
    /// `Faults` with every fault.
    pub async fn check(&self, files: Files) -> Result<Change, RegistryError> {
        let now = self.current();
        let base = Arc::clone(now.bundle());
        spawn_blocking(move || {
            let Checked { registry, warnings } =
                files.check(&base).map_err(RegistryError::Faults)?;
            let entries = change::difference(&base, registry.bundle());
            Ok(Change::new(now.revision, &entries, warnings))
        })
        .await?
    }

    /// Checks files and makes them the registry; parts without a file stay as they are.
    ///
    /// # Errors
    /// `Faults` with every fault, and nothing is changed; `Store`.
    ///
    /// # Cancel
    /// Dropping the future leaves open whether the change happens; it is never there by half.
    pub async fn apply(
        &self,
        files: Files,
        who: &str,
        when: Timestamp,
    ) -> Result<Change, RegistryError> {
        let files = Arc::new(files);
        self.replace(who, when, move |base| files.check(base)).await
    }

    /// Checks a bundle that was made in memory, and makes it the registry.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub async fn apply_bundle(
        &self,
        bundle: Bundle,
        who: &str,
        when: Timestamp,
    ) -> Result<Change, RegistryError> {
        let bundle = Arc::new(bundle);
        let build = move |_base: &Bundle| {
            let built = Registry::build(bundle.as_ref().clone());
            built.map(|(registry, warnings)| Checked { registry, warnings })
        };
        self.replace(who, when, build).await
    }

    /// Edits the registry as it stands at that moment: when another writer is faster, the edit is
    /// made again on what that one left, so that neither is lost.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub async fn edit<F>(
        &self,
        who: &str,
        when: Timestamp,
        edit: F,
    ) -> Result<Change, RegistryError>
    where
        F: Fn(&mut Bundle) + Clone + Send + 'static,
    {
        let build = move |base: &Bundle| {
            let mut bundle = base.clone();
            edit(&mut bundle);
            let built = Registry::build(bundle);
            built.map(|(registry, warnings)| Checked { registry, warnings })
        };
        self.replace(who, when, build).await
    }

    /// The changes up to revision `until` (absent: the newest), newest first.
    ///
    /// # Errors
    /// `Store`, `Kept`.
    pub async fn history(
        &self,
        until: Option<u64>,
        limit: usize,
    ) -> Result<Vec<ChangeRecord>, RegistryError> {
        let newest = self.current().revision;
        let mut records = Vec::new();
        let mut revision = until.unwrap_or(newest).min(newest);
        while revision > 0 && records.len() < limit.min(HISTORY_COUNT_MAX) {
            if let Some(kept) = self.documents.document(&record_name(revision)).await? {
                records.push(serde_json::from_slice(&kept.bytes).map_err(unreadable)?);
            }
            revision -= 1;
        }
        Ok(records)
    }

    async fn replace<F>(
        &self,
        who: &str,
        when: Timestamp,
        build: F,
    ) -> Result<Change, RegistryError>
    where
        F: Fn(&Bundle) -> Result<Checked, Report> + Clone + Send + 'static,
    {
        let _turn = self.turn.lock().await;
        let mut attempt = 1;
        loop {
            self.pull().await?;
            let now = self.current();
            let base = Arc::clone(now.bundle());
            let build = build.clone();
            let prepared = spawn_blocking(move || {
                build(&base).map(|checked| {
                    let entries = change::difference(&base, checked.registry.bundle());
                    let is_same = **checked.registry.bundle() == *base;
                    (checked, entries, is_same)
                })
            });
            let (checked, entries, is_same) = prepared.await?.map_err(RegistryError::Faults)?;
            if is_same {
                return Ok(Change::new(now.revision, &[], checked.warnings));
            }
            let record = ChangeRecord {
                revision: now.revision + 1,
                who: who.to_owned(),
                when,
                entries,
            };
            match self.keep(checked.registry, &record).await {
                Err(RegistryError::Store {
                    source: StoreError::Conflict { .. },
                }) if attempt < pause::ATTEMPTS_COUNT_MAX => {
                    pause::after(attempt).await;
                    attempt += 1;
                }
                Err(fault) => return Err(fault),
                Ok(()) => {
                    tracing::info!(
                        revision = record.revision,
                        who,
                        entries = record.entries.len(),
                        "registry applied"
                    );
                    return Ok(Change::new(
                        record.revision,
                        &record.entries,
                        checked.warnings,
                    ));
                }
            }
        }
    }

    /// Makes a snapshot durable, its record beside it, and shows it to subscribers. Dropped in
    /// between, the next pull finishes it.
    async fn keep(
        &self,
        mut registry: Registry,
        record: &ChangeRecord,
    ) -> Result<(), RegistryError> {
        let kept = Kept::new(registry.bundle(), record);
        let bytes = serde_json::to_vec(&kept).map_err(unreadable)?;
        let expected = record.revision - 1;
        registry.revision = self
            .documents
            .put_document(DOCUMENT, bytes, expected)
            .await?;
        self.keep_record(record).await?;
        self.snapshots.send_replace(Arc::new(registry));
        Ok(())
    }

    /// Reads the document and follows it, if it is newer than the snapshot.
    async fn pull(&self) -> Result<bool, RegistryError> {
        let Some(document) = self.documents.document(DOCUMENT).await? else {
            return Ok(false);
        };
        if document.revision <= self.current().revision {
            return Ok(false);
        }
        let read = spawn_blocking(move || {
            let kept: Kept = serde_json::from_slice(&document.bytes).map_err(unreadable)?;
            let mut registry = kept.registry()?;
            registry.revision = document.revision;
            Ok::<_, RegistryError>((registry, kept.change))
        });
        let (registry, record) = read.await??;
        self.keep_record(&record).await?;
        self.snapshots.send_replace(Arc::new(registry));
        Ok(true)
    }

    /// Keeps a record, unless it is kept already: a writer that died in between left this to the
    /// next.
    async fn keep_record(&self, record: &ChangeRecord) -> Result<(), RegistryError> {
        let bytes = serde_json::to_vec(record).map_err(unreadable)?;
        match self
            .documents
            .put_document(&record_name(record.revision), bytes, 0)
            .await
        {
            Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
            Err(source) => Err(RegistryError::Store { source }),
        }
    }
}

fn record_name(revision: u64) -> String {
    format!("{DOCUMENT}/{revision}")
}

fn unreadable(source: impl Into<crate::error::Cause>) -> RegistryError {
    RegistryError::Kept {
        source: source.into(),
    }
}

/// The document.
#[derive(Serialize, Deserialize)]
struct Kept {
    format: u32,
    publishers: String,
    properties: String,
    areas: String,
    things: String,
    change: ChangeRecord,
}

impl Kept {
    fn new(bundle: &Bundle, record: &ChangeRecord) -> Self {
        let files = export(bundle);
        let text = |bytes: Option<Vec<u8>>| {
            String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default()
        };
        Self {
            format: FORMAT,
            publishers: text(files.publishers),
            properties: text(files.properties),
            areas: text(files.areas),
            things: text(files.things),
            change: record.clone(),
        }
    }

    fn registry(&self) -> Result<Registry, RegistryError> {
        if self.format > FORMAT {
            return Err(StoreError::NewerFormat {
                name: DOCUMENT.to_owned(),
                found: self.format,
                supported: FORMAT,
            }
            .into());
        }
        let bytes = |text: &String| Some(text.clone().into_bytes());
        let files = Files {
            publishers: bytes(&self.publishers),
            properties: bytes(&self.properties),
            areas: bytes(&self.areas),
            things: bytes(&self.things),
        };
        files.kept().map_err(unreadable)
    }
}
