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

/// What a group touches, sorted: rows of a kind are locked in this order everywhere.
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
    /// The aggregates that a batch expects to exist.
    pub existing: BTreeSet<AggregateRef>,
    /// The aggregates that a batch makes. One that another batch changes is in both sets.
    pub fresh: BTreeSet<AggregateRef>,
}

impl Footprint {
    /// What `batches` touch.
    pub fn of(batches: &[WriteBatch]) -> Self {
        // Collecting sorts once, which costs less than finding a place for each.
        let with_events = batches.iter().filter(|batch| !batch.changes().is_empty());
        let keys = batches.iter().filter_map(WriteBatch::key);
        let moves = || batches.iter().flat_map(WriteBatch::moves);
        let changed = |exists: bool| {
            let changes = batches.iter().flat_map(WriteBatch::changes);
            let wanted = changes.filter(move |change| change.expected.is_some() == exists);
            wanted.map(|change| change.state.aggregate()).collect()
        };
        Self {
            batches: with_events.map(WriteBatch::id).collect(),
            keys: keys.map(|record| (record.user.clone(), record.key.clone())).collect(),
            pools: moves().map(|step| step.pool).collect(),
            buyers: moves().filter_map(|step| Some((step.pool, step.buyer.clone()?))).collect(),
            existing: changed(true),
            fresh: changed(false),
        }
    }
}
