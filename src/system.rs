//! The wiring: settings come in, a house with every room plugged goes out, and later runs and
//! stops.
//!
//! # Why
//! Two steps. [`System::open`] opens the store and plugs the rooms: commands need no more.
//! [`Service::start`] lets the world in: HTTP, MQTT, brokers, the socket, the live loop.
//!
//! # Invariants
//! Stop order: not ready → gateways stop reading, what was taken is committed and acknowledged →
//! ingest ends → HTTP drains → rollups are persisted → the store closes. Ten seconds are enough
//! for all of it; parts that are late are named in the log.

use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use arno_analytics::Analytics;
use arno_api::{ApiParts, ApiState, BookTokens, KeptRegistry, LiveHub};
use arno_ingest::bridge::BridgeParts;
use arno_ingest::decode::Decoders;
use arno_ingest::gateway::LiveOut;
use arno_ingest::{Bridge, Gateway, GatewayParts, Ingest, IngestParts};
use arno_store::registry::RegistryKeeper;
use arno_store::{Backend, Clock, Role, TokenBook};
use arno_store_embedded::EmbeddedStore;
use arno_store_timescale::TimescaleStore;
use axum::Router;
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::SystemClock;
use crate::config::Config;
use crate::live::LiveLoop;
use crate::port::{Dashboards, Logins, Pushes, Readiness};
use crate::{door, exit};

/// How often the store is asked to flush and compact, and rollups are brought to now.
const MAINTAIN_INTERVAL: Duration = Duration::from_secs(5);
/// How often changes by other processes on the same store are looked for.
const FOLLOW_INTERVAL: Duration = Duration::from_secs(2);
/// Where a running system says what it listens on, within the data folder.
pub const RUN_FILE: &str = "run.json";

/// An opened house: every room plugged, no socket yet.
#[derive(Debug)]
pub struct System {
    /// Its settings.
    pub config: Config,
    /// The store.
    pub backend: Arc<dyn Backend>,
    /// The registry.
    pub keeper: Arc<RegistryKeeper>,
    /// The entrance.
    pub ingest: Ingest,
    /// The analyses.
    pub analytics: Analytics,
    /// Changed rows, on their way to pages.
    pub hub: LiveHub,
    tokens: Arc<TokenBook>,
    clock: Arc<dyn Clock>,
    bridges: Vec<Arc<Bridge>>,
    /// What readiness knows of the gateway.
    gateway: Arc<OnceLock<LiveOut>>,
    state: ApiState,
    tracker: TaskTracker,
    /// Ends gateways and background tasks.
    stop: CancellationToken,
    /// Ends ingest, once gateways are done.
    ingest_stop: CancellationToken,
    ingest_tracker: TaskTracker,
}

/// Which brokers are consumed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brokers {
    /// Those of the configuration.
    Consume,
    /// None: a command only looks something up.
    Leave,
}

