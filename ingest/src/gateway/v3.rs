//! MQTT 3.1.1: the shared connection in this version's packets, which have no words for refusals:
//! what is not authorised ends the connection, what is malformed is acknowledged.
//!
//! # Source
//! OASIS MQTT 3.1.1: return codes of CONNACK (§3.2.2.3) and SUBACK (§3.9.3).

#![expect(
    clippy::future_not_send,
    reason = "connections live on one of the gateway's threads and never leave it"
)]

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use ntex::service::{ServiceFactory, fn_factory_with_config, fn_service};
use ntex::time::Seconds;
use ntex_mqtt::v3::codec::Encoded;
use ntex_mqtt::v3::control::{Subscribe, Unsubscribe};
use ntex_mqtt::v3::{
    Handshake, HandshakeAck, MqttSink, ProtocolMessage, ProtocolMessageAck, Publish,
};
use ntex_mqtt::{Control, QoS, Reason};

use super::connection::{Close, Connection, Hello, Refusal, Shared, Verdict, Wire, attend};
use super::live::{LiveMessage, Replay};
use super::server::{Session3, assigned_id, peer_of};
use super::session::Command;

/// Judges a CONNECT.
pub(super) fn connect(shared: &Arc<Shared>, handshake: Handshake) -> HandshakeAck<Rc<Connection>> {
    let packet = handshake.packet();
    if packet.client_id.is_empty() && !packet.clean_session {
        return handshake.identifier_rejected();
    }
    let assigned = packet.client_id.is_empty().then(assigned_id);
    let will = packet.last_will.as_ref();
    let will = will.map(|will| (&*will.topic, Bytes::copy_from_slice(&will.message)));
    let hello = Hello {
        client_id: assigned.as_deref().unwrap_or(&packet.client_id),
        user: packet.username.as_deref(),
        password: packet.password.as_deref(),
        will,
        peer: peer_of(handshake.io()),
    };
    match shared.connect(&hello) {
        Err(Refusal::Credentials) => handshake.bad_username_or_pwd(),
        Err(Refusal::NotAuthorised) => handshake.not_authorized(),
        Err(Refusal::ClientId) => handshake.identifier_rejected(),
        Err(Refusal::Busy | Refusal::Stopping) => handshake.service_unavailable(),
        Ok((connection, commands)) => {
            let keep_alive_s = packet.keep_alive;
            let (queue, sink) = (connection.queue(), handshake.sink());
            ntex::rt::spawn(attend(Rc::downgrade(&connection), queue, sink, commands));
            let ack = handshake.ack(connection, false);
            // 0 switches the client's keep-alive off; the longest there is bounds dead connections.
            if keep_alive_s == 0 {
                ack.idle_timeout(Seconds(u16::MAX))
            } else {
                ack
            }
        }
    }
}

/// Makes the service of QoS 0 and 1 publishes.
pub(super) fn publishes()
-> impl ServiceFactory<Publish, Session3, Response = (), Error = Close, InitError = Close> {
    fn_factory_with_config(async |session: Session3| {
        Ok::<_, Close>(fn_service(move |publish: Publish| {
            let connection = Rc::clone(&session);
            async move {
                let is_unheard = publish.qos() == QoS::AtMostOnce;
                let payload = publish.read_all().await.map_err(|_gone| Close::Payload)?;
                let payload = Bytes::copy_from_slice(&payload);
                let topic = publish.publish_topic();
                let verdict = connection.publish(topic, payload, is_unheard).await;
                answer(&verdict, is_unheard)
            }
        }))
    })
}

/// A verdict as an acknowledgement, or the end of the connection.
pub(super) fn answer(verdict: &Verdict, is_unheard: bool) -> Result<(), Close> {
    match verdict {
        Verdict::Taken | Verdict::Malformed(_) => Ok(()),
        Verdict::NotAuthorised => Err(Close::NotAuthorised),
        Verdict::Failed(_reason) if is_unheard => Ok(()),
        Verdict::Failed(_reason) => Err(Close::StoreBusy),
    }
}

/// Makes the service of all other packets.
pub(super) fn protocol() -> impl ServiceFactory<
    ProtocolMessage,
    Session3,
    Response = ProtocolMessageAck,
    Error = Close,
    InitError = Close,
> {
    fn_factory_with_config(async |session: Session3| {
        Ok::<_, Close>(fn_service(move |message: ProtocolMessage| {
            let connection = Rc::clone(&session);
            async move {
                Ok::<_, Close>(match message {
                    ProtocolMessage::Subscribe(packet) => subscribe(&connection, packet),
                    ProtocolMessage::Unsubscribe(packet) => unsubscribe(&connection, packet),
                    ProtocolMessage::Disconnect(packet) => {
                        connection.forget_will();
                        packet.ack()
                    }
                    other => other.ack(),
                })
            }
        }))
    })
}

fn subscribe(connection: &Connection, mut packet: Subscribe) -> ProtocolMessageAck {
    for mut subscription in &mut packet {
        match connection.subscribe(subscription.topic(), Replay::Always) {
            Ok(()) => subscription.confirm(QoS::AtMostOnce),
            Err(_fault) => subscription.fail(),
        }
    }
    packet.ack()
}

fn unsubscribe(connection: &Connection, packet: Unsubscribe) -> ProtocolMessageAck {
    for topic in packet.iter() {
        connection.unsubscribe(topic);
    }
    packet.ack()
}

/// Makes the service that hears how a connection ends.
pub(super) fn control() -> impl ServiceFactory<
    Control<Close>,
    Session3,
    Response = Option<Encoded>,
    Error = Close,
    InitError = Close,
> {
    fn_factory_with_config(async |session: Session3| {
        Ok::<_, Close>(fn_service(move |message: Control<Close>| {
            let connection = Rc::clone(&session);
            async move {
                let Control::Stop(reason) = message else {
                    return Ok::<_, Close>(None);
                };
                connection.fire_will();
                let label = match &reason {
                    Reason::Error(error) => error.get_ref().as_str(),
                    Reason::Protocol(_error) => "protocol",
                    Reason::PeerGone(_gone) => "gone",
                };
                metrics::counter!("arno_ingest_disconnects_total", "reason" => label).increment(1);
                Ok(None)
            }
        }))
    })
}

impl Wire for MqttSink {
    fn ready(&self) -> impl Future<Output = bool> {
        Self::ready(self)
    }

    fn send(&self, message: LiveMessage) {
        let payload = ntex::util::Bytes::copy_from_slice(&message.payload);
        let mut publish = self.publish(&*message.topic);
        if message.is_retained {
            publish = publish.retain();
        }
        // A closed connection hears nothing, and its queue goes with it.
        let _sent: Result<(), _> = publish.send_at_most_once(payload);
    }

    fn close(&self, _command: Command) {
        Self::close(self);
    }
}
