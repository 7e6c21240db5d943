//! What happened: one past-tense event for each version of an aggregate.
//!
//! The wire names are literals, never derived from Rust names, and a published version never
//! changes shape: a new shape is a `.v2` beside it. Payloads are [views](crate::domain::view),
//! snapshots of the aggregate at that version.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::domain::inventory::Pool;
use crate::domain::view::{InventoryView, OrderView, PaymentView, RefundView, TicketView};
use crate::values::{
    BatchId, CorrelationId, EventId, OrderId, PaymentId, RefundId, TicketId, Timestamp, UserId,
    Version,
};

/// What happened.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum DomainEvent {
    /// A ticket was put on sale.
    TicketCreated(TicketView),
    /// A listing was edited.
    TicketUpdated(TicketView),
    /// A listing was taken off sale.
    TicketWithdrawn(TicketView),
    /// Units of a pool moved: one for each group that moved any.
    InventoryChanged(InventoryView),
    /// An order was placed; its units are held.
    OrderCreated(OrderView),
    /// An order changed in a way that has no name of its own.
    OrderUpdated(OrderView),
    /// An order ended without a sale.
    OrderCancelled(OrderView),
    /// An order is paid for.
    OrderCompleted(OrderView),
    /// All of an order's money went back.
    OrderRefunded(OrderView),
    /// The money for an order is there.
    PaymentCreated(PaymentView),
    /// A payment changed in a way that has no name of its own.
    PaymentUpdated(PaymentView),
    /// A payment ended without money.
    PaymentFailed(PaymentView),
    /// Money of a payment goes back.
    PaymentRefunded(PaymentView),
    /// A refund changed.
    RefundUpdated(RefundView),
    /// An order's time is up. A hint that goes straight to the bus: no version of an aggregate.
    ExpirationCompleted(ExpirationNotice),
}

/// An order's time is up, as of the version that set the deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExpirationNotice {
    /// The order.
    pub order_id: OrderId,
    /// The version that the timer was armed for.
    pub version: Version,
}

/// Every type of event, with its literal wire name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum EventType {
    /// [`DomainEvent::TicketCreated`]
    TicketCreated,
    /// [`DomainEvent::TicketUpdated`]
    TicketUpdated,
    /// [`DomainEvent::TicketWithdrawn`]
    TicketWithdrawn,
    /// [`DomainEvent::InventoryChanged`]
    InventoryChanged,
    /// [`DomainEvent::OrderCreated`]
    OrderCreated,
    /// [`DomainEvent::OrderUpdated`]
    OrderUpdated,
    /// [`DomainEvent::OrderCancelled`]
    OrderCancelled,
    /// [`DomainEvent::OrderCompleted`]
    OrderCompleted,
    /// [`DomainEvent::OrderRefunded`]
    OrderRefunded,
    /// [`DomainEvent::PaymentCreated`]
    PaymentCreated,
    /// [`DomainEvent::PaymentUpdated`]
    PaymentUpdated,
    /// [`DomainEvent::PaymentFailed`]
    PaymentFailed,
    /// [`DomainEvent::PaymentRefunded`]
    PaymentRefunded,
    /// [`DomainEvent::RefundUpdated`]
    RefundUpdated,
    /// [`DomainEvent::ExpirationCompleted`]
    ExpirationCompleted,
}

