//! The client of one broker in either protocol version, behind one face.
//!
//! # Why
//! The client crate has a type of everything for each version. The consumer needs four words:
//! poll, subscribe, acknowledge, disconnect.
//!
//! # Invariants
//! Setters of the client crate panic on bad values: the settings were checked before, and what is
//! constant here is right.

use std::time::Duration;

use bytes::Bytes;
use rumqttc::{AsyncClient, EventLoop, MqttOptions, Packet, QoS, SubscribeFilter, Transport, v5};

use super::settings::{BrokerSettings, Version};

/// How often the client pings.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How long the broker keeps the session while we are away: 30 days.
const SESSION_EXPIRY_S: u32 = 30 * 86_400;
/// Longest time for one attempt to connect.
const CONNECT_S_MAX: u64 = 10;

/// Requests that wait in the client: it sends one acknowledgement for some ten packets that it
/// reads, so each packet id may have one waiting, and a subscription and a goodbye besides.
const REQUESTS_COUNT_MAX: usize = u16::MAX as usize + 8;

/// What the link heard.
#[derive(Debug)]
pub(super) enum Event {
    /// A connection stands.
    Connected,
    /// A message.
    Message(Message),
    /// Anything else.
    Other,
}

/// One message.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) payload: Bytes,
    pub(super) ticket: Ticket,
}

/// What acknowledges a message.
#[derive(Debug)]
pub(super) enum Ticket {
    V3(Box<rumqttc::Publish>),
    V5(Box<v5::mqttbytes::v5::Publish>),
}

/// Why the connection ended or could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    #[error(transparent)]
    V3(Box<rumqttc::ConnectionError>),
    #[error(transparent)]
    V5(Box<v5::ConnectionError>),
    #[error("the broker refused the subscription")]
    Subscription,
}

/// The side that is polled.
pub(super) enum Poller {
    V3(Box<EventLoop>),
    V5(Box<v5::EventLoop>),
}

/// The side that sends.
pub(super) enum Hand {
    V3(AsyncClient),
    V5(v5::AsyncClient),
}

/// Makes a client; it connects when it is polled.
pub(super) fn open(settings: &BrokerSettings) -> (Hand, Poller) {
    let url = &settings.url;
    let transport = if url.is_tls {
        Transport::tls_with_default_config()
    } else {
        Transport::Tcp
    };
    let packet_bytes_max = settings.packet_bytes_max;
    match url.version {
        Version::V3 => {
            let mut options = MqttOptions::new(&url.client_id, &url.host, url.port);
            let bytes_max = usize::try_from(packet_bytes_max).unwrap_or(usize::MAX);
            options
                .set_transport(transport)
                .set_keep_alive(KEEP_ALIVE)
                .set_clean_session(false)
                .set_manual_acks(true)
                .set_max_packet_size(bytes_max, bytes_max);
            if let Some((user, password)) = &url.credentials {
                options.set_credentials(user, password);
            }
            let (client, mut events) = AsyncClient::new(options, REQUESTS_COUNT_MAX);
            events.network_options.set_connection_timeout(CONNECT_S_MAX);
            (Hand::V3(client), Poller::V3(Box::new(events)))
        }
        Version::V5 => {
            let mut options = v5::MqttOptions::new(&url.client_id, &url.host, url.port);
            options
                .set_transport(transport)
                .set_keep_alive(KEEP_ALIVE)
                .set_clean_start(false)
                .set_connection_timeout(CONNECT_S_MAX)
                .set_session_expiry_interval(Some(SESSION_EXPIRY_S))
                .set_receive_maximum(Some(settings.in_flight_count_max))
                .set_max_packet_size(Some(packet_bytes_max))
                .set_manual_acks(true);
            if let Some((user, password)) = &url.credentials {
                options.set_credentials(user, password);
            }
            let (client, events) = v5::AsyncClient::new(options, REQUESTS_COUNT_MAX);
            (Hand::V5(client), Poller::V5(Box::new(events)))
        }
    }
}

