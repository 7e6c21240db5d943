//! What a group of batches does: one pure function, the same for every storage.
//!
//! Each batch is judged on what the ones before it left, in this order:
//!
//! 1. its id is known: [`CommitError::Duplicate`], with the original receipt;
//! 2. its idempotency key is taken, in the storage or by a batch before it:
//!    [`CommitError::KeyTaken`];
//! 3. it was decided too far from the storage's time, or may not be applied at it:
//!    [`CommitError::OutOfTime`];
//! 4. an aggregate is not at the version it was decided on: [`CommitError::Conflict`];
//! 5. a pool refuses: [`CommitError::ClaimRefused`].
//!
//! A refused batch leaves no trace. The outcome of a group equals that of its accepted batches
//! committed one by one, in everything but how often a pool's version counts: once for a group.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::envelope::Event;
use crate::domain::event::{AggregateRef, DomainEvent, EventHeader};
use crate::domain::inventory::{Allowance, Pool, PoolCommand, PoolDecision, Refusal};
use crate::ports::batch::{Move, Receipt, State, WriteBatch};
use crate::ports::error::CommitError;
use crate::ports::snapshot::Snapshot;
use crate::values::{PoolId, TimeWindow, Timestamp, UserId, Version};

/// How far a decision's time may be from the storage's.
pub const SKEW_MAX: Duration = Duration::from_secs(2);

/// What a group does.
#[derive(Debug)]
pub struct Resolution<'a> {
    /// One outcome for each batch, in their order.
    pub outcomes: Vec<Result<Receipt, CommitError>>,
    /// What must be written for the accepted ones.
    pub writes: Writes<'a>,
}

/// What must be written, merged over the accepted batches of a group.
#[derive(Debug, PartialEq)]
pub struct Writes<'a> {
    /// The accepted batches, in their order: their keys, and the webhooks that they close.
    pub accepted: Vec<&'a WriteBatch>,
    /// The last state of every changed aggregate.
    pub rows: Vec<RowWrite<'a>>,
    /// The pools that changed.
    pub pools: Vec<PoolWrite>,
    /// The allowances that changed.
    pub allowances: Vec<AllowanceWrite>,
    /// When all of it may be applied: the accepted batches' common window.
    pub window: TimeWindow,
}

/// The last state of a changed aggregate.
#[derive(Debug, Clone, PartialEq)]
pub struct RowWrite<'a> {
    /// The version that is stored now; nothing if there is no row.
    pub before: Option<Version>,
    /// The state to write.
    pub state: &'a State,
}

/// A changed pool.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolWrite {
    /// The version that is stored now; nothing if there is no row.
    pub before: Option<Version>,
    /// The pool to write.
    pub pool: Pool,
    /// The event that tells of it.
    pub event: Arc<Event>,
}

/// A changed allowance.
#[derive(Debug, Clone, PartialEq)]
pub struct AllowanceWrite {
    /// The version that is stored now; nothing if there is no row.
    pub before: Option<Version>,
    /// The allowance to write.
    pub allowance: Allowance,
}

impl<'a> Writes<'a> {
    /// The events of the accepted batches in their order, then those of the pools.
    pub fn events(&self) -> impl Iterator<Item = &Arc<Event>> + use<'_, 'a> {
        let batches = self.accepted.iter().flat_map(|batch| batch.changes());
        batches.map(|change| &change.event).chain(self.pools.iter().map(|write| &write.event))
    }
}

/// Decides what `batches` do to the world that `snapshot` describes.
pub fn resolve(snapshot: Snapshot, batches: &[WriteBatch]) -> Resolution<'_> {
    let mut world = World::new(snapshot);
    let mut outcomes = Vec::with_capacity(batches.len());
    let mut accepted = Vec::with_capacity(batches.len());
    for batch in batches {
        let outcome = world.judge(batch);
        if outcome.is_ok() {
            accepted.push(batch);
        }
        outcomes.push(outcome);
    }
    Resolution { outcomes, writes: world.into_writes(accepted) }
}

/// The snapshot, with what the accepted batches have made of it so far.
struct World<'a> {
    now: Timestamp,
    seen: Snapshot,
    rows: Vec<RowWrite<'a>>,
    row_of: BTreeMap<AggregateRef, usize>,
    pools: BTreeMap<PoolId, Touched<Pool>>,
    allowances: BTreeMap<(PoolId, UserId), Touched<Allowance>>,
    window: TimeWindow,
}

