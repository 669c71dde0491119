//! Ports: what the faces need of the rest of the house, one trait a need; `src` plugs them.
//!
//! # Why
//! A push goes up into ingest, an upload into the registry's keeper, a page out of the dashboards'
//! crate: rooms that this one does not know. It says what it needs and no more.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Debug;
use std::sync::Arc;

use arno_model::{Ledger, PublisherId, Timestamp};
use arno_store::registry::{self, Change, ChangeRecord, Files, RegistryError, RegistryKeeper};
use arno_store::token::{NewToken, TokenBook, TokenEntry, TokenError};
use arno_store::{Clock, Registry, Retry, Role};
use async_trait::async_trait;
use bytes::Bytes;
use serde::Serialize;
use tokio::task::spawn_blocking;
use utoipa::ToSchema;

/// A part that did not do what it was asked; its cause goes to the log alone.
#[derive(Debug, thiserror::Error)]
#[error("could not {action}")]
pub struct PortError {
    /// What was being done.
    pub action: &'static str,
    /// Whether another try can help.
    pub retry: Retry,
    /// The cause.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

/// A payload that was pushed over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushDelivery {
    /// The decoder's route: `native`, `meraki`, …
    pub route: String,
    /// The thing it is about, where the address names one.
    pub thing: Option<String>,
    /// Whose token it came with; `None`: an operator's.
    pub publisher: Option<PublisherId>,
    /// Its bytes.
    pub payload: Bytes,
}

/// What became of a push, now durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushAnswer {
    /// Its counts.
    pub ledger: Ledger,
    /// What was refused, and why.
    pub problems: Vec<PushProblem>,
    /// The commit's stamp.
    pub known_at: Timestamp,
}

/// One refusal within a push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PushProblem {
    /// Why, from a closed list.
    pub reason: String,
    /// Which part, and the mend.
    pub detail: String,
}

/// Why a push was not taken at all.
#[derive(Debug, thiserror::Error)]
pub enum PushRefused {
    /// There is no such route.
    #[error("there is no such push route")]
    UnknownRoute {
        /// The routes there are.
        allowed: Vec<String>,
    },
    /// The payload is not the caller's to send.
    #[error("{detail}")]
    Forbidden {
        /// What is not its own.
        detail: String,
    },
    /// The request does not say what the route needs.
    #[error("{detail}")]
    Incomplete {
        /// What is missing.
        detail: String,
        /// The parameter that would say it.
        field: &'static str,
    },
    /// The publisher has used up what it may send.
    #[error("the quota is used up")]
    Quota {
        /// When it is worth another try.
        retry_after_s: u32,
    },
    /// It could not be made durable: nothing was taken.
    #[error(transparent)]
    Failed(#[from] PortError),
}

/// Takes pushes; plugged by ingest.
#[async_trait]
pub trait PushPort: Send + Sync + Debug {
    /// The routes that take pushes.
    fn routes(&self) -> Vec<String>;

    /// Decodes and stores a payload; returns when it is durable.
    ///
    /// # Errors
    /// [`PushRefused`]: nothing of it was taken.
    async fn deliver(&self, delivery: PushDelivery) -> Result<PushAnswer, PushRefused>;
}

/// Shows and changes the registry.
#[async_trait]
pub trait RegistryPort: Send + Sync + Debug {
    /// The registry as it is.
    fn snapshot(&self) -> Arc<Registry>;

    /// Checks files against the registry and says what applying them would do.
    ///
    /// # Errors
    /// [`RegistryError::Faults`] with every fault.
    async fn check(&self, files: Files) -> Result<Change, RegistryError>;

    /// Applies files; absent ones leave their part as it is. `who` goes into the history.
    ///
    /// # Errors
    /// [`RegistryError`]: nothing was changed.
    async fn apply(&self, files: Files, who: &str) -> Result<Change, RegistryError>;

    /// The registry as canonical files.
    ///
    /// # Errors
    /// [`RegistryError`].
    async fn export(&self) -> Result<Files, RegistryError>;

    /// Changes up to revision `until` (absent: the newest), newest first, at most `limit`.
    ///
    /// # Errors
    /// [`RegistryError`].
    async fn history(
        &self,
        until: Option<u64>,
        limit: usize,
    ) -> Result<Vec<ChangeRecord>, RegistryError>;
}

/// A registry's keeper with the clock that dates its changes.
#[derive(Debug, Clone)]
pub struct KeptRegistry {
    /// The keeper.
    pub keeper: Arc<RegistryKeeper>,
    /// The process's clock.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl RegistryPort for KeptRegistry {
    fn snapshot(&self) -> Arc<Registry> {
        self.keeper.current()
    }

    async fn check(&self, files: Files) -> Result<Change, RegistryError> {
        self.keeper.check(files).await
    }

    async fn apply(&self, files: Files, who: &str) -> Result<Change, RegistryError> {
        self.keeper.apply(files, who, self.clock.now()).await
    }

    async fn export(&self) -> Result<Files, RegistryError> {
        let registry = self.keeper.current();
        Ok(spawn_blocking(move || registry::export(registry.bundle())).await?)
    }

    async fn history(
        &self,
        until: Option<u64>,
        limit: usize,
    ) -> Result<Vec<ChangeRecord>, RegistryError> {
        self.keeper.history(until, limit).await
    }
}

/// Knows whose a secret is.
pub trait Authority: Send + Sync + Debug {
    /// The role that a secret gives; `None` for a wrong or revoked one.
    fn verify_bearer(&self, secret: &str) -> Option<Role>;
}

impl Authority for TokenBook {
    fn verify_bearer(&self, secret: &str) -> Option<Role> {
        Self::verify_bearer(self, secret)
    }
}

/// Makes, lists and revokes tokens.
#[async_trait]
pub trait TokenPort: Send + Sync + Debug {
    /// Makes one.
    ///
    /// # Errors
    /// [`TokenError`].
    async fn create(&self, role: &Role, note: Option<&str>) -> Result<NewToken, TokenError>;

    /// All of them, oldest first, revoked ones included.
    fn list(&self) -> Vec<TokenEntry>;

    /// Revokes one.
    ///
    /// # Errors
    /// [`TokenError::Unknown`] when there is none of this number.
    async fn revoke(&self, id: &str) -> Result<TokenEntry, TokenError>;
}

/// A token book with the clock that dates its entries.
#[derive(Debug, Clone)]
pub struct BookTokens {
    /// The book.
    pub book: Arc<TokenBook>,
    /// The process's clock.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl TokenPort for BookTokens {
    async fn create(&self, role: &Role, note: Option<&str>) -> Result<NewToken, TokenError> {
        self.book.create(role, note, self.clock.now()).await
    }

    fn list(&self) -> Vec<TokenEntry> {
        self.book.list()
    }

    async fn revoke(&self, id: &str) -> Result<TokenEntry, TokenError> {
        self.book.revoke(id, self.clock.now()).await
    }
}

/// How one part of the service is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReadyPart {
    /// Whether it does its work.
    pub ready: bool,
    /// Whether the service is not ready without it.
    pub required: bool,
    /// One line for people, without internals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Knows how the parts are.
pub trait ReadyPort: Send + Sync + Debug {
    /// The parts, by name: `store`, `service`, `mqtt` and each broker that is consumed from.
    fn parts(&self) -> BTreeMap<String, ReadyPart>;
}
