//! What a case works on: an empty storage, and the means to fill it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::books;
use super::harness::{StorageHarness, StorageNamespace};
use super::outcome::Outcome;
use super::samples::webhook;
use crate::domain::event::{Actor, EventKey};
use crate::domain::inventory::Pool;
use crate::domain::order::Order;
use crate::domain::payment::{ConfirmedBy, Payment};
use crate::domain::ticket::{NewTicket, Ticket};
use crate::ports::{
    BatchBuilder, Cause, CommitError, Committed, Group, IdSource, Listing, OutboxRow, OutboxRowId,
    Receipt, Retry, Storage, Webhook, WriteBatch,
};
use crate::testing::builders::{BatchFactory, Planned, Purchase, a_seller};
use crate::testing::clock::ManualClock;
use crate::testing::conformance::unordered_ids::UnorderedIds;
use crate::testing::conformance::verdict::{fail, found, only, worked};
use crate::values::{CorrelationId, OrderId, PaymentId, PoolId, TicketId, Timestamp, UserId};

/// One case's storage, with everything that the case needs to commit to it.
///
/// The short methods commit at once and fail the case when they are refused. What a case is
/// about it builds itself, with [`make`](Self::make).
#[derive(Debug)]
pub struct Scene {
    namespace: Box<dyn StorageNamespace>,
    ids: Arc<UnorderedIds>,
    /// Every event that an outbox row told of, and which row.
    told: Mutex<BTreeMap<EventKey, OutboxRowId>>,
}

impl Scene {
    /// An empty storage.
    pub async fn open(harness: &dyn StorageHarness) -> Self {
        Self { namespace: harness.open().await, ids: Arc::default(), told: Mutex::default() }
    }

    /// Ends the case: everything that was committed must get published, no webhook may be left,
    /// and the units of every pool must be those of its orders.
    pub async fn close(mut self) {
        books::close(&self).await;
        self.namespace.close().await;
    }

    /// The storage.
    pub fn storage(&self) -> Arc<dyn Storage> {
        self.namespace.storage()
    }

    /// What the harness gave.
    pub fn namespace(&self) -> &dyn StorageNamespace {
        self.namespace.as_ref()
    }

    /// Closes the storage and opens it again.
    pub async fn reopen(&mut self) {
        self.namespace.reopen().await;
    }

    /// So many handles to the storage.
    pub async fn handles(&self, number: usize) -> Vec<Arc<dyn Storage>> {
        let mut handles = vec![self.storage()];
        while handles.len() < number {
            handles.push(self.namespace.second().await);
        }
        handles
    }

    /// Where the ids of the case come from.
    pub fn ids(&self) -> Arc<dyn IdSource> {
        let ids: Arc<UnorderedIds> = Arc::clone(&self.ids);
        ids
    }

    /// The storage's time.
    pub async fn now(&self) -> Timestamp {
        worked(self.storage().now().await, "now")
    }

    /// A time so long that a few calls surely take less.
    pub fn tick(&self) -> Duration {
        self.namespace.tick()
    }

    /// Lets so many ticks pass.
    pub async fn pass(&self, ticks: u32) {
        self.namespace.pass(self.tick().saturating_mul(ticks)).await;
    }

    /// Makes batches that are decided now, by the storage's time.
    pub async fn make(&self) -> BatchFactory {
        self.make_at(self.now().await)
    }

    /// Makes batches that are decided at `now`.
    pub fn make_at(&self, now: Timestamp) -> BatchFactory {
        BatchFactory::new(self.ids(), Arc::new(ManualClock::new(now)))
    }

    /// Makes batches that were decided so many steps of 100 ms ago: up to 12, so that they may
    /// still be committed. Fewer steps back is later, even if the case itself took its time.
    pub async fn make_aged(&self, steps: u32) -> BatchFactory {
        let age = Duration::from_millis(100).saturating_mul(steps.min(12));
        self.make_at(self.now().await.minus(age))
    }