impl System {
    /// Opens the store and plugs the rooms.
    #[expect(
        clippy::too_many_lines,
        reason = "a line a plug, in the order in which rooms open"
    )]
    pub async fn open(
        config: Config,
        metrics: Option<PrometheusHandle>,
        brokers: Brokers,
    ) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let backend = open_store(&config, &clock).await?;
        let keeper = Arc::new(RegistryKeeper::load(Arc::clone(&backend) as _).await?);
        let tokens = Arc::new(TokenBook::load(Arc::clone(&backend) as _).await?);
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        let (ingest_tracker, ingest_stop) = (TaskTracker::new(), CancellationToken::new());
        let ingest_config = config.ingest();
        let routes = ingest_config
            .build(&Decoders::shipped())
            .map_err(|error| exit::Usage::new(error.to_string()))?;
        let parts = IngestParts::of(
            Arc::clone(&backend),
            keeper.subscribe(),
            ingest_tracker.clone(),
            ingest_stop.clone(),
        );
        let ingest = Ingest::start(routes, parts);
        let analytics = Analytics::open(
            Arc::clone(&backend),
            keeper.subscribe(),
            config.analytics.to_room(),
        )
        .await?;
        let settings = if brokers == Brokers::Consume {
            ingest_config.brokers
        } else {
            Vec::new()
        };
        let bridge = |settings| {
            let parts = BridgeParts {
                ingest: ingest.clone(),
                clock: Arc::clone(&clock),
                tracker: tracker.clone(),
                token: stop.child_token(),
            };
            Arc::new(Bridge::start(settings, parts))
        };
        let bridges: Vec<_> = settings.into_iter().map(bridge).collect();
        let hub = LiveHub::new(clock.now());
        let gateway = Arc::new(OnceLock::new());
        let state = ApiState::build(ApiParts {
            config: config.api.clone(),
            backend: Arc::clone(&backend),
            questions: Arc::new(analytics.clone()),
            registry: Arc::new(KeptRegistry {
                keeper: Arc::clone(&keeper),
                clock: Arc::clone(&clock),
            }),
            push: Arc::new(Pushes {
                ingest: ingest.clone(),
                clock: Arc::clone(&clock),
            }),
            authority: Arc::clone(&tokens) as _,
            tokens: Arc::new(BookTokens {
                book: Arc::clone(&tokens),
                clock: Arc::clone(&clock),
            }),
            ready: Arc::new(Readiness {
                backend: Arc::clone(&backend),
                bridges: bridges.clone(),
                gateway: Arc::clone(&gateway),
                stop: stop.clone(),
            }),
            pages: Arc::new(Dashboards),
            live: hub.clone(),
            metrics,
            tracker: tracker.clone(),
            token: stop.child_token(),
        })?;
        Ok(Self {
            config,
            backend,
            keeper,
            ingest,
            analytics,
            hub,
            tokens,
            clock,
            bridges,
            gateway,
            state,
            tracker,
            stop,
            ingest_stop,
            ingest_tracker,
        })
    }

    /// The router of an operator: for the socket, and for commands in this process.
    pub fn operator_router(&self) -> Router {
        arno_api::router_as(self.state.clone(), Role::Operator)
    }

    /// Where long work is spawned, so that a stop waits for it.
    pub fn tracker(&self) -> TaskTracker {
        self.tracker.clone()
    }

    /// Cancelled when the system stops.
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.child_token()
    }

    /// The process's clock.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// Ends everything that [`Self::open`] started.
    pub async fn close(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
        self.ingest_stop.cancel();
        self.ingest_tracker.close();
        self.ingest_tracker.wait().await;
        self.analytics.rollups().persist().await?;
        self.backend.close().await?;
        drop(self.bridges);
        Ok(())
    }
}

async fn open_store(config: &Config, clock: &Arc<dyn Clock>) -> anyhow::Result<Arc<dyn Backend>> {
    // Figures of few people lie in it, and the operator's socket: for its owner alone.
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config.data_dir)
        .with_context(|| format!("make the data folder `{}`", config.data_dir.display()))?;
    if config.database.is_empty() {
        let room = config.store.to_room();
        return Ok(EmbeddedStore::open(&config.data_dir, room, Arc::clone(clock)).await?);
    }
    Ok(TimescaleStore::connect(&config.database, Arc::clone(clock)).await?)
}

/// A running service.
#[derive(Debug)]
pub struct Service {
    system: System,
    gateway: Option<Gateway>,
    /// Where HTTP answers.
    pub http: SocketAddr,
    /// Where MQTT is spoken, unless it is off.
    pub mqtt: Option<SocketAddr>,
    /// Where MQTT is spoken over TLS, if it is.
    pub mqtts: Option<SocketAddr>,
    http_stop: CancellationToken,
    http_tracker: TaskTracker,
    files: Vec<PathBuf>,
}

