//! MQTT 5: the shared connection in this version's packets.
//!
//! # Source
//! OASIS MQTT 5.0: reason codes of CONNACK (§3.2.2.2), PUBACK (§3.4.2.1), SUBACK (§3.9.3) and
//! DISCONNECT (§3.14.2.1).

#![expect(
    clippy::future_not_send,
    reason = "connections live on one of the gateway's threads and never leave it"
)]

use std::num::NonZeroU16;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use ntex::service::{ServiceFactory, fn_factory_with_config, fn_service};
use ntex::util::ByteString;
use ntex_mqtt::v5::codec::{
    self, ConnectAckReason, Disconnect, DisconnectReasonCode, Encoded, Packet, PublishAckReason,
    RetainHandling, SubscribeAckReason, UnsubscribeAckReason,
};
use ntex_mqtt::v5::control::{Subscribe, Unsubscribe};
use ntex_mqtt::v5::{
    Handshake, HandshakeAck, MqttSink, ProtocolMessage, ProtocolMessageAck, Publish, PublishAck,
};
use ntex_mqtt::{Control, QoS, Reason};

use super::connection::{
    Close, Connection, Hello, Refusal, Shared, SubscribeFault, Verdict, Wire, attend,
};
use super::live::{LiveMessage, Replay};
use super::server::{Session5, assigned_id, peer_of};
use super::session::Command;

impl TryFrom<Close> for PublishAck {
    type Error = Close;

    /// A connection that ends acknowledges nothing.
    fn try_from(close: Close) -> Result<Self, Close> {
        Err(close)
    }
}

/// Judges a CONNECT.
pub(super) fn connect(shared: &Arc<Shared>, handshake: Handshake) -> HandshakeAck<Rc<Connection>> {
    let packet = handshake.packet();
    let assigned = packet.client_id.is_empty().then(assigned_id);
    let client_id = assigned.as_deref().unwrap_or(&packet.client_id);
    let will = packet.last_will.as_ref();
    let will = will.map(|will| (&*will.topic, Bytes::copy_from_slice(&will.message)));
    let hello = Hello {
        client_id,
        user: packet.username.as_deref(),
        password: packet.password.as_deref(),
        will,
        peer: peer_of(handshake.io()),
    };
    match shared.connect(&hello) {
        Err(refusal) => handshake.failed(reason_of(refusal)),
        Ok((connection, commands)) => {
            let keep_alive_s = packet.keep_alive;
            let (queue, sink) = (connection.queue(), handshake.sink());
            ntex::rt::spawn(attend(Rc::downgrade(&connection), queue, sink, commands));
            let receive_max = NonZeroU16::new(shared.settings.in_flight_count_max);
            let ack = handshake.ack(connection).with(|packet| {
                packet.receive_max = receive_max.unwrap_or(NonZeroU16::MIN);
                packet.topic_alias_max = 0;
                packet.session_expiry_interval_secs = Some(0);
                packet.shared_subscription_available = false;
                packet.subscription_identifiers_available = false;
                packet.assigned_client_id = assigned.map(ByteString::from);
            });
            // 0 switches the client's keep-alive off; the longest there is bounds dead connections.
            if keep_alive_s == 0 {
                ack.keep_alive(u16::MAX)
            } else {
                ack
            }
        }
    }
}

const fn reason_of(refusal: Refusal) -> ConnectAckReason {
    match refusal {
        Refusal::Credentials => ConnectAckReason::BadUserNameOrPassword,
        Refusal::NotAuthorised => ConnectAckReason::NotAuthorized,
        Refusal::ClientId => ConnectAckReason::ClientIdentifierNotValid,
        Refusal::Busy => ConnectAckReason::ServerBusy,
        Refusal::Stopping => ConnectAckReason::ServerUnavailable,
    }
}

/// Makes the service of QoS 0 and 1 publishes.
pub(super) fn publishes()
-> impl ServiceFactory<Publish, Session5, Response = PublishAck, Error = Close, InitError = Close> {
    fn_factory_with_config(async |session: Session5| {
        Ok::<_, Close>(fn_service(move |publish: Publish| {
            let connection = Rc::clone(&session);
            async move {
                let is_unheard = publish.qos() == QoS::AtMostOnce;
                let payload = publish.read_all().await.map_err(|_gone| Close::Payload)?;
                let payload = Bytes::copy_from_slice(&payload);
                let topic = publish.publish_topic();
                let verdict = connection.publish(topic, payload, is_unheard).await;
                answer(verdict, is_unheard)
            }
        }))
    })
}

/// A verdict as a PUBACK, or the end of the connection.
fn answer(verdict: Verdict, is_unheard: bool) -> Result<PublishAck, Close> {
    let (code, why) = words(verdict, is_unheard)?;
    let ack = PublishAck::new(code);
    Ok(match why {
        Some(why) => ack.reason(why),
        None => ack,
    })
}

/// A verdict as the PUBREC of a packet id, or the end of the connection.
pub(super) fn received(
    packet_id: NonZeroU16,
    verdict: Verdict,
) -> Result<codec::PublishAck, Close> {
    let (reason_code, reason_string) = words(verdict, false)?;
    Ok(codec::PublishAck {
        packet_id,
        reason_code,
        reason_string,
        properties: Vec::new(),
    })
}

