//! The thread that serves MQTT: bound listeners come in, connections are served until a stop.
//!
//! # Why
//! The framework runs connections on threads of its own, each with a small runtime for values that
//! never change threads. What it shares with the rest is plain: handles and channels.
//!
//! # Limits
//! [`CONNECT_S_MAX`] from TCP connection to CONNECT. [`PAYLOADS_BYTES_MAX`] of publishes of one
//! connection in flight → its reading pauses.

use std::future::ready;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ntex::SharedCfg;
use ntex::io::{Filter, Io, IoBoxed, IoConfig, types::PeerAddr};
use ntex::rt::{DefaultRuntime, System};
use ntex::service::{ServiceFactory, chain_factory};
use ntex::time::Seconds;
use ntex_mqtt::{MqttError, MqttServer, MqttServiceConfig, QoS, v3, v5};
use ntex_tls::rustls::TlsAcceptor;
use rustls::ServerConfig;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::connection::{Close, Connection, DRAIN_S_MAX, Shared};
use super::exactly_once::ExactlyOnce;
use super::session::Command;
use crate::chance::random_number;

/// Longest time from a TCP connection to its CONNECT.
const CONNECT_S_MAX: u16 = 10;
/// Most payload bytes of one connection that wait for their acknowledgement, beside one packet.
const PAYLOADS_BYTES_MAX: usize = 64 << 10;

/// A connection's session in MQTT 3.1.1.
pub(super) type Session3 = v3::Session<Rc<Connection>>;
/// A connection's session in MQTT 5.
pub(super) type Session5 = v5::Session<Rc<Connection>>;

/// What is listened on.
#[derive(Debug)]
pub(super) struct Listeners {
    /// Without TLS.
    pub(super) plain: TcpListener,
    /// With it.
    pub(super) tls: Option<(TcpListener, Arc<ServerConfig>)>,
}

/// Serves listeners on the calling thread until `stop` fires or its sender is gone.
///
/// # Errors
/// What the operating system says to listening.
pub(super) fn serve(
    listeners: Listeners,
    shared: Arc<Shared>,
    stop: oneshot::Receiver<()>,
) -> io::Result<()> {
    let system = System::build()
        .name("arno-mqtt")
        .signals(false)
        .ping_interval(0);
    system.build(DefaultRuntime).block_on(async move {
        let server = listen(listeners, &shared)?;
        // A dropped sender means the same as a stop.
        let _fired: Result<(), _> = stop.await;
        shared.is_stopping.store(true, Ordering::Release);
        server.pause().await;
        shared.sessions.tell_all(Command::Drain);
        let gone = async {
            while shared.sessions.count() > 0 {
                // Also looks by itself now and then: a bell between look and wait is not heard.
                let bell = shared.sessions.left.notified();
                let _rung: Result<(), _> = timeout(Duration::from_millis(50), bell).await;
            }
        };
        let limit = Duration::from_secs(DRAIN_S_MAX + 1);
        if timeout(limit, gone).await.is_err() {
            let count = shared.sessions.count();
            tracing::warn!(count, "connections did not end in time and are cut");
        }
        server.stop(false).await;
        Ok(())
    })
}

fn listen(listeners: Listeners, shared: &Arc<Shared>) -> io::Result<ntex::server::Server> {
    let settings = &shared.settings;
    let mqtt = MqttServiceConfig::new()
        .set_max_qos(QoS::ExactlyOnce)
        .set_max_size(settings.packet_bytes_max)
        .set_max_receive(settings.in_flight_count_max)
        .set_max_receive_size(PAYLOADS_BYTES_MAX)
        .set_max_topic_alias(0)
        // A client may publish and leave at once: what it sent before its goodbye is taken.
        .set_handle_qos_after_disconnect(Some(QoS::ExactlyOnce))
        .set_connect_timeout(Seconds(CONNECT_S_MAX))
        .set_handshake_timeout(Seconds(CONNECT_S_MAX))
        .protocol_version_timeout(Seconds(CONNECT_S_MAX));
    let config = SharedCfg::new("MQTT")
        .add(mqtt)
        .add(IoConfig::new())
        .build();
    let for_workers = Arc::clone(shared);
    let mut server = ntex::server::build()
        .name("arno-mqtt")
        .workers(settings.threads_count)
        .disable_signals()
        .listen("mqtt", listeners.plain, async move |_config| {
            protocols(&for_workers)
        })?
        .config("mqtt", config.clone());
    if let Some((listener, tls)) = listeners.tls {
        let for_workers = Arc::clone(shared);
        server = server
            .listen("mqtts", listener, async move |_config| {
                // A handshake that fails is the client's affair: its connection ends.
                chain_factory(TlsAcceptor::new(Arc::clone(&tls)))
                    .map_err(|_failed| MqttError::Service(Close::Handshake))
                    .and_then(protocols(&for_workers))
            })?
            .config("mqtts", config);
    }
    Ok(server.run())
}

/// Both protocol versions, over whatever carries them.
fn protocols<F: Filter>(
    shared: &Arc<Shared>,
) -> impl ServiceFactory<Io<F>, SharedCfg, Response = (), Error = MqttError<Close>, InitError = ()>
+ use<F> {
    let (shared_v3, shared) = (Arc::clone(shared), Arc::clone(shared));
    let connect_v3 = move |handshake| ready(Ok(super::v3::connect(&shared_v3, handshake)));
    let connect_v5 = move |handshake| ready(Ok(super::v5::connect(&shared, handshake)));
    let v3 = v3::MqttServer::<Rc<Connection>, Close, _, _, _, _>::new(connect_v3)
        .middleware(ExactlyOnce)
        .protocol(super::v3::protocol())
        .control(super::v3::control())
        .publish(super::v3::publishes());
    let v5 = v5::MqttServer::<Rc<Connection>, Close, _, _, _, _>::new(connect_v5)
        .middleware(ExactlyOnce)
        .protocol(super::v5::protocol())
        .control(super::v5::control())
        .publish(super::v5::publishes());
    MqttServer::new().v3(v3).v5(v5)
}

/// Who is at the other end.
pub(super) fn peer_of(io: &IoBoxed) -> Option<SocketAddr> {
    io.query::<PeerAddr>().get().map(PeerAddr::into_inner)
}

/// A client id for who brings none.
pub(super) fn assigned_id() -> String {
    format!("arno-{:016x}", random_number())
}
