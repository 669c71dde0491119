//! The one entrance: deliveries and readings come in from every gateway, and return when they are
//! durable, stored or in quarantine.
//!
//! # Why
//! MQTT, brokers, push, replay and back-fill must obey one law of admission and fill one ledger.
//!
//! # Shape
//! payload → [`crate::decode`] → [`crate::admit`] → [`crate::commit`].
//!
//! # Limits
//! [`PAYLOAD_BYTES_MAX`] → `too_long`. [`REFUSALS_COUNT_MAX`] refusals of one delivery are kept one
//! by one; the others are counted in one entry a reason, so that a payload of nonsense costs no
//! more than its own size. Payloads above [`DECODE_INLINE_BYTES_MAX`] are decoded on a blocking
//! thread.

use std::sync::Arc;

use arno_model::{Ledger, PublisherId};
use arno_store::{
    Backend, ClockMark, DatastreamRegister, ObservationWriter, QuarantineEntry, QuarantineReason,
    Registry,
};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admit::{Admitter, Context};
use crate::commit::{self, Committer, Load};
use crate::decode::{Decoded, Input, Refused};
use crate::delivery::{
    Accepted, Delivered, Delivery, PAYLOAD_BYTES_MAX, PROBLEMS_COUNT_MAX, Problem, Route,
};
use crate::error::IngestError;
use crate::reading::Reading;
use crate::refusal::Origin;
use crate::route::{Found, Routes};

/// Most refusals of one delivery that are kept one by one.
pub const REFUSALS_COUNT_MAX: usize = 64;
/// Largest payload decoded where it came in: about half a millisecond's work.
pub const DECODE_INLINE_BYTES_MAX: usize = 32 << 10;

/// What ingest is built from.
#[derive(Debug, Clone)]
pub struct IngestParts {
    /// Where observations go.
    pub writer: Arc<dyn ObservationWriter>,
    /// Who gives datastreams their keys.
    pub register: Arc<dyn DatastreamRegister>,
    /// The registry as it changes.
    pub registry: watch::Receiver<Arc<Registry>>,
    /// Every task of ingest is spawned here.
    pub tracker: TaskTracker,
    /// Cancelled when gateways have stopped: what is queued is still committed, then tasks end.
    pub token: CancellationToken,
}

impl IngestParts {
    /// The parts over one backend.
    pub fn of(
        backend: Arc<dyn Backend>,
        registry: watch::Receiver<Arc<Registry>>,
        tracker: TaskTracker,
        token: CancellationToken,
    ) -> Self {
        let writer: Arc<dyn ObservationWriter> = Arc::clone(&backend) as _;
        Self {
            writer,
            register: backend,
            registry,
            tracker,
            token,
        }
    }
}

/// The entrance; cheap to clone.
#[derive(Debug, Clone)]
pub struct Ingest {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    routes: Routes,
    admitter: Admitter,
    committer: Committer,
    runtime: Handle,
}

/// A payload that was decoded, and how it came.
struct Opened {
    decoded: Decoded,
    topic: String,
    publisher: Option<PublisherId>,
    keeps_payload: bool,
}

impl Ingest {
    /// Starts the committing task; call it within a runtime.
    pub fn start(routes: Routes, parts: IngestParts) -> Self {
        commit::count(&Ledger::default());
        let committer = Committer::start(Arc::clone(&parts.writer), &parts.tracker, parts.token);
        let admitter = Admitter::new(parts.registry, parts.register);
        let runtime = Handle::current();
        Self {
            inner: Arc::new(Inner {
                routes,
                admitter,
                committer,
                runtime,
            }),
        }
    }

    /// The routes.
    pub fn routes(&self) -> &Routes {
        &self.inner.routes
    }

    /// The registry as it stands.
    pub fn registry(&self) -> Arc<Registry> {
        self.inner.admitter.registry()
    }

    /// Takes one payload in an append of its own, and returns when it is durable with its exact
    /// counts: push and replay.
    ///
    /// # Errors
    /// `UnknownRoute` for a push; `Store` when the store does not take it. A payload that can't be
    /// read is no error: it is durable in quarantine and stands in the problems.
    ///
    /// # Cancel
    /// It may or may not become durable; sending it again is safe.
    pub async fn deliver(&self, delivery: Delivery) -> Result<Delivered, IngestError> {
        let clock = delivery.clock;
        let load = self.open(delivery).await?;
        let problems = problems_of(&load.quarantine);
        let appended = self.inner.committer.commit_alone(load, clock).await?;
        Ok(Delivered {
            ledger: appended.ledger,
            known_at: appended.known_at,
            problems,
        })
    }

    /// Takes one payload in an append that it shares with whatever else waits: MQTT.
    ///
    /// # Errors
    /// As `deliver`; `Stalled` after ten seconds, `Commit` when the shared append failed.
    ///
    /// # Cancel
    /// As `deliver`.
    pub async fn accept(&self, delivery: Delivery) -> Result<Accepted, IngestError> {
        let load = self.open(delivery).await?;
        let problems = problems_of(&load.quarantine);
        let admitted_count = u64::try_from(load.rows.len()).unwrap_or(u64::MAX);
        let known_at = self.inner.committer.commit_shared(load).await?;
        Ok(Accepted {
            known_at,
            admitted_count,
            problems,
        })
    }

