//! Both paths of a commit, and what becomes of a group that the database refuses.
//!
//! The careful path locks and reads what the group touches, decides, and writes, all in one
//! transaction. The optimistic path writes what its writer predicted in one statement, and falls
//! back to the careful one if anything was not as predicted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::PgConnection;
use ticketing_core::domain::Pool;
use ticketing_core::ports::{
    CommitError, Committed, Footprint, Group, PortError, Receipt, Resolution, Snapshot, WriteBatch,
    Writes, resolve, resolve_predicted,
};
use ticketing_core::values::{PoolId, Timestamp, Version};
use tokio::time::timeout;

use crate::apply::apply;
use crate::error::Failure;
use crate::predicted::Prediction;
use crate::rows::pool;
use crate::snapshot;
use crate::storage::{PATIENCE, PostgresStorage, Session, Shared, in_time};

const OPERATION: &str = "commit";

/// How often a group is tried as a whole when the database gave it up for another one's sake.
const TRIES: usize = 6;

/// How many connections are tried until one is found that still leads to the server: after a
/// restart, those of before do not.
const CONNECTIONS: usize = 4;

pub(crate) type Outcomes = Vec<Result<Receipt, CommitError>>;

/// Why a group was not committed.
enum Uncommitted {
    /// Nothing was written.
    NotApplied(Failure),
    /// Nobody knows: the answer of the database was lost.
    Unknown(Failure),
}

impl From<Failure> for Uncommitted {
    fn from(failure: Failure) -> Self {
        Self::NotApplied(failure)
    }
}

/// What a group waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Locks {
    /// For whoever has a pool, a little.
    Wait,
    /// The same, longer: the pools are not stuck, only many want them.
    WaitOn,
    /// For no pool: batches that move units of one that somebody else has are left out.
    Skip,
}

/// What is known after the transactions of a group.
#[derive(Default)]
struct Progress {
    outcomes: Outcomes,
    pools: BTreeMap<PoolId, Pool>,
    now: Option<Timestamp>,
}

/// What a group came to, and whether there is something to commit.
pub(crate) struct Decided {
    pub(crate) outcomes: Outcomes,
    pub(crate) pools: BTreeMap<PoolId, Pool>,
    pub(crate) now: Timestamp,
    pub(crate) is_written: bool,
}

impl PostgresStorage {
    /// Commits in a task of its own, so that a caller who goes away leaves no transaction half
    /// done.
    pub(crate) async fn commit_detached(&self, group: Group) -> Committed {
        let batches = group.batches.len();
        let shared = Arc::clone(&self.shared);
        let task = tokio::spawn(async move { shared.commit(group).await });
        task.await.unwrap_or_else(|ended| {
            let error = PortError::unavailable(OPERATION).with_source(ended);
            let outcomes = vec![Err(CommitError::OutcomeUnknown(error)); batches];
            Committed { outcomes, pools: Vec::new(), now: None }
        })
    }
}

impl Shared {
    async fn commit(&self, group: Group) -> Committed {
        let Group { batches, predicted } = group;
        let mut progress = Progress::default();
        let locks = match predicted {
            Some(predicted) => self.commit_as_predicted(predicted, &batches, &mut progress).await,
            None => Some(Locks::Wait),
        };
        if let Some(locks) = locks {
            self.commit_carefully(&batches, locks, &mut progress).await;
        }
        let Progress { outcomes, pools, now } = progress;
        Committed { outcomes, pools: pools.into_values().collect(), now }
    }

    /// Answers how the group must be committed carefully, if it must.
    async fn commit_as_predicted(
        &self,
        predicted: Snapshot,
        batches: &[WriteBatch],
        progress: &mut Progress,
    ) -> Option<Locks> {
        // Whether this is the time is for the statement to find out, by the database's clock.
        let now = predicted.now;
        let Some(resolution) = resolve_predicted(predicted, now, batches) else {
            return Some(Locks::Wait);
        };
        let Some(prediction) = Prediction::of(&resolution.writes) else {
            return Some(Locks::Wait);
        };
        match self.write(&prediction).await {
            Ok(now) => {
                progress.note(resolution.outcomes.clone(), now);
                progress.note_pools(&resolution.writes);
                None
            }
            Err(Uncommitted::NotApplied(Failure::Locked(_))) => {
                let predicted = resolution.writes.pools.iter();
                let before = predicted.filter_map(|write| Some((write.pool.id, write.before?)));
                Some(self.locks_after(&before.collect(), batches).await)
            }
            // What stands in the way of one statement need not stand in the way of others.
            Err(Uncommitted::NotApplied(_)) => Some(Locks::Wait),
            Err(failed @ Uncommitted::Unknown(_)) => {
                progress.fail(batches.len(), failed);
                None
            }
        }
    }

