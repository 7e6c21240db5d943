//! A storage that fails when it is told to.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::envelope::Event;
use crate::domain::event::EventKey;
use crate::domain::order::Order;
use crate::domain::payment::Payment;
use crate::domain::refund::Refund;
use crate::ports::{
    CommitError, Committed, DeadLetter, Due, DuePlace, Group, KeyRecord, Listing, ListingQuery,
    LiveHolds, OrderDirection, OutboxDepth, OutboxRow, OutboxRowId, PortError, Received, Storage,
    Webhook,
};
use crate::testing::faulty::{Faults, Operation, Told, unavailable};
use crate::values::{
    IdempotencyKey, IntentRef, OrderId, Page, Paged, PaymentId, PoolId, RefundId, StoreId,
    TicketId, Timestamp, UserId,
};

/// A [`Storage`] that fails when its plan says so.
///
/// A commit that was certainly not made is
/// [`NotApplied`](CommitError::NotApplied) for each of its batches; one of which nothing is known
/// is [`OutcomeUnknown`](CommitError::OutcomeUnknown) for each, whether it was made or not.
/// Everything else that fails is unavailable.
#[derive(Debug, Clone)]
pub struct FaultyStorage {
    inner: Arc<dyn Storage>,
    faults: Faults,
}

impl FaultyStorage {
    /// Stands before `inner`.
    pub fn new(inner: Arc<dyn Storage>, faults: &Faults) -> Self {
        let faults = faults.clone();
        Self { inner, faults }
    }
}