    /// Takes readings in bulk, in appends of their own: replay, back-fill, decoders elsewhere.
    /// `refused` and `ignored_count` are what the source could not make readings of.
    ///
    /// # Errors
    /// `Store`: what was appended before stays; sending all of it again is safe.
    ///
    /// # Cancel
    /// As `deliver`.
    pub async fn deliver_readings(
        &self,
        readings: Vec<Reading>,
        refused: Vec<QuarantineEntry>,
        ignored_count: u64,
        clock: ClockMark,
    ) -> Result<Delivered, IngestError> {
        let context = Context {
            topic: None,
            publisher: None,
            clock,
        };
        let mut load = self.admit(&readings, context).await?;
        drop(readings);
        load.quarantine.splice(0..0, refused);
        load.ignored_count = ignored_count;
        let problems = problems_of(&load.quarantine);
        let appended = self.inner.committer.commit_alone(load, clock).await?;
        Ok(Delivered {
            ledger: appended.ledger,
            known_at: appended.known_at,
            problems,
        })
    }

    async fn admit(&self, readings: &[Reading], context: Context<'_>) -> Result<Load, IngestError> {
        let admitted = self.inner.admitter.admit(readings, context).await;
        let admitted = admitted.map_err(|source| IngestError::Store { source })?;
        Ok(Load {
            rows: admitted.rows,
            quarantine: admitted.quarantine,
            ignored_count: 0,
        })
    }

    /// Decodes and admits.
    async fn open(&self, delivery: Delivery) -> Result<Load, IngestError> {
        let clock = delivery.clock;
        let received = delivery.received;
        let payload = delivery.payload.clone();
        let opened = if payload.len() > DECODE_INLINE_BYTES_MAX {
            let ingest = self.clone();
            let decoding = self
                .inner
                .runtime
                .spawn_blocking(move || ingest.decode(&delivery));
            decoding.await.map_err(|_panicked| IngestError::Closed)??
        } else {
            self.decode(&delivery)?
        };
        let Opened {
            decoded,
            topic,
            publisher,
            keeps_payload,
        } = opened;
        let context = Context {
            topic: Some(&topic),
            publisher: publisher.as_ref(),
            clock,
        };
        let mut load = self.admit(&decoded.readings, context).await?;
        let origin = Origin {
            topic: &topic,
            publisher: publisher.as_ref(),
            received,
        };
        for entry in &mut load.quarantine {
            entry.payload = entry.payload.take().filter(|_payload| keeps_payload);
        }
        let refused = decoded
            .refused
            .into_iter()
            .map(|Refused { problem, part }| {
                let kept = part.as_deref().unwrap_or(&payload);
                problem.into_entry(origin, keeps_payload.then_some(kept), payload.len())
            });
        load.quarantine.extend(refused);
        load.quarantine = fold(load.quarantine);
        load.ignored_count = decoded.ignored_count;
        Ok(load)
    }

    fn decode(&self, delivery: &Delivery) -> Result<Opened, IngestError> {
        let topic = delivery.route.label();
        let Some(found) = self.inner.routes.find(&delivery.route) else {
            let unknown = matches!(delivery.route, Route::Push(_));
            return if unknown {
                Err(self.unknown_route(&delivery.route))
            } else {
                Ok(unrouted(delivery, topic))
            };
        };
        let Found {
            decoder,
            captures,
            publisher,
        } = found;
        let publisher = delivery.publisher.clone().or(publisher);
        let registry = self.registry();
        let payload = &*delivery.payload;
        let decoded = if payload.len() > PAYLOAD_BYTES_MAX {
            let detail = format!(
                "{} bytes; at most {PAYLOAD_BYTES_MAX} are taken",
                payload.len()
            );
            Decoded::refuse_whole(Problem::new(QuarantineReason::TooLong, detail))
        } else {
            decoder.decode(Input {
                topic: &topic,
                captures: &captures,
                publisher: publisher.as_ref(),
                payload,
                received: delivery.received,
                registry: &registry,
            })
        };
        let keeps_payload = !decoder.may_identify_people();
        Ok(Opened {
            decoded,
            topic,
            publisher,
            keeps_payload,
        })
    }

    fn unknown_route(&self, route: &Route) -> IngestError {
        IngestError::UnknownRoute {
            route: route.label().chars().take(160).collect(),
            allowed: self.inner.routes.push_names().map(str::to_owned).collect(),
        }
    }
}

/// A message from a broker on a topic that no route reads. Nobody knows what it may hold, so
/// nothing of it is kept.
fn unrouted(delivery: &Delivery, topic: String) -> Opened {
    let problem = Problem::new(QuarantineReason::Malformed, "no route reads this topic");
    Opened {
        decoded: Decoded::refuse_whole(problem),
        topic,
        publisher: delivery.publisher.clone(),
        keeps_payload: false,
    }
}

fn problems_of(quarantine: &[QuarantineEntry]) -> Vec<Problem> {
    let first = quarantine.iter().take(PROBLEMS_COUNT_MAX);
    let problem = |entry: &QuarantineEntry| Problem {
        reason: entry.reason,
        detail: entry.detail.clone(),
    };
    first.map(problem).collect()
}

/// Keeps the first refusals one by one and counts the others by reason.
fn fold(mut quarantine: Vec<QuarantineEntry>) -> Vec<QuarantineEntry> {
    if quarantine.len() <= REFUSALS_COUNT_MAX {
        return quarantine;
    }
    let rest = quarantine.split_off(REFUSALS_COUNT_MAX);
    let mut counted: Vec<QuarantineEntry> = Vec::new();
    for entry in rest {
        match counted
            .iter_mut()
            .find(|known| known.reason == entry.reason)
        {
            Some(known) => known.observations_count += entry.observations_count,
            None => counted.push(entry),
        }
    }
    quarantine.extend(counted);
    quarantine
}
