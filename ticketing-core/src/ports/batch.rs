//! The commit as data: what a use case hands to the storage, all or nothing.
//!
//! A [`WriteBatch`] is built from [`Decision`]s alone, and a decision that changes something
//! carries the event that tells of it. "Saved but never published" can't be written down.

use std::sync::Arc;

use uuid::Uuid;

use crate::domain::decision::{Decision, Units};
use crate::domain::envelope::Event;
use crate::domain::event::{Actor, AggregateRef, DomainEvent, EventHeader, EventKey};
use crate::domain::inventory::PoolCommand;
use crate::domain::order::Order;
use crate::domain::payment::Payment;
use crate::domain::refund::Refund;
use crate::domain::ticket::{Ticket, TicketDecision};
use crate::ports::ids::IdSource;
use crate::ports::snapshot::Snapshot;
use crate::values::{
    BatchId, CorrelationId, EventId, GatewayName, IdempotencyKey, PoolId, TimeWindow, Timestamp,
    UserId, Version, WebhookId,
};

/// Independent batches for one transaction.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Group {
    /// The batches. One that is refused never fails its neighbours. Shared, so that a writer keeps
    /// what it may have to commit again, and a storage what it must write though nobody waits.
    pub batches: Arc<[WriteBatch]>,
    /// What the writer believes the storage would read for them. An adapter that uses it saves
    /// reads, see [`resolve_predicted`](crate::ports::resolve_predicted); one that ignores it is
    /// slower, never wrong.
    pub predicted: Option<Snapshot>,
}

impl Group {
    /// Batches to be decided on what the storage reads.
    pub fn of(batches: impl Into<Arc<[WriteBatch]>>) -> Self {
        Self { batches: batches.into(), predicted: None }
    }
}

/// What one use case wants written, all of it or nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct WriteBatch {
    id: BatchId,
    decided_at: Timestamp,
    window: TimeWindow,
    key: Option<KeyRecord>,
    changes: Vec<Change>,
    moves: Vec<Move>,
    closes: Option<WebhookKey>,
}

/// The next state of one aggregate, guarded by the version it was decided on.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The state to write.
    pub state: State,
    /// The version that must be stored now; nothing if the aggregate must not exist.
    pub expected: Option<Version>,
    /// The event that tells of it.
    pub event: Arc<Event>,
}

/// A state to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Of a listing.
    Ticket(Arc<Ticket>),
    /// Of an order.
    Order(Arc<Order>),
    /// Of a payment.
    Payment(Arc<Payment>),
    /// Of a refund.
    Refund(Arc<Refund>),
}

impl State {
    /// Which aggregate it is of.
    pub fn aggregate(&self) -> AggregateRef {
        match self {
            Self::Ticket(ticket) => ticket.id.into(),
            Self::Order(order) => order.id.into(),
            Self::Payment(payment) => payment.id.into(),
            Self::Refund(refund) => refund.id.into(),
        }
    }

    /// Its version.
    pub fn version(&self) -> Version {
        match self {
            Self::Ticket(ticket) => ticket.version,
            Self::Order(order) => order.version,
            Self::Payment(payment) => payment.version,
            Self::Refund(refund) => refund.version,
        }
    }
}

/// A command for a pool, in the name of a buyer where units of one move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// Which pool.
    pub pool: PoolId,
    /// Whose units.
    pub buyer: Option<UserId>,
    /// What to do.
    pub command: PoolCommand,
}

/// A committed batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Which batch.
    pub batch: BatchId,
    /// When it was decided, by the storage's time as the engine knew it.
    pub decided_at: Timestamp,
}

/// What an idempotency key was used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Whose key.
    pub user: UserId,
    /// The key.
    pub key: IdempotencyKey,
    /// A fingerprint of the command.
    pub fingerprint: Fingerprint,
    /// The version that the command made, or found: its answer is rendered from that.
    pub answer: EventKey,
    /// When.
    pub used_at: Timestamp,
}

/// A fingerprint of a command: equal for equal commands, different for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(Uuid);

impl Fingerprint {
    /// The fingerprint of a command in its canonical form.
    pub fn of(command: &[u8]) -> Self {
        Self(Uuid::new_v5(&Uuid::NAMESPACE_OID, command))
    }

    /// A stored fingerprint.
    pub fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The fingerprint, to be stored.
    pub fn as_uuid(self) -> Uuid {
        self.0
    }
}

/// One webhook of one gateway.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WebhookKey {
    /// The gateway.
    pub gateway: GatewayName,
    /// Its name for the webhook.
    pub id: WebhookId,
}

impl WriteBatch {
    /// Its id: that of its first event, if it has one.
    pub fn id(&self) -> BatchId {
        self.id
    }

    /// When it was decided, by the storage's time as the engine knew it.
    pub fn decided_at(&self) -> Timestamp {
        self.decided_at
    }

    /// When it may be applied.
    pub fn window(&self) -> TimeWindow {
        self.window
    }

    /// What its idempotency key is used for.
    pub fn key(&self) -> Option<&KeyRecord> {
        self.key.as_ref()
    }

