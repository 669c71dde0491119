//! External brokers: their messages come in over a persistent session, and are acknowledged by hand
//! when they are durable.
//!
//! # Why
//! Towns have brokers already. The client is always polled, or its pings stop and the broker drops
//! it. What bounds memory is that the bridge stops reading while much is in flight; the broker then
//! meets a full socket. The receive maximum is a hint only: 3.1.1 has no word for it, and mosquitto
//! 2.0.11 sends a queue without heeding it.
//!
//! # Limits
//! The settings' `in_flight_count_max` messages and [`IN_FLIGHT_BYTES_MAX`]: beyond either, nothing
//! is read until half of it is durable. After `HOLD_TIME_MAX` without that, the connection is
//! dropped before the broker misses a ping, and made anew when there is room; the broker sends the
//! others again.
//! Pauses between attempts to connect: [`PAUSE_MIN`] doubling to [`PAUSE_MAX`], less up to half by
//! chance, so that a broker that returns is not met by everyone at once.
//!
//! # Invariants
//! An acknowledgement belongs to the connection on which its message came: after a reconnect packet
//! ids mean other messages, so older acknowledgements are dropped, and the broker delivers again.

mod link;
pub mod settings;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arno_model::Timestamp;
use arno_store::{Clock, ClockMark};
use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use settings::{BrokerSettings, BrokerUrl};

use crate::bridge::link::{Event, Hand, LinkError, Message, Poller, Ticket};
use crate::chance::random_number;
use crate::delivery::{Delivery, Route};
use crate::error::IngestError;
use crate::ingest::Ingest;

/// The first pause before a new attempt to connect.
pub const PAUSE_MIN: Duration = Duration::from_millis(500);
/// The longest pause between attempts to connect.
pub const PAUSE_MAX: Duration = Duration::from_mins(1);
/// How long a stop waits for the messages in flight: within the 10 s that a stop may take in all.
const DRAIN: Duration = Duration::from_secs(6);
/// How long a stop waits for the goodbye to go out.
const GOODBYE: Duration = Duration::from_secs(1);
/// The pause before a message that the store did not take is offered again.
const OFFER_PAUSE: Duration = Duration::from_secs(1);

/// Topics and payloads that wait for their commit: some ten thousand ordinary messages, or a few of
/// the longest.
pub const IN_FLIGHT_BYTES_MAX: usize = 16 << 20;
/// How long nothing may be read from a connection: well before the broker misses a ping.
const HOLD_TIME_MAX: Duration = Duration::from_secs(20);

/// What a bridge is built from.
#[derive(Debug, Clone)]
pub struct BridgeParts {
    /// Where messages go.
    pub ingest: Ingest,
    /// The process's clock.
    pub clock: Arc<dyn Clock>,
    /// The bridge's task is spawned here.
    pub tracker: TaskTracker,
    /// Cancelled to stop: messages in flight are acknowledged, then the bridge says goodbye.
    pub token: CancellationToken,
}

/// A running bridge to one broker.
#[derive(Debug, Clone)]
pub struct Bridge {
    url: BrokerUrl,
    is_connected: Arc<AtomicBool>,
}

impl Bridge {
    /// Starts to consume; connects by itself, again and again. The settings must have no faults.
    pub fn start(settings: BrokerSettings, parts: BridgeParts) -> Self {
        let is_connected = Arc::new(AtomicBool::new(false));
        let bridge = Self {
            url: settings.url.clone(),
            is_connected: Arc::clone(&is_connected),
        };
        let tracker = parts.tracker.clone();
        let consumer = Consumer {
            settings,
            parts,
            is_connected,
            epoch: 0,
        };
        tracker.spawn(consumer.run());
        bridge
    }

    /// Which broker.
    pub const fn url(&self) -> &BrokerUrl {
        &self.url
    }

