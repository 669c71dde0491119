//! Plugs: what one room asks for through a port trait, answered by another room.
//!
//! # Why
//! Rooms that must not know each other still meet here, and only here: a push that arrives at `api`
//! goes to `ingest`, a page comes from `dashboards`, a login at the gateway asks the token book.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use arno_api::{
    Page, Pages, PortError, PushAnswer, PushDelivery, PushPort, PushProblem, PushRefused,
    ReadyPart, ReadyPort,
};
use arno_ingest::gateway::LiveOut;
use arno_ingest::{Authority, Bridge, Delivery, Ingest, IngestError, Route};
use arno_model::ThingId;
use arno_store::{Backend, Clock, ClockMark, Role, TokenBook};
use async_trait::async_trait;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

/// The dashboards as the API shows them.
#[derive(Debug)]
pub struct Dashboards;

impl Pages for Dashboards {
    fn asset(&self, path: &str) -> Option<Page> {
        let asset = arno_dashboards::asset(path)?;
        Some(Page {
            bytes: match asset.bytes {
                Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                Cow::Owned(bytes) => bytes.into(),
            },
            content_type: asset.content_type.to_owned(),
            cache_control: asset.cache_control.to_owned(),
            etag: asset.etag,
            policy: arno_dashboards::CONTENT_SECURITY_POLICY,
        })
    }
}

/// Pushes, to ingest.
#[derive(Debug)]
pub struct Pushes {
    /// Where they go.
    pub ingest: Ingest,
    /// Dates them.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl PushPort for Pushes {
    fn routes(&self) -> Vec<String> {
        self.ingest
            .routes()
            .push_names()
            .map(ToOwned::to_owned)
            .collect()
    }

    async fn deliver(&self, push: PushDelivery) -> Result<PushAnswer, PushRefused> {
        let route = route_of(&push)?;
        let delivery = Delivery {
            route,
            publisher: push.publisher,
            payload: push.payload,
            received: self.clock.now(),
            clock: ClockMark::Live,
        };
        let delivered = self.ingest.deliver(delivery).await.map_err(refused)?;
        let problem = |problem: arno_ingest::Problem| PushProblem {
            reason: problem.reason.to_string(),
            detail: problem.detail,
        };
        Ok(PushAnswer {
            ledger: delivered.ledger,
            problems: delivered.problems.into_iter().map(problem).collect(),
            known_at: delivered.known_at,
        })
    }
}

/// A native push that names its thing in the address goes the thing's own way.
fn route_of(push: &PushDelivery) -> Result<Route, PushRefused> {
    let Some(thing) = push.thing.as_ref().filter(|_| push.route == "native") else {
        return Ok(Route::Push(push.route.clone()));
    };
    let global = match (&push.publisher, thing.contains(':')) {
        (Some(publisher), false) => format!("{publisher}:{thing}"),
        _ => thing.clone(),
    };
    let thing = ThingId::parse(&global).map_err(|error| PushRefused::Incomplete {
        detail: error.to_string(),
        field: "thing",
    })?;
    Ok(Route::Topic(format!(
        "arno/v1/obs/{}/{}",
        thing.publisher(),
        thing.local()
    )))
}

fn refused(error: IngestError) -> PushRefused {
    match error {
        IngestError::UnknownRoute { allowed, .. } => PushRefused::UnknownRoute { allowed },
        other => PushRefused::Failed(PortError {
            action: "make the push durable",
            retry: other.retry(),
            source: Box::new(other),
        }),
    }
}

/// Logins at the gateway, by the token book.
#[derive(Debug)]
pub struct Logins {
    /// Who is who.
    pub tokens: Arc<TokenBook>,
}

impl Authority for Logins {
    fn authenticate(&self, user: Option<&str>, password: Option<&[u8]>, _: bool) -> Option<Role> {
        match (user, password) {
            (None, None) => Some(Role::Anonymous),
            (Some(user), Some(password)) => self
                .tokens
                .verify(user, std::str::from_utf8(password).ok()?),
            _ => None,
        }
    }
}

/// How the parts are, for `/ready`.
pub struct Readiness {
    /// The store.
    pub backend: Arc<dyn Backend>,
    /// Brokers that are consumed from.
    pub bridges: Vec<Arc<Bridge>>,
    /// The MQTT gateway, once it listens; never set where it is off.
    pub gateway: Arc<OnceLock<LiveOut>>,
    /// Cancelled when the system stops.
    pub stop: CancellationToken,
}

impl fmt::Debug for Readiness {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Readiness").finish_non_exhaustive()
    }
}

impl ReadyPort for Readiness {
    fn parts(&self) -> BTreeMap<String, ReadyPart> {
        let health = self.backend.health();
        let mut parts = BTreeMap::new();
        let store = ReadyPart {
            ready: health.is_ready,
            required: true,
            detail: Some(health.summary),
        };
        parts.insert("store".to_owned(), store);
        let is_stopping = self.stop.is_cancelled();
        let detail = is_stopping.then(|| "stopping".to_owned());
        parts.insert(
            "service".to_owned(),
            ReadyPart {
                ready: !is_stopping,
                required: true,
                detail,
            },
        );
        if let Some(gateway) = self.gateway.get() {
            let is_serving = gateway.is_serving();
            let detail = if is_serving {
                format!("{} clients", gateway.connections_count())
            } else {
                "ended by itself: see the log, and start the service again".to_owned()
            };
            let part = ReadyPart {
                ready: is_serving,
                required: true,
                detail: Some(detail),
            };
            parts.insert("mqtt".to_owned(), part);
        }
        for bridge in &self.bridges {
            // A broker that is away makes no answer wrong: the service stays ready without it.
            let is_connected = bridge.is_connected();
            let word = if is_connected {
                "connected"
            } else {
                "not connected, trying"
            };
            let part = ReadyPart {
                ready: is_connected,
                required: false,
                detail: Some(word.to_owned()),
            };
            parts.insert(format!("broker {}", bridge.url().address()), part);
        }
        parts
    }
}
