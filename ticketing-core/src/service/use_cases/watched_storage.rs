//! A storage in memory that a test watches, holds up and lies about.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::domain::{Event, EventKey, Order, Payment, Refund};
use crate::memory::MemoryStorage;
use crate::ports::{
    CommitError, Committed, DeadLetter, Due, DuePlace, Group, KeyRecord, Listing, ListingQuery,
    LiveHolds, OrderDirection, OutboxDepth, OutboxRow, OutboxRowId, PortError, PortErrorKind,
    Received, Storage, Webhook, WriteBatch,
};
use crate::values::{
    IdempotencyKey, IntentRef, OrderId, Page, Paged, PaymentId, PoolId, RefundId, StoreId,
    TicketId, Timestamp, UserId,
};

/// A storage in memory. Clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct WatchedStorage {
    /// What is behind it: for the test's own reads and writes, which are not watched.
    pub(crate) inner: MemoryStorage,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    calls: Mutex<Vec<&'static str>>,
    groups: Mutex<Vec<Group>>,
    answers: Mutex<VecDeque<Answer>>,
    failing: Mutex<BTreeSet<&'static str>>,
    held_up: watch::Sender<HeldUp>,
    held_call: watch::Sender<Option<&'static str>>,
}

/// What becomes of a commit, and what its caller hears.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer {
    /// It is applied, and the answer arrives.
    True,
    /// It is applied, and the answer is lost.
    LostAfter,
    /// It is not applied, and nobody knows.
    LostBefore,
    /// It is applied, and this one outcome is lost.
    OneLost(usize),
    /// It is applied, and only so many outcomes arrive.
    Short(usize),
    /// It is certainly not applied, now.
    NotReached,
    /// It is refused for good.
    Refused,
    /// The storage panics.
    Panic,
}

/// Which commits wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeldUp {
    /// None.
    None,
    /// All.
    All,
    /// Those that move units of this pool.
    Pool(PoolId),
}

impl WatchedStorage {
    pub(crate) fn new(inner: MemoryStorage) -> Self {
        let shared = Shared {
            calls: Mutex::default(),
            groups: Mutex::default(),
            answers: Mutex::default(),
            failing: Mutex::default(),
            held_up: watch::channel(HeldUp::None).0,
            held_call: watch::channel(None).0,
        };
        Self { inner, shared: Arc::new(shared) }
    }

    /// The calls since this was asked last.
    pub(crate) fn take_calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.shared.calls.lock().unwrap())
    }

    /// The groups that were handed over since this was asked last.
    pub(crate) fn take_groups(&self) -> Vec<Group> {
        std::mem::take(&mut self.shared.groups.lock().unwrap())
    }

    /// How the next commits end; true ones follow.
    pub(crate) fn answer(&self, answers: impl IntoIterator<Item = Answer>) {
        self.shared.answers.lock().unwrap().extend(answers);
    }

    /// Which commits wait from now on.
    pub(crate) fn hold_up(&self, which: HeldUp) {
        self.shared.held_up.send_replace(which);
    }

    /// Which reads wait from now on, by name.
    pub(crate) fn hold_call(&self, call: Option<&'static str>) {
        self.shared.held_call.send_replace(call);
    }

    /// From now on calls of that name fail.
    pub(crate) fn fail(&self, call: &'static str) {
        self.shared.failing.lock().unwrap().insert(call);
    }

    /// Nothing fails any more.
    pub(crate) fn mend(&self) {
        self.shared.failing.lock().unwrap().clear();
    }

    async fn enter(&self, call: &'static str) -> Result<(), PortError> {
        self.shared.calls.lock().unwrap().push(call);
        let mut held_call = self.shared.held_call.subscribe();
        held_call.wait_for(|held| *held != Some(call)).await.unwrap();
        if self.shared.failing.lock().unwrap().contains(call) {
            return Err(PortError::unavailable(call));
        }
        Ok(())
    }

    async fn commit_as_told(&self, group: Group) -> Committed {
        let count = group.batches.len();
        let answer = self.shared.answers.lock().unwrap().pop_front().unwrap_or(Answer::True);
        let lost = || Err(CommitError::OutcomeUnknown(PortError::unavailable("commit")));
        let failed = |kind| Err(CommitError::NotApplied(PortError::new(kind, "commit")));
        let unreached = |outcomes| Committed { outcomes, pools: Vec::new(), now: None };
        match answer {
            Answer::True => self.inner.commit(group).await,
            Answer::LostAfter => {
                self.inner.commit(group).await;
                unreached((0..count).map(|_| lost()).collect())
            }
            Answer::LostBefore => unreached((0..count).map(|_| lost()).collect()),
            Answer::OneLost(index) => {
                let mut committed = self.inner.commit(group).await;
                committed.outcomes[index] = lost();
                committed
            }
            Answer::Short(kept) => {
                let mut committed = self.inner.commit(group).await;
                committed.outcomes.truncate(kept);
                committed
            }
            Answer::NotReached => {
                unreached((0..count).map(|_| failed(PortErrorKind::Unavailable)).collect())
            }
            Answer::Refused => {
                unreached((0..count).map(|_| failed(PortErrorKind::Refused)).collect())
            }
            Answer::Panic => panic!("the storage panics, as it was told to"),
        }
    }
}