/// A row that the group changed, beside its stored version.
struct Touched<T> {
    before: Option<Version>,
    after: T,
}

/// What a batch did to pools and allowances, newest last, so that it can be taken back.
#[derive(Default)]
struct Undo {
    pools: Vec<(PoolId, Option<Pool>)>,
    allowances: Vec<((PoolId, UserId), Option<Allowance>)>,
}

impl<'a> World<'a> {
    fn new(seen: Snapshot) -> Self {
        Self {
            now: seen.now,
            seen,
            rows: Vec::new(),
            row_of: BTreeMap::new(),
            pools: BTreeMap::new(),
            allowances: BTreeMap::new(),
            window: TimeWindow::always(),
        }
    }

    fn judge(&mut self, batch: &'a WriteBatch) -> Result<Receipt, CommitError> {
        self.check_id(batch)?;
        self.check_key(batch)?;
        self.check_time(batch)?;
        self.check_guards(batch)?;
        self.apply_moves(batch.moves())?;
        self.accept(batch);
        Ok(batch.receipt())
    }

    fn check_id(&self, batch: &WriteBatch) -> Result<(), CommitError> {
        match self.seen.receipts.get(&batch.id()) {
            Some(receipt) => Err(CommitError::Duplicate(*receipt)),
            None => Ok(()),
        }
    }

    fn check_key(&self, batch: &WriteBatch) -> Result<(), CommitError> {
        let Some(wanted) = batch.key() else {
            return Ok(());
        };
        match self.seen.keys.get(&(wanted.user.clone(), wanted.key.clone())) {
            Some(record) => Err(CommitError::KeyTaken(record.clone())),
            None => Ok(()),
        }
    }

    fn check_time(&self, batch: &WriteBatch) -> Result<(), CommitError> {
        let decided = batch.decided_at();
        let skew = self.now.since(decided).max(decided.since(self.now));
        if skew > SKEW_MAX || !batch.window().contains(self.now) {
            return Err(CommitError::OutOfTime { now: self.now });
        }
        Ok(())
    }

    fn check_guards(&self, batch: &WriteBatch) -> Result<(), CommitError> {
        for (index, change) in batch.changes().iter().enumerate() {
            let aggregate = change.state.aggregate();
            let earlier = batch.changes().iter().take(index);
            let in_batch = earlier.rev().find(|earlier| earlier.state.aggregate() == aggregate);
            let stored = match in_batch {
                Some(earlier) => Some(earlier.state.version()),
                None => self.version_of(aggregate),
            };
            if stored != change.expected {
                return Err(CommitError::Conflict(aggregate));
            }
        }
        Ok(())
    }

    fn version_of(&self, aggregate: AggregateRef) -> Option<Version> {
        match self.row_of.get(&aggregate).and_then(|row| self.rows.get(*row)) {
            Some(row) => Some(row.state.version()),
            None => self.seen.versions.get(&aggregate).copied(),
        }
    }

    fn apply_moves(&mut self, moves: &[Move]) -> Result<(), CommitError> {
        let mut undo = Undo::default();
        for step in moves {
            if let Err(refusal) = self.apply_move(step, &mut undo) {
                self.take_back(undo);
                return Err(CommitError::ClaimRefused { pool: step.pool, refusal });
            }
        }
        Ok(())
    }

    fn apply_move(&mut self, step: &Move, undo: &mut Undo) -> Result<(), Refusal> {
        let stored = match self.pools.get(&step.pool) {
            Some(touched) => Some(touched.after),
            None => self.seen.pools.get(&step.pool).copied(),
        };
        let decision = match (stored, step.command) {
            (None, PoolCommand::Open(pool)) if pool.id == step.pool => {
                PoolDecision { pool, taken: None }
            }
            (None, _) => return Err(Refusal::Missing),
            (Some(pool), command) => {
                let taken = step.buyer.as_ref().map_or(0, |buyer| self.taken(step.pool, buyer));
                pool.decide(command, taken, self.now)?
            }
        };
        self.put_pool(decision.pool, undo);
        if let (Some(taken), Some(buyer)) = (decision.taken, &step.buyer) {
            self.put_allowance(step.pool, buyer, taken, undo);
        }
        Ok(())
    }

