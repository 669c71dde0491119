//! A town of bays with a gateway, over a store or over nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use anyhow::Context as _;
use arno_ingest::config::IngestConfig;
use arno_ingest::decode::Decoders;
use arno_ingest::{Authority, Gateway, GatewayParts, Ingest, IngestParts};
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
}

#[async_trait]
impl ObservationWriter for NoStore {
    async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        let stored = u64::try_from(append.observations.num_rows()).unwrap_or(u64::MAX);
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

/// A running gateway and what it needs.
#[derive(Debug)]
pub struct Town {
    /// The gateway, on a free port.
    pub gateway: Gateway,
    tracker: TaskTracker,
    token: CancellationToken,
    _registry: watch::Sender<Arc<Registry>>,
}

/// The topic of a bay.
pub fn topic(bay: usize) -> String {
    format!("arno/v1/obs/town/bay-{bay}")
}

fn registry(bays_count: usize) -> anyhow::Result<Registry> {
    let town = PublisherId::parse("town")?;
    let mut bundle = Bundle::default().with_publisher(Publisher {
        id: town.clone(),
        name: "Town".to_owned(),
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
    /// Starts a town of so many bays over a store.
    ///
    /// # Errors
    /// What the gateway says when it can't listen.
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
        let parts = GatewayParts {
            ingest,
            authority: Arc::new(OpenDoor),
            clock: Arc::new(SystemClock),
            tracker: tracker.clone(),
        };
        let gateway = Gateway::start(config.mqtt, parts).context("the gateway did not start")?;
        Ok(Self {
            gateway,
            tracker,
            token,
            _registry: sender,
        })
    }

    /// Stops gateway and tasks.
    ///
    /// # Errors
    /// What the gateway says when serving had failed.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.gateway.stop().await?;
        self.token.cancel();
        self.tracker.close();
        self.tracker.wait().await;
        Ok(())
    }
}