    /// Its state changes, in the order they were decided.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// What it does to pools.
    pub fn moves(&self) -> &[Move] {
        &self.moves
    }

    /// The webhook that it deals with.
    pub fn closes(&self) -> Option<&WebhookKey> {
        self.closes.as_ref()
    }

    /// Whether it would write nothing at all.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
            && self.moves.is_empty()
            && self.key.is_none()
            && self.closes.is_none()
    }

    /// Its receipt, once it is committed.
    pub fn receipt(&self) -> Receipt {
        Receipt { batch: self.id, decided_at: self.decided_at }
    }
}

/// Who caused a batch, in which of the caller's affairs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Who.
    pub actor: Actor,
    /// In which affair.
    pub correlation: Option<CorrelationId>,
}

/// Builds a [`WriteBatch`] from decisions.
#[derive(Debug)]
pub struct BatchBuilder<'a> {
    cause: Cause,
    ids: &'a dyn IdSource,
    batch: WriteBatch,
}

impl<'a> BatchBuilder<'a> {
    /// An empty batch, decided at `now`.
    pub fn new(cause: Cause, ids: &'a dyn IdSource, now: Timestamp) -> Self {
        let batch = WriteBatch {
            id: BatchId::from_uuid(ids.next()),
            decided_at: now,
            window: TimeWindow::always(),
            key: None,
            changes: Vec::with_capacity(1),
            moves: Vec::new(),
            closes: None,
        };
        Self { cause, ids, batch }
    }

    /// With what was decided about a listing, and what its pool is told.
    #[must_use]
    pub fn ticket(mut self, decision: TicketDecision) -> Self {
        let (ticket, event, _) = decision.ticket.into_parts();
        let pool = ticket.id;
        self.change(State::Ticket(Arc::new(ticket)), event);
        self.batch.moves.extend(decision.pool.map(|command| Move { pool, buyer: None, command }));
        self
    }

    /// With what was decided about an order, and the units that move with it.
    #[must_use]
    pub fn order(mut self, decision: Decision<Order>) -> Self {
        let (order, event, units) = decision.into_parts();
        self.units(&order, units);
        self.change(State::Order(Arc::new(order)), event);
        self
    }

    /// With what was decided about a payment.
    #[must_use]
    pub fn payment(mut self, decision: Decision<Payment>) -> Self {
        let (payment, event, _) = decision.into_parts();
        self.change(State::Payment(Arc::new(payment)), event);
        self
    }

    /// With what was decided about a refund.
    #[must_use]
    pub fn refund(mut self, decision: Decision<Refund>) -> Self {
        let (refund, event, _) = decision.into_parts();
        self.change(State::Refund(Arc::new(refund)), event);
        self
    }

    /// With the end of a clearing: no live order is left of a withdrawn listing.
    #[must_use]
    pub fn cleared(mut self, pool: PoolId) -> Self {
        self.batch.moves.push(Move { pool, buyer: None, command: PoolCommand::Cleared });
        self
    }

    /// Only to be applied within `window` too.
    #[must_use]
    pub fn within(mut self, window: TimeWindow) -> Self {
        self.batch.window = self.batch.window.intersect(window);
        self
    }

    /// Under an idempotency key.
    #[must_use]
    pub fn keyed(mut self, record: Option<KeyRecord>) -> Self {
        self.batch.key = record;
        self
    }

    /// Dealing with a webhook.
    #[must_use]
    pub fn closing(mut self, webhook: Option<WebhookKey>) -> Self {
        self.batch.closes = webhook;
        self
    }

    /// The batch.
    pub fn build(self) -> WriteBatch {
        self.batch
    }

    fn change(&mut self, state: State, event: Option<DomainEvent>) {
        let Some(data) = event else { return };
        let first = self.batch.changes.is_empty();
        let id = if first { self.batch.id.as_uuid() } else { self.ids.next() };
        let header = EventHeader {
            id: EventId::from_uuid(id),
            occurred_at: self.batch.decided_at,
            actor: self.cause.actor.clone(),
            correlation: self.cause.correlation,
            causation: Some(self.batch.id),
        };
        let expected = state.version().get().checked_sub(1).map(Version::new);
        let event = Arc::new(Event { header, data });
        self.batch.changes.push(Change { state, expected, event });
    }

    fn units(&mut self, order: &Order, units: Units) {
        let mut every_line = |command: fn(u32, Version) -> PoolCommand| {
            self.batch.moves.extend(order.lines.iter().map(|line| Move {
                pool: line.ticket_id,
                buyer: Some(order.buyer.clone()),
                command: command(line.quantity.get(), line.listing_version),
            }));
        };
        match units {
            Units::Stay => {}
            Units::Hold => every_line(|units, listing| PoolCommand::Hold { units, listing }),
            Units::Release => every_line(|units, _| PoolCommand::Release(units)),
            Units::Sell => every_line(|units, _| PoolCommand::Sell(units)),
            Units::Return(lines) => {
                self.batch.moves.extend(lines.into_iter().map(|(pool, units)| Move {
                    pool,
                    buyer: Some(order.buyer.clone()),
                    command: PoolCommand::Return(units),
                }));
            }
        }
    }
}

#[cfg(test)]
mod tests;
