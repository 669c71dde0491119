//! The hub of live events: the live loop publishes, listeners hear, and who was away catches up.
//!
//! # Limits
//! [`RING_EVENTS_MAX`] events and [`RING_BYTES_MAX`] bytes are kept for those who come back; the
//! oldest go. A listener may lie [`LISTENER_EVENTS_MAX`] events behind; then it is dropped with a
//! notice, so that one stalled page holds no memory.
//!
//! # Invariants
//! A listener gets every event after the one it names, in order, each once: it subscribes and reads
//! the ring under one lock.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use arno_model::{ThingId, Timestamp};
use futures::Stream;
use futures::stream::{self, StreamExt as _};
use serde_json::{Value, json};
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;

/// Events kept for those who come back: some minutes of a region's changes.
const RING_EVENTS_MAX: usize = 16_384;
/// Bytes of them.
const RING_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Events that a listener may lie behind.
const LISTENER_EVENTS_MAX: usize = 4_096;

/// One changed row, as everybody may see it.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveEvent {
    /// The product.
    pub product: String,
    /// The area, or with the level `thing` the thing's global name.
    pub area: String,
    /// The level: `thing`, `municipality`, …
    pub level: String,
    /// The thing, when the row is one's.
    pub thing: Option<ThingId>,
    /// The row: the product's columns.
    pub row: Value,
}

/// An event with its number and its text.
#[derive(Debug)]
pub(crate) struct Numbered {
    pub(crate) id: u64,
    pub(crate) event: LiveEvent,
    pub(crate) data: String,
}

/// What a listener hears.
#[derive(Debug, Clone)]
pub(crate) enum Notice {
    /// An event.
    Event(Arc<Numbered>),
    /// Events before the next one are gone.
    Gap,
    /// It was too slow, and this is the last it hears.
    Dropped,
}

#[derive(Debug)]
struct Ring {
    next_id: u64,
    events: VecDeque<Arc<Numbered>>,
    bytes: usize,
}

/// Hands out live events; a cheap handle.
#[derive(Debug, Clone)]
pub struct LiveHub {
    ring: Arc<Mutex<Ring>>,
    sender: broadcast::Sender<Arc<Numbered>>,
}

impl LiveHub {
    /// An empty hub. `started` is the process's clock at its start: numbers begin there, so that
    /// they go on growing over a restart, and a listener from before it hears of its gap.
    pub fn new(started: Timestamp) -> Self {
        let next_id = u64::try_from(started.as_micros()).unwrap_or(0).max(1);
        let (sender, _) = broadcast::channel(LISTENER_EVENTS_MAX);
        let ring = Ring {
            next_id,
            events: VecDeque::new(),
            bytes: 0,
        };
        Self {
            ring: Arc::new(Mutex::new(ring)),
            sender,
        }
    }

    /// Publishes a changed row to all listeners; never waits. Returns the event's number.
    pub fn publish(&self, event: LiveEvent) -> u64 {
        let data = json!({
            "product": event.product, "area": event.area, "level": event.level, "row": event.row,
        });
        let data = data.to_string();
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let id = ring.next_id;
        ring.next_id += 1;
        let numbered = Arc::new(Numbered { id, event, data });
        ring.bytes += numbered.data.len();
        ring.events.push_back(Arc::clone(&numbered));
        while ring.events.len() > RING_EVENTS_MAX || ring.bytes > RING_BYTES_MAX {
            let Some(oldest) = ring.events.pop_front() else {
                break;
            };
            ring.bytes -= oldest.data.len();
        }
        // An error says that nobody listens, which is well.
        drop(self.sender.send(numbered));
        id
    }

    /// How many listen.
    pub fn listeners(&self) -> usize {
        self.sender.receiver_count()
    }

    /// The number of the newest event; `None` before the first.
    pub(crate) fn newest(&self) -> Option<u64> {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.events.back().map(|numbered| numbered.id)
    }

