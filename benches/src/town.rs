//! A town of bays and its way in, over a store or over nothing: the embedded gateway, or a bridge
//! to a broker.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use arno_ingest::config::IngestConfig;
use arno_ingest::decode::Decoders;
use arno_ingest::{
    Authority, Bridge, BridgeParts, BrokerSettings, Gateway, GatewayParts, Ingest, IngestParts,
};
use arno_model::publisher::MAX_AGE_DEFAULT;
use arno_model::{
    DatastreamKey, Ledger, LocalId, Publisher, PublisherId, PublisherKind, Thing, ThingId,
    ThingKind, TimeRange, Timestamp, VehicleKind,
};
use arno_store::{
    Append, Appended, Bundle, Clock, DatastreamName, DatastreamRegister, Datastreams,
    ObservationWriter, Registry, Role, StoreError,
};
use async_trait::async_trait;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that others take"
    )]
    fn now(&self) -> Timestamp {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let micros = since_epoch.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(0));
        Timestamp::from_micros(micros)
    }
}

/// Lets everybody in as nobody: the gateway's settings let nobody publish from loopback.
#[derive(Debug)]
struct OpenDoor;

impl Authority for OpenDoor {
    fn authenticate(
        &self,
        _user: Option<&str>,
        _password: Option<&[u8]>,
        _peer_is_loopback: bool,
    ) -> Option<Role> {
        Some(Role::Anonymous)
    }
}

/// A store that forgets everything at once: what the gateway costs without one.
#[derive(Debug, Default)]
pub struct NoStore {
    streams: Mutex<Arc<Datastreams>>,
    rows_count: AtomicU64,
}

impl NoStore {
    /// The rows that it was given, all counted as stored.
    pub fn ledger(&self) -> Ledger {
        Ledger {
            stored: self.rows_count.load(Ordering::Acquire),
            ..Ledger::default()
        }
    }
}

#[async_trait]
impl ObservationWriter for NoStore {
    async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        let stored = u64::try_from(append.observations.num_rows()).unwrap_or(u64::MAX);
        self.rows_count.fetch_add(stored, Ordering::AcqRel);
        let ledger = Ledger {
            stored,
            ..Ledger::default()
        };
        Ok(Appended {
            known_at: SystemClock.now(),
            ledger,
        })
    }
}

#[async_trait]
impl DatastreamRegister for NoStore {
    async fn register(&self, names: &[DatastreamName]) -> Result<Vec<DatastreamKey>, StoreError> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let known = Arc::make_mut(&mut streams);
        Ok(names
            .iter()
            .map(|name| known.insert(name.clone()))
            .collect())
    }

    fn datastreams(&self) -> Arc<Datastreams> {
        Arc::clone(&self.streams.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whose bays they are.
const PUBLISHER: &str = "prato";

/// A running entrance and what it needs.
#[derive(Debug)]
pub struct Town {
    ingest: Ingest,
    config: IngestConfig,
    tracker: TaskTracker,
    token: CancellationToken,
    _registry: watch::Sender<Arc<Registry>>,
}

/// A bridge that runs until it is stopped; the town stays.
#[derive(Debug)]
pub struct RunningBridge {
    tracker: TaskTracker,
    token: CancellationToken,
    _bridge: Bridge,
}

/// The topic of a bay.
pub fn topic(bay: usize) -> String {
    format!("arno/v1/obs/{PUBLISHER}/bay-{bay}")
}

fn registry(bays_count: usize) -> anyhow::Result<Registry> {
    let town = PublisherId::parse(PUBLISHER)?;
    let mut bundle = Bundle::default().with_publisher(Publisher {
        id: town.clone(),
        name: "Prato".to_owned(),
        kind: PublisherKind::Municipality,
        ipa_code: None,
        municipality: None,
        max_age: MAX_AGE_DEFAULT,
    });
    for bay in 0..bays_count {
        bundle = bundle.with_thing(Thing {
            id: ThingId::new(&town, &LocalId::parse(&format!("bay-{bay}"))?),
            name: format!("Bay {bay}"),
            kind: ThingKind::ParkingBay,
            vehicle_kind: Some(VehicleKind::Car),
            location: None,
            part_of: None,
            capacity: Vec::new(),
            municipality: None,
            properties: Vec::new(),
            max_hold: BTreeMap::new(),
            max_stay: None,
            is_reserved: false,
            is_open: true,
            aliases: Vec::new(),
            valid: TimeRange::ALL,
        });
    }
    let (registry, _warnings) =
        Registry::build(bundle).map_err(|report| anyhow::anyhow!("{report:?}"))?;
    Ok(registry)
}

impl Town {
    /// Opens the entrance of a town of so many bays over a store.
    ///
    /// # Errors
    /// When registry or settings are not valid.
    pub fn start<S>(bays_count: usize, store: &Arc<S>) -> anyhow::Result<Self>
    where
        S: ObservationWriter + DatastreamRegister + 'static,
    {
        let mut config = IngestConfig::default();
        "127.0.0.1:0".clone_into(&mut config.mqtt.listen);
        let routes = config.build(&Decoders::shipped())?;
        let (tracker, token) = (TaskTracker::new(), CancellationToken::new());
        let (sender, registry) = watch::channel(Arc::new(registry(bays_count)?));
        let ingest = Ingest::start(
            routes,
            IngestParts {
                writer: Arc::clone(store) as _,
                register: Arc::clone(store) as _,
                registry,
                tracker: tracker.clone(),
                token: token.clone(),
            },
        );
        Ok(Self {
            ingest,
            config,
            tracker,
            token,
            _registry: sender,
        })
    }

    /// Starts the embedded gateway on a free port.
    ///
    /// # Errors
    /// What the gateway says when it can't listen.
    pub fn gateway(&self) -> anyhow::Result<Gateway> {
        let parts = GatewayParts {
            ingest: self.ingest.clone(),
            authority: Arc::new(OpenDoor),
            clock: Arc::new(SystemClock),
            tracker: self.tracker.clone(),
        };
        Gateway::start(self.config.mqtt.clone(), parts).context("the gateway did not start")
    }

    /// Starts to consume from a broker.
    pub fn bridge(&self, settings: BrokerSettings) -> RunningBridge {
        let (tracker, token) = (TaskTracker::new(), self.token.child_token());
        let parts = BridgeParts {
            ingest: self.ingest.clone(),
            clock: Arc::new(SystemClock),
            tracker: tracker.clone(),
            token: token.clone(),
        };
        RunningBridge {
            _bridge: Bridge::start(settings, parts),
            tracker,
            token,
        }
    }

    /// Commits what still waits, and stops. Gateways and bridges were stopped before.
    pub async fn stop(self) {
        self.token.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

impl RunningBridge {
    /// Acknowledges what is durable, and disconnects.
    pub async fn stop(self) {
        self.token.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}
