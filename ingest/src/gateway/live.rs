//! The live feed out: the newest payload of each live topic comes in, every subscriber's queue gets
//! it, and new subscribers get what is there.
//!
//! # Why
//! Live topics are states ("the province's free places now"): only the newest of each matters. So a
//! slow subscriber's queue holds one message a topic, replaced by the newer one, and is bounded.
//!
//! # Limits
//! [`LIVE_TOPICS_MAX`] retained topics → a further topic is refused and counted.
//! [`LIVE_QUEUE_MESSAGES_MAX`] → the oldest waiting message is dropped and counted.
//! [`SUBSCRIPTIONS_COUNT_MAX`] per connection → the subscription is refused.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::route::TopicFilter;

/// Most live topics: 400 areas with 50 products each, and room.
pub const LIVE_TOPICS_MAX: usize = 65_536;
/// Most messages that wait for one subscriber.
pub const LIVE_QUEUE_MESSAGES_MAX: usize = 16_384;
/// Most topic filters of one connection.
pub const SUBSCRIPTIONS_COUNT_MAX: usize = 64;

/// One message to a subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveMessage {
    /// Its topic.
    pub topic: Arc<str>,
    /// Its payload; empty when the topic is withdrawn.
    pub payload: Bytes,
    /// Whether it was there before the subscription.
    pub is_retained: bool,
}

/// The messages that wait for one subscriber: one a topic, in the order in which topics queued.
#[derive(Debug, Default)]
pub struct LiveQueue {
    waiting: Mutex<Waiting>,
    /// Wakes the subscriber's task.
    pub notify: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    order: VecDeque<Arc<str>>,
    messages: HashMap<Arc<str>, LiveMessage>,
}

impl LiveQueue {
    fn push(&self, message: LiveMessage) {
        let mut waiting = held(&self.waiting);
        let topic = Arc::clone(&message.topic);
        if waiting
            .messages
            .insert(Arc::clone(&topic), message)
            .is_none()
        {
            waiting.order.push_back(topic);
        }
        if waiting.order.len() > LIVE_QUEUE_MESSAGES_MAX
            && let Some(oldest) = waiting.order.pop_front()
        {
            waiting.messages.remove(&oldest);
            metrics::counter!("arno_ingest_live_dropped_total").increment(1);
        }
        drop(waiting);
        self.notify.notify_one();
    }

    /// Takes the message that waits longest.
    pub fn pop(&self) -> Option<LiveMessage> {
        let mut waiting = held(&self.waiting);
        let topic = waiting.order.pop_front()?;
        waiting.messages.remove(&topic)
    }
}

/// Retained topics and subscribers.
#[derive(Debug, Default)]
pub struct LiveHub {
    state: Mutex<HubState>,
}

#[derive(Debug, Default)]
struct HubState {
    retained: BTreeMap<Arc<str>, Bytes>,
    subscribers: HashMap<u64, Subscriber>,
}

#[derive(Debug)]
struct Subscriber {
    filters: Vec<TopicFilter>,
    queue: Arc<LiveQueue>,
}

/// Which retained messages a new subscription gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// All that match.
    Always,
    /// All that match, unless the connection had this filter already.
    IfNew,
    /// None.
    Never,
}

impl LiveHub {
    /// Keeps a topic's newest payload and queues it for whoever subscribed; an empty payload
    /// withdraws the topic. Whether it was taken.
    pub fn publish(&self, topic: &str, payload: &Bytes) -> bool {
        let mut state = held(&self.state);
        let topic: Arc<str> = match state.retained.get_key_value(topic) {
            Some((known, _payload)) => Arc::clone(known),
            None if payload.is_empty() => return true,
            None if state.retained.len() >= LIVE_TOPICS_MAX => {
                metrics::counter!("arno_ingest_live_dropped_total").increment(1);
                return false;
            }
            None => Arc::from(topic),
        };
        if payload.is_empty() {
            state.retained.remove(&topic);
        } else {
            state.retained.insert(Arc::clone(&topic), payload.clone());
        }
        for subscriber in state.subscribers.values() {
            if subscriber
                .filters
                .iter()
                .any(|filter| filter.matches(&topic))
            {
                subscriber.queue.push(LiveMessage {
                    topic: Arc::clone(&topic),
                    payload: payload.clone(),
                    is_retained: false,
                });
            }
        }
        true
    }

    /// Adds a filter to a connection's subscriptions and queues what is retained under it; whether
    /// there was room for it.
    pub fn subscribe(
        &self,
        connection: u64,
        queue: &Arc<LiveQueue>,
        filter: &TopicFilter,
        replay: Replay,
    ) -> bool {
        let mut guard = held(&self.state);
        let state = &mut *guard;
        let subscriber = state
            .subscribers
            .entry(connection)
            .or_insert_with(|| Subscriber {
                filters: Vec::new(),
                queue: Arc::clone(queue),
            });
        let is_new = !subscriber.filters.contains(filter);
        if is_new {
            if subscriber.filters.len() >= SUBSCRIPTIONS_COUNT_MAX {
                return false;
            }
            subscriber.filters.push(filter.clone());
        }
        if replay == Replay::Always || (replay == Replay::IfNew && is_new) {
            for (topic, payload) in &state.retained {
                if filter.matches(topic) {
                    subscriber.queue.push(LiveMessage {
                        topic: Arc::clone(topic),
                        payload: payload.clone(),
                        is_retained: true,
                    });
                }
            }
        }
        true
    }

    /// Takes a filter away; whether the connection had it.
    pub fn unsubscribe(&self, connection: u64, filter: &str) -> bool {
        let mut state = held(&self.state);
        let Some(subscriber) = state.subscribers.get_mut(&connection) else {
            return false;
        };
        let before = subscriber.filters.len();
        subscriber.filters.retain(|own| own.as_str() != filter);
        subscriber.filters.len() < before
    }

    /// Forgets a connection.
    pub fn forget(&self, connection: u64) {
        held(&self.state).subscribers.remove(&connection);
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
