//! What is kept, in maps.

use std::collections::BTreeMap;
use std::sync::Arc;

use ticketing_core::domain::{
    AggregateKind, AggregateRef, Allowance, Event, EventKey, Order, Payment, Pool, Refund, Ticket,
};
use ticketing_core::ports::{Clock, DeadLetter, KeyRecord, Listing, Receipt, Webhook, WebhookKey};
use ticketing_core::values::{
    BatchId, IdempotencyKey, OrderId, PaymentId, PoolId, RefundId, TicketId, Timestamp, UserId,
    Version,
};

/// Everything that the storage keeps.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) clock: Arc<dyn Clock>,
    /// The latest time that was told: time never goes back.
    pub(crate) latest: Timestamp,
    pub(crate) tickets: BTreeMap<TicketId, Ticket>,
    pub(crate) pools: BTreeMap<PoolId, Pool>,
    pub(crate) allowances: BTreeMap<(PoolId, UserId), Allowance>,
    pub(crate) orders: BTreeMap<OrderId, Order>,
    pub(crate) payments: BTreeMap<PaymentId, Payment>,
    pub(crate) refunds: BTreeMap<RefundId, Refund>,
    pub(crate) keys: BTreeMap<(UserId, IdempotencyKey), KeyRecord>,
    pub(crate) receipts: BTreeMap<BatchId, Receipt>,
    pub(crate) events: BTreeMap<EventKey, Arc<Event>>,
    /// One row for each group, by number.
    pub(crate) outbox: BTreeMap<i64, Outgoing>,
    pub(crate) last_row: i64,
    pub(crate) dead_letters: Vec<DeadLetter>,
    pub(crate) webhooks: BTreeMap<WebhookKey, Incoming>,
}

/// A group's events, on their way out.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) committed_at: Timestamp,
    pub(crate) events: Vec<EventKey>,
    pub(crate) batches: Vec<BatchId>,
    pub(crate) lease: Lease,
    pub(crate) published: bool,
}

/// A webhook that came.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) webhook: Webhook,
    pub(crate) lease: Lease,
    pub(crate) closed: bool,
}

/// Who may work on a row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lease {
    /// Counts the claims.
    pub(crate) epoch: u64,
    /// Before, somebody has it.
    pub(crate) free_at: Timestamp,
}

impl Lease {
    /// Nobody has it.
    pub(crate) fn free(now: Timestamp) -> Self {
        Self { epoch: 0, free_at: now }
    }
}

impl Tables {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            latest: clock.now(),
            clock,
            tickets: BTreeMap::new(),
            pools: BTreeMap::new(),
            allowances: BTreeMap::new(),
            orders: BTreeMap::new(),
            payments: BTreeMap::new(),
            refunds: BTreeMap::new(),
            keys: BTreeMap::new(),
            receipts: BTreeMap::new(),
            events: BTreeMap::new(),
            outbox: BTreeMap::new(),
            last_row: 0,
            dead_letters: Vec::new(),
            webhooks: BTreeMap::new(),
        }
    }

    /// The storage's time.
    pub(crate) fn now(&mut self) -> Timestamp {
        self.latest = self.latest.max(self.clock.now());
        self.latest
    }

    pub(crate) fn listing(&self, id: TicketId) -> Option<Listing> {
        let (ticket, pool) = (self.tickets.get(&id)?, self.pools.get(&id)?);
        Some(Listing { ticket: ticket.clone(), pool: *pool })
    }

    /// The stored version of an aggregate.
    pub(crate) fn version(&self, aggregate: AggregateRef) -> Option<Version> {
        let id = aggregate.id;
        match aggregate.kind {
            AggregateKind::Ticket => Some(self.tickets.get(&TicketId::from_uuid(id))?.version),
            AggregateKind::Pool => Some(self.pools.get(&PoolId::from_uuid(id))?.version),
            AggregateKind::Order => Some(self.orders.get(&OrderId::from_uuid(id))?.version),
            AggregateKind::Payment => Some(self.payments.get(&PaymentId::from_uuid(id))?.version),
            AggregateKind::Refund => Some(self.refunds.get(&RefundId::from_uuid(id))?.version),
        }
    }
}
