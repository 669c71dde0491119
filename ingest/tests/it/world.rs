//! A town with a gateway: registry, tokens, store, ingest, on a clock that stands.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arno_ingest::config::IngestConfig;
use arno_ingest::decode::Decoders;
use arno_ingest::gateway::GatewayError;
use arno_ingest::{Gateway, GatewayParts, Ingest, IngestParts};
use arno_model::publisher::MAX_AGE_DEFAULT;
use arno_model::{
    Ledger, LocalId, Publisher, PublisherId, PublisherKind, Thing, ThingId, ThingKind, TimeRange,
    Timestamp, VehicleKind,
};
use arno_store::testkit::{MemoryStore, TestClock};
use arno_store::{
    Bundle, Clock, ObservationReader as _, QuarantineFilter, QuarantineLog as _, Quarantined,
    Registry, Role, TokenBook,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::backend::MoodyStore;

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct World {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) store: Arc<MoodyStore>,
    pub(crate) ingest: Ingest,
    pub(crate) gateway: Gateway,
    pub(crate) tracker: TaskTracker,
    pub(crate) token: CancellationToken,
    pub(crate) prato: String,
    pub(crate) pistoia: String,
    pub(crate) operator: String,
}

pub(crate) fn noon() -> Timestamp {
    Timestamp::parse("2026-05-01T12:00:00Z").unwrap()
}

fn publisher(id: &str) -> Publisher {
    Publisher {
        id: PublisherId::parse(id).unwrap(),
        name: id.to_owned(),
        kind: PublisherKind::Municipality,
        ipa_code: None,
        municipality: None,
        max_age: MAX_AGE_DEFAULT,
    }
}

fn thing(publisher: &str, local: &str, kind: ThingKind, aliases: &[&str]) -> Thing {
    let is_parking = kind != ThingKind::AccessPoint;
    let publisher = PublisherId::parse(publisher).unwrap();
    Thing {
        id: ThingId::new(&publisher, &LocalId::parse(local).unwrap()),
        name: local.to_owned(),
        kind,
        vehicle_kind: is_parking.then_some(VehicleKind::Car),
        location: None,
        part_of: None,
        capacity: Vec::new(),
        municipality: None,
        properties: Vec::new(),
        max_hold: BTreeMap::new(),
        max_stay: None,
        is_reserved: false,
        is_open: true,
        aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
        valid: TimeRange::ALL,
    }
}

pub(crate) fn registry() -> Arc<Registry> {
    let bundle = Bundle::default()
        .with_publisher(publisher("prato"))
        .with_publisher(publisher("pistoia"))
        .with_thing(thing("prato", "lot-1", ThingKind::ParkingLot, &[]))
        .with_thing(thing("prato", "bay-1", ThingKind::ParkingBay, &[]))
        .with_thing(thing(
            "prato",
            "ap-1",
            ThingKind::AccessPoint,
            &["00:11:22:33:44:55"],
        ))
        .with_thing(thing("pistoia", "lot-1", ThingKind::ParkingLot, &[]));
    let (registry, _warnings) = Registry::build(bundle).unwrap();
    Arc::new(registry)
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with("").await
    }

    /// A world with these lines of configuration; the gateway listens on a free port.
    pub(crate) async fn with(config: &str) -> Self {
        Self::try_with(config).await.unwrap()
    }

    /// As [`Self::with`], or why the gateway did not start.
    pub(crate) async fn try_with(config: &str) -> Result<Self, GatewayError> {
        let mut config: IngestConfig = toml::from_str(config).unwrap();
        "127.0.0.1:0".clone_into(&mut config.mqtt.listen);
        let routes = config.build(&Decoders::shipped()).unwrap();
        let clock: Arc<dyn Clock> = Arc::new(TestClock::at(noon()));
        let memory = Arc::new(MemoryStore::new(Arc::clone(&clock)));
        let book = TokenBook::load(Arc::clone(&memory) as _).await.unwrap();
        let now = clock.now();
        let prato = PublisherId::parse("prato").unwrap();
        let pistoia = PublisherId::parse("pistoia").unwrap();
        let secret = async |role: Role| {
            let token = book.create(&role, None, now).await.unwrap();
            token.secret.reveal().to_owned()
        };
        let prato = secret(Role::Publisher(prato)).await;
        let pistoia = secret(Role::Publisher(pistoia)).await;
        let operator = secret(Role::Operator).await;
        let store = Arc::new(MoodyStore::new(memory));
        let (tracker, token) = (TaskTracker::new(), CancellationToken::new());
        let (_keep, registry) = watch::channel(registry());
        let parts = IngestParts {
            writer: Arc::clone(&store) as _,
            register: Arc::clone(&store) as _,
            registry,
            tracker: tracker.clone(),
            token: token.clone(),
        };
        let ingest = Ingest::start(routes, parts);
        let parts = GatewayParts {
            ingest: ingest.clone(),
            authority: Arc::new(book),
            clock: Arc::clone(&clock),
            tracker: tracker.clone(),
        };
        let gateway = Gateway::start(config.mqtt, parts)?;
        Ok(Self {
            clock,
            store,
            ingest,
            gateway,
            tracker,
            token,
            prato,
            pistoia,
            operator,
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.gateway.address().port()
    }

    pub(crate) fn ledger(&self) -> Ledger {
        self.store.inner.ledger()
    }

    pub(crate) async fn quarantined(&self) -> Vec<Quarantined> {
        let filter = QuarantineFilter {
            limit: 100,
            ..QuarantineFilter::default()
        };
        self.store.inner.quarantined(filter).await.unwrap()
    }

    /// Waits until the ledger is so.
    #[expect(clippy::future_not_send, reason = "a test awaits it in place")]
    pub(crate) async fn wait_for_ledger(&self, is_so: impl Fn(&Ledger) -> bool) -> Ledger {
        let waiting = async {
            loop {
                let ledger = self.ledger();
                if is_so(&ledger) {
                    return ledger;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let ended = tokio::time::timeout(PATIENCE, waiting).await;
        ended.unwrap_or_else(|_late| panic!("the ledger stays {:?}", self.ledger()))
    }

    /// Stops everything, as the process does.
    pub(crate) async fn stop(self) {
        self.gateway.stop().await.unwrap();
        self.token.cancel();
        self.tracker.close();
        tokio::time::timeout(PATIENCE, self.tracker.wait())
            .await
            .unwrap();
    }
}
