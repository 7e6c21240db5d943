//! A second way to commit, as plain as can be: batch by batch, each on a copy of the whole world
//! that is thrown away if anything refuses.

use std::sync::Arc;

use crate::domain::inventory::{Allowance, Pool, PoolCommand, Refusal};
use crate::ports::batch::{Move, WriteBatch};
use crate::ports::error::CommitError;
use crate::ports::resolve::tests::store::{Outcome, Store};
use crate::values::Version;

/// The outcomes of `batches`, and the world after them.
pub(super) fn one_by_one(store: &Store, batches: &[WriteBatch]) -> (Vec<Outcome>, Store) {
    let mut world = store.clone();
    let mut outcomes = Vec::new();
    for batch in batches {
        let outcome = commit_one(&world, batch).map(|next| world = next);
        outcomes.push(outcome.map(|()| batch.receipt()));
    }
    (outcomes, world)
}

/// The world after `batch`.
pub(super) fn commit_one(store: &Store, batch: &WriteBatch) -> Result<Store, CommitError> {
    if let Some(receipt) = store.receipts.get(&batch.id()) {
        return Err(CommitError::Duplicate(*receipt));
    }
    if let Some(taken) = batch.key().and_then(|wanted| {
        let mut records = store.keys.values();
        records.find(|record| record.user == wanted.user && record.key == wanted.key)
    }) {
        return Err(CommitError::KeyTaken(taken.clone()));
    }
    if !is_in_time(store, batch) {
        return Err(CommitError::OutOfTime { now: store.now });
    }
    let mut next = store.clone();
    for change in batch.changes() {
        let aggregate = change.state.aggregate();
        if next.version(aggregate) != change.expected {
            return Err(CommitError::Conflict(aggregate));
        }
        next.states.insert(aggregate, change.state.clone());
        next.events.insert(change.event.key(), Arc::clone(&change.event));
    }
    for step in batch.moves() {
        move_units(&mut next, step)
            .map_err(|refusal| CommitError::ClaimRefused { pool: step.pool, refusal })?;
    }
    next.note(batch);
    Ok(next)
}

fn is_in_time(store: &Store, batch: &WriteBatch) -> bool {
    let now = store.now.as_micros();
    let skew = now.abs_diff(batch.decided_at().as_micros());
    let opened = match batch.window().from() {
        Some(from) => from.as_micros() <= now,
        None => true,
    };
    let over = match batch.window().until() {
        Some(until) => until.as_micros() <= now,
        None => false,
    };
    skew <= 2_000_000 && opened && !over
}

fn move_units(world: &mut Store, step: &Move) -> Result<(), Refusal> {
    let Some(pool) = world.pools.get(&step.pool).copied() else {
        let PoolCommand::Open(pool) = step.command else {
            return Err(Refusal::Missing);
        };
        world.pools.insert(step.pool, pool);
        return Ok(());
    };
    let mine = |allowance: &&Allowance| {
        allowance.pool == step.pool && Some(&allowance.buyer) == step.buyer.as_ref()
    };
    let allowance = world.allowances.values().find(mine).cloned();
    let taken = allowance.as_ref().map_or(0, |allowance| allowance.taken);
    let decision = pool.decide(step.command, taken, world.now)?;
    let version = pool.version.next();
    let after = Pool { version, ..decision.pool };
    world.pools.insert(step.pool, after);
    if let (Some(taken), Some(buyer)) = (decision.taken, step.buyer.clone()) {
        let allowance = Allowance {
            pool: step.pool,
            buyer: buyer.clone(),
            version: allowance.map_or(Version::FIRST, |old| old.version.next()),
            taken,
        };
        world.allowances.insert((step.pool, buyer), allowance);
    }
    Ok(())
}