    /// A batch to be filled by hand, decided at `now`.
    pub fn batch(&self, now: Timestamp) -> BatchBuilder<'_> {
        let cause = Cause {
            actor: Actor::User(a_seller()),
            correlation: Some(CorrelationId::from_uuid(self.ids.next())),
        };
        BatchBuilder::new(cause, &*self.ids, now)
    }

    /// Commits a group.
    pub async fn group(&self, batches: Vec<WriteBatch>) -> Committed {
        commit(&*self.storage(), batches).await
    }

    /// Commits a group of batches that another list keeps; how each ended.
    pub async fn outcomes(&self, batches: &[&WriteBatch]) -> Vec<Outcome> {
        let batches = batches.iter().copied().cloned();
        Outcome::all(&self.group(batches.collect()).await)
    }

    /// Commits one batch; how it ended.
    pub async fn submit(&self, batch: &WriteBatch) -> Outcome {
        only(self.outcomes(&[batch]).await, "the outcome of one batch")
    }

    /// Commits one batch, which must be applied.
    pub async fn accept(&self, batch: &WriteBatch) {
        let committed = self.group(vec![batch.clone()]).await;
        let outcome = only(committed.outcomes, "the outcome of one batch");
        let receipt = worked(outcome, "a batch that must be applied");
        assert_eq!(receipt, batch.receipt(), "the receipt of a batch");
    }

    /// Commits what is planned, which must be applied; what it leads to.
    pub async fn apply<T>(&self, planned: Planned<T>) -> T {
        self.accept(&planned.batch).await;
        planned.next
    }

    /// A new listing.
    pub async fn list(&self, new: NewTicket) -> Listing {
        self.apply(self.make().await.list(&a_seller(), new)).await
    }

    /// A listing that is there.
    pub async fn listing(&self, id: TicketId) -> Listing {
        let listings = worked(self.storage().listings(&[id]).await, "listings");
        only(listings, "a listing that is there")
    }

    /// How many units of a pool are held and sold.
    pub async fn claimed(&self, id: PoolId) -> (u32, u32) {
        let Pool { held, sold, .. } = self.listing(id).await.pool;
        (held, sold)
    }

    /// A new order.
    pub async fn reserve(&self, buyer: &UserId, lines: &[(&Ticket, u32)]) -> Order {
        self.apply(self.make().await.reserve(buyer, lines)).await
    }

    /// Cancels an order in its buyer's name.
    pub async fn cancel(&self, order: &Order) -> Order {
        self.apply(self.make().await.cancel(order)).await
    }

    /// An attempt to pay for an order.
    pub async fn pay(&self, order: &Order) -> Purchase {
        let make = self.make().await;
        self.apply(make.start_payment(order, ConfirmedBy::Server)).await
    }

    /// A new order that is paid for.
    pub async fn sell(&self, buyer: &UserId, lines: &[(&Ticket, u32)]) -> Purchase {
        let paying = self.pay(&self.reserve(buyer, lines).await).await;
        self.apply(self.make().await.capture(&paying)).await
    }

    /// An order that is there.
    pub async fn order(&self, id: OrderId) -> Order {
        found(worked(self.storage().order(id).await, "order"), "the order")
    }

    /// A payment that is there.
    pub async fn payment(&self, id: PaymentId) -> Payment {
        let payment = worked(self.storage().payment(id).await, "payment");
        found(payment, "the payment")
    }

    /// A webhook that the storage has received.
    pub async fn received(&self, name: &str) -> Webhook {
        let webhook = webhook(name, self.now().await);
        worked(self.storage().receive(&webhook).await, "receive");
        webhook
    }

    /// Claims webhooks, for one tick.
    pub async fn claim_webhooks(&self) -> Vec<Webhook> {
        let claimed = self.storage().claim_webhooks(self.tick(), 1000).await;
        worked(claimed, "claim_webhooks")
    }

    /// Closes a webhook with a batch of its own.
    pub async fn close_webhook(&self, webhook: &Webhook) {
        let batch = self.batch(self.now().await);
        self.accept(&batch.closing(Some(webhook.key.clone())).build()).await;
    }

    /// Claims every outbox row that can be claimed, for one tick.
    pub async fn claim_outbox(&self) -> Vec<OutboxRow> {
        let rows = self.storage().claim_outbox(self.tick(), 1000).await;
        let rows = worked(rows, "claim_outbox");
        self.note(&rows);
        rows
    }

    /// Claims every outbox row and says that its events were published.
    pub async fn publish(&self) -> Vec<OutboxRow> {
        let rows = self.claim_outbox().await;
        for row in &rows {
            let done = self.storage().outbox_done(row.id, row.epoch, &[]).await;
            assert!(worked(done, "outbox_done"), "a claimed row can be finished");
        }
        rows
    }

    /// Every event that an outbox row told of.
    pub(super) fn told(&self) -> BTreeSet<EventKey> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.keys().copied().collect()
    }

    /// Notes what outbox rows tell. A row may come again, an event belongs to one row.
    pub(super) fn note(&self, rows: &[OutboxRow]) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for row in rows {
            for event in &row.events {
                let before = told.insert(event.key(), row.id);
                let elsewhere = before.filter(|before| *before != row.id);
                assert_eq!(elsewhere, None, "{:?} is in {:?} too", event.key(), row.id);
            }
        }
    }
}

/// Commits a group, without a prediction; one outcome for each batch. While others hold what it
/// needs, the storage may be unavailable: then it is sent again, as the engine would.
pub(super) async fn commit(storage: &dyn Storage, batches: Vec<WriteBatch>) -> Committed {
    for _ in 0..100 {
        let group = Group::of(batches.clone());
        let committed = storage.commit(group).await;
        assert_eq!(committed.outcomes.len(), batches.len(), "one outcome for each batch");
        if batches.is_empty() || !committed.outcomes.iter().all(is_unavailable) {
            return committed;
        }
    }
    fail("the storage is not available")
}

/// Certainly not applied, and worth another try.
fn is_unavailable(outcome: &Result<Receipt, CommitError>) -> bool {
    match outcome {
        Err(CommitError::NotApplied(error)) => error.retry() == Retry::Later,
        Err(
            CommitError::Duplicate(_)
            | CommitError::KeyTaken(_)
            | CommitError::OutOfTime { .. }
            | CommitError::Conflict(_)
            | CommitError::ClaimRefused { .. }
            | CommitError::OutcomeUnknown(_),
        )
        | Ok(_) => false,
    }
}
