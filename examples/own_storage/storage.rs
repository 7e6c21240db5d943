//! The port, over the tables.

use std::cmp::Reverse;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use ticketing_core::domain::inventory::PoolState;
use ticketing_core::domain::{Event, EventKey, Order, Payment, Refund};
use ticketing_core::ports::{
    Clock, Committed, DeadLetter, Due, DuePlace, Footprint, Group, IdSource, KeyRecord, Listing,
    ListingQuery, OrderDirection, OutboxDepth, OutboxRow, OutboxRowId, PortError, RandomIds,
    Received, Storage, Webhook,
};
use ticketing_core::values::{
    IdempotencyKey, IntentRef, OrderId, Page, Paged, PaymentId, PoolId, RefundId, StoreId,
    TicketId, Timestamp, UserId,
};

use crate::tables::Tables;

/// A storage in maps, behind one lock. Clones are the same storage.
#[derive(Debug, Clone)]
pub(crate) struct MapStorage {
    id: StoreId,
    tables: Arc<Mutex<Tables>>,
}

impl MapStorage {
    /// An empty storage, whose time is that clock's.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let id = StoreId::from_uuid(RandomIds.next());
        Self { id, tables: Arc::new(Mutex::new(Tables::new(clock))) }
    }

    /// Held for the whole of a call, and never across an await: so each call is whole, however its
    /// future ends.
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Storage for MapStorage {
    fn lanes(&self) -> usize {
        1
    }

    async fn commit(&self, group: Group) -> Committed {
        let mut tables = self.tables();
        let outcomes = tables.commit(&group.batches);
        let touched = Footprint::of(&group.batches).pools;
        let pools = touched.iter().filter_map(|id| tables.pools.get(id).copied()).collect();
        Committed { outcomes, pools, now: Some(tables.now()) }
    }

    async fn now(&self) -> Result<Timestamp, PortError> {
        Ok(self.tables().now())
    }

    async fn store_id(&self) -> Result<StoreId, PortError> {
        Ok(self.id)
    }

    async fn listings(&self, ids: &[TicketId]) -> Result<Vec<Listing>, PortError> {
        let tables = self.tables();
        Ok(ids.iter().filter_map(|id| tables.listing(*id)).collect())
    }

    async fn search(&self, query: &ListingQuery) -> Result<Paged<Listing>, PortError> {
        Ok(self.tables().search(query))
    }

    async fn order(&self, id: OrderId) -> Result<Option<Order>, PortError> {
        Ok(self.tables().orders.get(&id).cloned())
    }

    async fn orders_of(
        &self,
        buyer: &UserId,
        direction: OrderDirection,
        page: Page,
    ) -> Result<Paged<Order>, PortError> {
        Ok(self.tables().orders_of(buyer, direction, page))
    }

    async fn payment(&self, id: PaymentId) -> Result<Option<Payment>, PortError> {
        Ok(self.tables().payments.get(&id).cloned())
    }

    async fn payment_by_intent(&self, intent: &IntentRef) -> Result<Option<Payment>, PortError> {
        let tables = self.tables();
        let mut payments = tables.payments.values();
        Ok(payments.find(|payment| payment.intent.as_ref() == Some(intent)).cloned())
    }

    async fn payments_of(&self, order: OrderId) -> Result<Vec<Payment>, PortError> {
        let tables = self.tables();
        let payments = tables.payments.values().filter(|payment| payment.order == Some(order));
        let mut payments: Vec<Payment> = payments.cloned().collect();
        payments.sort_by_key(|payment| (payment.created_at, payment.id));
        Ok(payments)
    }

    async fn refund(&self, id: RefundId) -> Result<Option<Refund>, PortError> {
        Ok(self.tables().refunds.get(&id).cloned())
    }

    async fn refunds_of(&self, payment: PaymentId) -> Result<Vec<Refund>, PortError> {
        let tables = self.tables();
        let refunds = tables.refunds.values().filter(|refund| refund.payment == payment);
        let mut refunds: Vec<Refund> = refunds.cloned().collect();
        refunds.sort_by_key(|refund| (refund.created_at, refund.id));
        Ok(refunds)
    }

    async fn key(
        &self,
        user: &UserId,
        key: &IdempotencyKey,
    ) -> Result<Option<KeyRecord>, PortError> {
        Ok(self.tables().keys.get(&(user.clone(), key.clone())).cloned())
    }

    async fn event(&self, key: EventKey) -> Result<Option<Event>, PortError> {
        Ok(self.tables().events.get(&key).map(|event| event.as_ref().clone()))
    }

    async fn due_orders(&self, limit: usize) -> Result<Due<Order>, PortError> {
        Ok(self.tables().due_orders(limit, |_| true))
    }

    async fn due_orders_of(&self, pool: PoolId, limit: usize) -> Result<Due<Order>, PortError> {
        Ok(self.tables().due_orders(limit, |order| holds(order, pool)))
    }

    async fn live_orders(
        &self,
        pool: PoolId,
        after: Option<DuePlace>,
        limit: usize,
    ) -> Result<Vec<Order>, PortError> {
        let tables = self.tables();
        let orders = tables.orders.values().filter(|order| order.is_live() && holds(order, pool));
        let mut orders: Vec<Order> =
            orders.filter(|order| DuePlace::of(order) > after).cloned().collect();
        orders.sort_by_key(DuePlace::of);
        orders.truncate(limit);
        Ok(orders)
    }

    async fn clearing_pools(&self, limit: usize) -> Result<Vec<PoolId>, PortError> {
        let tables = self.tables();
        let clearing = PoolState::Withdrawn { clearing: true };
        let pools = tables.pools.values().filter(|pool| pool.state == clearing);
        Ok(pools.take(limit).map(|pool| pool.id).collect())
    }

    async fn unsettled_payments(
        &self,
        lease: Duration,
        limit: usize,
    ) -> Result<Due<Payment>, PortError> {
        Ok(self.tables().unsettled_payments(lease, limit))
    }

    async fn unsettled_refunds(
        &self,
        lease: Duration,
        limit: usize,
    ) -> Result<Due<Refund>, PortError> {
        Ok(self.tables().unsettled_refunds(lease, limit))
    }

    async fn parked_payments(&self, limit: usize) -> Result<Vec<Payment>, PortError> {
        Ok(self.tables().parked_payments(limit))
    }

    async fn failed_refunds(&self, limit: usize) -> Result<Vec<Refund>, PortError> {
        Ok(self.tables().failed_refunds(limit))
    }

    async fn receive(&self, webhook: &Webhook) -> Result<Received, PortError> {
        Ok(self.tables().receive(webhook))
    }

    async fn claim_webhooks(
        &self,
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<Webhook>, PortError> {
        Ok(self.tables().claim_webhooks(lease, limit))
    }

    async fn claim_outbox(
        &self,
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, PortError> {
        Ok(self.tables().claim_outbox(lease, limit))
    }

    async fn outbox_done(
        &self,
        row: OutboxRowId,
        epoch: u64,
        dead: &[DeadLetter],
    ) -> Result<bool, PortError> {
        Ok(self.tables().outbox_done(row.0, epoch, dead))
    }

    async fn published_since(
        &self,
        since: Timestamp,
        after: Option<OutboxRowId>,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, PortError> {
        let tables = self.tables();
        let rows = tables.outbox.iter().filter(|(id, row)| {
            let further = after.is_none_or(|after| **id > after.0);
            row.published && row.committed_at >= since && further
        });
        Ok(rows.take(limit).filter_map(|(id, _)| tables.outbox_row(*id)).collect())
    }

    async fn outbox_depth(&self) -> Result<OutboxDepth, PortError> {
        let tables = self.tables();
        let oldest = tables.waiting().map(|row| row.committed_at).min();
        Ok(OutboxDepth { rows: tables.waiting().count(), oldest })
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, PortError> {
        let mut letters = self.tables().dead_letters.clone();
        letters.sort_by_key(|letter| Reverse(letter.at));
        letters.truncate(limit);
        Ok(letters)
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, PortError> {
        Ok(self.tables().prune(before, limit))
    }
}

fn holds(order: &Order, pool: PoolId) -> bool {
    order.lines.iter().any(|line| line.ticket_id == pool)
}