    fn taken(&self, pool: PoolId, buyer: &UserId) -> u32 {
        // A pool without limits has no allowances: the common case costs no comparison.
        if self.allowances.is_empty() && self.seen.allowances.is_empty() {
            return 0;
        }
        let key = (pool, buyer.clone());
        let touched = self.allowances.get(&key).map(|touched| &touched.after);
        touched.or_else(|| self.seen.allowances.get(&key)).map_or(0, |allowance| allowance.taken)
    }

    fn put_pool(&mut self, after: Pool, undo: &mut Undo) {
        let before = self.seen.pools.get(&after.id).map(|pool| pool.version);
        let old = match self.pools.entry(after.id) {
            Entry::Occupied(mut entry) => {
                Some(std::mem::replace(&mut entry.get_mut().after, after))
            }
            Entry::Vacant(entry) => {
                entry.insert(Touched { before, after });
                None
            }
        };
        undo.pools.push((after.id, old));
    }

    fn put_allowance(&mut self, pool: PoolId, buyer: &UserId, taken: u32, undo: &mut Undo) {
        let key = (pool, buyer.clone());
        let before = self.seen.allowances.get(&key).map(|allowance| allowance.version);
        let version = before.map_or(Version::FIRST, Version::next);
        let after = Allowance { pool, buyer: buyer.clone(), version, taken };
        let old = match self.allowances.entry(key.clone()) {
            Entry::Occupied(mut entry) => {
                Some(std::mem::replace(&mut entry.get_mut().after, after))
            }
            Entry::Vacant(entry) => {
                entry.insert(Touched { before, after });
                None
            }
        };
        undo.allowances.push((key, old));
    }

    fn take_back(&mut self, undo: Undo) {
        for (id, old) in undo.pools.into_iter().rev() {
            restore(&mut self.pools, id, old);
        }
        for (key, old) in undo.allowances.into_iter().rev() {
            restore(&mut self.allowances, key, old);
        }
    }

    fn accept(&mut self, batch: &'a WriteBatch) {
        self.window = self.window.intersect(batch.window());
        if !batch.changes().is_empty() {
            self.seen.receipts.insert(batch.id(), batch.receipt());
        }
        if let Some(record) = batch.key() {
            self.seen.keys.insert((record.user.clone(), record.key.clone()), record.clone());
        }
        for change in batch.changes() {
            self.put_row(&change.state);
        }
    }

    fn put_row(&mut self, state: &'a State) {
        let aggregate = state.aggregate();
        match self.row_of.entry(aggregate) {
            Entry::Occupied(entry) => {
                if let Some(row) = self.rows.get_mut(*entry.get()) {
                    row.state = state;
                }
            }
            Entry::Vacant(entry) => {
                let before = self.seen.versions.get(&aggregate).copied();
                entry.insert(self.rows.len());
                self.rows.push(RowWrite { before, state });
            }
        }
    }

    fn into_writes(self, accepted: Vec<&'a WriteBatch>) -> Writes<'a> {
        let now = self.now;
        let pools = self.pools.into_values().map(|touched| touched.into_write(now)).collect();
        let allowances = self
            .allowances
            .into_values()
            .map(|touched| AllowanceWrite { before: touched.before, allowance: touched.after });
        let allowances = allowances.collect();
        Writes { accepted, rows: self.rows, pools, allowances, window: self.window }
    }
}

impl Touched<Pool> {
    fn into_write(self, now: Timestamp) -> PoolWrite {
        let version = self.before.map_or(Version::FIRST, Version::next);
        let pool = Pool { version, ..self.after };
        let header = EventHeader::of_pool(&pool, now);
        let event = Event { header, data: DomainEvent::InventoryChanged(pool.view()) };
        PoolWrite { before: self.before, pool, event: Arc::new(event) }
    }
}

fn restore<K: Ord, T>(map: &mut BTreeMap<K, Touched<T>>, key: K, old: Option<T>) {
    match (map.entry(key), old) {
        (Entry::Occupied(mut entry), Some(old)) => entry.get_mut().after = old,
        (Entry::Occupied(entry), None) => {
            entry.remove();
        }
        (Entry::Vacant(_), _) => {}
    }
}

#[cfg(test)]
mod tests;