    async fn write(&self, prediction: &Prediction<'_>) -> Result<Timestamp, Uncommitted> {
        let mut session = Session::from(&self.commands).await?;
        let written = timeout(PATIENCE, prediction.write(session.conn())).await;
        match written.unwrap_or(Err(Failure::Late)) {
            Ok(now) => {
                session.release();
                Ok(now)
            }
            Err(failure) if failure.is_certain() => {
                session.release();
                Err(Uncommitted::NotApplied(failure))
            }
            Err(failure) => Err(Uncommitted::Unknown(failure)),
        }
    }

    /// How to go on with a group that waited in vain for pools, at these versions when it began. What
    /// others get on with is worth waiting for; whoever has one that stands still may have stopped.
    async fn locks_after(
        &self,
        before: &BTreeMap<PoolId, Version>,
        batches: &[WriteBatch],
    ) -> Locks {
        match self.versions_of(batches).await {
            Ok(now) if now != *before => Locks::WaitOn,
            Ok(_) | Err(_) => Locks::Skip,
        }
    }

    /// The same where only `before` may tell how the pools were. It keeps how they are.
    async fn locks_next(
        &self,
        waited: Locks,
        before: &mut Option<BTreeMap<PoolId, Version>>,
        batches: &[WriteBatch],
    ) -> Locks {
        match (waited, before.take()) {
            (Locks::Wait, Some(before)) => self.locks_after(&before, batches).await,
            (Locks::Wait, None) => {
                *before = self.versions_of(batches).await.ok();
                if before.is_some() { Locks::Wait } else { Locks::Skip }
            }
            (Locks::WaitOn | Locks::Skip, _) => Locks::Skip,
        }
    }

    /// The versions of all pools that a group moves units of.
    async fn versions_of(
        &self,
        batches: &[WriteBatch],
    ) -> Result<BTreeMap<PoolId, Version>, Failure> {
        let pools: Vec<PoolId> = Footprint::of(batches).pools.into_iter().collect();
        let mut session = Session::from(&self.commands).await?;
        let versions = in_time(pool::versions(session.conn(), &pools)).await?;
        session.release();
        Ok(versions)
    }

    /// Commits a group, and the halves of one that is refused on their own, until a batch that is
    /// refused is alone: only it fails.
    async fn commit_carefully(
        &self,
        batches: &[WriteBatch],
        locks: Locks,
        progress: &mut Progress,
    ) {
        // The parts that are left to commit, the next one last.
        let mut parts = vec![(batches, locks)];
        // The versions that pools had when they were first waited for in vain.
        let mut before = None;
        while let Some((part, locks)) = parts.pop() {
            match self.try_carefully(part, locks).await {
                Ok(done) => progress.add(done),
                Err(Uncommitted::NotApplied(Failure::Locked(_))) if locks != Locks::Skip => {
                    let next = self.locks_next(locks, &mut before, part).await;
                    parts.push((part, next));
                }
                Err(Uncommitted::NotApplied(failure))
                    if part.len() > 1
                        && (failure.has_culprit() || matches!(failure, Failure::Locked(_))) =>
                {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([(second, locks), (first, locks)]);
                }
                Err(failed) => progress.fail(part.len(), failed),
            }
        }
    }

    /// Tries a group as a whole, and again where it was in another's way: somebody who wrote the
    /// same row, key or event at the same moment is seen by then, and decided on.
    async fn try_carefully(
        &self,
        batches: &[WriteBatch],
        locks: Locks,
    ) -> Result<Progress, Uncommitted> {
        let mut tried = 1;
        loop {
            let done = self.carefully_in_time(batches, locks).await;
            let Err(Uncommitted::NotApplied(failure)) = &done else {
                return done;
            };
            let limit = if matches!(failure, Failure::GivenUp(_)) {
                TRIES
            } else if failure.has_culprit() {
                2
            } else {
                1
            };
            if tried >= limit {
                return done;
            }
            tried += 1;
        }
    }

    async fn carefully_in_time(
        &self,
        batches: &[WriteBatch],
        locks: Locks,
    ) -> Result<Progress, Uncommitted> {
        let committing = AtomicBool::new(false);
        match timeout(PATIENCE, self.carefully(batches, locks, &committing)).await {
            Ok(done) => done,
            Err(_late) if committing.load(Ordering::Relaxed) => {
                Err(Uncommitted::Unknown(Failure::Late))
            }
            // The connection is closed with its transaction in it.
            Err(_late) => Err(Uncommitted::NotApplied(Failure::Late)),
        }
    }

    async fn carefully(
        &self,
        batches: &[WriteBatch],
        locks: Locks,
        committing: &AtomicBool,
    ) -> Result<Progress, Uncommitted> {
        let mut session = self.begin(locks).await?;
        let decided = match decide(session.conn(), batches, locks).await {
            Ok(decided) => decided,
            Err(failure) => return Err(undone(session, failure).await),
        };
        if decided.is_written {
            committing.store(true, Ordering::Relaxed);
            session.commit().await.map_err(|failure| {
                if failure.is_certain() {
                    Uncommitted::NotApplied(failure)
                } else {
                    Uncommitted::Unknown(failure)
                }
            })?;
        } else {
            session.roll_back().await?;
        }
        let Decided { outcomes, pools, now, .. } = decided;
        Ok(Progress { outcomes, pools, now: Some(now) })
    }