impl EventType {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::TicketCreated,
        Self::TicketUpdated,
        Self::TicketWithdrawn,
        Self::InventoryChanged,
        Self::OrderCreated,
        Self::OrderUpdated,
        Self::OrderCancelled,
        Self::OrderCompleted,
        Self::OrderRefunded,
        Self::PaymentCreated,
        Self::PaymentUpdated,
        Self::PaymentFailed,
        Self::PaymentRefunded,
        Self::RefundUpdated,
        Self::ExpirationCompleted,
    ];

    /// The name on the wire.
    pub fn wire_name(self) -> &'static str {
        match self {
            Self::TicketCreated => "ticketing.ticket.created.v1",
            Self::TicketUpdated => "ticketing.ticket.updated.v1",
            Self::TicketWithdrawn => "ticketing.ticket.withdrawn.v1",
            Self::InventoryChanged => "ticketing.inventory.changed.v1",
            Self::OrderCreated => "ticketing.order.created.v1",
            Self::OrderUpdated => "ticketing.order.updated.v1",
            Self::OrderCancelled => "ticketing.order.cancelled.v1",
            Self::OrderCompleted => "ticketing.order.completed.v1",
            Self::OrderRefunded => "ticketing.order.refunded.v1",
            Self::PaymentCreated => "ticketing.payment.created.v1",
            Self::PaymentUpdated => "ticketing.payment.updated.v1",
            Self::PaymentFailed => "ticketing.payment.failed.v1",
            Self::PaymentRefunded => "ticketing.payment.refunded.v1",
            Self::RefundUpdated => "ticketing.refund.updated.v1",
            Self::ExpirationCompleted => "ticketing.expiration.completed.v1",
        }
    }

    /// The type with that name on the wire.
    pub fn from_wire_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.wire_name() == name)
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wire_name())
    }
}

impl DomainEvent {
    /// Its type.
    pub fn event_type(&self) -> EventType {
        match self {
            Self::TicketCreated(_) => EventType::TicketCreated,
            Self::TicketUpdated(_) => EventType::TicketUpdated,
            Self::TicketWithdrawn(_) => EventType::TicketWithdrawn,
            Self::InventoryChanged(_) => EventType::InventoryChanged,
            Self::OrderCreated(_) => EventType::OrderCreated,
            Self::OrderUpdated(_) => EventType::OrderUpdated,
            Self::OrderCancelled(_) => EventType::OrderCancelled,
            Self::OrderCompleted(_) => EventType::OrderCompleted,
            Self::OrderRefunded(_) => EventType::OrderRefunded,
            Self::PaymentCreated(_) => EventType::PaymentCreated,
            Self::PaymentUpdated(_) => EventType::PaymentUpdated,
            Self::PaymentFailed(_) => EventType::PaymentFailed,
            Self::PaymentRefunded(_) => EventType::PaymentRefunded,
            Self::RefundUpdated(_) => EventType::RefundUpdated,
            Self::ExpirationCompleted(_) => EventType::ExpirationCompleted,
        }
    }

    /// The listing, if it tells of one.
    pub fn into_ticket(self) -> Option<TicketView> {
        if let Self::TicketCreated(view) | Self::TicketUpdated(view) | Self::TicketWithdrawn(view) =
            self
        {
            return Some(view);
        }
        None
    }

    /// The order, if it tells of one.
    pub fn into_order(self) -> Option<OrderView> {
        if let Self::OrderCreated(view)
        | Self::OrderUpdated(view)
        | Self::OrderCancelled(view)
        | Self::OrderCompleted(view)
        | Self::OrderRefunded(view) = self
        {
            return Some(view);
        }
        None
    }

    /// The refund, if it tells of one.
    pub fn into_refund(self) -> Option<RefundView> {
        if let Self::RefundUpdated(view) = self { Some(view) } else { None }
    }

    /// The version of the aggregate that it tells of.
    pub fn key(&self) -> EventKey {
        let (aggregate, version) = match self {
            Self::TicketCreated(ticket)
            | Self::TicketUpdated(ticket)
            | Self::TicketWithdrawn(ticket) => (ticket.id.into(), ticket.version),
            Self::InventoryChanged(pool) => (AggregateRef::pool(pool.ticket_id), pool.version),
            Self::OrderCreated(order)
            | Self::OrderUpdated(order)
            | Self::OrderCancelled(order)
            | Self::OrderCompleted(order)
            | Self::OrderRefunded(order) => (order.id.into(), order.version),
            Self::PaymentCreated(payment)
            | Self::PaymentUpdated(payment)
            | Self::PaymentFailed(payment)
            | Self::PaymentRefunded(payment) => (payment.id.into(), payment.version),
            Self::RefundUpdated(refund) => (refund.id.into(), refund.version),
            Self::ExpirationCompleted(notice) => (notice.order_id.into(), notice.version),
        };
        EventKey { aggregate, version }
    }
}

