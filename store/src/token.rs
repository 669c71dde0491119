//! Credentials: a token is shown once, kept hashed, and names a role.
//!
//! # Why
//! Devices and programs show the same secret a thousand times an hour, so it is 256 bits of chance
//! and needs no slow hash: SHA-256 of it can't be tried through. A data folder or database that
//! leaks holds no secret that works.
//!
//! # Shape
//! `arno_` and 43 letters of URL-safe base64, so that scanners for leaked secrets can know it. The
//! document `tokens` holds every token's number, role, hash and last four letters.
//!
//! # Limits
//! [`TOKENS_COUNT_MAX`]: a further token is refused until others are revoked.
//! [`SECRET_BYTES_MAX`]: a longer secret is wrong unseen.
//!
//! # Invariants
//! Hashes are compared in constant time; a revoked token never works again.

mod error;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use arno_model::{PublisherId, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::sync::Mutex;
use tokio::time::MissedTickBehavior;

use crate::backend::Documents;
use crate::error::StoreError;
use crate::pause;

pub use error::TokenError;

/// Most tokens that are not revoked: a token for every thing of a region.
pub const TOKENS_COUNT_MAX: usize = 20_000;
/// Longest secret that is looked at.
pub const SECRET_BYTES_MAX: usize = 256;
/// Longest note beside a token.
pub const NOTE_CHARS_MAX: usize = 200;
/// Revoked tokens that stay listed; the oldest go first.
const REVOKED_COUNT_MAX: usize = 1_000;
/// The document that holds the tokens.
const DOCUMENT: &str = "tokens";
/// Its format.
const FORMAT: u32 = 1;
/// What every secret begins with.
const PREFIX: &str = "arno_";

/// Who is asking.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Role {
    /// Anybody: open data only.
    Anonymous,
    /// A publisher: its own data, unrounded.
    Publisher(PublisherId),
    /// An operator: everything.
    Operator,
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => formatter.write_str("anonymous"),
            Self::Publisher(id) => write!(formatter, "publisher {id}"),
            Self::Operator => formatter.write_str("operator"),
        }
    }
}

/// A secret on its way to whoever asked for it; prints redacted.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The secret itself: to be shown once.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// What may be known about a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenEntry {
    /// Its number: what revokes it.
    pub id: String,
    /// Whose it is; absent: an operator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<PublisherId>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Its last four letters, to tell it from others.
    pub last4: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Timestamp>,
}

impl TokenEntry {
    /// The role it gives.
    pub fn role(&self) -> Role {
        self.publisher
            .clone()
            .map_or(Role::Operator, Role::Publisher)
    }
}

/// A new token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// What is kept about it.
    pub entry: TokenEntry,
    /// The secret, which is not kept.
    pub secret: Secret,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct KeptToken {
    #[serde(flatten)]
    entry: TokenEntry,
    /// SHA-256 of the secret, in hexadecimal.
    sha256: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    format: u32,
    tokens: Vec<KeptToken>,
}

/// What is asked at every request: roles by hash.
#[derive(Debug, Default)]
struct Snapshot {
    revision: u64,
    tokens: Vec<KeptToken>,
    /// Live hashes by their first half; the second half is compared in constant time.
    roles: HashMap<[u8; 16], Vec<([u8; 16], Role)>>,
}

/// Keeps tokens in a store's documents.
#[derive(Debug)]
pub struct TokenBook {
    documents: Arc<dyn Documents>,
    snapshot: RwLock<Arc<Snapshot>>,
    turn: Mutex<()>,
}

impl TokenBook {
    /// Reads the kept tokens; an empty store has none.
    ///
    /// # Errors
    /// `Store`, `Kept`.
    pub async fn load(documents: Arc<dyn Documents>) -> Result<Self, TokenError> {
        let book = Self {
            documents,
            snapshot: RwLock::default(),
            turn: Mutex::new(()),
        };
        book.refresh().await?;
        Ok(book)
    }

