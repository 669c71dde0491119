//! QoS 2: a publish comes in, PUBREC goes out when it is durable, and PUBREL is answered.
//!
//! # Why
//! The framework keeps the packet ids of QoS 2 publishes for as long as a connection lives, so that
//! MQTT 5 clients run out of them, and ends a 3.1.1 connection that releases an id it does not
//! know, as clients do after they reconnect. So this layer takes QoS 2 before the framework does.
//!
//! # Invariants
//! An id is in use from its PUBLISH to its PUBREL (MQTT 5: or to a refusing PUBREC); a repeat of
//! the PUBLISH in between is answered again and not ingested again.
//!
//! # Limits
//! [`TAKING_COUNT_MAX`] → reading pauses. MQTT 5: more ids in use than the receive maximum that the
//! client was told → the connection ends.
//!
//! # Source
//! MQTT 5.0 §4.3.3, MQTT 3.1.1 §4.3.3. Stores judge repeats by identity, so a publish that comes
//! again after a reconnect is a repeat too.

#![expect(
    clippy::future_not_send,
    reason = "connections live on one of the gateway's threads and never leave it"
)]

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::num::NonZeroU16;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use ntex::service::{Middleware, Service, ServiceCtx};
use ntex::task::LocalWaker;
use ntex::{SharedCfg, forward_poll, forward_shutdown};
use ntex_mqtt::error::{DispatcherError, SpecViolation};
use ntex_mqtt::{QoS, v3, v5};

use super::connection::{Close, Verdict};
use super::server::{Session3, Session5};

/// Most publishes of one connection that are being taken at once; reading pauses beyond it.
const TAKING_COUNT_MAX: usize = 32;

/// The layer, for both versions.
#[derive(Debug, Clone, Copy)]
pub(super) struct ExactlyOnce;

/// Where a QoS 2 publish stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Not yet durable.
    Taking,
    /// PUBREC was sent.
    Received,
}

/// A publish whose payload comes in pieces.
struct Partial {
    id: NonZeroU16,
    topic: String,
    payload: BytesMut,
    /// Where an earlier publish of this id stands: then this one is a repeat.
    earlier: Option<Stage>,
}

/// The layer of one connection.
pub(super) struct Layer<S, C> {
    inner: S,
    session: C,
    stages: RefCell<HashMap<NonZeroU16, Stage>>,
    partial: RefCell<Option<Partial>>,
    taking_count: Cell<usize>,
    room: LocalWaker,
}

impl<S, C> Layer<S, C> {
    fn new(inner: S, session: C) -> Self {
        Self {
            inner,
            session,
            stages: RefCell::default(),
            partial: RefCell::new(None),
            taking_count: Cell::new(0),
            room: LocalWaker::new(),
        }
    }

    /// Enters a publish; where an earlier one of its id stands.
    fn enter(&self, id: NonZeroU16, count_max: usize) -> Result<Option<Stage>, SpecViolation> {
        let mut stages = self.stages.borrow_mut();
        if let Some(stage) = stages.get(&id) {
            return Ok(Some(*stage));
        }
        if stages.len() >= count_max {
            return Err(SpecViolation::Pub_3_3_4_7);
        }
        stages.insert(id, Stage::Taking);
        Ok(None)
    }

    /// Resolves when another publish may be taken.
    async fn has_room(&self) {
        poll_fn(|context| {
            self.room.register(context.waker());
            if self.taking_count.get() < TAKING_COUNT_MAX {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    fn start_taking(&self) -> Taking<'_> {
        self.taking_count.set(self.taking_count.get() + 1);
        Taking {
            count: &self.taking_count,
            room: &self.room,
        }
    }

    /// Adds a piece of a payload; the publish, when it is whole.
    fn add_piece(&self, piece: &[u8], is_last: bool) -> Option<Partial> {
        let mut partial = self.partial.borrow_mut();
        partial.as_mut()?.payload.extend_from_slice(piece);
        if is_last { partial.take() } else { None }
    }
}

/// Counts a publish that is being taken, also when its handling is dropped.
struct Taking<'a> {
    count: &'a Cell<usize>,
    room: &'a LocalWaker,
}

impl Drop for Taking<'_> {
    fn drop(&mut self) {
        self.count.set(self.count.get().saturating_sub(1));
        self.room.wake();
    }
}

impl<S> Middleware<S, (SharedCfg, Session5)> for ExactlyOnce {
    type Service = Layer<S, Session5>;

    fn create(&self, service: S, (_cfg, session): (SharedCfg, Session5)) -> Self::Service {
        Layer::new(service, session)
    }
}

impl<S> Middleware<S, (SharedCfg, Session3)> for ExactlyOnce {
    type Service = Layer<S, Session3>;