/// What kind of thing an event tells of.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum AggregateKind {
    /// A listing.
    Ticket,
    /// The units behind a listing; shares its id.
    Pool,
    /// An order.
    Order,
    /// A payment.
    Payment,
    /// A refund.
    Refund,
}

impl AggregateKind {
    /// The word for it on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ticket => "ticket",
            Self::Pool => "pool",
            Self::Order => "order",
            Self::Payment => "payment",
            Self::Refund => "refund",
        }
    }
}

/// One aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AggregateRef {
    /// What kind.
    pub kind: AggregateKind,
    /// Which one.
    pub id: Uuid,
}

impl AggregateRef {
    /// The pool of a ticket.
    pub fn pool(id: TicketId) -> Self {
        Self { kind: AggregateKind::Pool, id: id.as_uuid() }
    }
}

impl fmt::Display for AggregateRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.word(), self.id)
    }
}

impl From<TicketId> for AggregateRef {
    fn from(id: TicketId) -> Self {
        Self { kind: AggregateKind::Ticket, id: id.as_uuid() }
    }
}

impl From<OrderId> for AggregateRef {
    fn from(id: OrderId) -> Self {
        Self { kind: AggregateKind::Order, id: id.as_uuid() }
    }
}

impl From<PaymentId> for AggregateRef {
    fn from(id: PaymentId) -> Self {
        Self { kind: AggregateKind::Payment, id: id.as_uuid() }
    }
}

impl From<RefundId> for AggregateRef {
    fn from(id: RefundId) -> Self {
        Self { kind: AggregateKind::Refund, id: id.as_uuid() }
    }
}

/// One version of one aggregate: the key of its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey {
    /// The aggregate.
    pub aggregate: AggregateRef,
    /// The version.
    pub version: Version,
}

/// Who caused a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A user of the embedder.
    User(UserId),
    /// A deadline.
    Timer,
    /// The engine itself, for what many callers caused together.
    Engine,
    /// The payment gateway.
    Gateway,
    /// An operator.
    Operator(UserId),
}

/// Words that name nobody who can cause an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the actor {0:?} is unknown")]
pub struct UnknownActor(pub String);

impl fmt::Display for Actor {
    /// As in the envelope: `user:ada`, `timer`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => write!(f, "user:{user}"),
            Self::Operator(user) => write!(f, "operator:{user}"),
            Self::Timer => f.write_str("timer"),
            Self::Gateway => f.write_str("gateway"),
            Self::Engine => f.write_str("engine"),
        }
    }
}

impl FromStr for Actor {
    type Err = UnknownActor;

    fn from_str(word: &str) -> Result<Self, UnknownActor> {
        let unknown = || UnknownActor(word.to_owned());
        let user = |text: &str| UserId::new(text).map_err(|_invalid| unknown());
        match word.split_once(':') {
            Some(("user", id)) => user(id).map(Self::User),
            Some(("operator", id)) => user(id).map(Self::Operator),
            None if word == "timer" => Ok(Self::Timer),
            None if word == "gateway" => Ok(Self::Gateway),
            None if word == "engine" => Ok(Self::Engine),
            Some(_) | None => Err(unknown()),
        }
    }
}

/// Everything about an event but its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventHeader {
    /// Its id.
    pub id: EventId,
    /// When it was decided.
    pub occurred_at: Timestamp,
    /// Who caused it.
    pub actor: Actor,
    /// What it belongs to, in the caller's books.
    pub correlation: Option<CorrelationId>,
    /// The batch it was committed in: events of one batch have one cause.
    pub causation: Option<BatchId>,
}

impl EventHeader {
    /// The header of `inventory.changed` at this version of the pool.
    ///
    /// The id follows from pool and version, so that the same change always has the same id,
    /// whichever batch of the group is blamed for it.
    pub fn of_pool(pool: &Pool, at: Timestamp) -> Self {
        let name = pool.version.get().to_be_bytes();
        let id = EventId::from_uuid(Uuid::new_v5(&pool.id.as_uuid(), &name));
        Self { id, occurred_at: at, actor: Actor::Engine, correlation: None, causation: None }
    }
}
