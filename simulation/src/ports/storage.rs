//! A witness between an engine and its storage, before anything goes wrong on the way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use ticketing_core::domain::{Event, EventKey, Order, Payment, Refund};
use ticketing_core::ports::{
    Committed, DeadLetter, Due, DuePlace, Group, KeyRecord, Listing, ListingQuery, LiveHolds,
    OrderDirection, OutboxDepth, OutboxRow, OutboxRowId, PortError, Received, Storage, Webhook,
};
use ticketing_core::values::{
    IdempotencyKey, IntentRef, OrderId, Page, Paged, PaymentId, PoolId, RefundId, StoreId,
    TicketId, Timestamp, UserId,
};

use crate::findings::Findings;

/// What one process asks of its storage, and is told.
#[derive(Debug)]
pub(crate) struct WitnessStorage {
    inner: Arc<dyn Storage>,
    leases: Leases,
    findings: Findings,
}

/// The last lease of each outbox row that any process was told of. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Leases {
    epochs: Arc<Mutex<BTreeMap<OutboxRowId, u64>>>,
}

impl Leases {
    fn note(&self, rows: &[OutboxRow]) {
        let mut epochs = self.epochs.lock().unwrap_or_else(PoisonError::into_inner);
        for row in rows {
            let last = epochs.entry(row.id).or_default();
            *last = row.epoch.max(*last);
        }
    }

    /// The storage was put back, and counts its rows and leases anew.
    pub(crate) fn forget(&self) {
        self.epochs.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn last(&self, row: OutboxRowId) -> u64 {
        let epochs = self.epochs.lock().unwrap_or_else(PoisonError::into_inner);
        epochs.get(&row).copied().unwrap_or(0)
    }
}

impl WitnessStorage {
    pub(crate) fn new(inner: Arc<dyn Storage>, leases: &Leases, findings: &Findings) -> Self {
        Self { inner, leases: leases.clone(), findings: findings.clone() }
    }

    /// A lease that was given to somebody else since must not end anything.
    fn check_fence(&self, row: OutboxRowId, epoch: u64) {
        let last = self.leases.last(row);
        if epoch < last {
            self.findings.add("LEASE", || {
                format!(
                    "outbox row {} was ended under lease {epoch}, and {last} is in force",
                    row.0
                )
            });
        }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Storage for WitnessStorage {
    fn lanes(&self) -> usize {
        self.inner.lanes()
    }

    async fn commit(&self, group: Group) -> Committed {
        self.inner.commit(group).await
    }

    async fn now(&self) -> Result<Timestamp, PortError> {
        self.inner.now().await
    }

    async fn store_id(&self) -> Result<StoreId, PortError> {
        self.inner.store_id().await
    }

    async fn listings(&self, ids: &[TicketId]) -> Result<Vec<Listing>, PortError> {
        self.inner.listings(ids).await
    }

    async fn search(&self, query: &ListingQuery) -> Result<Paged<Listing>, PortError> {
        self.inner.search(query).await
    }

    async fn order(&self, id: OrderId) -> Result<Option<Order>, PortError> {
        self.inner.order(id).await
    }

    async fn orders_of(
        &self,
        buyer: &UserId,
        direction: OrderDirection,
        page: Page,
    ) -> Result<Paged<Order>, PortError> {
        self.inner.orders_of(buyer, direction, page).await
    }

    async fn payment(&self, id: PaymentId) -> Result<Option<Payment>, PortError> {
        self.inner.payment(id).await
    }

    async fn payment_by_intent(&self, intent: &IntentRef) -> Result<Option<Payment>, PortError> {
        self.inner.payment_by_intent(intent).await
    }

    async fn payments_of(&self, order: OrderId) -> Result<Vec<Payment>, PortError> {
        self.inner.payments_of(order).await
    }

    async fn refund(&self, id: RefundId) -> Result<Option<Refund>, PortError> {
        self.inner.refund(id).await
    }

    async fn refunds_of(&self, payment: PaymentId) -> Result<Vec<Refund>, PortError> {
        self.inner.refunds_of(payment).await
    }

    async fn key(
        &self,
        user: &UserId,
        key: &IdempotencyKey,
    ) -> Result<Option<KeyRecord>, PortError> {
        self.inner.key(user, key).await
    }

    async fn event(&self, key: EventKey) -> Result<Option<Event>, PortError> {
        self.inner.event(key).await
    }

    async fn due_orders(&self, limit: usize) -> Result<Due<Order>, PortError> {
        self.inner.due_orders(limit).await
    }

    async fn due_orders_of(&self, pool: PoolId, limit: usize) -> Result<Due<Order>, PortError> {
        self.inner.due_orders_of(pool, limit).await
    }

    async fn live_orders(
        &self,
        pool: PoolId,
        after: Option<DuePlace>,
        limit: usize,
    ) -> Result<Vec<Order>, PortError> {
        self.inner.live_orders(pool, after, limit).await
    }

    async fn clearing_pools(&self, limit: usize) -> Result<Vec<PoolId>, PortError> {
        self.inner.clearing_pools(limit).await
    }

    async fn unsettled_payments(
        &self,
        lease: Duration,
        limit: usize,
    ) -> Result<Due<Payment>, PortError> {
        self.inner.unsettled_payments(lease, limit).await
    }

    async fn unsettled_refunds(
        &self,
        lease: Duration,
        limit: usize,
    ) -> Result<Due<Refund>, PortError> {
        self.inner.unsettled_refunds(lease, limit).await
    }

    async fn parked_payments(&self, limit: usize) -> Result<Vec<Payment>, PortError> {
        self.inner.parked_payments(limit).await
    }

    async fn failed_refunds(&self, limit: usize) -> Result<Vec<Refund>, PortError> {
        self.inner.failed_refunds(limit).await
    }

    async fn receive(&self, webhook: &Webhook) -> Result<Received, PortError> {
        self.inner.receive(webhook).await
    }

    async fn claim_webhooks(
        &self,
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<Webhook>, PortError> {
        self.inner.claim_webhooks(lease, limit).await
    }

    async fn claim_outbox(
        &self,
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, PortError> {
        let rows = self.inner.claim_outbox(lease, limit).await?;
        self.leases.note(&rows);
        Ok(rows)
    }

    async fn outbox_done(
        &self,
        row: OutboxRowId,
        epoch: u64,
        dead: &[DeadLetter],
    ) -> Result<bool, PortError> {
        let done = self.inner.outbox_done(row, epoch, dead).await?;
        if done {
            self.check_fence(row, epoch);
        }
        Ok(done)
    }

    async fn published_since(
        &self,
        since: Timestamp,
        after: Option<OutboxRowId>,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, PortError> {
        self.inner.published_since(since, after, limit).await
    }

    async fn outbox_depth(&self) -> Result<OutboxDepth, PortError> {
        self.inner.outbox_depth().await
    }

    async fn live_holds(&self) -> Result<LiveHolds, PortError> {
        self.inner.live_holds().await
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, PortError> {
        self.inner.dead_letters(limit).await
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, PortError> {
        self.inner.prune(before, limit).await
    }
}
