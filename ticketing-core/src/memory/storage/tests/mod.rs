//! What this storage does in its own way. What every storage does is told by the conformance
//! suite.

mod constraints;
mod halving;
mod lists;
mod optimistic;
mod outbox;
mod work;

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::{CommitCounts, MemoryStorage};
use crate::domain::event::Actor;
use crate::domain::ticket::NewTicket;
use crate::ports::{
    BatchBuilder, Cause, CommitError, Committed, Footprint, Group, IdSource, Listing,
    PortErrorKind, Receipt, Snapshot, Storage, WriteBatch,
};
use crate::testing::builders::{START, a_seller};
use crate::testing::{BatchFactory, ManualClock, SeededIds};
use crate::values::UserId;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

/// A storage with what it takes to fill it. Two worlds are alike as long as the same is done to
/// them.
struct World {
    clock: ManualClock,
    ids: Arc<SeededIds>,
    storage: MemoryStorage,
    make: BatchFactory,
}

impl World {
    fn new() -> Self {
        let clock = ManualClock::new(START);
        let ids = Arc::new(SeededIds::new(1, 1));
        let storage = MemoryStorage::with_clock_and_ids(Arc::new(clock.clone()), &*ids);
        let source: Arc<SeededIds> = Arc::clone(&ids);
        let make = BatchFactory::new(source, Arc::new(clock.clone()));
        Self { clock, ids, storage, make }
    }

    fn id(&self) -> Uuid {
        self.ids.next()
    }

    async fn group(&self, batches: Vec<WriteBatch>) -> Committed {
        let predicted = None;
        self.storage.commit(Group { batches: batches.into(), predicted }).await
    }

    async fn commit(&self, batch: WriteBatch) -> Result<Receipt, CommitError> {
        let committed = self.group(vec![batch]).await;
        let [outcome] = <[_; 1]>::try_from(committed.outcomes).unwrap();
        outcome
    }

    /// Commits a batch past the port, for scenes that are set without waiting.
    fn store(&self, batch: WriteBatch) {
        let group = Group::of(vec![batch]);
        let committed = self.storage.tables().commit(group, self.clock.now());
        assert!(committed.outcomes[0].is_ok(), "{committed:?}");
    }

    async fn list(&self, new: NewTicket) -> Listing {
        let listed = self.make.list(&a_seller(), new);
        self.commit(listed.batch).await.unwrap();
        listed.next
    }

    /// What the storage itself would read for these batches.
    fn snapshot(&self, batches: &[WriteBatch]) -> Snapshot {
        let footprint = Footprint::of(batches);
        self.storage.tables().snapshot(&footprint, self.clock.now())
    }

    fn counts(&self) -> CommitCounts {
        self.storage.commit_counts()
    }
}

fn buyer(number: usize) -> UserId {
    UserId::new(format!("buyer-{number}")).unwrap()
}

/// A batch of decisions that no use case would put together.
fn built(world: &World, fill: impl FnOnce(BatchBuilder<'_>) -> BatchBuilder<'_>) -> WriteBatch {
    let cause = Cause { actor: Actor::Engine, correlation: None };
    fill(BatchBuilder::new(cause, &*world.ids, world.clock.now())).build()
}

/// Whether the backend refused the batch.
fn is_refused(outcome: &Result<Receipt, CommitError>) -> bool {
    let Err(CommitError::NotApplied(error)) = outcome else {
        return false;
    };
    *error.kind() == PortErrorKind::Refused
}
