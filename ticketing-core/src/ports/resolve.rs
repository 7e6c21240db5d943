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
//! A refused batch leaves no trace. The id of a batch that changes no aggregate is kept nowhere:
//! such a batch is known by its key, and without one it does the same again.
//!
//! The outcome of a group equals that of its accepted batches committed one by one, in everything
//! but how often the versions of pools and allowances count: once for a group.

mod layered;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::envelope::Event;
use crate::domain::event::{AggregateRef, DomainEvent, EventHeader};
use crate::domain::inventory::{Allowance, Pool, PoolCommand, Refusal};
use crate::planted::{self, CoreBug};
use crate::ports::batch::{KeyRecord, Move, Receipt, State, WriteBatch};
use crate::ports::error::CommitError;
use crate::ports::resolve::layered::Layered;
use crate::ports::snapshot::Snapshot;
use crate::values::{BatchId, IdempotencyKey, PoolId, TimeWindow, Timestamp, UserId, Version};

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
    /// The last state of every changed aggregate, sorted by aggregate.
    pub rows: Vec<RowWrite<'a>>,
    /// The pools that were touched, sorted by id.
    pub pools: Vec<PoolWrite>,
    /// The allowances that were touched, sorted by pool and buyer.
    pub allowances: Vec<AllowanceWrite>,
    /// When all of it may be applied: at every instant inside, the same batches are accepted.
    /// It is what the accepted batches' own windows, the sales that they claim from and
    /// [`SKEW_MAX`] have in common.
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
    let mut world = World::new(snapshot, batches.len());
    let outcomes = batches.iter().map(|batch| world.judge(batch)).collect();
    Resolution { outcomes, writes: world.into_writes() }
}

/// Decides a group on what its writer predicted, at the storage's own time; nothing if the
/// prediction can't be used, and the group must be decided on what is stored.
///
/// A prediction may be wrong in everything but time, which is not believed but read. What comes
/// out may be written in one transaction in which every write is guarded, and only if all guards
/// hold:
///
/// - a row with a version [`before`](RowWrite::before) is replaced at that version only, whether
///   it is an aggregate, a pool or an allowance;
/// - a row without one is inserted, and must not be there;
/// - so are the events, under their (kind, id, version), the ids of batches that have events, and
///   the idempotency keys;
/// - the storage's time, read after its locks, is in [`Writes::window`].
///
/// One guard that fails means that nothing is written and the group is decided on what is stored.
/// A group of which any batch would be refused is not decided here: a refusal writes nothing, so
/// no guard would show that what refused it was out of date.
pub fn resolve_predicted(
    predicted: Snapshot,
    now: Timestamp,
    batches: &[WriteBatch],
) -> Option<Resolution<'_>> {
    let resolution = resolve(Snapshot { now, ..predicted }, batches);
    let whole = resolution.writes.accepted.len() == batches.len();
    whole.then_some(resolution)
}

/// The snapshot, with what the accepted batches have made of it so far.
struct World<'a> {
    now: Timestamp,
    versions: BTreeMap<AggregateRef, Version>,
    receipts: BTreeMap<BatchId, Receipt>,
    used_keys: BTreeMap<(UserId, IdempotencyKey), KeyRecord>,
    pools: Layered<PoolId, Pool>,
    allowances: Layered<(PoolId, UserId), Allowance>,
    accepted: Vec<&'a WriteBatch>,
    /// The keys of the accepted batches.
    keys: BTreeMap<(&'a UserId, &'a IdempotencyKey), &'a KeyRecord>,
    /// Sorted by aggregate.
    rows: Vec<RowWrite<'a>>,
    window: TimeWindow,
}

impl<'a> World<'a> {
    fn new(snapshot: Snapshot, batches: usize) -> Self {
        Self {
            now: snapshot.now,
            versions: snapshot.versions,
            receipts: snapshot.receipts,
            used_keys: snapshot.keys,
            pools: Layered::over(snapshot.pools),
            allowances: Layered::over(snapshot.allowances),
            accepted: Vec::with_capacity(batches),
            keys: BTreeMap::new(),
            rows: Vec::with_capacity(batches),
            window: TimeWindow::always(),
        }
    }

