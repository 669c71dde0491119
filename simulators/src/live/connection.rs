//! One MQTT connection: commands come in, acknowledged messages are counted.
//!
//! # Why
//! A line breaks, and a message that was not acknowledged must be sent again on the next one. So
//! unacknowledged messages are kept here, each session starts with a fresh client, and sends them
//! first. Brokers that keep sessions get some twice, which is what "at least once" means.
//!
//! # Limits
//! [`IN_FLIGHT_COUNT`] messages without acknowledgement → nothing more is taken from the inbox.
//! A lost line is tried again after [`RETRY_MIN`], doubling up to [`RETRY_MAX`].
//!
//! # Invariants
//! The event loop is always polled, or its pings would stop; a poll under way is never dropped but
//! with its session.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, Incoming, LastWill, MqttOptions, Outgoing, QoS,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::live::counter::LiveCounters;
use crate::live::line::Line;
use crate::live::payload::Message;
use crate::live::{Now, OnAcknowledged};

/// Messages sent and not yet acknowledged, per line; brokers allow 20 to 65,535.
const IN_FLIGHT_COUNT: u16 = 64;
/// Requests that wait inside the client: all that may be in flight, a greeting and a goodbye.
const REQUESTS_COUNT: usize = 128;
/// How long acknowledgements are waited for at the end.
pub(super) const DRAIN: Duration = Duration::from_secs(2);
/// How long the goodbye may take.
const GOODBYE: Duration = Duration::from_millis(300);
/// First pause before a lost line is tried again.
const RETRY_MIN: Duration = Duration::from_millis(200);
/// Longest pause.
const RETRY_MAX: Duration = Duration::from_secs(5);
/// How often a quiet line shows that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// What a line is told.
#[derive(Debug)]
pub(super) enum Command {
    /// Publish this; a broken line comes back for it.
    Say(Message),
    /// Break without a goodbye, so that the Last Will is published.
    Break,
}

/// Whether a line is up.
#[derive(Debug, Clone, Default)]
pub(super) struct Up(Arc<AtomicBool>);

