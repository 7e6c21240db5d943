//! Both paths of a commit, and what becomes of a group that is refused.
//!
//! ```text
//! group --predicted--> resolve on it --every guard holds--> apply
//!   |                        '--one does not--.
//!   v                                         v
//!   '----------> snapshot -> resolve -> constraints hold --> apply
//!                    ^                       '-- they don't: halve until the culprit
//!                    '------- each half ---------'          stands alone; only it fails
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::inventory::Pool;
use crate::ports::batch::{Group, Receipt, WriteBatch};
use crate::ports::error::{CommitError, PortError, PortErrorKind};
use crate::ports::resolve::{Resolution, Writes, resolve, resolve_predicted};
use crate::ports::snapshot::{Footprint, Snapshot};
use crate::ports::storage::Committed;
use crate::values::{PoolId, Timestamp};

use super::constraints::Violation;
use super::tables::Tables;

/// How often each path of a commit was taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CommitCounts {
    /// Groups that were decided on what is stored: without a prediction, or after it missed.
    pub careful: u64,
    /// Groups that were written as predicted.
    pub optimistic: u64,
    /// Predictions that did not hold; each of these groups counts as careful too.
    pub missed: u64,
}

type Outcomes = Vec<Result<Receipt, CommitError>>;

impl Tables {
    pub(super) fn commit(&mut self, group: Group, now: Timestamp) -> Committed {
        let Group { batches, predicted } = group;
        let as_predicted =
            predicted.and_then(|predicted| self.commit_as_predicted(predicted, &batches, now));
        let outcomes = as_predicted.unwrap_or_else(|| {
            self.counts.careful += 1;
            self.commit_carefully(&batches, now)
        });
        Committed { outcomes, pools: self.pools_of(&batches), now: Some(now) }
    }

    /// Decides the group on what the writer believes, and writes it if that turns out true.
    fn commit_as_predicted(
        &mut self,
        predicted: Snapshot,
        batches: &[WriteBatch],
        now: Timestamp,
    ) -> Option<Outcomes> {
        let resolution = resolve_predicted(predicted, now, batches);
        let Some(Resolution { outcomes, writes }) =
            resolution.filter(|resolution| self.check(&resolution.writes).is_ok())
        else {
            self.counts.missed += 1;
            return None;
        };
        self.counts.optimistic += 1;
        self.apply(writes, now);
        Some(outcomes)
    }

    fn commit_carefully(&mut self, batches: &[WriteBatch], now: Timestamp) -> Outcomes {
        let snapshot = self.snapshot(&Footprint::of(batches), now);
        let Resolution { outcomes, writes } = resolve(snapshot, batches);
        if let Err(violation) = self.check(&writes) {
            return self.without_culprit(batches, violation, now);
        }
        self.apply(writes, now);
        outcomes
    }

    /// Commits a refused group's halves on their own, until a batch that is refused is alone.
    fn without_culprit(
        &mut self,
        batches: &[WriteBatch],
        violation: Violation,
        now: Timestamp,
    ) -> Outcomes {
        if let [_culprit] = batches {
            let refused = PortError::new(PortErrorKind::Refused, "commit");
            let refused = refused.with_source(violation);
            return vec![Err(CommitError::NotApplied(refused))];
        }
        let (one, other) = batches.split_at(batches.len() / 2);
        let mut outcomes = self.commit_carefully(one, now);
        outcomes.extend(self.commit_carefully(other, now));
        outcomes
    }

    /// What is stored of all that a group touches.
    pub(super) fn snapshot(&self, footprint: &Footprint, now: Timestamp) -> Snapshot {
        let pools = footprint.pools.iter();
        let buyers = footprint.buyers.iter();
        let aggregates = footprint.existing.union(&footprint.fresh);
        let batches = footprint.batches.iter();
        let keys = footprint.keys.iter();
        Snapshot {
            now,
            pools: pools.filter_map(|id| Some((*id, *self.pools.get(id)?))).collect(),
            allowances: buyers
                .filter_map(|key| Some((key.clone(), self.allowances.get(key)?.clone())))
                .collect(),
            versions: aggregates
                .filter_map(|aggregate| Some((*aggregate, self.version_of(*aggregate)?)))
                .collect(),
            receipts: batches.filter_map(|id| Some((*id, *self.receipts.get(id)?))).collect(),
            keys: keys.filter_map(|key| Some((key.clone(), self.keys.get(key)?.clone()))).collect(),
        }
    }

    fn apply(&mut self, writes: Writes<'_>, now: Timestamp) {
        let mut pointers = Vec::new();
        for event in writes.events() {
            let key = event.key();
            self.events.insert(key, Arc::clone(event));
            pointers.push(key);
        }
        self.outbox.add(pointers, now);
        for batch in writes.accepted {
            self.note(batch);
        }
        for row in writes.rows {
            self.put(row.state);
        }
        for write in writes.pools {
            self.put_pool(write.pool);
        }
        for write in writes.allowances {
            let allowance = write.allowance;
            let key = (allowance.pool, allowance.buyer.clone());
            self.allowances.insert(key, allowance);
        }
    }

    /// Remembers a batch by its id and its key, and closes its webhook.
    fn note(&mut self, batch: &WriteBatch) {
        if !batch.changes().is_empty() {
            self.receipts.insert(batch.id(), batch.receipt());
        }
        if let Some(record) = batch.key() {
            let key = (record.user.clone(), record.key.clone());
            self.keys.insert(key, record.clone());
        }
        if let Some(webhook) = batch.closes() {
            self.webhooks.close(webhook);
        }
    }

    fn pools_of(&self, batches: &[WriteBatch]) -> Vec<Pool> {
        let moves = batches.iter().flat_map(WriteBatch::moves);
        let touched: BTreeSet<PoolId> = moves.map(|step| step.pool).collect();
        let stored = touched.iter().filter_map(|id| self.pools.get(id));
        stored.copied().collect()
    }
}
