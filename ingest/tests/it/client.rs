//! Real MQTT clients in both versions, whose events a test can wait for.

use std::time::Duration;

use rumqttc::v5::mqttbytes::v5 as p5;
use rumqttc::{
    AsyncClient, ConnectionError, Event, LastWill, MqttOptions, Packet, QoS, Transport, v5,
};
use rustls::crypto::aws_lc_rs;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::world::PATIENCE;

/// Who connects.
#[derive(Debug, Clone)]
pub(crate) struct Login<'a> {
    pub(crate) port: u16,
    pub(crate) client_id: &'a str,
    pub(crate) user: Option<(&'a str, &'a str)>,
    pub(crate) will: Option<(&'a str, &'a str)>,
    pub(crate) authority: Option<&'a str>,
}

impl<'a> Login<'a> {
    pub(crate) fn new(port: u16, client_id: &'a str) -> Self {
        Self {
            port,
            client_id,
            user: None,
            will: None,
            authority: None,
        }
    }

    /// Over TLS, trusting this certificate alone.
    pub(crate) fn trusting(mut self, pem: &'a str) -> Self {
        self.authority = Some(pem);
        self
    }

    pub(crate) fn user(mut self, user: &'a str, password: &'a str) -> Self {
        self.user = Some((user, password));
        self
    }

    pub(crate) fn will(mut self, topic: &'a str, payload: &'a str) -> Self {
        self.will = Some((topic, payload));
        self
    }
}

/// A 3.1.1 client; it does not reconnect.
pub(crate) struct Client3 {
    pub(crate) hand: AsyncClient,
    events: mpsc::Receiver<Result<Packet, ConnectionError>>,
    task: JoinSet<()>,
}

impl Client3 {
    pub(crate) fn open(login: &Login<'_>) -> Self {
        let host = login.authority.map_or("127.0.0.1", |_pem| "localhost");
        let mut options = MqttOptions::new(login.client_id, host, login.port);
        if let Some(pem) = login.authority {
            // Which of the two implementations in the tree; a second client finds it set.
            drop(aws_lc_rs::default_provider().install_default());
            let transport = Transport::tls(pem.as_bytes().to_vec(), None, None);
            options.set_transport(transport);
        }
        options
            .set_keep_alive(Duration::from_secs(30))
            .set_inflight(1_000)
            .set_max_packet_size(1 << 20, 1 << 20);
        if let Some((user, password)) = login.user {
            options.set_credentials(user, password);
        }
        if let Some((topic, payload)) = login.will {
            options.set_last_will(LastWill::new(topic, payload, QoS::AtLeastOnce, false));
        }
        let (hand, mut events) = AsyncClient::new(options, 2_000);
        let (heard, hears) = mpsc::channel(10_000);
        let mut task = JoinSet::new();
        task.spawn(async move {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(packet)) => {
                        if heard.send(Ok(packet)).await.is_err() {
                            return;
                        }
                    }
                    Ok(Event::Outgoing(_)) => {}
                    Err(error) => {
                        // What came in the same piece as the end was not told yet.
                        for event in std::mem::take(&mut events.state.events) {
                            if let Event::Incoming(packet) = event {
                                drop(heard.send(Ok(packet)).await);
                            }
                        }
                        drop(heard.send(Err(error)).await);
                        return;
                    }
                }
            }
        });
        Self {
            hand,
            events: hears,
            task,
        }
    }

    /// Opens and waits for the greeting.
    pub(crate) async fn connect(login: &Login<'_>) -> Self {
        let mut client = Self::open(login);
        assert!(matches!(client.next().await, Ok(Packet::ConnAck(_))));
        client
    }

    /// The next packet, or how the connection ended.
    pub(crate) async fn next(&mut self) -> Result<Packet, ConnectionError> {
        let next = timeout(PATIENCE, self.events.recv()).await;
        next.unwrap_or_else(|_late| panic!("the client hears nothing"))
            .unwrap()
    }

    pub(crate) async fn publish(&self, topic: &str, qos: QoS, payload: &str) {
        self.hand.publish(topic, qos, false, payload).await.unwrap();
    }

    /// Cuts the connection without a goodbye.
    pub(crate) async fn cut(mut self) {
        self.task.shutdown().await;
    }
}