    /// Whether it is connected now.
    pub fn is_connected(&self) -> bool {
        self.is_connected.load(Ordering::Acquire)
    }
}

/// A message that became durable, to be acknowledged on the connection on which it came.
struct Done {
    ticket: Ticket,
    epoch: u64,
    bytes: usize,
}

/// Messages on their way into the store, and how much they weigh.
struct Flights<F> {
    waiting: FuturesUnordered<F>,
    bytes: usize,
    count_max: usize,
}

impl<F: Future<Output = Done>> Flights<F> {
    fn push(&mut self, bytes: usize, flight: F) {
        self.bytes += bytes;
        self.waiting.push(flight);
    }

    /// The next that is durable; waits for ever when none is under way.
    async fn next(&mut self) -> Done {
        match self.waiting.next().await {
            Some(done) => {
                self.bytes -= done.bytes;
                done
            }
            None => std::future::pending().await,
        }
    }

    fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn is_full(&self) -> bool {
        self.waiting.len() > self.count_max || self.bytes > IN_FLIGHT_BYTES_MAX
    }

    fn has_room(&self) -> bool {
        self.waiting.len() <= self.count_max / 2 && self.bytes <= IN_FLIGHT_BYTES_MAX / 2
    }
}

/// What the consumer does next.
enum Step {
    /// The link said something.
    Heard(Result<Event, LinkError>),
    /// It is to stop.
    Stop,
}

struct Consumer {
    settings: BrokerSettings,
    parts: BridgeParts,
    is_connected: Arc<AtomicBool>,
    /// Counts connections, and their ends.
    epoch: u64,
}