    fn judge(&mut self, batch: &'a WriteBatch) -> Result<Receipt, CommitError> {
        self.check_id(batch)?;
        self.check_key(batch)?;
        let window = self.check_time(batch)?;
        self.check_guards(batch)?;
        let sale = self.apply_moves(batch.moves())?;
        self.accept(batch, window.intersect(sale));
        Ok(batch.receipt())
    }

    fn check_id(&self, batch: &WriteBatch) -> Result<(), CommitError> {
        let stored = self.receipts.get(&batch.id()).copied();
        match stored.or_else(|| self.accepted_before(batch)) {
            Some(receipt) => Err(CommitError::Duplicate(receipt)),
            None => Ok(()),
        }
    }

    /// The receipt of the same batch, if it was accepted earlier in the group.
    fn accepted_before(&self, batch: &WriteBatch) -> Option<Receipt> {
        // It left its rows then: only where there is one, the accepted batches are searched.
        let first = batch.changes().first()?;
        self.place_of(first.state.aggregate()).ok()?;
        let mut accepted = self.accepted.iter();
        accepted.find(|other| other.id() == batch.id()).map(|other| other.receipt())
    }

    fn check_key(&self, batch: &WriteBatch) -> Result<(), CommitError> {
        let Some(wanted) = batch.key() else {
            return Ok(());
        };
        let stored = || self.used_keys.get(&(wanted.user.clone(), wanted.key.clone()));
        let in_group = self.keys.get(&(&wanted.user, &wanted.key)).copied();
        match in_group.or_else(stored) {
            Some(record) => Err(CommitError::KeyTaken(record.clone())),
            None => Ok(()),
        }
    }

    /// When the batch may be applied, if that is now.
    fn check_time(&self, batch: &WriteBatch) -> Result<TimeWindow, CommitError> {
        if planted::is(CoreBug::OwnClock) {
            return Ok(TimeWindow::always());
        }
        let decided = batch.decided_at();
        // A window excludes its end; the largest skew is allowed.
        let end = decided.plus(SKEW_MAX).plus(Duration::from_micros(1));
        let near = TimeWindow::starting(decided.minus(SKEW_MAX)).intersect(TimeWindow::ending(end));
        let window = batch.window().intersect(near);
        if window.contains(self.now) {
            Ok(window)
        } else {
            Err(CommitError::OutOfTime { now: self.now })
        }
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
        match self.place_of(aggregate) {
            Ok(place) => self.rows.get(place).map(|row| row.state.version()),
            Err(_) => self.versions.get(&aggregate).copied(),
        }
    }

    /// Moves all units or none. Answers when that may be done: while the sales that it claims
    /// from are open.
    fn apply_moves(&mut self, moves: &[Move]) -> Result<TimeWindow, CommitError> {
        let mut window = TimeWindow::always();
        for step in moves {
            match self.apply_move(step) {
                Ok(sale) => window = window.intersect(sale),
                Err(refusal) => {
                    self.pools.take_back();
                    self.allowances.take_back();
                    return Err(CommitError::ClaimRefused { pool: step.pool, refusal });
                }
            }
        }
        self.pools.keep();
        self.allowances.keep();
        Ok(window)
    }

