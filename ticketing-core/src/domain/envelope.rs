//! The envelope: an event with its header, and both as CloudEvents 1.0 on the wire.
//!
//! ```json
//! {
//!   "specversion": "1.0",
//!   "id": "018f2b6c-0000-7000-8000-000000000001",
//!   "source": "/ticketing",
//!   "type": "ticketing.order.cancelled.v1",
//!   "subject": "order/018f2b6c-0000-7000-8000-000000000002",
//!   "time": "2026-01-02T03:04:05.678Z",
//!   "datacontenttype": "application/json",
//!   "sequence": "3",
//!   "actor": "timer",
//!   "data": {}
//! }
//! ```
//!
//! `subject` names the aggregate and `sequence` its version: a consumer keeps the highest
//! sequence it saw of a subject. `actor` is who caused it; `correlationid` and `causationid` are
//! there when they are known.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::domain::event::{DomainEvent, EventHeader, EventKey, EventType, UnknownActor};
use crate::values::{BatchId, CorrelationId, EventId, Timestamp};

/// What happened, to what, when, and by whom.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Everything but the payload.
    pub header: EventHeader,
    /// What happened.
    pub data: DomainEvent,
}

/// Bytes that are not an event of ours.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// Not JSON, or not of the shape.
    #[error("the event is malformed")]
    Malformed(#[source] serde_json::Error),
    /// A type that this version does not know: perhaps of a later one.
    #[error("the event type {0:?} is unknown")]
    UnknownType(String),
    /// Another version of the envelope.
    #[error("the envelope version {0:?} is unknown")]
    UnknownVersion(String),
    /// An actor that this version does not know.
    #[error("the actor {0:?} is unknown")]
    UnknownActor(String),
    /// Subject or sequence contradict the payload.
    #[error("the event's subject contradicts its payload")]
    Contradiction,
}

#[derive(Serialize, Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    specversion: Cow<'a, str>,
    id: EventId,
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    event_type: Cow<'a, str>,
    subject: String,
    time: Timestamp,
    #[serde(borrow)]
    datacontenttype: Cow<'a, str>,
    sequence: String,
    actor: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    correlationid: Option<CorrelationId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    causationid: Option<BatchId>,
    #[serde(borrow)]
    data: Cow<'a, RawValue>,
}

impl Event {
    /// The version of the aggregate that it tells of.
    pub fn key(&self) -> EventKey {
        self.data.key()
    }

    /// The event as CloudEvents JSON.
    ///
    /// # Errors
    /// Never for an event of ours: a payload that can't be written is a bug.
    pub fn to_json(&self) -> Result<Vec<u8>, EnvelopeError> {
        let key = self.key();
        let wire = Wire {
            specversion: "1.0".into(),
            id: self.header.id,
            source: "/ticketing".into(),
            event_type: self.data.event_type().wire_name().into(),
            subject: key.aggregate.to_string(),
            time: self.header.occurred_at,
            datacontenttype: "application/json".into(),
            sequence: key.version.to_string(),
            actor: self.header.actor.to_string(),
            correlationid: self.header.correlation,
            causationid: self.header.causation,
            data: Cow::Owned(self.data.payload()?),
        };
        serde_json::to_vec(&wire).map_err(EnvelopeError::Malformed)
    }

    /// Reads an event from CloudEvents JSON. Unknown fields are ignored.
    ///
    /// # Errors
    /// An [`EnvelopeError`] for anything that is not an event that this version knows.
    pub fn from_json(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let wire: Wire<'_> = serde_json::from_slice(bytes).map_err(EnvelopeError::Malformed)?;
        if wire.specversion != "1.0" {
            return Err(EnvelopeError::UnknownVersion(wire.specversion.into_owned()));
        }
        let event_type = EventType::from_wire_name(&wire.event_type)
            .ok_or_else(|| EnvelopeError::UnknownType(wire.event_type.clone().into_owned()))?;
        let data = DomainEvent::from_payload(event_type, wire.data.get())?;
        let header = EventHeader {
            id: wire.id,
            occurred_at: wire.time,
            actor: wire
                .actor
                .parse()
                .map_err(|UnknownActor(word)| EnvelopeError::UnknownActor(word))?,
            correlation: wire.correlationid,
            causation: wire.causationid,
        };
        let event = Self { header, data };
        let key = event.key();
        if key.aggregate.to_string() != wire.subject || key.version.to_string() != wire.sequence {
            return Err(EnvelopeError::Contradiction);
        }
        Ok(event)
    }
}

impl DomainEvent {
    /// The payload alone, as JSON.
    ///
    /// # Errors
    /// Never for an event of ours.
    pub fn payload(&self) -> Result<Box<RawValue>, EnvelopeError> {
        match self {
            Self::TicketCreated(view) | Self::TicketUpdated(view) | Self::TicketWithdrawn(view) => {
                to_raw_value(view)
            }
            Self::InventoryChanged(view) => to_raw_value(view),
            Self::OrderCreated(view)
            | Self::OrderUpdated(view)
            | Self::OrderCancelled(view)
            | Self::OrderCompleted(view)
            | Self::OrderRefunded(view) => to_raw_value(view),
            Self::PaymentCreated(view)
            | Self::PaymentUpdated(view)
            | Self::PaymentFailed(view)
            | Self::PaymentRefunded(view) => to_raw_value(view),
            Self::RefundUpdated(view) => to_raw_value(view),
            Self::ExpirationCompleted(notice) => to_raw_value(notice),
        }
        .map_err(EnvelopeError::Malformed)
    }

    /// Reads a payload of that type.
    ///
    /// # Errors
    /// [`EnvelopeError::Malformed`] if it has not the shape.
    pub fn from_payload(event_type: EventType, json: &str) -> Result<Self, EnvelopeError> {
        match event_type {
            EventType::TicketCreated => read(json).map(Self::TicketCreated),
            EventType::TicketUpdated => read(json).map(Self::TicketUpdated),
            EventType::TicketWithdrawn => read(json).map(Self::TicketWithdrawn),
            EventType::InventoryChanged => read(json).map(Self::InventoryChanged),
            EventType::OrderCreated => read(json).map(Self::OrderCreated),
            EventType::OrderUpdated => read(json).map(Self::OrderUpdated),
            EventType::OrderCancelled => read(json).map(Self::OrderCancelled),
            EventType::OrderCompleted => read(json).map(Self::OrderCompleted),
            EventType::OrderRefunded => read(json).map(Self::OrderRefunded),
            EventType::PaymentCreated => read(json).map(Self::PaymentCreated),
            EventType::PaymentUpdated => read(json).map(Self::PaymentUpdated),
            EventType::PaymentFailed => read(json).map(Self::PaymentFailed),
            EventType::PaymentRefunded => read(json).map(Self::PaymentRefunded),
            EventType::RefundUpdated => read(json).map(Self::RefundUpdated),
            EventType::ExpirationCompleted => read(json).map(Self::ExpirationCompleted),
        }
    }
}

fn read<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, EnvelopeError> {
    serde_json::from_str(json).map_err(EnvelopeError::Malformed)
}

#[cfg(test)]
mod tests;
