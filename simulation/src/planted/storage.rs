//! Bugs between an engine and its storage.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use ticketing_core::domain::{Actor, Event, EventKey, Order, Payment, PaymentState, Refund};
use ticketing_core::ports::{
    BatchBuilder, Cause, Committed, DeadLetter, Due, DuePlace, EventBus, Group, IdSource,
    KeyRecord, Listing, ListingQuery, LiveHolds, OpenIntent, OrderDirection, OutboxDepth,
    OutboxRow, OutboxRowId, PaymentGateway, PortError, Received, State, Storage, Webhook,
    WebhookKey, WriteBatch,
};
use ticketing_core::testing::SeededIds;
use ticketing_core::values::{
    IdempotencyKey, IntentRef, OrderId, Page, Paged, PaymentId, PoolId, RefundId, StoreId,
    TicketId, Timestamp, UserId,
};

use super::Bug;

/// A storage as a process with a bug uses it.
#[derive(Debug)]
pub(super) struct PlantedStorage {
    bug: Bug,
    inner: Arc<dyn Storage>,
    bus: Arc<dyn EventBus>,
    gateway: Arc<dyn PaymentGateway>,
    shared: Arc<Shared>,
    /// What this process remembers, and forgets when it dies.
    remembered: Mutex<BTreeSet<WebhookKey>>,
}

/// What all processes with the bug have in common.
#[derive(Debug, Default)]
pub(super) struct Shared {
    last_row: Mutex<Option<OutboxRowId>>,
    epochs: Mutex<BTreeMap<OutboxRowId, u64>>,
    closings: Mutex<u32>,
}

impl PlantedStorage {
    pub(super) fn new(
        bug: Bug,
        inner: Arc<dyn Storage>,
        (bus, gateway): (Arc<dyn EventBus>, Arc<dyn PaymentGateway>),
        shared: &Arc<Shared>,
    ) -> Self {
        let shared = Arc::clone(shared);
        Self { bug, inner, bus, gateway, shared, remembered: Mutex::default() }
    }

    async fn before_commit(&self, group: &Group) {
        let changes = group.batches.iter().flat_map(WriteBatch::changes);
        if self.bug == Bug::PublishBeforeCommit {
            let events: Vec<Event> = changes.map(|change| Event::clone(&change.event)).collect();
            drop(self.bus.publish(&events).await);
        } else if self.bug == Bug::OpensBeforeWriting {
            for change in changes {
                if let State::Payment(payment) = &change.state {
                    self.open(payment).await;
                }
            }
        }
    }

    async fn open(&self, payment: &Payment) {
        let (Some(order), Ok(store)) = (payment.order, self.inner.store_id().await) else { return };
        if payment.state != PaymentState::Initiated {
            return;
        }
        let intent = OpenIntent {
            attempt: payment.id,
            order,
            store,
            amount: payment.amount,
            confirmed_by: payment.confirmed_by,
            key: format!("open:{}", payment.id),
        };
        drop(self.gateway.open(&intent).await);
    }

    async fn claimed(&self, rows: Vec<OutboxRow>) -> Result<Vec<OutboxRow>, PortError> {
        if self.bug == Bug::CursorRelay {
            return Ok(self.after_the_last(rows));
        }
        if self.bug == Bug::DoneBeforePublished {
            for row in &rows {
                self.inner.outbox_done(row.id, row.epoch, &[]).await?;
            }
        }
        let mut epochs = self.shared.epochs.lock().unwrap_or_else(PoisonError::into_inner);
        epochs.extend(rows.iter().map(|row| (row.id, row.epoch)));
        Ok(rows)
    }

    fn after_the_last(&self, mut rows: Vec<OutboxRow>) -> Vec<OutboxRow> {
        let mut last = self.shared.last_row.lock().unwrap_or_else(PoisonError::into_inner);
        rows.retain(|row| Some(row.id) > *last);
        *last = rows.iter().map(|row| row.id).max().max(*last);
        rows
    }

    /// The epoch under which a row is ended: with the bug, whatever is in force.
    fn epoch(&self, row: OutboxRowId, epoch: u64) -> u64 {
        if self.bug != Bug::LeaseWithoutFencing {
            return epoch;
        }
        let epochs = self.shared.epochs.lock().unwrap_or_else(PoisonError::into_inner);
        epochs.get(&row).copied().unwrap_or(epoch)
    }

    async fn received(&self, webhook: &Webhook) -> Result<Received, PortError> {
        if self.bug == Bug::WebhooksInMemory {
            let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
            let is_new = remembered.insert(webhook.key.clone());
            return Ok(if is_new { Received::New } else { Received::Seen });
        }
        let received = self.inner.receive(webhook).await?;
        if self.bug == Bug::WebhookClosedFirst {
            let ids = self.next_ids();
            let cause = Cause { actor: Actor::Gateway, correlation: None };
            let batch = BatchBuilder::new(cause, ids.as_ref(), self.inner.now().await?);
            let batch = batch.closing(Some(webhook.key.clone())).build();
            drop(self.inner.commit(Group::of([batch])).await);
        }
        Ok(received)
    }

    /// Ids that nobody else gives out.
    fn next_ids(&self) -> Arc<dyn IdSource> {
        let mut closings = self.shared.closings.lock().unwrap_or_else(PoisonError::into_inner);
        *closings = closings.saturating_add(1);
        Arc::new(SeededIds::new(0, u32::MAX.saturating_sub(*closings)))
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Storage for PlantedStorage {
    fn lanes(&self) -> usize {
        self.inner.lanes()
    }

    async fn commit(&self, group: Group) -> Committed {
        self.before_commit(&group).await;
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
        self.received(webhook).await
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
        self.claimed(rows).await
    }

    async fn outbox_done(
        &self,
        row: OutboxRowId,
        epoch: u64,
        dead: &[DeadLetter],
    ) -> Result<bool, PortError> {
        self.inner.outbox_done(row, self.epoch(row, epoch), dead).await
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