impl HeldUp {
    fn includes(self, group: &Group) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Pool(pool) => {
                group.batches.iter().flat_map(WriteBatch::moves).any(|step| step.pool == pool)
            }
        }
    }
}

/// Reads that are written down and may fail, then handed on.
macro_rules! watched_storage {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $output:ty;)*) => {
        #[async_trait]
        impl Storage for WatchedStorage {
            fn lanes(&self) -> usize {
                self.inner.lanes()
            }

            async fn commit(&self, group: Group) -> Committed {
                self.shared.calls.lock().unwrap().push("commit");
                self.shared.groups.lock().unwrap().push(group.clone());
                let mut held_up = self.shared.held_up.subscribe();
                held_up.wait_for(|which| !which.includes(&group)).await.unwrap();
                self.commit_as_told(group).await
            }

            $(async fn $name(&self, $($argument: $kind),*) -> Result<$output, PortError> {
                self.enter(stringify!($name)).await?;
                self.inner.$name($($argument),*).await
            })*
        }
    };
}

watched_storage! {
    now() -> Timestamp;
    store_id() -> StoreId;
    listings(ids: &[TicketId]) -> Vec<Listing>;
    search(query: &ListingQuery) -> Paged<Listing>;
    order(id: OrderId) -> Option<Order>;
    orders_of(buyer: &UserId, direction: OrderDirection, page: Page) -> Paged<Order>;
    payment(id: PaymentId) -> Option<Payment>;
    payment_by_intent(intent: &IntentRef) -> Option<Payment>;
    payments_of(order: OrderId) -> Vec<Payment>;
    refund(id: RefundId) -> Option<Refund>;
    refunds_of(payment: PaymentId) -> Vec<Refund>;
    key(user: &UserId, key: &IdempotencyKey) -> Option<KeyRecord>;
    event(key: EventKey) -> Option<Event>;
    due_orders(limit: usize) -> Due<Order>;
    due_orders_of(pool: PoolId, limit: usize) -> Due<Order>;
    live_orders(pool: PoolId, after: Option<DuePlace>, limit: usize) -> Vec<Order>;
    clearing_pools(limit: usize) -> Vec<PoolId>;
    unsettled_payments(lease: Duration, limit: usize) -> Due<Payment>;
    unsettled_refunds(lease: Duration, limit: usize) -> Due<Refund>;
    parked_payments(limit: usize) -> Vec<Payment>;
    failed_refunds(limit: usize) -> Vec<Refund>;
    receive(webhook: &Webhook) -> Received;
    claim_webhooks(lease: Duration, limit: usize) -> Vec<Webhook>;
    claim_outbox(lease: Duration, limit: usize) -> Vec<OutboxRow>;
    outbox_done(row: OutboxRowId, epoch: u64, dead: &[DeadLetter]) -> bool;
    published_since(since: Timestamp, after: Option<OutboxRowId>, limit: usize) -> Vec<OutboxRow>;
    outbox_depth() -> OutboxDepth;
    live_holds() -> LiveHolds;
    dead_letters(limit: usize) -> Vec<DeadLetter>;
    prune(before: Timestamp, limit: usize) -> usize;
}
