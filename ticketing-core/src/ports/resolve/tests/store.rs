//! A storage small enough to be obviously right: maps, and asserted guards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::envelope::Event;
use crate::domain::event::{AggregateKind, AggregateRef, EventKey};
use crate::domain::inventory::{Allowance, Pool};
use crate::domain::order::Order;
use crate::domain::payment::Payment;
use crate::domain::refund::Refund;
use crate::domain::ticket::Ticket;
use crate::ports::batch::{KeyRecord, Receipt, State, WebhookKey, WriteBatch};
use crate::ports::error::CommitError;
use crate::ports::resolve::tests::cases::{order_id, refund_id, ticket_id};
use crate::ports::resolve::{Writes, resolve};
use crate::ports::snapshot::{Footprint, Snapshot};
use crate::values::{BatchId, IdempotencyKey, PaymentId, PoolId, Timestamp, UserId, Version};

pub(super) type Outcome = Result<Receipt, CommitError>;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Store {
    pub(super) now: Timestamp,
    pub(super) states: BTreeMap<AggregateRef, State>,
    pub(super) pools: BTreeMap<PoolId, Pool>,
    pub(super) allowances: BTreeMap<(PoolId, UserId), Allowance>,
    pub(super) receipts: BTreeMap<BatchId, Receipt>,
    pub(super) keys: BTreeMap<(UserId, IdempotencyKey), KeyRecord>,
    pub(super) events: BTreeMap<EventKey, Arc<Event>>,
    pub(super) closed: BTreeSet<WebhookKey>,
}

impl Store {
    pub(super) fn empty(now: Timestamp) -> Self {
        Self {
            now,
            states: BTreeMap::new(),
            pools: BTreeMap::new(),
            allowances: BTreeMap::new(),
            receipts: BTreeMap::new(),
            keys: BTreeMap::new(),
            events: BTreeMap::new(),
            closed: BTreeSet::new(),
        }
    }

    /// What a storage would read for `batches`: their footprint, and nothing else.
    pub(super) fn snapshot(&self, batches: &[WriteBatch]) -> Snapshot {
        let footprint = Footprint::of(batches);
        let aggregates = footprint.existing.union(&footprint.fresh);
        Snapshot {
            now: self.now,
            pools: among(&self.pools, &footprint.pools),
            allowances: among(&self.allowances, &footprint.buyers),
            versions: aggregates.filter_map(|id| Some((*id, self.version(*id)?))).collect(),
            receipts: among(&self.receipts, &footprint.batches),
            keys: among(&self.keys, &footprint.keys),
        }
    }

    /// Everything there is to know.
    pub(super) fn whole(&self) -> Snapshot {
        let versions = self.states.iter().map(|(id, state)| (*id, state.version()));
        Snapshot {
            now: self.now,
            pools: self.pools.clone(),
            allowances: self.allowances.clone(),
            versions: versions.collect(),
            receipts: self.receipts.clone(),
            keys: self.keys.clone(),
        }
    }

    pub(super) fn commit(&mut self, batches: &[WriteBatch]) -> Vec<Outcome> {
        let resolution = resolve(self.snapshot(batches), batches);
        self.apply(&resolution.writes);
        resolution.outcomes
    }

    /// Writes, and refuses what a database would refuse.
    pub(super) fn apply(&mut self, writes: &Writes<'_>) {
        assert!(writes.window.contains(self.now), "written out of time");
        for row in &writes.rows {
            let id = row.state.aggregate();
            assert_eq!(row.before, self.version(id), "{id}");
            self.states.insert(id, row.state.clone());
        }
        for write in &writes.pools {
            let old = self.pools.insert(write.pool.id, write.pool);
            assert_eq!(write.before, old.map(|pool| pool.version));
        }
        for write in &writes.allowances {
            let new = write.allowance.clone();
            let old = self.allowances.insert((new.pool, new.buyer.clone()), new);
            assert_eq!(write.before, old.map(|allowance| allowance.version));
        }
        for event in writes.events() {
            let old = self.events.insert(event.key(), Arc::clone(event));
            assert_eq!(old, None, "two events of one version");
        }
        for batch in &writes.accepted {
            self.note(batch);
        }
    }

    /// Keeps what a batch leaves besides its rows: its id, its key, its webhook.
    pub(super) fn note(&mut self, batch: &WriteBatch) {
        if !batch.changes().is_empty() {
            let old = self.receipts.insert(batch.id(), batch.receipt());
            assert_eq!(old, None, "a batch was applied twice");
        }
        if let Some(record) = batch.key() {
            let key = (record.user.clone(), record.key.clone());
            let old = self.keys.insert(key, record.clone());
            assert_eq!(old, None, "a key was used twice");
        }
        self.closed.extend(batch.closes().cloned());
    }

    /// What does not depend on how batches were grouped: versions of pools and allowances count
    /// groups, and `inventory.changed` tells of those versions.
    pub(super) fn without_counts(mut self) -> Self {
        for pool in self.pools.values_mut() {
            pool.version = Version::FIRST;
        }
        for allowance in self.allowances.values_mut() {
            allowance.version = Version::FIRST;
        }
        self.events.retain(|key, _| key.aggregate.kind != AggregateKind::Pool);
        self
    }

    pub(super) fn version(&self, id: AggregateRef) -> Option<Version> {
        self.states.get(&id).map(State::version)
    }

    pub(super) fn ticket(&self, number: u8) -> Option<Arc<Ticket>> {
        match self.states.get(&ticket_id(number).into())? {
            State::Ticket(ticket) => Some(Arc::clone(ticket)),
            State::Order(_) | State::Payment(_) | State::Refund(_) => None,
        }
    }

    pub(super) fn order(&self, number: u8) -> Option<Order> {
        match self.states.get(&order_id(number).into())? {
            State::Order(order) => Some(order.as_ref().clone()),
            State::Ticket(_) | State::Payment(_) | State::Refund(_) => None,
        }
    }

    pub(super) fn payment(&self, id: PaymentId) -> Option<Payment> {
        match self.states.get(&id.into())? {
            State::Payment(payment) => Some(payment.as_ref().clone()),
            State::Ticket(_) | State::Order(_) | State::Refund(_) => None,
        }
    }

    pub(super) fn refund(&self, order: u8) -> Option<Refund> {
        match self.states.get(&refund_id(order).into())? {
            State::Refund(refund) => Some(refund.as_ref().clone()),
            State::Ticket(_) | State::Order(_) | State::Payment(_) => None,
        }
    }

    pub(super) fn pool(&self, number: u8) -> Pool {
        self.pools[&ticket_id(number)]
    }
}

fn among<K: Ord + Clone, V: Clone>(map: &BTreeMap<K, V>, keys: &BTreeSet<K>) -> BTreeMap<K, V> {
    let found = keys.iter().filter_map(|key| Some((key.clone(), map.get(key)?.clone())));
    found.collect()
}
