//! What a group must know of the stored world before it can be decided, and that knowledge.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::event::AggregateRef;
use crate::domain::inventory::{Allowance, Pool};
use crate::ports::batch::{KeyRecord, Receipt, WriteBatch};
use crate::values::{BatchId, IdempotencyKey, PoolId, Timestamp, UserId, Version};

/// Everything that the outcome of a group depends on.
///
/// What is not in a map does not exist: a pool, an aggregate, a batch, a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The storage's time, read after its locks were taken.
    pub now: Timestamp,
    /// The pools that the group moves units of.
    pub pools: BTreeMap<PoolId, Pool>,
    /// The allowances of the buyers whose units it moves, in pools that keep a limit.
    pub allowances: BTreeMap<(PoolId, UserId), Allowance>,
    /// The stored versions of the aggregates that it changes.
    pub versions: BTreeMap<AggregateRef, Version>,
    /// Those of its batches that were committed before.
    pub receipts: BTreeMap<BatchId, Receipt>,
    /// Those of its idempotency keys that were used before.
    pub keys: BTreeMap<(UserId, IdempotencyKey), KeyRecord>,
}

impl Snapshot {
    /// A world in which nothing exists.
    pub fn empty(now: Timestamp) -> Self {
        Self {
            now,
            pools: BTreeMap::new(),
            allowances: BTreeMap::new(),
            versions: BTreeMap::new(),
            receipts: BTreeMap::new(),
            keys: BTreeMap::new(),
        }
    }
}

/// What a group touches, sorted: the order in which rows are locked everywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Footprint {
    /// The ids of its batches that have events.
    pub batches: BTreeSet<BatchId>,
    /// Its idempotency keys.
    pub keys: BTreeSet<(UserId, IdempotencyKey)>,
    /// The pools.
    pub pools: BTreeSet<PoolId>,
    /// The buyers whose units move, by pool.
    pub buyers: BTreeSet<(PoolId, UserId)>,
    /// The aggregates that must exist.
    pub existing: BTreeSet<AggregateRef>,
    /// The aggregates that must not.
    pub fresh: BTreeSet<AggregateRef>,
}

impl Footprint {
    /// What `batches` touch.
    pub fn of(batches: &[WriteBatch]) -> Self {
        let mut footprint = Self::default();
        for batch in batches {
            footprint.add(batch);
        }
        footprint
    }

    fn add(&mut self, batch: &WriteBatch) {
        if !batch.changes().is_empty() {
            self.batches.insert(batch.id());
        }
        self.keys.extend(batch.key().map(|record| (record.user.clone(), record.key.clone())));
        for change in batch.changes() {
            let place = match change.expected {
                Some(_) => &mut self.existing,
                None => &mut self.fresh,
            };
            place.insert(change.state.aggregate());
        }
        for step in batch.moves() {
            self.pools.insert(step.pool);
            self.buyers.extend(step.buyer.clone().map(|buyer| (step.pool, buyer)));
        }
    }
}
