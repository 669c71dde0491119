//! The embedded MQTT gateway: devices' publishes come in and are acknowledged when they are
//! durable; the live feed goes out to subscribers.
//!
//! # Why
//! A device's acknowledgement must be a promise, and a broker between would promise too early. So
//! this is no broker: what is ingested is not routed on, subscribers get the live feed alone.
//! `docs/decisions/003-gateway.md` says why on this framework: one connection's publishes are
//! handled together and acknowledged in order, so that one busy bridge profits from group commit
//! too.
//!
//! # Limits
//! [`GatewaySettings`]; sessions do not outlive their connection (MQTT 5 clients are told so); live
//! messages go out at QoS 0, a slow subscriber's oldest are dropped.
//!
//! # Invariants
//! PUBACK, PUBREC: durable. Malformed: durable in quarantine, then 0x99 (3.1.1: acknowledged).
//! Not authorised: 0x87 (3.1.1, and QoS 0: disconnect), counted. Store failing: no acknowledgement,
//! at most [`crate::commit::COMMIT_S_MAX`] seconds, then disconnect.

mod authority;
mod connection;
mod exactly_once;
pub mod live;
pub mod rights;
mod server;
pub mod session;
pub mod settings;
mod tls;
mod v3;
mod v5;

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arno_store::Clock;
use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

pub use rights::{Anonymous, Authority};
pub use settings::GatewaySettings;

use crate::gateway::connection::Shared;
use crate::gateway::live::LiveHub;
use crate::gateway::server::Listeners;
use crate::gateway::session::Sessions;
use crate::ingest::Ingest;

/// What the gateway is built from.
#[derive(Debug, Clone)]
pub struct GatewayParts {
    /// Where publishes go.
    pub ingest: Ingest,
    /// Who is who.
    pub authority: Arc<dyn Authority>,
    /// The process's clock.
    pub clock: Arc<dyn Clock>,
    /// Every task of the gateway is spawned here.
    pub tracker: TaskTracker,
}

/// Why the gateway does not serve.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The address can't be listened on.
    #[error("the MQTT gateway could not listen on `{listen}`")]
    Listen {
        /// The address.
        listen: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The certificate or its key can't be used.
    #[error("the MQTT gateway can't speak TLS with its certificate")]
    Certificate {
        /// The cause, naming the file.
        #[source]
        source: io::Error,
    },
    /// The thread could not start or ended by itself.
    #[error("the MQTT gateway's thread failed")]
    Thread {
        /// The cause.
        #[source]
        source: io::Error,
    },
}

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    address: SocketAddr,
    tls_address: Option<SocketAddr>,
    live: LiveOut,
    stop: Option<oneshot::Sender<()>>,
    thread: JoinHandle<io::Result<()>>,
}

/// The way out for the live feed; cheap to clone.
#[derive(Debug, Clone)]
pub struct LiveOut {
    shared: Arc<Shared>,
}

impl LiveOut {
    /// Publishes the newest state of a live topic, `arno/v1/live/{area}/{product}`, retained; an
    /// empty payload withdraws it. Whether it was taken: beyond the limit of topics it is not.
    pub fn publish_live(&self, topic: &str, payload: &Bytes) -> bool {
        self.hub().publish(topic, payload)
    }

    fn hub(&self) -> &LiveHub {
        &self.shared.hub
    }

    /// Whether the gateway still serves: a thread that ended by itself does not, and
    /// [`Gateway::stop`] says why.
    pub fn is_serving(&self) -> bool {
        !self.shared.has_ended.load(Ordering::Acquire)
    }

    /// How many clients are connected.
    pub fn connections_count(&self) -> usize {
        self.shared.sessions.count()
    }
}

impl Gateway {
    /// Binds the address and starts to serve; call it within a runtime.
    ///
    /// # Errors
    /// `Listen` when an address is taken or none of this machine; `Certificate`.
    pub fn start(settings: GatewaySettings, parts: GatewayParts) -> Result<Self, GatewayError> {
        let (address, plain) = bind(&settings.listen)?;
        let mut listeners = Listeners { plain, tls: None };
        let mut tls_address = None;
        if settings.is_tls() {
            let config = tls::server_config(&settings.tls_certificate, &settings.tls_key);
            let config = config.map_err(|source| GatewayError::Certificate { source })?;
            let (address, listener) = bind(&settings.tls_listen)?;
            tls_address = Some(address);
            listeners.tls = Some((listener, config));
        }
        let shared = Arc::new(Shared {
            ingest: parts.ingest,
            authority: parts.authority,
            clock: parts.clock,
            settings,
            runtime: Handle::current(),
            tracker: parts.tracker.clone(),
            sessions: Sessions::default(),
            hub: LiveHub::default(),
            is_stopping: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
        });
        let (stop, stopped) = oneshot::channel();
        let (for_thread, for_end) = (Arc::clone(&shared), Arc::clone(&shared));
        let thread = parts.tracker.spawn_blocking(move || {
            // The framework wants a thread that is no runtime's, so that it can bring its own.
            let name = "arno-mqtt".to_owned();
            let serving = move || server::serve(listeners, for_thread, stopped);
            let serving = std::thread::Builder::new().name(name).spawn(serving);
            let served = serving.and_then(|serving| {
                let panicked = |_panic| io::Error::other("the thread panicked");
                serving.join().map_err(panicked)?
            });
            for_end.has_ended.store(true, Ordering::Release);
            served
        });
        let with_tls = tls_address.map(tracing::field::display);
        tracing::info!(%address, tls = with_tls, "the MQTT gateway listens");
        Ok(Self {
            address,
            tls_address,
            live: LiveOut { shared },
            stop: Some(stop),
            thread,
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it speaks TLS, if it does.
    pub const fn tls_address(&self) -> Option<SocketAddr> {
        self.tls_address
    }

    /// The way out for the live feed.
    pub fn live(&self) -> LiveOut {
        self.live.clone()
    }

    /// Stops: takes nothing more, waits for the acknowledgements of what was taken, closes.
    ///
    /// # Errors
    /// `Thread` when serving had failed.
    pub async fn stop(mut self) -> Result<(), GatewayError> {
        if let Some(stop) = self.stop.take() {
            // A thread that ended already hears nothing; its error comes below.
            let _told: Result<(), ()> = stop.send(());
        }
        let ended = self.thread.await.map_err(io::Error::other);
        ended
            .and_then(|served| served)
            .map_err(|source| GatewayError::Thread { source })
    }
}

fn bind(listen: &str) -> Result<(SocketAddr, TcpListener), GatewayError> {
    let bound = listener(listen).and_then(|listener| Ok((listener.local_addr()?, listener)));
    bound.map_err(|source| GatewayError::Listen {
        listen: listen.to_owned(),
        source,
    })
}

fn listener(listen: &str) -> io::Result<TcpListener> {
    let mut last = io::Error::new(io::ErrorKind::InvalidInput, "the name has no address");
    for address in listen.to_socket_addrs()? {
        match ntex::server::create_tcp_listener(address, 1_024) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}