    fn apply_move(&mut self, step: &Move) -> Result<TimeWindow, Refusal> {
        let Some(pool) = self.pools.get(&step.pool) else {
            return self.open_pool(step);
        };
        let sale = match step.command {
            PoolCommand::Hold { .. } => pool.terms.sale,
            PoolCommand::Open(_)
            | PoolCommand::Release(_)
            | PoolCommand::Sell(_)
            | PoolCommand::Return(_)
            | PoolCommand::Restate { .. }
            | PoolCommand::Withdraw { .. }
            | PoolCommand::Cleared => TimeWindow::always(),
        };
        // Only a pool with a limit keeps allowances; the others cost no search.
        let limited = step.buyer.as_ref().filter(|_| pool.terms.max_per_buyer.is_some());
        let key = limited.map(|buyer| (step.pool, buyer.clone()));
        let allowance = key.as_ref().and_then(|key| self.allowances.get(key));
        let taken = allowance.map_or(0, |allowance| allowance.taken);
        let decision = pool.decide(step.command, taken, self.now)?;
        self.pools.put(step.pool, decision.pool);
        if let (Some(key), Some(taken)) = (key, decision.taken) {
            let (pool, buyer) = key.clone();
            self.allowances.put(key, Allowance { pool, buyer, version: Version::FIRST, taken });
        }
        Ok(sale)
    }

    fn open_pool(&mut self, step: &Move) -> Result<TimeWindow, Refusal> {
        match step.command {
            PoolCommand::Open(pool) if pool.id == step.pool => {
                self.pools.put(pool.id, pool);
                Ok(TimeWindow::always())
            }
            PoolCommand::Open(_)
            | PoolCommand::Hold { .. }
            | PoolCommand::Release(_)
            | PoolCommand::Sell(_)
            | PoolCommand::Return(_)
            | PoolCommand::Restate { .. }
            | PoolCommand::Withdraw { .. }
            | PoolCommand::Cleared => Err(Refusal::Missing),
        }
    }

    fn accept(&mut self, batch: &'a WriteBatch, window: TimeWindow) {
        self.window = self.window.intersect(window);
        self.accepted.push(batch);
        if let Some(record) = batch.key() {
            self.keys.insert((&record.user, &record.key), record);
        }
        for change in batch.changes() {
            self.put_row(&change.state);
        }
    }

    fn put_row(&mut self, state: &'a State) {
        let aggregate = state.aggregate();
        match self.place_of(aggregate) {
            Ok(place) => {
                if let Some(row) = self.rows.get_mut(place) {
                    row.state = state;
                }
            }
            Err(place) => {
                let before = self.versions.get(&aggregate).copied();
                self.rows.insert(place, RowWrite { before, state });
            }
        }
    }

    /// Where the row of an aggregate is, or would be.
    fn place_of(&self, aggregate: AggregateRef) -> Result<usize, usize> {
        match self.rows.last() {
            // New ids grow, so most rows come after all others.
            Some(last) if last.state.aggregate() < aggregate => Err(self.rows.len()),
            Some(_) | None => {
                self.rows.binary_search_by_key(&aggregate, |row| row.state.aggregate())
            }
        }
    }

    fn into_writes(self) -> Writes<'a> {
        let now = self.now;
        let pools = self.pools.into_touched().map(|(old, new)| write_pool(old, new, now));
        let allowances = self.allowances.into_touched().map(|(old, new)| write_allowance(old, new));
        Writes {
            accepted: self.accepted,
            rows: self.rows,
            pools: pools.collect(),
            allowances: allowances.collect(),
            window: self.window,
        }
    }
}

/// A touched pool counts once, however often the group touched it.
fn write_pool(stored: Option<Pool>, touched: Pool, now: Timestamp) -> PoolWrite {
    let before = stored.map(|pool| pool.version);
    let version = before.map_or(Version::FIRST, Version::next);
    let pool = Pool { version, ..touched };
    let header = EventHeader::of_pool(&pool, now);
    let event = Event { header, data: DomainEvent::InventoryChanged(pool.view()) };
    PoolWrite { before, pool, event: Arc::new(event) }
}

/// An allowance counts like its pool.
fn write_allowance(stored: Option<Allowance>, touched: Allowance) -> AllowanceWrite {
    let before = stored.map(|allowance| allowance.version);
    let version = before.map_or(Version::FIRST, Version::next);
    AllowanceWrite { before, allowance: Allowance { version, ..touched } }
}

#[cfg(test)]
mod tests;
