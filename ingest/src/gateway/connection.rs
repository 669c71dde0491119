//! One connection, whatever its protocol version: credentials and publishes come in, verdicts that
//! the versions put into their own packets go out.
//!
//! # Invariants
//! * A verdict `Taken` or `Malformed` means durable.
//! * A Last Will was judged like a publish when the client connected, and is ingested like one when
//!   the connection ends without the client's goodbye. A gateway that stops ingests none: its
//!   devices are not gone.
//! * While the gateway stops, what still arrives is neither taken nor acknowledged: the device
//!   sends it again.

#![expect(
    clippy::future_not_send,
    reason = "connections live on one of the gateway's threads and never leave it"
)]

use std::cell::{Cell, RefCell};
use std::fmt;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arno_model::PublisherId;
use arno_store::{Clock, ClockMark, Role};
use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::live::{LiveHub, LiveMessage, LiveQueue, Replay};
use super::rights::{Anonymous, Authority, Holder};
use super::session::{COMMANDS_COUNT_MAX, ClientKey, Command, Sessions};
use super::settings::GatewaySettings;
use crate::delivery::{Accepted, Delivery, Route};
use crate::ingest::Ingest;
use crate::route::TopicFilter;

/// Longest client id in bytes; longer ones are refused.
pub(super) const CLIENT_ID_BYTES_MAX: usize = 256;

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) ingest: Ingest,
    pub(super) authority: Arc<dyn Authority>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) settings: GatewaySettings,
    pub(super) runtime: Handle,
    pub(super) tracker: TaskTracker,
    pub(super) sessions: Sessions,
    pub(super) hub: LiveHub,
    pub(super) is_stopping: AtomicBool,
    pub(super) has_ended: AtomicBool,
}

/// What a client says when it connects.
pub(super) struct Hello<'a> {
    pub(super) client_id: &'a str,
    pub(super) user: Option<&'a str>,
    pub(super) password: Option<&'a [u8]>,
    pub(super) will: Option<(&'a str, Bytes)>,
    pub(super) peer: Option<SocketAddr>,
}

/// Why a client may not connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Wrong user name or password.
    Credentials,
    /// No rights: anonymous where that is off, or a Last Will on another's topic.
    NotAuthorised,
    /// A client id that is too long.
    ClientId,
    /// As many connections as allowed.
    Busy,
    /// The gateway stops.
    Stopping,
}

impl Refusal {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::NotAuthorised => "not_authorised",
            Self::ClientId => "client_id",
            Self::Busy => "busy",
            Self::Stopping => "stopping",
        }
    }
}

/// What became of a publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Durable: stored, or known already, or parts of it in quarantine.
    Taken,
    /// Nothing of it could be used; it is durable in quarantine. Why, for people.
    Malformed(String),
    /// Not the sender's topic.
    NotAuthorised,
    /// Not durable: no acknowledgement, and the connection ends.
    Failed(&'static str),
}

/// Why the gateway ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Close {
    /// A publish without the right to.
    #[error("the publish is not authorised")]
    NotAuthorised,
    /// The store does not take data.
    #[error("the store does not take data now")]
    StoreBusy,
    /// The payload ended before its length.
    #[error("the payload did not arrive whole")]
    Payload,
    /// The client did not agree on TLS.
    #[error("the TLS handshake failed")]
    Handshake,
}

impl Close {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::NotAuthorised => "not_authorised",
            Self::StoreBusy => "store",
            Self::Payload => "payload",
            Self::Handshake => "handshake",
        }
    }
}

struct Will {
    topic: String,
    publisher: Option<PublisherId>,
    payload: Bytes,
}

/// One connection.
pub(super) struct Connection {
    shared: Arc<Shared>,
    id: u64,
    key: ClientKey,
    holder: Holder,
    will: RefCell<Option<Will>>,
    in_flight: Cell<usize>,
    idle: Notify,
    is_draining: Cell<bool>,
    queue: Arc<LiveQueue>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Connection")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// Judges a client that connects; its connection, and the commands it will be told.
    pub(super) fn connect(
        self: &Arc<Self>,
        hello: &Hello<'_>,
    ) -> Result<(Rc<Connection>, mpsc::Receiver<Command>), Refusal> {
        let connected = self.judge(hello);
        let outcome = connected
            .as_ref()
            .map_or_else(|refusal| refusal.as_str(), |_| "accepted");
        metrics::counter!("arno_ingest_connects_total", "outcome" => outcome).increment(1);
        connected
    }