/// A version 5 client; it does not reconnect.
pub(crate) struct Client5 {
    pub(crate) hand: v5::AsyncClient,
    events: mpsc::Receiver<Result<p5::Packet, v5::ConnectionError>>,
    task: JoinSet<()>,
}

impl Client5 {
    pub(crate) fn open(login: &Login<'_>) -> Self {
        let mut options = v5::MqttOptions::new(login.client_id, "127.0.0.1", login.port);
        options.set_keep_alive(Duration::from_secs(30));
        if let Some((user, password)) = login.user {
            options.set_credentials(user, password);
        }
        if let Some((topic, payload)) = login.will {
            let qos = v5::mqttbytes::QoS::AtLeastOnce;
            options.set_last_will(p5::LastWill::new(topic, payload, qos, false, None));
        }
        let (hand, mut events) = v5::AsyncClient::new(options, 2_000);
        let (heard, hears) = mpsc::channel(10_000);
        let mut task = JoinSet::new();
        task.spawn(async move {
            loop {
                match events.poll().await {
                    Ok(v5::Event::Incoming(packet)) => {
                        if heard.send(Ok(packet)).await.is_err() {
                            return;
                        }
                    }
                    Ok(v5::Event::Outgoing(_)) => {}
                    Err(error) => {
                        // What came in the same piece as the goodbye was not told yet.
                        for event in std::mem::take(&mut events.state.events) {
                            if let v5::Event::Incoming(packet) = event
                                && !matches!(packet, p5::Packet::Disconnect(_))
                            {
                                drop(heard.send(Ok(packet)).await);
                            }
                        }
                        drop(heard.send(Err(error)).await);
                        return;
                    }
                }
            }
        });
        Self {
            hand,
            events: hears,
            task,
        }
    }

    /// Opens and waits for the greeting.
    pub(crate) async fn connect(login: &Login<'_>) -> Self {
        let mut client = Self::open(login);
        assert!(matches!(client.next().await, Ok(p5::Packet::ConnAck(_))));
        client
    }

    /// The next packet, or how the connection ended.
    pub(crate) async fn next(&mut self) -> Result<p5::Packet, v5::ConnectionError> {
        let next = timeout(PATIENCE, self.events.recv()).await;
        next.unwrap_or_else(|_late| panic!("the client hears nothing"))
            .unwrap()
    }

    /// Whether nothing comes within a moment.
    pub(crate) async fn is_quiet(&mut self, moment: Duration) -> bool {
        timeout(moment, self.events.recv()).await.is_err()
    }

    pub(crate) async fn publish(&self, topic: &str, qos: QoS, payload: &str) {
        let qos = match qos {
            QoS::AtMostOnce => v5::mqttbytes::QoS::AtMostOnce,
            QoS::AtLeastOnce => v5::mqttbytes::QoS::AtLeastOnce,
            QoS::ExactlyOnce => v5::mqttbytes::QoS::ExactlyOnce,
        };
        self.hand
            .publish(topic, qos, false, payload.to_owned())
            .await
            .unwrap();
    }

    /// Cuts the connection without a goodbye.
    pub(crate) async fn cut(mut self) {
        self.task.shutdown().await;
    }

    /// The reason that the gateway gives for ending the connection.
    pub(crate) async fn goodbye(&mut self) -> p5::DisconnectReasonCode {
        match self.next().await {
            Err(v5::ConnectionError::MqttState(v5::StateError::ServerDisconnect {
                reason_code,
                ..
            })) => reason_code,
            other => panic!("no DISCONNECT but {other:?}"),
        }
    }

    /// The reason of the next PUBACK.
    pub(crate) async fn puback(&mut self) -> p5::PubAckReason {
        match self.next().await {
            Ok(p5::Packet::PubAck(packet)) => packet.reason,
            other => panic!("no PUBACK but {other:?}"),
        }
    }
}
