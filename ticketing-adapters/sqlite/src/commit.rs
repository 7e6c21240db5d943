//! Both paths of a commit, and what becomes of a group that the database refuses.
//!
//! There is one writer, so a group that holds the turn sees nothing move under it: the careful path
//! reads what the group touches, decides, and writes. The optimistic path leaves the reading out.
//! Both write the same guarded statements; one that misses its guard rolls everything back.

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlx::{Connection, Sqlite, SqliteConnection, Transaction};
use ticketing_core::domain::Pool;
use ticketing_core::ports::{
    CommitError, Committed, Footprint, Group, PortError, PortErrorKind, Receipt, Resolution,
    Snapshot, WriteBatch, Writes, resolve, resolve_predicted,
};
use ticketing_core::values::{PoolId, Timestamp};
use tokio::time::timeout;

use crate::apply::apply;
use crate::error::Failure;
use crate::snapshot;
use crate::storage::{Shared, SqliteStorage};

const OPERATION: &str = "commit";

type Outcomes = Vec<Result<Receipt, CommitError>>;

/// Why a transaction was not committed.
enum Uncommitted {
    /// Nothing was written.
    NotApplied(Failure),
    /// The database failed while it committed: what it wrote shows when it is asked again.
    Unknown(sqlx::Error),
}

impl From<Failure> for Uncommitted {
    fn from(failure: Failure) -> Self {
        Self::NotApplied(failure)
    }
}

/// What is known after the transactions of a group.
#[derive(Default)]
struct Progress {
    outcomes: Outcomes,
    pools: BTreeMap<PoolId, Pool>,
    now: Option<Timestamp>,
}

impl SqliteStorage {
    /// Commits in a task of its own, so that a caller who goes away leaves no transaction half
    /// done. It goes on when it takes too long, for instance on a disk that hangs, and keeps the turn
    /// until it has ended: what it came to then, the same batches are told when they come again.
    pub(crate) async fn commit_detached(&self, group: Group) -> Committed {
        let batches = group.batches.len();
        let shared = Arc::clone(&self.shared);
        let task = tokio::spawn(async move { shared.commit(group).await });
        let error = match timeout(self.shared.call_max, task).await {
            Ok(Ok(committed)) => return committed,
            Ok(Err(ended)) => PortError::new(PortErrorKind::Closed, OPERATION).with_source(ended),
            Err(_late) => Failure::Late.of(OPERATION),
        };
        let outcomes = vec![Err(CommitError::OutcomeUnknown(error)); batches];
        Committed { outcomes, pools: Vec::new(), now: None }
    }
}

impl Shared {
    async fn commit(&self, group: Group) -> Committed {
        let Group { batches, predicted } = group;
        let mut progress = Progress::default();
        let predicted = match predicted {
            Some(predicted) => self.commit_as_predicted(predicted, &batches, &mut progress).await,
            None => false,
        };
        if !predicted {
            self.commit_carefully(&batches, &mut progress).await;
        }
        let Progress { outcomes, pools, now } = progress;
        Committed { outcomes, pools: pools.into_values().collect(), now }
    }

    /// Answers whether the group's outcomes are known now.
    async fn commit_as_predicted(
        &self,
        predicted: Snapshot,
        batches: &[WriteBatch],
        progress: &mut Progress,
    ) -> bool {
        match self.try_predicted(predicted, batches).await {
            Ok(Some((resolution, now))) => {
                progress.note(resolution.outcomes, now);
                progress.note_pools(&resolution.writes);
                true
            }
            Ok(None) => false,
            Err(Uncommitted::NotApplied(failure)) if failure.has_culprit() => false,
            Err(failed) => {
                progress.fail(batches.len(), failed);
                true
            }
        }
    }

    async fn try_predicted<'b>(
        &self,
        predicted: Snapshot,
        batches: &'b [WriteBatch],
    ) -> Result<Option<(Resolution<'b>, Timestamp)>, Uncommitted> {
        let mut writer = self.writer().await?;
        let done = self.as_predicted(&mut writer.conn, predicted, batches).await;
        if let Err(failed) = &done {
            failed.distrust(&mut writer);
        }
        done
    }

    async fn as_predicted<'b>(
        &self,
        conn: &mut SqliteConnection,
        predicted: Snapshot,
        batches: &'b [WriteBatch],
    ) -> Result<Option<(Resolution<'b>, Timestamp)>, Uncommitted> {
        let mut transaction = begin(conn).await?;
        let now = self.clock.now();
        let Some(resolution) = resolve_predicted(predicted, now, batches) else {
            return Ok(None);
        };
        apply(&mut transaction, &resolution.writes, now).await?;
        transaction.commit().await.map_err(Uncommitted::Unknown)?;
        Ok(Some((resolution, now)))
    }

    /// Commits a group, and the halves of one that is refused on their own, until a batch that is
    /// refused is alone: only it fails.
    async fn commit_carefully(&self, batches: &[WriteBatch], progress: &mut Progress) {
        // The parts that are left to commit, the next one last.
        let mut parts = vec![batches];
        while let Some(part) = parts.pop() {
            match self.try_carefully(part).await {
                Ok(done) => progress.add(done),
                Err(Uncommitted::NotApplied(failure))
                    if failure.has_culprit() && part.len() > 1 =>
                {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
                Err(failed) => progress.fail(part.len(), failed),
            }
        }
    }

    async fn try_carefully(&self, batches: &[WriteBatch]) -> Result<Progress, Uncommitted> {
        let mut writer = self.writer().await?;
        let done = self.carefully(&mut writer.conn, batches).await;
        if let Err(failed) = &done {
            failed.distrust(&mut writer);
        }
        done
    }

    async fn carefully(
        &self,
        conn: &mut SqliteConnection,
        batches: &[WriteBatch],
    ) -> Result<Progress, Uncommitted> {
        let mut transaction = begin(conn).await?;
        let now = self.clock.now();
        let footprint = Footprint::of(batches);
        let snapshot = snapshot::read(&mut transaction, &footprint, now).await?;
        let mut done = Progress { pools: snapshot.pools.clone(), ..Progress::default() };
        let Resolution { outcomes, writes } = resolve(snapshot, batches);
        if writes.accepted.is_empty() {
            transaction.rollback().await.map_err(Failure::from)?;
        } else {
            apply(&mut transaction, &writes, now).await?;
            transaction.commit().await.map_err(Uncommitted::Unknown)?;
        }
        done.note(outcomes, now);
        done.note_pools(&writes);
        Ok(done)
    }
}

async fn begin(conn: &mut SqliteConnection) -> Result<Transaction<'_, Sqlite>, Failure> {
    // A transaction that begins by reading could not go on to write once another had written.
    Ok(conn.begin_with("BEGIN IMMEDIATE").await?)
}

impl Uncommitted {
    fn distrust(&self, writer: &mut crate::storage::Writer<'_>) {
        match self {
            Self::NotApplied(failure) => writer.distrust(failure),
            Self::Unknown(_) => writer.conn.close_on_drop(),
        }
    }

    fn told(self) -> CommitError {
        match self {
            Self::NotApplied(failure) => CommitError::NotApplied(failure.of(OPERATION)),
            Self::Unknown(error) => {
                let error = Failure::Database(error).of(OPERATION);
                CommitError::OutcomeUnknown(error)
            }
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