    /// A connection in which a transaction has begun.
    async fn begin(&self, locks: Locks) -> Result<Session, Failure> {
        let mut tried = 1;
        loop {
            let mut session = Session::from(&self.commands).await?;
            let begun = match locks {
                Locks::WaitOn => session.begin_patiently().await,
                Locks::Wait | Locks::Skip => session.begin().await,
            };
            match begun {
                Ok(()) => return Ok(session),
                Err(failure) if tried >= CONNECTIONS => return Err(failure),
                Err(_gone) => tried += 1,
            }
        }
    }
}

/// Takes back what was done in a transaction that failed; a connection that can't do that either is
/// closed.
async fn undone(session: Session, failure: Failure) -> Uncommitted {
    if failure.is_certain()
        && let Err(error) = session.roll_back().await
    {
        tracing::debug!(%error, "a transaction could not be rolled back; its connection is closed");
    }
    Uncommitted::NotApplied(failure)
}

/// Decides a group on what is stored, and writes what it came to, inside a transaction that the
/// caller has begun and ends.
pub(crate) async fn decide(
    conn: &mut PgConnection,
    batches: &[WriteBatch],
    locks: Locks,
) -> Result<Decided, Failure> {
    match locks {
        Locks::Wait | Locks::WaitOn => {
            let snapshot = snapshot::read(conn, &Footprint::of(batches)).await?;
            decide_on(conn, snapshot, batches).await
        }
        Locks::Skip => decide_free(conn, batches).await,
    }
}

async fn decide_on(
    conn: &mut PgConnection,
    snapshot: Snapshot,
    batches: &[WriteBatch],
) -> Result<Decided, Failure> {
    let now = snapshot.now;
    let mut pools = snapshot.pools.clone();
    let Resolution { outcomes, writes } = resolve(snapshot, batches);
    let is_written = !writes.accepted.is_empty();
    if is_written {
        apply(conn, &writes, now).await?;
    }
    pools.extend(writes.pools.iter().map(|write| (write.pool.id, write.pool)));
    Ok(Decided { outcomes, pools, now, is_written })
}

/// Decides the batches whose pools nobody else has, and tells the others that theirs are taken.
async fn decide_free(conn: &mut PgConnection, batches: &[WriteBatch]) -> Result<Decided, Failure> {
    let wanted: Vec<PoolId> = Footprint::of(batches).pools.into_iter().collect();
    let locked = pool::lock_free(conn, &wanted).await?;
    let mut stuck: BTreeSet<PoolId> = pool::versions(conn, &wanted).await?.into_keys().collect();
    for pool in &locked {
        stuck.remove(&pool.id);
    }
    let is_free =
        |batch: &&WriteBatch| !batch.moves().iter().any(|step| stuck.contains(&step.pool));
    let free: Vec<WriteBatch> = batches.iter().filter(is_free).cloned().collect();
    let snapshot = snapshot::with_pools(conn, &Footprint::of(&free), locked).await?;
    let decided = decide_on(conn, snapshot, &free).await?;
    let mut told = decided.outcomes.into_iter();
    let outcomes = batches.iter().map(|batch| {
        let outcome = if is_free(&batch) { told.next() } else { None };
        outcome.unwrap_or_else(|| Err(CommitError::NotApplied(taken())))
    });
    Ok(Decided { outcomes: outcomes.collect(), ..decided })
}

/// A pool is locked by somebody else, for longer than a group waits.
fn taken() -> PortError {
    PortError::unavailable(OPERATION).with_source("a pool is locked by another transaction")
}

impl Uncommitted {
    fn told(self) -> CommitError {
        match self {
            Self::NotApplied(failure) => CommitError::NotApplied(failure.of(OPERATION)),
            Self::Unknown(failure) => CommitError::OutcomeUnknown(failure.of(OPERATION)),
        }
    }
}

impl Progress {
    fn note(&mut self, outcomes: Outcomes, now: Timestamp) {
        self.outcomes.extend(outcomes);
        self.now = Some(now);
    }

    fn note_pools(&mut self, writes: &Writes<'_>) {
        self.pools.extend(writes.pools.iter().map(|write| (write.pool.id, write.pool)));
    }

    fn add(&mut self, other: Self) {
        self.outcomes.extend(other.outcomes);
        self.pools.extend(other.pools);
        self.now = other.now.or(self.now);
    }

    fn fail(&mut self, batches: usize, failed: Uncommitted) {
        let error = failed.told();
        self.outcomes.extend(std::iter::repeat_n(error, batches).map(Err));
    }
}