    /// The role that a secret gives; `None` for a wrong or revoked one.
    pub fn verify_bearer(&self, secret: &str) -> Option<Role> {
        if secret.len() > SECRET_BYTES_MAX || !secret.starts_with(PREFIX) {
            return None;
        }
        let (first, second) = halves(secret);
        let snapshot = self.snapshot();
        let candidates = snapshot.roles.get(&first)?;
        let equal = candidates
            .iter()
            .find(|(kept, _)| bool::from(kept.ct_eq(&second)));
        equal.map(|(_, role)| role.clone())
    }

    /// The role of an MQTT client: a publisher's token works under the publisher's name alone, an
    /// operator's under any.
    pub fn verify(&self, user: &str, secret: &str) -> Option<Role> {
        let role = self.verify_bearer(secret)?;
        match &role {
            Role::Publisher(id) if id.as_str() != user => None,
            _ => Some(role),
        }
    }

    /// All tokens, oldest first, revoked ones included.
    pub fn list(&self) -> Vec<TokenEntry> {
        self.snapshot()
            .tokens
            .iter()
            .map(|token| token.entry.clone())
            .collect()
    }

    /// Makes a token; the secret is in the answer and nowhere else.
    ///
    /// # Errors
    /// `TooMany`, `Anonymous`, `Note`, `Random`, `Store`.
    pub async fn create(
        &self,
        role: &Role,
        note: Option<&str>,
        now: Timestamp,
    ) -> Result<NewToken, TokenError> {
        let publisher = match role {
            Role::Anonymous => return Err(TokenError::Anonymous),
            Role::Publisher(id) => Some(id.clone()),
            Role::Operator => None,
        };
        let note = note.map(str::trim).filter(|note| !note.is_empty());
        if note.is_some_and(|note| {
            note.chars().count() > NOTE_CHARS_MAX || note.chars().any(char::is_control)
        }) {
            return Err(TokenError::Note);
        }
        let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random::<32>()?));
        let entry = TokenEntry {
            id: hexadecimal(&random::<6>()?),
            publisher,
            note: note.map(str::to_owned),
            last4: secret.chars().skip(secret.len() - 4).collect(),
            created: now,
            revoked: None,
        };
        let token = KeptToken {
            entry: entry.clone(),
            sha256: hexadecimal(&Sha256::digest(&secret)),
        };
        self.change(|tokens| {
            let live = tokens.iter().filter(|token| token.entry.revoked.is_none());
            if live.count() >= TOKENS_COUNT_MAX {
                return Err(TokenError::TooMany);
            }
            tokens.push(token.clone());
            Ok(())
        })
        .await?;
        Ok(NewToken {
            entry,
            secret: Secret(secret),
        })
    }

    /// Revokes a token, at once and for good.
    ///
    /// # Errors
    /// `Unknown`, `Store`.
    pub async fn revoke(&self, id: &str, now: Timestamp) -> Result<TokenEntry, TokenError> {
        let mut revoked = None;
        self.change(|tokens| {
            let live = tokens
                .iter_mut()
                .find(|token| token.entry.id == id && token.entry.revoked.is_none());
            let unknown = || TokenError::Unknown {
                id: id.chars().take(40).collect(),
            };
            let token = live.ok_or_else(unknown)?;
            token.entry.revoked = Some(now);
            revoked = Some(token.entry.clone());
            forget_oldest(tokens);
            Ok(())
        })
        .await?;
        revoked.ok_or_else(|| TokenError::Unknown {
            id: id.chars().take(40).collect(),
        })
    }

    /// Takes over what another process changed meanwhile; says whether there was anything.
    ///
    /// # Errors
    /// `Store`, `Kept`.
    pub async fn refresh(&self) -> Result<bool, TokenError> {
        let document = self.documents.document(DOCUMENT).await?;
        let Some(document) = document else {
            return Ok(false);
        };
        if document.revision <= self.snapshot().revision {
            return Ok(false);
        }
        let kept: Kept = serde_json::from_slice(&document.bytes)
            .map_err(|source| TokenError::Kept { source })?;
        if kept.format > FORMAT {
            let (found, supported) = (kept.format, FORMAT);
            return Err(StoreError::NewerFormat {
                name: DOCUMENT.to_owned(),
                found,
                supported,
            }
            .into());
        }
        self.show(Snapshot::new(document.revision, kept.tokens));
        Ok(true)
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
                tracing::warn!(reason, "could not look for changed tokens: {fault}");
            }
        }
    }

    async fn change(
        &self,
        mut edit: impl FnMut(&mut Vec<KeptToken>) -> Result<(), TokenError>,
    ) -> Result<(), TokenError> {
        let _turn = self.turn.lock().await;
        let mut attempt = 1;
        loop {
            self.refresh().await?;
            let snapshot = self.snapshot();
            let mut kept = Kept {
                format: FORMAT,
                tokens: snapshot.tokens.clone(),
            };
            edit(&mut kept.tokens)?;
            let bytes = serde_json::to_vec(&kept).map_err(|source| TokenError::Kept { source })?;
            match self
                .documents
                .put_document(DOCUMENT, bytes, snapshot.revision)
                .await
            {
                Ok(revision) => {
                    self.show(Snapshot::new(revision, kept.tokens));
                    return Ok(());
                }
                Err(StoreError::Conflict { .. }) if attempt < pause::ATTEMPTS_COUNT_MAX => {
                    pause::after(attempt).await;
                    attempt += 1;
                }
                Err(source) => return Err(TokenError::Store { source }),
            }
        }
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Shows a snapshot, unless a newer one is shown already.
    fn show(&self, snapshot: Snapshot) {
        let mut shown = self
            .snapshot
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if snapshot.revision > shown.revision {
            *shown = Arc::new(snapshot);
        }
    }
}

