//! The live feed's promises, without a network.

use super::*;

fn filter(text: &str) -> TopicFilter {
    TopicFilter::parse(text).unwrap()
}

#[test]
fn a_new_subscriber_gets_what_is_retained_and_then_the_newest_only() {
    let hub = LiveHub::default();
    let queue = Arc::new(LiveQueue::default());
    assert!(hub.publish("arno/v1/live/a/p", &Bytes::from_static(b"1")));
    assert!(hub.publish("arno/v1/live/b/p", &Bytes::from_static(b"2")));
    assert!(hub.subscribe(7, &queue, &filter("arno/v1/live/a/#"), Replay::Always));
    hub.publish("arno/v1/live/a/p", &Bytes::from_static(b"3"));
    hub.publish("arno/v1/live/b/p", &Bytes::from_static(b"4"));
    let message = queue.pop().unwrap();
    assert_eq!((&*message.payload, message.is_retained), (&b"3"[..], false));
    assert_eq!(queue.pop(), None);
}

#[test]
fn a_withdrawn_topic_is_told_once_and_not_retained() {
    let hub = LiveHub::default();
    let queue = Arc::new(LiveQueue::default());
    hub.publish("arno/v1/live/a/p", &Bytes::from_static(b"1"));
    hub.subscribe(7, &queue, &filter("arno/v1/live/#"), Replay::Never);
    hub.publish("arno/v1/live/a/p", &Bytes::new());
    assert!(queue.pop().unwrap().payload.is_empty());
    hub.subscribe(7, &queue, &filter("arno/v1/live/#"), Replay::Always);
    assert_eq!(queue.pop(), None);
}

#[test]
fn a_full_queue_drops_the_oldest() {
    let queue = LiveQueue::default();
    for number in 0..=LIVE_QUEUE_MESSAGES_MAX {
        let topic = Arc::from(format!("t/{number}"));
        queue.push(LiveMessage {
            topic,
            payload: Bytes::new(),
            is_retained: false,
        });
    }
    assert_eq!(&*queue.pop().unwrap().topic, "t/1");
}

#[test]
fn a_forgotten_or_unsubscribed_connection_hears_nothing() {
    let hub = LiveHub::default();
    let queue = Arc::new(LiveQueue::default());
    hub.subscribe(7, &queue, &filter("arno/v1/live/#"), Replay::Always);
    assert!(hub.unsubscribe(7, "arno/v1/live/#"));
    assert!(!hub.unsubscribe(7, "arno/v1/live/#"));
    hub.publish("arno/v1/live/a/p", &Bytes::from_static(b"1"));
    assert_eq!(queue.pop(), None);
    hub.forget(7);
    assert!(!hub.unsubscribe(7, "arno/v1/live/#"));
}