impl Poller {
    /// Waits for the next event, connecting first where there is no connection.
    pub(super) async fn poll(&mut self) -> Result<Event, LinkError> {
        match self {
            Self::V3(events) => {
                let event = events.poll().await;
                event_of_v3(event.map_err(|error| LinkError::V3(Box::new(error)))?)
            }
            Self::V5(events) => {
                let event = events.poll().await;
                event_of_v5(event.map_err(|error| LinkError::V5(Box::new(error)))?)
            }
        }
    }

    /// Ends the connection without a goodbye.
    pub(super) fn drop_connection(&mut self) {
        match self {
            Self::V3(events) => events.clean(),
            Self::V5(events) => events.clean(),
        }
    }
}

fn event_of_v3(event: rumqttc::Event) -> Result<Event, LinkError> {
    match event {
        rumqttc::Event::Incoming(Packet::ConnAck(_)) => Ok(Event::Connected),
        rumqttc::Event::Incoming(Packet::SubAck(packet)) => {
            let is_refused = packet
                .return_codes
                .contains(&rumqttc::SubscribeReasonCode::Failure);
            if is_refused {
                Err(LinkError::Subscription)
            } else {
                Ok(Event::Other)
            }
        }
        rumqttc::Event::Incoming(Packet::Publish(mut publish)) => {
            let payload = std::mem::take(&mut publish.payload);
            let topic = publish.topic.clone();
            Ok(Event::Message(Message {
                topic,
                payload,
                ticket: Ticket::V3(Box::new(publish)),
            }))
        }
        _ => Ok(Event::Other),
    }
}

fn event_of_v5(event: v5::Event) -> Result<Event, LinkError> {
    use v5::mqttbytes::v5::{Packet, SubscribeReasonCode};
    match event {
        v5::Event::Incoming(Packet::ConnAck(_)) => Ok(Event::Connected),
        v5::Event::Incoming(Packet::SubAck(packet)) => {
            let is_granted = |code| matches!(code, &SubscribeReasonCode::Success(_));
            let is_refused = !packet.return_codes.iter().all(is_granted);
            if is_refused {
                Err(LinkError::Subscription)
            } else {
                Ok(Event::Other)
            }
        }
        v5::Event::Incoming(Packet::Publish(mut publish)) => {
            let payload = std::mem::take(&mut publish.payload);
            let topic = String::from_utf8_lossy(&publish.topic).into_owned();
            Ok(Event::Message(Message {
                topic,
                payload,
                ticket: Ticket::V5(Box::new(publish)),
            }))
        }
        _ => Ok(Event::Other),
    }
}

impl Hand {
    /// Subscribes at least once to these filters; whether there was room for the request.
    pub(super) fn subscribe(&self, topics: &[String]) -> bool {
        match self {
            Self::V3(client) => {
                let filter = |topic: &String| SubscribeFilter::new(topic.clone(), QoS::AtLeastOnce);
                client.try_subscribe_many(topics.iter().map(filter)).is_ok()
            }
            Self::V5(client) => {
                use v5::mqttbytes::{QoS, v5::Filter};
                let filter = |topic: &String| Filter::new(topic.clone(), QoS::AtLeastOnce);
                client.try_subscribe_many(topics.iter().map(filter)).is_ok()
            }
        }
    }

    /// Acknowledges a message; one of QoS 0 needs none.
    pub(super) fn acknowledge(&self, ticket: &Ticket) {
        let is_sent = match (self, ticket) {
            (Self::V3(client), Ticket::V3(publish)) => client.try_ack(publish).is_ok(),
            (Self::V5(client), Ticket::V5(publish)) => client.try_ack(publish).is_ok(),
            _ => false,
        };
        if !is_sent {
            // It comes again after the next connect, and is a repeat then.
            metrics::counter!("arno_ingest_bridge_acks_lost_total").increment(1);
        }
    }

    /// Says goodbye.
    pub(super) fn disconnect(&self) {
        // A full queue of requests means that the connection is stuck: it falls without words.
        let _sent = match self {
            Self::V3(client) => client.try_disconnect().is_ok(),
            Self::V5(client) => client.try_disconnect().is_ok(),
        };
    }
}
