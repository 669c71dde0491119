//! Through a broker: every reading is published in the native payload, as a device would.
//!
//! # Why
//! To try a whole installation with recorded data, gateway and broker included. What receives it
//! sees it now: it is on the live clock there, and old readings are late or, beyond the publisher's
//! `max_age`, refused.
//!
//! # Shape
//! Readings of a thing at one time share an object; refusals and ignored fields are not sent.
//!
//! # Limits
//! [`IN_FLIGHT_COUNT`] messages wait for their acknowledgement, then no more are sent.

use arno_ingest::{BrokerUrl, Reading};
use arno_model::{Ledger, ThingId, Timestamp};
use rumqttc::{AsyncClient, Event, EventLoop, Incoming, MqttOptions, Outgoing, QoS, Transport};

use crate::error::ReplayError;
use crate::recording::Portion;
use crate::sink::Sink;

/// Messages sent and not yet acknowledged.
const IN_FLIGHT_COUNT: u16 = 100;
/// Requests that wait in the client: those in flight and a goodbye.
const REQUESTS_COUNT: usize = 128;

/// Plays through a broker, by MQTT 3.1.1.
pub struct BrokerSink {
    address: String,
    client: AsyncClient,
    event_loop: EventLoop,
    unacknowledged: u16,
}

impl std::fmt::Debug for BrokerSink {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let address = &self.address;
        formatter
            .debug_struct("BrokerSink")
            .field("address", address)
            .finish_non_exhaustive()
    }
}

impl BrokerSink {
    /// A sink for a broker; it connects with the first portion.
    pub fn new(url: &BrokerUrl) -> Self {
        let mut options = MqttOptions::new(&url.client_id, &url.host, url.port);
        options.set_inflight(IN_FLIGHT_COUNT);
        if url.is_tls {
            options.set_transport(Transport::tls_with_default_config());
        }
        if let Some((user, password)) = &url.credentials {
            options.set_credentials(user, password);
        }
        let (client, event_loop) = AsyncClient::new(options, REQUESTS_COUNT);
        Self {
            address: url.address(),
            client,
            event_loop,
            unacknowledged: 0,
        }
    }

    /// Hears one event and counts acknowledgements.
    async fn hear(&mut self, moment: Timestamp) -> Result<Event, ReplayError> {
        let event = self
            .event_loop
            .poll()
            .await
            .map_err(|source| ReplayError::Broker {
                broker: self.address.clone(),
                moment,
                source: Box::new(source),
            })?;
        if matches!(event, Event::Incoming(Incoming::PubAck(_))) {
            self.unacknowledged = self.unacknowledged.saturating_sub(1);
        }
        Ok(event)
    }
}

impl Sink for BrokerSink {
    async fn take(&mut self, portion: Portion) -> Result<Ledger, ReplayError> {
        let moment = portion.moment;
        for (topic, payload) in payloads_of(&portion.readings) {
            while self.unacknowledged >= IN_FLIGHT_COUNT {
                self.hear(moment).await?;
            }
            // There is room: no more than what is in flight waits in the client.
            let sent = self
                .client
                .try_publish(topic, QoS::AtLeastOnce, false, payload);
            if let Err(error) = sent {
                tracing::debug!(%error, "the client's queue is full");
                return Err(ReplayError::Interrupted);
            }
            self.unacknowledged += 1;
        }
        while self.unacknowledged > 0 {
            self.hear(moment).await?;
        }
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        Ok(Ledger {
            stored: count(portion.readings.len()),
            quarantined: count(portion.refused.len()),
            ignored: portion.ignored_count,
            ..Ledger::default()
        })
    }

    async fn finish(&mut self) -> Result<(), ReplayError> {
        if self.client.try_disconnect().is_err() {
            return Ok(());
        }
        loop {
            match self.event_loop.poll().await {
                Ok(Event::Outgoing(Outgoing::Disconnect)) | Err(_) => return Ok(()),
                Ok(_) => {}
            }
        }
    }
}

/// Native payloads: readings of a thing at one time, one after another, share an object.
fn payloads_of(readings: &[Reading]) -> Vec<(String, Vec<u8>)> {
    let mut payloads = Vec::new();
    let mut rest = readings;
    while let Some(first) = rest.first() {
        let fits = |(place, reading): &(usize, &Reading)| {
            let before = rest.iter().take(*place);
            reading.thing == first.thing
                && reading.moment() == first.moment()
                && before
                    .into_iter()
                    .all(|other| other.property != reading.property)
        };
        let count = rest.iter().enumerate().take_while(fits).count();
        let (group, later) = rest.split_at(count.max(1));
        let mut object = format!("{{\"time\":\"{}\"", first.moment());
        for reading in group {
            let result = reading
                .result
                .map_or_else(|| "null".to_owned(), |result| result.to_string());
            object.extend([",\"", reading.property.as_str(), "\":", &result]);
        }
        object.push('}');
        payloads.push((topic_of(&first.thing), object.into_bytes()));
        rest = later;
    }
    payloads
}

fn topic_of(thing: &ThingId) -> String {
    format!("arno/v1/obs/{}/{}", thing.publisher(), thing.local())
}