impl Up {
    /// Whether it is.
    pub(super) fn is_up(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A connection and what it has not yet delivered.
pub(super) struct Connection {
    line: Line,
    inbox: mpsc::Receiver<Command>,
    counters: Arc<LiveCounters>,
    on_acknowledged: Option<OnAcknowledged>,
    now: Now,
    up: Up,
    unacknowledged: VecDeque<Sent>,
}

struct Sent {
    /// Given when the client sends it.
    packet: Option<u16>,
    /// `None` for a greeting, which nobody counts.
    message: Option<Message>,
}

impl Sent {
    /// A message that the client has not sent yet.
    const fn waiting(message: Message) -> Self {
        Self {
            packet: None,
            message: Some(message),
        }
    }
}

/// Why a session ended.
enum End {
    Stopped,
    Broken,
    Lost(Box<ConnectionError>),
}

impl Connection {
    /// A line that is not yet up.
    pub(super) fn new(
        line: Line,
        inbox: mpsc::Receiver<Command>,
        counters: Arc<LiveCounters>,
        on_acknowledged: Option<OnAcknowledged>,
        now: Now,
    ) -> Self {
        Self {
            line,
            inbox,
            counters,
            on_acknowledged,
            now,
            up: Up::default(),
            unacknowledged: VecDeque::new(),
        }
    }

    /// Tells from outside whether it is up.
    pub(super) fn is_up(&self) -> Up {
        self.up.clone()
    }

    /// Keeps the line up until the token is cancelled.
    pub(super) async fn run(mut self, token: CancellationToken) {
        let mut retry = RETRY_MIN;
        let mut has_warned = false;
        while !token.is_cancelled() {
            let end = self.session(&token).await;
            if self.up.0.swap(false, Ordering::Relaxed) {
                self.counters.disconnect();
                (retry, has_warned) = (RETRY_MIN, false);
            }
            let client = self.line.client_id.as_str();
            match end {
                End::Stopped => return,
                End::Broken => {
                    self.counters.break_off();
                    if !self.wait_for_word(&token).await {
                        return;
                    }
                    continue;
                }
                End::Lost(error) if has_warned => tracing::debug!(client, %error, "no line"),
                End::Lost(error) => tracing::warn!(client, %error, "no line; trying again"),
            }
            has_warned = true;
            tokio::select! {
                () = sleep(retry) => {}
                () = token.cancelled() => return,
            }
            retry = (retry * 2).min(RETRY_MAX);
        }
    }

    /// After a break: waits for the next thing to say.
    async fn wait_for_word(&mut self, token: &CancellationToken) -> bool {
        loop {
            tokio::select! {
                // Receiving from a channel is safe to cancel.
                command = self.inbox.recv() => match command {
                    Some(Command::Say(message)) => {
                        self.counters.send();
                        self.unacknowledged.push_back(Sent::waiting(message));
                        return true;
                    }
                    Some(Command::Break) => {}
                    None => return false,
                },
                () = token.cancelled() => return false,
            }
        }
    }

    async fn session(&mut self, token: &CancellationToken) -> End {
        let (client, event_loop) = AsyncClient::new(self.options(), REQUESTS_COUNT);
        let mut polling = Box::pin(next_event(event_loop));
        let mut deadline: Option<Instant> = None;
        loop {
            let can_take = self.up.is_up()
                && deadline.is_none()
                && self.unacknowledged.len() < usize::from(IN_FLIGHT_COUNT);
            tokio::select! {
                // The poll goes on where it was when another arm was taken: it is pinned.
                (event_loop, event) = &mut polling => {
                    polling.set(next_event(event_loop));
                    match event {
                        Ok(event) => self.hear(&event, &client),
                        Err(error) => return End::Lost(Box::new(error)),
                    }
                }
                // Receiving from a channel is safe to cancel.
                command = self.inbox.recv(), if can_take => match command {
                    Some(Command::Say(message)) => self.say(message, &client),
                    Some(Command::Break) => return End::Broken,
                    None => deadline = Some(Instant::now() + DRAIN),
                },
                () = token.cancelled(), if deadline.is_none() => {
                    deadline = Some(Instant::now() + DRAIN);
                }
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                    return End::Stopped;
                }
            }
            if deadline.is_some() && (self.unacknowledged.is_empty() || !self.up.is_up()) {
                // Without the goodbye the broker would publish the Last Will.
                if client.try_disconnect().is_ok() {
                    drop(tokio::time::timeout(GOODBYE, say_goodbye(polling)).await);
                }
                return End::Stopped;
            }
        }
    }

    fn options(&self) -> MqttOptions {
        let (host, port) = &self.line.address;
        let mut options = MqttOptions::new(&self.line.client_id, host, *port);
        options.set_keep_alive(KEEP_ALIVE);
        options.set_clean_session(true);
        options.set_inflight(IN_FLIGHT_COUNT);
        if let Some((user, password)) = &self.line.login {
            options.set_credentials(user, password.expose());
        }
        if let Some(topic) = &self.line.own_topic {
            let payload = br#"{"online":false}"#.to_vec();
            options.set_last_will(LastWill::new(topic, payload, QoS::AtLeastOnce, false));
        }
        options
    }

    fn hear(&mut self, event: &Event, client: &AsyncClient) {
        match event {
            Event::Incoming(Incoming::ConnAck(_)) => self.begin(client),
            Event::Outgoing(Outgoing::Publish(packet)) => {
                let mut waiting = self.unacknowledged.iter_mut();
                if let Some(sent) = waiting.find(|sent| sent.packet.is_none()) {
                    sent.packet = Some(*packet);
                }
            }
            Event::Incoming(Incoming::PubAck(acknowledged)) => {
                let packet = Some(acknowledged.pkid);
                let place = self
                    .unacknowledged
                    .iter()
                    .position(|sent| sent.packet == packet);
                let sent = place.and_then(|place| self.unacknowledged.remove(place));
                if let Some(message) = sent.and_then(|sent| sent.message) {
                    self.counters.acknowledge(message.observations_count());
                    if let Some(on_acknowledged) = &self.on_acknowledged {
                        on_acknowledged(&message);
                    }
                }
            }
            _ => {}
        }
    }

    /// On a fresh line: an access point greets, then everything unacknowledged goes out again.
    fn begin(&mut self, client: &AsyncClient) {
        self.counters.connect();
        self.up.0.store(true, Ordering::Relaxed);
        self.unacknowledged.retain(|sent| sent.message.is_some());
        if self.line.own_topic.is_some() {
            self.unacknowledged.push_front(Sent {
                packet: None,
                message: None,
            });
        }
        let greeting = format!("{{\"time\":\"{}\",\"online\":true}}", (self.now)());
        for sent in &mut self.unacknowledged {
            sent.packet = None;
            match (&sent.message, &self.line.own_topic) {
                (Some(message), _) => publish(client, &message.topic, message.payload.clone()),
                (None, Some(topic)) => publish(client, topic, greeting.clone().into_bytes()),
                (None, None) => {}
            }
        }
    }

    fn say(&mut self, message: Message, client: &AsyncClient) {
        self.counters.send();
        publish(client, &message.topic, message.payload.clone());
        self.unacknowledged.push_back(Sent::waiting(message));
    }
}

/// Hands a message to the client. Its queue has room for all that may be unacknowledged, so it
/// never refuses; if it did, the message would stay unacknowledged and go out with the next
/// session.
fn publish(client: &AsyncClient, topic: &str, payload: Vec<u8>) {
    if let Err(error) = client.try_publish(topic, QoS::AtLeastOnce, false, payload) {
        tracing::debug!(%error, "a message waits for the next session");
    }
}

async fn next_event(mut event_loop: EventLoop) -> (EventLoop, Result<Event, ConnectionError>) {
    let event = event_loop.poll().await;
    (event_loop, event)
}

/// Polls until the goodbye is out.
async fn say_goodbye(polling: impl Future<Output = (EventLoop, Result<Event, ConnectionError>)>) {
    let (mut event_loop, mut event) = polling.await;
    while !matches!(event, Ok(Event::Outgoing(Outgoing::Disconnect)) | Err(_)) {
        event = event_loop.poll().await;
    }
}