    /// Events after `last` (absent: from now on).
    pub(crate) fn listen(&self, last: Option<u64>) -> Pin<Box<dyn Stream<Item = Notice> + Send>> {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let receiver = self.sender.subscribe();
        let missed = last.map(|last| missed(&ring, last)).unwrap_or_default();
        drop(ring);
        let coming = BroadcastStream::new(receiver).map(|heard| match heard {
            Ok(numbered) => Notice::Event(numbered),
            Err(_lagged) => Notice::Dropped,
        });
        let coming = coming.scan(false, |is_over, notice| {
            let heard = (!*is_over).then(|| notice.clone());
            *is_over = matches!(notice, Notice::Dropped);
            futures::future::ready(heard)
        });
        Box::pin(stream::iter(missed).chain(coming))
    }
}

/// What a listener missed since the event `last`, from the ring; with a gap first when some of it
/// is gone, or `last` was never given out.
fn missed(ring: &Ring, last: u64) -> Vec<Notice> {
    let oldest = ring
        .events
        .front()
        .map_or(ring.next_id, |numbered| numbered.id);
    let is_whole = (oldest..=ring.next_id).contains(&(last.saturating_add(1)));
    let after = ring
        .events
        .iter()
        .filter(|numbered| !is_whole || numbered.id > last);
    let events = after.map(|numbered| Notice::Event(Arc::clone(numbered)));
    let gap = (!is_whole).then_some(Notice::Gap);
    gap.into_iter().chain(events).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(number: u64) -> LiveEvent {
        LiveEvent {
            product: "parking_now".to_owned(),
            area: "it-mun-100005".to_owned(),
            level: "municipality".to_owned(),
            thing: None,
            row: json!({"vehicles": number}),
        }
    }

    fn ids(notices: &[Notice]) -> Vec<u64> {
        let id = |notice: &Notice| match notice {
            Notice::Event(numbered) => numbered.id,
            Notice::Gap => 0,
            Notice::Dropped => u64::MAX,
        };
        notices.iter().map(id).collect()
    }

    #[tokio::test]
    async fn who_comes_back_hears_what_it_missed_and_then_what_comes() {
        let hub = LiveHub::new(Timestamp::from_micros(10));
        for number in 0..3 {
            hub.publish(event(number));
        }
        let feed = hub.listen(Some(10));
        hub.publish(event(3));
        let heard: Vec<_> = feed.take(3).collect().await;
        assert_eq!(ids(&heard), [11, 12, 13]);
        let heard: Vec<_> = hub.listen(Some(5)).take(5).collect().await;
        assert_eq!(ids(&heard), [0, 10, 11, 12, 13]);
        let heard: Vec<_> = hub.listen(Some(99)).take(1).collect().await;
        assert_eq!(ids(&heard), [0]);
    }

    #[tokio::test]
    async fn a_slow_listener_is_dropped_with_a_notice() {
        let hub = LiveHub::new(Timestamp::from_micros(1));
        let feed = hub.listen(None);
        for number in 0..=LISTENER_EVENTS_MAX as u64 {
            hub.publish(event(number));
        }
        let heard: Vec<_> = feed.collect().await;
        assert_eq!(ids(&heard), [u64::MAX]);
        assert_eq!(hub.listeners(), 0);
    }

    #[test]
    fn the_ring_forgets_the_oldest() {
        let hub = LiveHub::new(Timestamp::from_micros(1));
        for number in 0..RING_EVENTS_MAX as u64 + 5 {
            hub.publish(event(number));
        }
        let ring = hub.ring.lock().unwrap();
        assert_eq!(ring.events.len(), RING_EVENTS_MAX);
        assert_eq!(ring.events.front().unwrap().id, 6);
        assert!(matches!(missed(&ring, 5).first(), Some(Notice::Event(_))));
        assert!(matches!(missed(&ring, 4).first(), Some(Notice::Gap)));
    }
}