/// A verdict in this version's words. Where no packet can carry them (QoS 0), a missing right ends
/// the connection, and what is not durable is lost and was counted.
fn words(
    verdict: Verdict,
    is_unheard: bool,
) -> Result<(PublishAckReason, Option<ByteString>), Close> {
    match verdict {
        Verdict::Taken => Ok((PublishAckReason::Success, None)),
        Verdict::Malformed(why) => Ok((
            PublishAckReason::PayloadFormatInvalid,
            Some(ByteString::from(why)),
        )),
        Verdict::NotAuthorised if is_unheard => Err(Close::NotAuthorised),
        Verdict::NotAuthorised => Ok((PublishAckReason::NotAuthorized, None)),
        Verdict::Failed(_reason) if is_unheard => Ok((PublishAckReason::Success, None)),
        Verdict::Failed(_reason) => Err(Close::StoreBusy),
    }
}

/// Makes the service of all other packets.
pub(super) fn protocol() -> impl ServiceFactory<
    ProtocolMessage,
    Session5,
    Response = ProtocolMessageAck,
    Error = Close,
    InitError = Close,
> {
    fn_factory_with_config(async |session: Session5| {
        Ok::<_, Close>(fn_service(move |message: ProtocolMessage| {
            let connection = Rc::clone(&session);
            async move {
                Ok::<_, Close>(match message {
                    ProtocolMessage::Subscribe(packet) => subscribe(&connection, packet),
                    ProtocolMessage::Unsubscribe(packet) => unsubscribe(&connection, packet),
                    ProtocolMessage::Disconnect(packet) => {
                        let reason = packet.packet().reason_code;
                        if reason == DisconnectReasonCode::NormalDisconnection {
                            connection.forget_will();
                        }
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
        if subscription.topic().starts_with("$share/") {
            subscription.fail(SubscribeAckReason::SharedSubscriptionNotSupported);
            continue;
        }
        let replay = match subscription.options().retain_handling {
            RetainHandling::AtSubscribe => Replay::Always,
            RetainHandling::AtSubscribeNew => Replay::IfNew,
            RetainHandling::NoAtSubscribe => Replay::Never,
        };
        match connection.subscribe(subscription.topic(), replay) {
            Ok(()) => subscription.confirm(QoS::AtMostOnce),
            Err(fault) => subscription.fail(match fault {
                SubscribeFault::Filter => SubscribeAckReason::TopicFilterInvalid,
                SubscribeFault::NotAuthorised => SubscribeAckReason::NotAuthorized,
                SubscribeFault::Quota => SubscribeAckReason::QuotaExceeded,
            }),
        }
    }
    packet.ack()
}

fn unsubscribe(connection: &Connection, mut packet: Unsubscribe) -> ProtocolMessageAck {
    for mut item in &mut packet {
        if !connection.unsubscribe(item.topic()) {
            item.fail(UnsubscribeAckReason::NoSubscriptionExisted);
        }
    }
    packet.ack()
}

/// Makes the service that hears how a connection ends.
pub(super) fn control() -> impl ServiceFactory<
    Control<Close>,
    Session5,
    Response = Option<Encoded>,
    Error = Close,
    InitError = Close,
> {
    fn_factory_with_config(async |session: Session5| {
        Ok::<_, Close>(fn_service(move |message: Control<Close>| {
            let connection = Rc::clone(&session);
            async move {
                let Control::Stop(reason) = message else {
                    return Ok::<_, Close>(None);
                };
                connection.fire_will();
                let (label, code) = match &reason {
                    Reason::Error(error) => {
                        let close = *error.get_ref();
                        (close.as_str(), Some(code_of(close)))
                    }
                    // The framework words protocol errors itself.
                    Reason::Protocol(_error) => ("protocol", None),
                    Reason::PeerGone(_gone) => ("gone", None),
                };
                metrics::counter!("arno_ingest_disconnects_total", "reason" => label).increment(1);
                let packet = code.map(|code| Packet::from(Disconnect::new(code)));
                Ok(packet.map(Encoded::Packet))
            }
        }))
    })
}

const fn code_of(close: Close) -> DisconnectReasonCode {
    match close {
        Close::NotAuthorised => DisconnectReasonCode::NotAuthorized,
        Close::StoreBusy => DisconnectReasonCode::ServerBusy,
        Close::Payload => DisconnectReasonCode::MalformedPacket,
        Close::Handshake => DisconnectReasonCode::ProtocolError,
    }
}

impl Wire for MqttSink {
    fn ready(&self) -> impl Future<Output = bool> {
        Self::ready(self)
    }

    fn send(&self, message: LiveMessage) {
        let payload = ntex::util::Bytes::copy_from_slice(&message.payload);
        let publish = self.publish(&*message.topic).retain(message.is_retained);
        // A closed connection hears nothing, and its queue goes with it.
        let _sent: Result<(), _> = publish.send_at_most_once(payload);
    }

    fn close(&self, command: Command) {
        let code = match command {
            Command::TakenOver => DisconnectReasonCode::SessionTakenOver,
            Command::Drain => DisconnectReasonCode::ServerShuttingDown,
        };
        self.close_with_reason(Disconnect::new(code));
    }
}