impl Consumer {
    async fn run(mut self) {
        let (hand, mut poller) = link::open(&self.settings);
        let mut flights = Flights {
            waiting: FuturesUnordered::new(),
            bytes: 0,
            count_max: usize::from(self.settings.in_flight_count_max),
        };
        let mut pause = PAUSE_MIN;
        loop {
            let step = {
                let mut polling = pin!(poller.poll());
                loop {
                    // `polling` lives across the other arms: a poll is never cut short.
                    tokio::select! {
                        biased;
                        () = self.parts.token.cancelled() => break Step::Stop,
                        done = flights.next() => self.acknowledge(&hand, &done),
                        heard = &mut polling => break Step::Heard(heard),
                    }
                }
            };
            match step {
                Step::Stop => break,
                Step::Heard(Ok(Event::Other)) => {}
                Step::Heard(Ok(Event::Connected)) => {
                    pause = PAUSE_MIN;
                    self.greet(&hand);
                }
                Step::Heard(Ok(Event::Message(message))) => {
                    let bytes = message.topic.len() + message.payload.len();
                    flights.push(bytes, self.take(message));
                    if flights.is_full() && !self.hold_back(&hand, &mut flights).await {
                        poller.drop_connection();
                        self.lose("the store takes nothing");
                        self.settle(&mut flights).await;
                    }
                }
                Step::Heard(Err(error)) => {
                    self.lose(&error.to_string());
                    self.wait(pause, &mut flights).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
        self.say_goodbye(&hand, &mut poller, flights).await;
    }

    fn greet(&mut self, hand: &Hand) {
        self.epoch += 1;
        self.is_connected.store(true, Ordering::Release);
        metrics::gauge!("arno_ingest_bridges_connected").increment(1.0);
        metrics::counter!("arno_ingest_bridge_connects_total").increment(1);
        tracing::info!(broker = %self.settings.url, "connected to the broker");
        // Always: the broker may have forgotten the session, or the filters may be new.
        if !hand.subscribe(&self.settings.topics) {
            tracing::warn!(broker = %self.settings.url, "the subscription could not be sent");
        }
    }

    fn lose(&mut self, why: &str) {
        self.epoch += 1;
        if self.is_connected.swap(false, Ordering::AcqRel) {
            metrics::gauge!("arno_ingest_bridges_connected").decrement(1.0);
            tracing::warn!(broker = %self.settings.url, why, "the broker is gone; trying again");
        }
    }

    fn acknowledge(&self, hand: &Hand, done: &Done) {
        if done.epoch == self.epoch {
            hand.acknowledge(&done.ticket);
        }
    }

    /// Makes one message durable, however long that takes.
    fn take(&self, message: Message) -> impl Future<Output = Done> + use<> {
        let ingest = self.parts.ingest.clone();
        let epoch = self.epoch;
        let Message {
            topic,
            payload,
            ticket,
        } = message;
        let bytes = topic.len() + payload.len();
        let delivery = Delivery {
            route: Route::Topic(topic),
            publisher: self.settings.publisher.clone(),
            payload,
            received: self.now(),
            clock: ClockMark::Live,
        };
        async move {
            loop {
                match ingest.accept(delivery.clone()).await {
                    Ok(_accepted) => {
                        return Done {
                            ticket,
                            epoch,
                            bytes,
                        };
                    }
                    Err(IngestError::Closed) => return std::future::pending().await,
                    Err(_passing) => sleep(OFFER_PAUSE).await,
                }
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    /// Waits before the next attempt to connect. Messages of the lost connection may become durable
    /// meanwhile; their acknowledgements are void.
    async fn wait<F: Future<Output = Done>>(&self, pause: Duration, flights: &mut Flights<F>) {
        let mut waiting = pin!(sleep(with_chance(pause)));
        loop {
            tokio::select! {
                () = self.parts.token.cancelled() => return,
                () = &mut waiting => return,
                _void = flights.next() => {}
            }
        }
    }

    /// Reads nothing until there is room again; says whether there was, in time. Acknowledgements
    /// wait in the client until it is polled again.
    async fn hold_back<F: Future<Output = Done>>(
        &self,
        hand: &Hand,
        flights: &mut Flights<F>,
    ) -> bool {
        let room = async {
            while !flights.has_room() {
                let done = flights.next().await;
                self.acknowledge(hand, &done);
            }
        };
        tokio::select! {
            // The stop is met in the next step.
            () = self.parts.token.cancelled() => true,
            held = timeout(HOLD_TIME_MAX, room) => held.is_ok(),
        }
    }

    /// Waits until there is room again; acknowledgements of the lost connection are void.
    async fn settle<F: Future<Output = Done>>(&self, flights: &mut Flights<F>) {
        while !flights.has_room() {
            tokio::select! {
                () = self.parts.token.cancelled() => return,
                _void = flights.next() => {}
            }
        }
    }

    /// Acknowledges what becomes durable in time, and disconnects.
    async fn say_goodbye<F: Future<Output = Done>>(
        &mut self,
        hand: &Hand,
        poller: &mut Poller,
        mut flights: Flights<F>,
    ) {
        if !self.is_connected() {
            return;
        }
        let last = async {
            while !flights.is_empty() {
                let mut polling = pin!(poller.poll());
                tokio::select! {
                    done = flights.next() => self.acknowledge(hand, &done),
                    // What still comes is not taken: it comes again to the next session.
                    heard = &mut polling => if heard.is_err() { return },
                }
            }
        };
        if timeout(DRAIN, last).await.is_err() {
            tracing::warn!("a bridge stopped before its last messages were durable");
        }
        hand.disconnect();
        let goodbye = async { while poller.poll().await.is_ok() {} };
        // The broker notices anyway when the connection falls.
        let _said: Result<(), _> = timeout(GOODBYE, goodbye).await;
        self.lose("stopping");
    }

    fn is_connected(&self) -> bool {
        self.is_connected.load(Ordering::Acquire)
    }
}

/// A pause less up to half of it by chance.
fn with_chance(pause: Duration) -> Duration {
    let share = u32::try_from(random_number() % 512).unwrap_or(0);
    pause.saturating_sub(pause * share / 1_024)
}