impl Snapshot {
    fn new(revision: u64, tokens: Vec<KeptToken>) -> Self {
        let mut roles: HashMap<_, Vec<_>> = HashMap::new();
        for token in tokens.iter().filter(|token| token.entry.revoked.is_none()) {
            if let Some((first, second)) = parsed_halves(&token.sha256) {
                roles
                    .entry(first)
                    .or_default()
                    .push((second, token.entry.role()));
            }
        }
        Self {
            revision,
            tokens,
            roles,
        }
    }
}

/// Drops the revoked tokens that were revoked longest ago, above [`REVOKED_COUNT_MAX`].
fn forget_oldest(tokens: &mut Vec<KeptToken>) {
    let mut moments: Vec<Timestamp> = tokens
        .iter()
        .filter_map(|token| token.entry.revoked)
        .collect();
    if moments.len() > REVOKED_COUNT_MAX {
        moments.sort_unstable();
        let oldest_kept = moments.get(moments.len() - REVOKED_COUNT_MAX).copied();
        tokens.retain(|token| token.entry.revoked.is_none() || token.entry.revoked >= oldest_kept);
    }
}

fn random<const LENGTH: usize>() -> Result<[u8; LENGTH], TokenError> {
    let mut bytes = [0; LENGTH];
    let filled = OsRng.try_fill_bytes(&mut bytes);
    filled.map_err(|source| TokenError::Random {
        source: source.to_string().into(),
    })?;
    Ok(bytes)
}

fn halves(secret: &str) -> ([u8; 16], [u8; 16]) {
    let hash = Sha256::digest(secret);
    let (mut first, mut second) = ([0; 16], [0; 16]);
    let (left, right) = hash.split_at(16);
    first.copy_from_slice(left);
    second.copy_from_slice(right);
    (first, second)
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

fn parsed_halves(text: &str) -> Option<([u8; 16], [u8; 16])> {
    let half = |text: &str| u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes);
    let (first, second) = text.split_at_checked(32)?;
    (second.len() == 32).then_some((half(first)?, half(second)?))
}

#[cfg(test)]
mod tests;
