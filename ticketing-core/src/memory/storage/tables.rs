//! The tables: the rows of a storage, as a database would keep them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::event::{AggregateKind, AggregateRef};
use crate::domain::inventory::{Allowance, Pool, PoolState};
use crate::domain::ticket::Ticket;
use crate::memory::books::Books;
use crate::ports::batch::{KeyRecord, Receipt, State};
use crate::values::{
    BatchId, IdempotencyKey, OrderId, PaymentId, PoolId, RefundId, StoreId, TicketId, Timestamp,
    Title, UserId, Version,
};

use super::commit::CommitCounts;
use super::events::Events;
use super::growing::{GrowingMap, GrowingSet};
use super::orders::Orders;
use super::outbox::Outbox;
use super::payments::Payments;
use super::refunds::Refunds;
use super::webhooks::Webhooks;

/// Everything that is stored. States and events are shared with the batches that brought them,
/// so that a commit copies none.
#[derive(Debug, Clone)]
pub(super) struct Tables {
    pub(super) store: StoreId,
    pub(super) tickets: BTreeMap<TicketId, Arc<Ticket>>,
    /// The listings by age, which ids need not grow with.
    pub(super) tickets_by_age: GrowingSet<(Timestamp, TicketId)>,
    pub(super) pools: BTreeMap<PoolId, Pool>,
    /// The withdrawn pools whose live orders are to be cancelled.
    pub(super) clearing: BTreeSet<PoolId>,
    pub(super) allowances: BTreeMap<(PoolId, UserId), Allowance>,
    pub(super) orders: Orders,
    pub(super) payments: Payments,
    pub(super) refunds: Refunds,
    pub(super) events: Events,
    /// Committed batches by id, kept as long as their events.
    pub(super) receipts: GrowingMap<BatchId, Receipt>,
    pub(super) keys: BTreeMap<(UserId, IdempotencyKey), KeyRecord>,
    pub(super) outbox: Outbox,
    pub(super) webhooks: Webhooks,
    pub(super) poisoned: BTreeSet<Title>,
    pub(super) counts: CommitCounts,
}

impl Tables {
    pub(super) fn new(store: StoreId) -> Self {
        Self {
            store,
            tickets: BTreeMap::new(),
            tickets_by_age: GrowingSet::default(),
            pools: BTreeMap::new(),
            clearing: BTreeSet::new(),
            allowances: BTreeMap::new(),
            orders: Orders::default(),
            payments: Payments::default(),
            refunds: Refunds::default(),
            events: Events::default(),
            receipts: GrowingMap::default(),
            keys: BTreeMap::new(),
            outbox: Outbox::default(),
            webhooks: Webhooks::default(),
            poisoned: BTreeSet::new(),
            counts: CommitCounts::default(),
        }
    }

    /// The stored version of an aggregate; nothing if it has no row.
    pub(super) fn version_of(&self, aggregate: AggregateRef) -> Option<Version> {
        let id = aggregate.id;
        match aggregate.kind {
            AggregateKind::Ticket => {
                let ticket = self.tickets.get(&TicketId::from_uuid(id));
                ticket.map(|ticket| ticket.version)
            }
            AggregateKind::Pool => {
                let pool = self.pools.get(&PoolId::from_uuid(id));
                pool.map(|pool| pool.version)
            }
            AggregateKind::Order => {
                let order = self.orders.get(OrderId::from_uuid(id));
                order.map(|order| order.version)
            }
            AggregateKind::Payment => {
                let payment = self.payments.get(PaymentId::from_uuid(id));
                payment.map(|payment| payment.version)
            }
            AggregateKind::Refund => {
                let refund = self.refunds.get(RefundId::from_uuid(id));
                refund.map(|refund| refund.version)
            }
        }
    }

    /// Inserts or replaces the row of an aggregate.
    pub(super) fn put(&mut self, state: &State) {
        match state {
            State::Ticket(ticket) => {
                self.tickets_by_age.insert((ticket.listed_at, ticket.id));
                self.tickets.insert(ticket.id, Arc::clone(ticket));
            }
            State::Order(order) => self.orders.put(order),
            State::Payment(payment) => self.payments.put(Arc::clone(payment)),
            State::Refund(refund) => self.refunds.put(Arc::clone(refund)),
        }
    }

    /// Inserts or replaces a pool.
    pub(super) fn put_pool(&mut self, pool: Pool) {
        match pool.state {
            PoolState::Withdrawn { clearing: true } => self.clearing.insert(pool.id),
            PoolState::OnSale | PoolState::Withdrawn { clearing: false } => {
                self.clearing.remove(&pool.id)
            }
        };
        self.pools.insert(pool.id, pool);
    }

    /// A copy of everything.
    pub(super) fn books(&self, now: Timestamp) -> Books {
        Books {
            now,
            tickets: self.tickets.values().map(|row| (**row).clone()).collect(),
            pools: self.pools.values().copied().collect(),
            allowances: self.allowances.values().cloned().collect(),
            orders: self.orders.all().cloned().collect(),
            payments: self.payments.all().cloned().collect(),
            refunds: self.refunds.all().cloned().collect(),
            events: self.events.all().cloned().collect(),
            keys: self.keys.values().cloned().collect(),
            dead_letters: self.outbox.dead_letters(),
            unpublished: self.outbox.depth().rows,
            open_webhooks: self.webhooks.open(),
        }
    }
}