    fn judge(
        self: &Arc<Self>,
        hello: &Hello<'_>,
    ) -> Result<(Rc<Connection>, mpsc::Receiver<Command>), Refusal> {
        if self.is_stopping.load(Ordering::Acquire) {
            return Err(Refusal::Stopping);
        }
        if hello.client_id.len() > CLIENT_ID_BYTES_MAX {
            return Err(Refusal::ClientId);
        }
        let is_loopback = hello
            .peer
            .is_some_and(|peer| peer.ip().to_canonical().is_loopback());
        let role = self
            .authority
            .authenticate(hello.user, hello.password, is_loopback);
        let role = role.ok_or(Refusal::Credentials)?;
        let anonymous = self.settings.anonymous;
        if role == Role::Anonymous && anonymous == Anonymous::Off {
            return Err(Refusal::NotAuthorised);
        }
        let may_publish_anonymously = is_loopback && anonymous == Anonymous::Loopback;
        let holder = Holder {
            role,
            may_publish_anonymously,
        };
        let will = match &hello.will {
            None => None,
            Some((topic, payload)) => {
                let publisher = holder.may_publish(topic, self.ingest.routes());
                let publisher = publisher.ok_or(Refusal::NotAuthorised)?;
                Some(Will {
                    topic: (*topic).to_owned(),
                    publisher,
                    payload: payload.clone(),
                })
            }
        };
        let client_id = hello.client_id.to_owned();
        let key = ClientKey {
            role: holder.role.clone(),
            client_id,
        };
        let (commands, told) = mpsc::channel(COMMANDS_COUNT_MAX);
        let count_max = self.settings.connections_count_max;
        let id = self
            .sessions
            .enter(&key, commands, count_max)
            .ok_or(Refusal::Busy)?;
        metrics::gauge!("arno_ingest_connections").increment(1.0);
        let connection = Connection {
            shared: Arc::clone(self),
            id,
            key,
            holder,
            will: RefCell::new(will),
            in_flight: Cell::new(0),
            idle: Notify::new(),
            is_draining: Cell::new(false),
            queue: Arc::new(LiveQueue::default()),
        };
        Ok((Rc::new(connection), told))
    }

    async fn accept(&self, topic: &str, publisher: Option<PublisherId>, payload: Bytes) -> Verdict {
        let delivery = Delivery {
            route: Route::Topic(topic.to_owned()),
            publisher,
            payload,
            received: self.clock.now(),
            clock: ClockMark::Live,
        };
        match self.ingest.accept(delivery).await {
            Ok(accepted) if accepted.is_refused() => Verdict::Malformed(first_problem(&accepted)),
            Ok(_accepted) => Verdict::Taken,
            Err(error) => {
                let reason = error.reason();
                metrics::counter!("arno_ingest_unacknowledged_total", "reason" => reason)
                    .increment(1);
                Verdict::Failed(reason)
            }
        }
    }
}

fn first_problem(accepted: &Accepted) -> String {
    let first = accepted.problems.first();
    first.map_or_else(String::new, |problem| {
        let detail: String = problem.detail.chars().take(200).collect();
        format!("{}: {detail}", problem.reason)
    })
}

impl Connection {
    /// Takes a publish; returns when it is durable, refused, or will not become durable in time.
    /// One without acknowledgement (`is_unheard`, QoS 0) is taken even when its connection ends
    /// meanwhile: nobody would send it again.
    pub(super) async fn publish(&self, topic: &str, payload: Bytes, is_unheard: bool) -> Verdict {
        if self.is_draining.get() {
            return std::future::pending().await;
        }
        let Some(publisher) = self.holder.may_publish(topic, self.shared.ingest.routes()) else {
            metrics::counter!("arno_ingest_refused_total", "reason" => "not_authorised")
                .increment(1);
            return Verdict::NotAuthorised;
        };
        let _in_flight = InFlight::enter(self);
        if !is_unheard {
            return self.shared.accept(topic, publisher, payload).await;
        }
        let (shared, topic) = (Arc::clone(&self.shared), topic.to_owned());
        let accepting = async move { shared.accept(&topic, publisher, payload).await };
        let accepted = self
            .shared
            .tracker
            .spawn_on(accepting, &self.shared.runtime);
        accepted.await.unwrap_or(Verdict::Failed("panic"))
    }

    /// The client said goodbye: its Last Will is void.
    pub(super) fn forget_will(&self) {
        self.will.borrow_mut().take();
    }

