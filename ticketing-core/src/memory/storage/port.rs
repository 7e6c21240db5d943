//! The port itself: each call takes the lock once, reads the time under it, and answers.

use std::time::Duration;

use async_trait::async_trait;

use crate::domain::envelope::Event;
use crate::domain::event::EventKey;
use crate::domain::order::Order;
use crate::domain::payment::Payment;
use crate::domain::refund::Refund;
use crate::ports::batch::{Group, KeyRecord};
use crate::ports::error::PortError;
use crate::ports::storage::{
    Committed, DeadLetter, Due, DuePlace, Listing, ListingQuery, LiveHolds, OrderDirection,
    OutboxDepth, OutboxRow, OutboxRowId, Received, Storage, Webhook,
};
use crate::values::{
    IdempotencyKey, IntentRef, OrderId, Page, Paged, PaymentId, PoolId, RefundId, StoreId,
    TicketId, Timestamp, UserId,
};

use super::MemoryStorage;

#[async_trait]
impl Storage for MemoryStorage {
    fn lanes(&self) -> usize {
        self.lanes
    }

    async fn commit(&self, group: Group) -> Committed {
        let mut tables = self.tables();
        let now = self.shared.clock.now();
        tables.commit(group, now)
    }

    async fn now(&self) -> Result<Timestamp, PortError> {
        Ok(self.shared.clock.now())
    }

    async fn store_id(&self) -> Result<StoreId, PortError> {
        Ok(self.tables().store)
    }

    async fn listings(&self, ids: &[TicketId]) -> Result<Vec<Listing>, PortError> {
        self.tables().listings(ids)
    }

    async fn search(&self, query: &ListingQuery) -> Result<Paged<Listing>, PortError> {
        let tables = self.tables();
        tables.search(query, self.shared.clock.now())
    }

    async fn order(&self, id: OrderId) -> Result<Option<Order>, PortError> {
        Ok(self.tables().orders.get(id).cloned())
    }

    async fn orders_of(
        &self,
        buyer: &UserId,
        direction: OrderDirection,
        page: Page,
    ) -> Result<Paged<Order>, PortError> {
        Ok(self.tables().orders.of_buyer(buyer, direction, page))
    }

    async fn payment(&self, id: PaymentId) -> Result<Option<Payment>, PortError> {
        Ok(self.tables().payments.get(id).cloned())
    }

    async fn payment_by_intent(&self, intent: &IntentRef) -> Result<Option<Payment>, PortError> {
        Ok(self.tables().payments.by_intent(intent).cloned())
    }

    async fn payments_of(&self, order: OrderId) -> Result<Vec<Payment>, PortError> {
        Ok(self.tables().payments_of(order))
    }

    async fn refund(&self, id: RefundId) -> Result<Option<Refund>, PortError> {
        Ok(self.tables().refunds.get(id).cloned())
    }

    async fn refunds_of(&self, payment: PaymentId) -> Result<Vec<Refund>, PortError> {
        Ok(self.tables().refunds_of(payment))
    }

    async fn key(
        &self,
        user: &UserId,
        key: &IdempotencyKey,
    ) -> Result<Option<KeyRecord>, PortError> {
        let tables = self.tables();
        Ok(tables.keys.get(&(user.clone(), key.clone())).cloned())
    }

    async fn event(&self, key: EventKey) -> Result<Option<Event>, PortError> {
        Ok(self.tables().event(key))
    }

    async fn due_orders(&self, limit: usize) -> Result<Due<Order>, PortError> {
        let tables = self.tables();
        let now = self.shared.clock.now();
        let items = tables.due_orders(now, limit);
        Ok(Due { now, items })
    }

    async fn due_orders_of(&self, pool: PoolId, limit: usize) -> Result<Due<Order>, PortError> {
        let tables = self.tables();
        let now = self.shared.clock.now();
        let items = tables.due_orders_of(pool, now, limit);
        Ok(Due { now, items })
    }

    async fn live_orders(
        &self,
        pool: PoolId,
        after: Option<DuePlace>,
        limit: usize,
    ) -> Result<Vec<Order>, PortError> {
        let tables = self.tables();
        let live = tables.orders.live(pool, after);
        Ok(live.take(limit).cloned().collect())
    }

    async fn clearing_pools(&self, limit: usize) -> Result<Vec<PoolId>, PortError> {
        let tables = self.tables();
        Ok(tables.clearing.iter().take(limit).copied().collect())
    }

    async fn unsettled_payments(
        &self,
        lease: Duration,
        limit: usize,
    ) -> Result<Due<Payment>, PortError> {
        let mut tables = self.tables();
        let now = self.shared.clock.now();
        let items = tables.payments.lease(now, lease, limit);
        Ok(Due { now, items })
    }

    async fn unsettled_refunds(
        &self,
        lease: Duration,
        limit: usize,
    ) -> Result<Due<Refund>, PortError> {
        let mut tables = self.tables();
        let now = self.shared.clock.now();
        let items = tables.refunds.lease(now, lease, limit);
        Ok(Due { now, items })
    }

    async fn parked_payments(&self, limit: usize) -> Result<Vec<Payment>, PortError> {
        Ok(self.tables().parked_payments(limit))
    }

    async fn failed_refunds(&self, limit: usize) -> Result<Vec<Refund>, PortError> {
        Ok(self.tables().failed_refunds(limit))
    }

    async fn receive(&self, webhook: &Webhook) -> Result<Received, PortError> {
        Ok(self.tables().webhooks.receive(webhook))
    }

    async fn claim_webhooks(
        &self,
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<Webhook>, PortError> {
        let mut tables = self.tables();
        let now = self.shared.clock.now();
        Ok(tables.webhooks.claim(now, lease, limit))
    }

    async fn claim_outbox(
        &self,
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, PortError> {
        let mut tables = self.tables();
        let now = self.shared.clock.now();
        Ok(tables.claim_outbox(now, lease, limit))
    }

    async fn outbox_done(
        &self,
        row: OutboxRowId,
        epoch: u64,
        dead: &[DeadLetter],
    ) -> Result<bool, PortError> {
        Ok(self.tables().outbox.done(row, epoch, dead))
    }

    async fn published_since(
        &self,
        since: Timestamp,
        after: Option<OutboxRowId>,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, PortError> {
        Ok(self.tables().published_since(since, after, limit))
    }

    async fn outbox_depth(&self) -> Result<OutboxDepth, PortError> {
        Ok(self.tables().outbox.depth())
    }

    async fn live_holds(&self) -> Result<LiveHolds, PortError> {
        Ok(self.tables().orders.holds())
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, PortError> {
        let mut letters = self.tables().outbox.dead_letters();
        letters.truncate(limit);
        Ok(letters)
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, PortError> {
        Ok(self.tables().prune(before, limit))
    }
}