/// What a failed commit of so many batches tells.
fn uncommitted(batches: usize, told: Told) -> Committed {
    let error = unavailable(Operation::Commit);
    let outcome = match told {
        Told::NoEffect => CommitError::NotApplied(error),
        Told::Nothing | Told::ServerError => CommitError::OutcomeUnknown(error),
    };
    Committed { outcomes: vec![Err(outcome); batches], pools: Vec::new(), now: None }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Storage for FaultyStorage {
    /// Asks nobody: a number that the storage was made with.
    fn lanes(&self) -> usize {
        self.inner.lanes()
    }

    async fn commit(&self, group: Group) -> Committed {
        let batches = group.batches.len();
        let call = || self.inner.commit(group.clone());
        let failed = |told| uncommitted(batches, told);
        self.faults.around(Operation::Commit, call, failed).await
    }

    async fn now(&self) -> Result<Timestamp, PortError> {
        let call = || self.inner.now();
        self.faults.around_port(Operation::StorageNow, call).await
    }

    async fn store_id(&self) -> Result<StoreId, PortError> {
        let call = || self.inner.store_id();
        self.faults.around_port(Operation::StoreId, call).await
    }

    async fn listings(&self, ids: &[TicketId]) -> Result<Vec<Listing>, PortError> {
        let call = || self.inner.listings(ids);
        self.faults.around_port(Operation::Listings, call).await
    }

    async fn search(&self, query: &ListingQuery) -> Result<Paged<Listing>, PortError> {
        let call = || self.inner.search(query);
        self.faults.around_port(Operation::Search, call).await
    }

    async fn order(&self, id: OrderId) -> Result<Option<Order>, PortError> {
        let call = || self.inner.order(id);
        self.faults.around_port(Operation::Order, call).await
    }

    async fn orders_of(
        &self,
        buyer: &UserId,
        direction: OrderDirection,
        page: Page,
    ) -> Result<Paged<Order>, PortError> {
        let call = || self.inner.orders_of(buyer, direction, page);
        self.faults.around_port(Operation::OrdersOf, call).await
    }

    async fn payment(&self, id: PaymentId) -> Result<Option<Payment>, PortError> {
        let call = || self.inner.payment(id);
        self.faults.around_port(Operation::Payment, call).await
    }

    async fn payment_by_intent(&self, intent: &IntentRef) -> Result<Option<Payment>, PortError> {
        let call = || self.inner.payment_by_intent(intent);
        let operation = Operation::PaymentByIntent;
        self.faults.around_port(operation, call).await
    }

    async fn payments_of(&self, order: OrderId) -> Result<Vec<Payment>, PortError> {
        let call = || self.inner.payments_of(order);
        self.faults.around_port(Operation::PaymentsOf, call).await
    }

    async fn refund(&self, id: RefundId) -> Result<Option<Refund>, PortError> {
        let call = || self.inner.refund(id);
        self.faults.around_port(Operation::Refund, call).await
    }

    async fn refunds_of(&self, payment: PaymentId) -> Result<Vec<Refund>, PortError> {
        let call = || self.inner.refunds_of(payment);
        self.faults.around_port(Operation::RefundsOf, call).await
    }

    async fn key(
        &self,
        user: &UserId,
        key: &IdempotencyKey,
    ) -> Result<Option<KeyRecord>, PortError> {
        let call = || self.inner.key(user, key);
        self.faults.around_port(Operation::Key, call).await
    }

    async fn event(&self, key: EventKey) -> Result<Option<Event>, PortError> {
        let call = || self.inner.event(key);
        self.faults.around_port(Operation::Event, call).await
    }

    async fn due_orders(&self, limit: usize) -> Result<Due<Order>, PortError> {
        let call = || self.inner.due_orders(limit);
        self.faults.around_port(Operation::DueOrders, call).await
    }

    async fn due_orders_of(&self, pool: PoolId, limit: usize) -> Result<Due<Order>, PortError> {
        let call = || self.inner.due_orders_of(pool, limit);
        self.faults.around_port(Operation::DueOrdersOf, call).await
    }

    async fn live_orders(
        &self,
        pool: PoolId,
        after: Option<DuePlace>,
        limit: usize,
    ) -> Result<Vec<Order>, PortError> {
        let call = || self.inner.live_orders(pool, after, limit);
        self.faults.around_port(Operation::LiveOrders, call).await
    }

    async fn clearing_pools(&self, limit: usize) -> Result<Vec<PoolId>, PortError> {
        let call = || self.inner.clearing_pools(limit);
        let operation = Operation::ClearingPools;
        self.faults.around_port(operation, call).await
    }

    async fn unsettled_payments(
        &self,
        lease: Duration,
        limit: usize,
    ) -> Result<Due<Payment>, PortError> {
        let call = || self.inner.unsettled_payments(lease, limit);
        let operation = Operation::UnsettledPayments;
        self.faults.around_port(operation, call).await
    }

    async fn unsettled_refunds(
        &self,
        lease: Duration,
        limit: usize,
    ) -> Result<Due<Refund>, PortError> {
        let call = || self.inner.unsettled_refunds(lease, limit);
        let operation = Operation::UnsettledRefunds;
        self.faults.around_port(operation, call).await
    }

    async fn parked_payments(&self, limit: usize) -> Result<Vec<Payment>, PortError> {
        let call = || self.inner.parked_payments(limit);
        let operation = Operation::ParkedPayments;
        self.faults.around_port(operation, call).await
    }

    async fn failed_refunds(&self, limit: usize) -> Result<Vec<Refund>, PortError> {
        let call = || self.inner.failed_refunds(limit);
        let operation = Operation::FailedRefunds;
        self.faults.around_port(operation, call).await
    }

    async fn receive(&self, webhook: &Webhook) -> Result<Received, PortError> {
        let call = || self.inner.receive(webhook);
        let operation = Operation::ReceiveWebhook;
        self.faults.around_port(operation, call).await
    }

    async fn claim_webhooks(
        &self,
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<Webhook>, PortError> {
        let call = || self.inner.claim_webhooks(lease, limit);
        let operation = Operation::ClaimWebhooks;
        self.faults.around_port(operation, call).await
    }

    async fn claim_outbox(
        &self,
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, PortError> {
        let call = || self.inner.claim_outbox(lease, limit);
        self.faults.around_port(Operation::ClaimOutbox, call).await
    }

    async fn outbox_done(
        &self,
        row: OutboxRowId,
        epoch: u64,
        dead: &[DeadLetter],
    ) -> Result<bool, PortError> {
        let call = || self.inner.outbox_done(row, epoch, dead);
        self.faults.around_port(Operation::OutboxDone, call).await
    }

    async fn published_since(
        &self,
        since: Timestamp,
        after: Option<OutboxRowId>,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, PortError> {
        let call = || self.inner.published_since(since, after, limit);
        let operation = Operation::PublishedSince;
        self.faults.around_port(operation, call).await
    }

    async fn outbox_depth(&self) -> Result<OutboxDepth, PortError> {
        let call = || self.inner.outbox_depth();
        self.faults.around_port(Operation::OutboxDepth, call).await
    }

    async fn live_holds(&self) -> Result<LiveHolds, PortError> {
        let call = || self.inner.live_holds();
        self.faults.around_port(Operation::LiveHolds, call).await
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, PortError> {
        let call = || self.inner.dead_letters(limit);
        self.faults.around_port(Operation::DeadLetters, call).await
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, PortError> {
        let call = || self.inner.prune(before, limit);
        self.faults.around_port(Operation::Prune, call).await
    }
}
