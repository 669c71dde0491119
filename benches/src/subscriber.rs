//! A persistent session of MQTT 5 with a broker, and the bare subscriber that discards what comes.
//!
//! # Why
//! Arno's bridge takes up the same session under the same settings: what differs is what is done
//! with a message, and when it is acknowledged.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use tokio::time::{Instant, timeout};

use crate::broker::Broker;

/// Longest pause between two packets; then the run fails.
const SILENCE: Duration = Duration::from_secs(20);
/// How long the broker keeps the session.
const EXPIRY_S: u32 = 3_600;

/// Every packet id has a place for its acknowledgement, and a subscription and a goodbye too.
const REQUESTS_COUNT_MAX: usize = (1 << 16) + 8;

/// Who acknowledges a message to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acks {
    /// The client, before it hands the message out.
    ByClient,
    /// We, one by one, after that: as whoever withholds acknowledgements must.
    ByHand,
}

/// A session that outlives its connections.
#[derive(Debug, Clone)]
pub struct Session {
    /// Under which id the broker keeps it.
    pub client_id: String,
    /// What it subscribes to.
    pub filter: String,
    /// Most messages without acknowledgement, as the broker is told.
    pub in_flight_count_max: u16,
}

impl Session {
    fn connect(&self, broker: &Broker, acks: Acks, is_new: bool) -> (AsyncClient, EventLoop) {
        let address = broker.address;
        let host = address.ip().to_string();
        let mut options = MqttOptions::new(&self.client_id, host, address.port());
        options
            .set_keep_alive(Duration::from_secs(30))
            .set_clean_start(is_new)
            .set_session_expiry_interval(Some(EXPIRY_S))
            .set_receive_maximum(Some(self.in_flight_count_max))
            .set_manual_acks(acks == Acks::ByHand);
        AsyncClient::new(options, REQUESTS_COUNT_MAX)
    }

    /// Makes the session anew and leaves it: from now on the broker queues for it.
    ///
    /// # Errors
    /// When the broker refuses or is silent.
    pub async fn make(&self, broker: &Broker) -> anyhow::Result<()> {
        let (client, mut events) = self.connect(broker, Acks::ByClient, true);
        client.try_subscribe(self.filter.clone(), QoS::AtLeastOnce)?;
        loop {
            if let Event::Incoming(Packet::SubAck(_)) = next(&mut events).await? {
                return leave(&client, &mut events).await;
            }
        }
    }

    /// Takes the session up, discards `count` messages and leaves; how long that took, from the
    /// first attempt to connect to the last message.
    ///
    /// # Errors
    /// When the broker falls or is silent.
    pub async fn drain(&self, broker: &Broker, acks: Acks, count: u16) -> anyhow::Result<Duration> {
        let started = Instant::now();
        let (client, mut events) = self.connect(broker, acks, false);
        let mut heard_count = 0;
        while heard_count < count {
            match next(&mut events).await? {
                Event::Incoming(Packet::ConnAck(greeting)) => {
                    ensure!(greeting.session_present, "the broker forgot the session");
                    // As the bridge does at each connect.
                    client.try_subscribe(self.filter.clone(), QoS::AtLeastOnce)?;
                }
                Event::Incoming(Packet::Publish(publish)) => {
                    if acks == Acks::ByHand {
                        client.try_ack(&publish)?;
                    }
                    heard_count += 1;
                }
                _ => {}
            }
        }
        let elapsed = started.elapsed();
        leave(&client, &mut events).await?;
        Ok(elapsed)
    }
}

async fn next(events: &mut EventLoop) -> anyhow::Result<Event> {
    let event = timeout(SILENCE, events.poll()).await;
    Ok(event.context("the broker is silent")??)
}

/// Says goodbye behind everything that waits to be sent.
async fn leave(client: &AsyncClient, events: &mut EventLoop) -> anyhow::Result<()> {
    client.try_disconnect()?;
    let gone = async { while events.poll().await.is_ok() {} };
    if timeout(SILENCE, gone).await.is_err() {
        bail!("the broker does not let go");
    }
    Ok(())
}
