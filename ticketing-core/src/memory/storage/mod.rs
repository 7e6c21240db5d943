//! A storage in memory: the reference for what a group does, on both paths, and for every list.
//!
//! All of it lies behind one lock that is held for a whole commit, so a commit is atomic and its
//! snapshot is consistent. The lock is never held across an `await`.
//!
//! | room | what is in it |
//! |---|---|
//! | `tables`, `orders`, `payments`, `refunds` | the rows, and the indexes over them |
//! | `commit` | the careful and the optimistic path |
//! | `constraints` | what is refused even when the engine is wrong |
//! | `reads`, `search` | what is asked by id, by owner or by words |
//! | `work` | what is due, unsettled or received, with its leases |
//! | `outbox` | what is to be published, and what is forgotten |

mod commit;
mod constraints;
mod events;
mod growing;
mod orders;
mod outbox;
mod payments;
mod port;
mod reads;
mod refunds;
mod search;
mod tables;
mod webhooks;
mod work;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use commit::CommitCounts;

use self::tables::Tables;
use crate::memory::books::Books;
use crate::ports::clock::{Clock, SystemClock};
use crate::ports::ids::{IdSource, RandomIds};
use crate::values::{StoreId, Title};

/// A [`Storage`](crate::ports::Storage) in memory. Clones share everything that is stored.
///
/// ```
/// use ticketing_core::memory::MemoryStorage;
/// use ticketing_core::ports::{Group, Storage};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let storage = MemoryStorage::new();
/// let committed = storage.commit(Group::default()).await;
/// assert!(committed.outcomes.is_empty());
/// assert!(committed.now.is_some());
/// # });
/// ```
#[derive(Clone)]
pub struct MemoryStorage {
    shared: Arc<Shared>,
    lanes: usize,
}

struct Shared {
    clock: Arc<dyn Clock>,
    tables: Mutex<Tables>,
}

impl MemoryStorage {
    /// An empty storage with the system's clock and a random id of its own.
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }

    /// An empty storage whose time is this clock's.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self::with_clock_and_ids(clock, &RandomIds)
    }

    /// An empty storage whose time is this clock's and whose own id comes from `ids`: two that
    /// are made alike are alike.
    pub fn with_clock_and_ids(clock: Arc<dyn Clock>, ids: &dyn IdSource) -> Self {
        let tables = Tables::new(StoreId::from_uuid(ids.next()));
        let shared = Shared { clock, tables: Mutex::new(tables) };
        Self { shared: Arc::new(shared), lanes: 1 }
    }

    /// A handle that says it can use this many lanes, at least one. Groups still commit one after
    /// the other: more lanes only exercise a writer that has them.
    #[must_use]
    pub fn with_lanes(self, lanes: usize) -> Self {
        Self { lanes: lanes.max(1), ..self }
    }

    /// From now on refuses, as a database would, every group that writes a ticket with this title
    /// or an order with a line of this title.
    ///
    /// For conformance tests, which need a batch that the backend refuses although the engine
    /// accepts it: the storage must then find the culprit and commit its neighbours.
    pub fn poison_titles(&self, title: Title) {
        self.tables().poisoned.insert(title);
    }

    /// How often each path of a commit was taken so far.
    pub fn commit_counts(&self) -> CommitCounts {
        self.tables().counts
    }

    /// A copy of all that is stored, taken between two commits.
    pub fn books(&self) -> Books {
        let tables = self.tables();
        tables.books(self.shared.clock.now())
    }

    /// Another storage with a copy of all that is stored now, taken between two commits; from then
    /// on the two know nothing of each other.
    ///
    /// For tests of a restore: keep the copy, let the first one go on, continue with the copy.
    #[must_use]
    pub fn fork(&self) -> Self {
        let tables = Mutex::new(self.tables().clone());
        let shared = Shared { clock: Arc::clone(&self.shared.clock), tables };
        Self { shared: Arc::new(shared), lanes: self.lanes }
    }

    /// The tables. A commit that panicked elsewhere must not take the storage with it, so a
    /// poisoned lock is used like any other.
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.shared.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStorage {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStorage").field("lanes", &self.lanes).finish_non_exhaustive()
    }
}