    fn create(&self, service: S, (_cfg, session): (SharedCfg, Session3)) -> Self::Service {
        Layer::new(service, session)
    }
}

impl<S> Layer<S, Session5> {
    async fn take(&self, publish: Partial) -> Result<Option<v5::codec::Encoded>, Close> {
        if let Some(earlier) = publish.earlier {
            let received = super::v5::received(publish.id, Verdict::Taken)?;
            let is_received = earlier == Stage::Received;
            return Ok(is_received.then(|| v5::codec::Packet::PublishReceived(received).into()));
        }
        let _taking = self.start_taking();
        let payload = Bytes::from(publish.payload);
        let verdict = self.session.publish(&publish.topic, payload, false).await;
        let packet = super::v5::received(publish.id, verdict);
        let mut stages = self.stages.borrow_mut();
        let packet = packet.inspect_err(|_close| {
            stages.remove(&publish.id);
        })?;
        if packet.reason_code == v5::codec::PublishAckReason::Success {
            stages.insert(publish.id, Stage::Received);
        } else {
            stages.remove(&publish.id);
        }
        Ok(Some(v5::codec::Packet::PublishReceived(packet).into()))
    }
}

impl<S> Service<v5::codec::Decoded> for Layer<S, Session5>
where
    S: Service<
            v5::codec::Decoded,
            Response = Option<v5::codec::Encoded>,
            Error = DispatcherError<Close>,
        >,
{
    type Response = Option<v5::codec::Encoded>;
    type Error = DispatcherError<Close>;

    async fn ready(&self, ctx: ServiceCtx<'_, Self>) -> Result<(), Self::Error> {
        self.has_room().await;
        ctx.ready(&self.inner).await
    }

    forward_poll!(inner);
    forward_shutdown!(inner);

    async fn call(
        &self,
        request: v5::codec::Decoded,
        ctx: ServiceCtx<'_, Self>,
    ) -> Result<Self::Response, Self::Error> {
        use v5::codec::{Decoded, Packet, PublishAck2, PublishAck2Reason};
        match request {
            Decoded::Publish(publish, payload, _size)
                if publish.qos == QoS::ExactlyOnce
                    && publish.properties.topic_alias.is_none()
                    && !publish.topic.contains(['#', '+']) =>
            {
                let Some(id) = publish.packet_id else {
                    return Ok(None);
                };
                let is_whole = usize::try_from(publish.payload_size) == Ok(payload.len());
                let topic = publish.topic.to_string();
                let earlier = self.enter(id, self.session.in_flight_count_max())?;
                let partial = Partial {
                    id,
                    topic,
                    payload: BytesMut::from(&*payload),
                    earlier,
                };
                if !is_whole {
                    self.partial.replace(Some(partial));
                    return Ok(None);
                }
                self.take(partial).await.map_err(DispatcherError::Service)
            }
            Decoded::PayloadChunk(piece, is_last) if self.partial.borrow().is_some() => {
                match self.add_piece(&piece, is_last) {
                    None => Ok(None),
                    Some(whole) => self.take(whole).await.map_err(DispatcherError::Service),
                }
            }
            Decoded::Packet(Packet::PublishRelease(release), _size) => {
                let is_known = self
                    .stages
                    .borrow_mut()
                    .remove(&release.packet_id)
                    .is_some();
                let reason_code = if is_known {
                    PublishAck2Reason::Success
                } else {
                    PublishAck2Reason::PacketIdNotFound
                };
                let packet_id = release.packet_id;
                let complete = PublishAck2 {
                    packet_id,
                    reason_code,
                    properties: Vec::new(),
                    reason_string: None,
                };
                Ok(Some(Packet::PublishComplete(complete).into()))
            }
            other => ctx.call(&self.inner, other).await,
        }
    }
}

impl<S> Layer<S, Session3> {
    async fn take(&self, publish: Partial) -> Result<Option<v3::codec::Encoded>, Close> {
        let received = v3::codec::Packet::PublishReceived {
            packet_id: publish.id,
        };
        if let Some(earlier) = publish.earlier {
            return Ok((earlier == Stage::Received).then(|| received.into()));
        }
        let _taking = self.start_taking();
        let payload = Bytes::from(publish.payload);
        let verdict = self.session.publish(&publish.topic, payload, false).await;
        super::v3::answer(&verdict, false)?;
        self.stages.borrow_mut().insert(publish.id, Stage::Received);
        Ok(Some(received.into()))
    }
}

impl<S> Service<v3::codec::Decoded> for Layer<S, Session3>
where
    S: Service<
            v3::codec::Decoded,
            Response = Option<v3::codec::Encoded>,
            Error = DispatcherError<Close>,
        >,
{
    type Response = Option<v3::codec::Encoded>;
    type Error = DispatcherError<Close>;

    async fn ready(&self, ctx: ServiceCtx<'_, Self>) -> Result<(), Self::Error> {
        self.has_room().await;
        ctx.ready(&self.inner).await
    }

    forward_poll!(inner);
    forward_shutdown!(inner);

    async fn call(
        &self,
        request: v3::codec::Decoded,
        ctx: ServiceCtx<'_, Self>,
    ) -> Result<Self::Response, Self::Error> {
        use v3::codec::{Decoded, Packet};
        match request {
            Decoded::Publish(publish, payload, _size)
                if publish.qos == QoS::ExactlyOnce && !publish.topic.contains(['#', '+']) =>
            {
                let Some(id) = publish.packet_id else {
                    return Ok(None);
                };
                let is_whole = usize::try_from(publish.payload_size) == Ok(payload.len());
                let topic = publish.topic.to_string();
                let earlier = self.enter(id, usize::MAX)?;
                let partial = Partial {
                    id,
                    topic,
                    payload: BytesMut::from(&*payload),
                    earlier,
                };
                if !is_whole {
                    self.partial.replace(Some(partial));
                    return Ok(None);
                }
                self.take(partial).await.map_err(DispatcherError::Service)
            }
            Decoded::PayloadChunk(piece, is_last) if self.partial.borrow().is_some() => {
                match self.add_piece(&piece, is_last) {
                    None => Ok(None),
                    Some(whole) => self.take(whole).await.map_err(DispatcherError::Service),
                }
            }
            Decoded::Packet(Packet::PublishRelease { packet_id }, _size) => {
                self.stages.borrow_mut().remove(&packet_id);
                Ok(Some(Packet::PublishComplete { packet_id }.into()))
            }
            other => ctx.call(&self.inner, other).await,
        }
    }
}