    /// The connection ends without the client's goodbye.
    pub(super) fn fire_will(&self) {
        let Some(will) = self.will.borrow_mut().take() else {
            return;
        };
        if self.shared.is_stopping.load(Ordering::Acquire) {
            return;
        }
        let shared = Arc::clone(&self.shared);
        let firing = async move {
            let verdict = shared
                .accept(&will.topic, will.publisher, will.payload)
                .await;
            if let Verdict::Failed(reason) = verdict {
                tracing::warn!(
                    reason,
                    topic = will.topic,
                    "a Last Will could not be stored"
                );
            }
        };
        self.shared.tracker.spawn_on(firing, &self.shared.runtime);
    }

    /// Subscribes to a filter, if the holder may; whether it does now, and if not whether the
    /// rights were missing.
    pub(super) fn subscribe(&self, filter: &str, replay: Replay) -> Result<(), SubscribeFault> {
        let filter = TopicFilter::parse(filter).map_err(|_fault| SubscribeFault::Filter)?;
        if !self.holder.may_subscribe(&filter) {
            metrics::counter!("arno_ingest_refused_total", "reason" => "subscribe").increment(1);
            return Err(SubscribeFault::NotAuthorised);
        }
        let hub = &self.shared.hub;
        let is_taken = hub.subscribe(self.id, &self.queue, &filter, replay);
        is_taken.then_some(()).ok_or(SubscribeFault::Quota)
    }

    /// Ends a subscription; whether there was one.
    pub(super) fn unsubscribe(&self, filter: &str) -> bool {
        self.shared.hub.unsubscribe(self.id, filter)
    }

    /// Waits until all that was taken is acknowledged, at most as long as a commit may take.
    async fn drain(&self) {
        self.is_draining.set(true);
        let idle = async {
            while self.in_flight.get() > 0 {
                self.idle.notified().await;
            }
        };
        let limit = Duration::from_secs(DRAIN_S_MAX);
        if timeout(limit, idle).await.is_err() {
            tracing::warn!("a connection was closed before its last acknowledgements");
        }
    }
}

/// How long a stopping gateway waits for the last acknowledgements: within the 10 s that a stop may
/// take in all.
pub(super) const DRAIN_S_MAX: u64 = 6;

/// Why a subscription is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SubscribeFault {
    /// Not a topic filter.
    Filter,
    /// Not the holder's.
    NotAuthorised,
    /// Too many filters.
    Quota,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.fire_will();
        self.shared.hub.forget(self.id);
        self.shared.sessions.leave(self.id, &self.key);
        metrics::gauge!("arno_ingest_connections").decrement(1.0);
    }
}

/// Counts a publish in flight, also when its handling is dropped.
struct InFlight<'a>(&'a Connection);

impl<'a> InFlight<'a> {
    fn enter(connection: &'a Connection) -> Self {
        connection.in_flight.set(connection.in_flight.get() + 1);
        Self(connection)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0
            .in_flight
            .set(self.0.in_flight.get().saturating_sub(1));
        if self.0.in_flight.get() == 0 {
            self.0.idle.notify_one();
        }
    }
}

/// A connection's way out, in its protocol version.
pub(super) trait Wire {
    /// Whether it is open, once it can take a message.
    fn ready(&self) -> impl Future<Output = bool>;
    /// Sends a live message, at most once.
    fn send(&self, message: LiveMessage);
    /// Says why, where the version has words for it, and closes.
    fn close(&self, command: Command);
}

/// Attends one connection: sends its live messages and carries out commands, until the connection
/// is gone or closed.
pub(super) async fn attend<W: Wire>(
    connection: Weak<Connection>,
    queue: Arc<LiveQueue>,
    wire: W,
    mut commands: mpsc::Receiver<Command>,
) {
    let mut next = None;
    loop {
        next = next.or_else(|| queue.pop());
        let has_next = next.is_some();
        // All arms may be cancelled without loss: a message stays in `next` until it is sent.
        tokio::select! {
            biased;
            command = commands.recv() => {
                // Without a sender the connection is gone.
                let Some(command) = command else { return };
                if command == Command::Drain && let Some(connection) = connection.upgrade() {
                    connection.drain().await;
                }
                if command == Command::TakenOver && let Some(connection) = connection.upgrade() {
                    connection.fire_will();
                }
                wire.close(command);
                return;
            }
            is_open = wire.ready(), if has_next => {
                if !is_open {
                    return;
                }
                if let Some(message) = next.take() {
                    wire.send(message);
                }
            }
            () = queue.notify.notified(), if !has_next => {}
        }
    }
}

impl Connection {
    /// Publishes that may wait for their acknowledgement, as MQTT 5 clients are told.
    pub(super) fn in_flight_count_max(&self) -> usize {
        usize::from(self.shared.settings.in_flight_count_max)
    }

    /// The queue of its live messages.
    pub(super) fn queue(&self) -> Arc<LiveQueue> {
        Arc::clone(&self.queue)
    }
}