impl Service {
    /// Lets the world in.
    pub async fn start(system: System) -> anyhow::Result<Self> {
        let config = system.config.clone();
        let listener = TcpListener::bind(config.http_address()?)
            .await
            .with_context(|| {
                format!(
                    "listen for HTTP on `{}`; choose another with --http",
                    config.http
                )
            })?;
        let http = listener.local_addr()?;
        let socket = door::bind(&config.data_dir)?;
        let gateway = start_gateway(&system)?;
        let mqtt = gateway.as_ref().map(Gateway::address);
        let mqtts = gateway.as_ref().and_then(Gateway::tls_address);
        let (http_stop, http_tracker) = (CancellationToken::new(), TaskTracker::new());
        let count = config.api.connections_count_max;
        let served = arno_api::serve(
            listener,
            arno_api::router(system.state.clone()),
            count,
            http_stop.clone(),
        );
        http_tracker.spawn(async move { log_end("HTTP", served.await) });
        let served = arno_api::serve_unix(
            socket,
            crate::command::control_router(&system),
            count,
            http_stop.clone(),
        );
        http_tracker.spawn(async move { log_end("the control socket", served.await) });
        spawn_background(&system, gateway.as_ref().map(Gateway::live));
        let run = config.data_dir.join(RUN_FILE);
        let text = json!({ "pid": std::process::id(), "http": http, "mqtt": mqtt, "mqtts": mqtts })
            .to_string();
        std::fs::write(&run, text).with_context(|| format!("write `{}`", run.display()))?;
        let files = vec![run, config.data_dir.join(door::SOCKET_NAME)];
        Ok(Self {
            system,
            gateway,
            http,
            mqtt,
            mqtts,
            http_stop,
            http_tracker,
            files,
        })
    }

    /// The house that runs.
    pub fn system(&self) -> &System {
        &self.system
    }

    /// Stops in order.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.system.stop.cancel();
        if let Some(gateway) = self.gateway {
            gateway.stop().await?;
        }
        self.http_stop.cancel();
        self.http_tracker.close();
        self.http_tracker.wait().await;
        self.system.close().await?;
        for file in self.files {
            // A leftover is removed by the next start.
            drop(std::fs::remove_file(file));
        }
        Ok(())
    }
}

fn start_gateway(system: &System) -> anyhow::Result<Option<Gateway>> {
    let settings = system.config.ingest().mqtt;
    if !settings.is_on() {
        return Ok(None);
    }
    let parts = GatewayParts {
        ingest: system.ingest.clone(),
        authority: Arc::new(Logins {
            tokens: Arc::clone(&system.tokens),
        }),
        clock: Arc::clone(&system.clock),
        tracker: system.tracker.clone(),
    };
    let gateway = Gateway::start(settings, parts).context("choose another address with --mqtt")?;
    // A system has one gateway: nothing was set before.
    system.gateway.get_or_init(|| gateway.live());
    Ok(Some(gateway))
}

fn spawn_background(system: &System, live_out: Option<LiveOut>) {
    let stop = system.stop.clone();
    let live = LiveLoop {
        backend: Arc::clone(&system.backend),
        registry: system.keeper.subscribe(),
        questions: arno_api::router_as(system.state.clone(), Role::Anonymous),
        hub: system.hub.clone(),
        out: live_out,
    };
    system
        .tracker
        .spawn(stop.clone().run_until_cancelled_owned(live.run()));
    let (keeper, tokens) = (Arc::clone(&system.keeper), Arc::clone(&system.tokens));
    let stopped = stop.clone();
    let follow = async move {
        tokio::join!(
            keeper.follow(FOLLOW_INTERVAL, stopped.clone().cancelled_owned()),
            tokens.follow(FOLLOW_INTERVAL, stopped.cancelled_owned())
        );
    };
    system.tracker.spawn(follow);
    let (backend, analytics) = (Arc::clone(&system.backend), system.analytics.clone());
    system.tracker.spawn(async move {
        while stop
            .run_until_cancelled(tokio::time::sleep(MAINTAIN_INTERVAL))
            .await
            .is_some()
        {
            if let Err(error) = backend.maintain().await {
                tracing::error!(
                    error = chain(&error),
                    "the store's upkeep failed; trying again"
                );
            }
            if let Err(error) = analytics.rollups().refresh().await {
                tracing::error!(
                    error = chain(&error),
                    "rollups could not be refreshed; trying again"
                );
            }
        }
    });
}

/// An error with its causes, in one line.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

fn log_end(what: &str, ended: Result<(), arno_api::ServeError>) {
    if let Err(error) = ended {
        tracing::warn!(error = chain(&error), "{what} did not stop cleanly");
    }
}
