//! What this process last saw of pools: to predict snapshots, and to refuse without asking.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::inventory::Pool;
use crate::planted::{self, CoreBug};
use crate::service::recent::Recent;
use crate::values::PoolId;

/// How long a refusal may be repeated without asking the storage, unless a hold ends before:
/// as long as somebody may be told "sold out" after another process has released a unit.
const SOLD_OUT_LASTS: Duration = Duration::from_secs(1);

/// The most pools that are remembered.
const POOLS_MAX: usize = 65_536;

/// The pools that this process saw last. Never the truth: a *yes* always asks the storage.
#[derive(Debug)]
pub(crate) struct KnownPools {
    pools: Mutex<Recent<PoolId, Known>>,
}

impl Default for KnownPools {
    fn default() -> Self {
        Self { pools: Mutex::new(Recent::of(POOLS_MAX)) }
    }
}

#[derive(Debug, Clone, Copy)]
struct Known {
    pool: Pool,
    sold_out_until: Option<Duration>,
    /// When the next hold there ends, if that was asked.
    hold_ends: Option<Duration>,
}

impl Known {
    fn first_seen(pool: Pool) -> Self {
        Self { pool, sold_out_until: None, hold_ends: None }
    }
}

impl KnownPools {
    /// Notes pools as a commit left them. Older versions than those known are ignored.
    pub(crate) fn note(&self, pools: &[Pool]) {
        let mut known = self.lock();
        for pool in pools {
            let Some(entry) = known.get(&pool.id) else {
                known.insert(pool.id, Known::first_seen(*pool));
                continue;
            };
            if entry.pool.version < pool.version {
                // A unit that came free ends the refusals; another sale does not.
                if pool.available() > entry.pool.available() {
                    entry.sold_out_until = None;
                }
                entry.pool = *pool;
            }
        }
    }

    /// Notes when the next hold of a pool ends, as far as anybody has looked.
    pub(crate) fn note_hold_ends(&self, id: PoolId, ends: Option<Duration>) {
        if let Some(known) = self.lock().get(&id) {
            known.hold_ends = ends;
        }
    }

    /// Notes that the storage refused for want of units, nothing being overdue there.
    pub(crate) fn note_sold_out(&self, id: PoolId, elapsed: Duration) {
        if let Some(known) = self.lock().get(&id) {
            let fades = elapsed.saturating_add(SOLD_OUT_LASTS);
            // A hold that should have ended and did not tells nothing of when units come free.
            let ends = known.hold_ends.filter(|ends| elapsed < *ends);
            known.sold_out_until = Some(ends.map_or(fades, |ends| ends.min(fades)));
            if planted::is(CoreBug::SoldOutForEver) {
                known.sold_out_until = Some(Duration::MAX);
            }
        }
    }

    /// The units left, if the storage said so a moment ago and they are fewer than `units`.
    pub(crate) fn sold_out(&self, id: PoolId, units: u32, elapsed: Duration) -> Option<u32> {
        let known = *self.lock().get(&id)?;
        let left = known.pool.available();
        known.sold_out_until.filter(|until| elapsed < *until && left < units).map(|_| left)
    }

    /// The pool as last seen.
    pub(crate) fn get(&self, id: PoolId) -> Option<Pool> {
        self.lock().get(&id).map(|known| known.pool)
    }

    /// Forgets a pool that turned out to be another.
    pub(crate) fn forget(&self, id: PoolId) {
        self.lock().remove(&id);
    }

    fn lock(&self) -> MutexGuard<'_, Recent<PoolId, Known>> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::inventory::PoolTerms;
    use crate::values::{TicketId, TimeWindow, Version};

    fn pool(version: u64, held: u32) -> Pool {
        let terms = PoolTerms {
            listing: Version::FIRST,
            sale: TimeWindow::always(),
            capacity: 10,
            max_per_order: None,
            max_per_buyer: None,
        };
        let id = TicketId::from_uuid(uuid::Uuid::from_u128(1));
        Pool { version: Version::new(version), held, ..Pool::open(id, terms) }
    }

    #[test]
    fn a_refusal_is_repeated_for_a_second() {
        let known = KnownPools::default();
        let full = pool(3, 10);
        known.note(&[full]);
        assert_eq!(known.sold_out(full.id, 1, Duration::ZERO), None, "nobody was refused yet");
        known.note_sold_out(full.id, Duration::from_secs(5));
        assert_eq!(known.sold_out(full.id, 1, Duration::from_millis(5_999)), Some(0));
        assert_eq!(known.sold_out(full.id, 1, Duration::from_secs(6)), None);
    }

    #[test]
    fn a_refusal_is_repeated_until_a_hold_ends_that_has_not_ended_yet() {
        let known = KnownPools::default();
        let full = pool(3, 10);
        let millis = Duration::from_millis;
        known.note(&[full]);
        known.note_hold_ends(full.id, Some(millis(5_300)));
        known.note_sold_out(full.id, millis(5_000));
        known.note(&[pool(4, 10)]);
        assert_eq!(known.sold_out(full.id, 1, millis(5_299)), Some(0));
        assert_eq!(known.sold_out(full.id, 1, millis(5_300)), None);
        known.note_sold_out(full.id, millis(5_300));
        assert_eq!(known.sold_out(full.id, 1, millis(6_299)), Some(0), "it ended in vain");
        known.note_hold_ends(full.id, Some(millis(9_000)));
        known.note_sold_out(full.id, millis(6_300));
        assert_eq!(known.sold_out(full.id, 1, millis(7_299)), Some(0));
        assert_eq!(known.sold_out(full.id, 1, millis(7_300)), None, "a second at most");
    }

    #[test]
    fn a_release_ends_the_refusals_and_an_older_row_changes_nothing() {
        let known = KnownPools::default();
        let full = pool(3, 10);
        known.note(&[full]);
        known.note_sold_out(full.id, Duration::ZERO);
        known.note(&[pool(2, 4)]);
        assert_eq!(known.sold_out(full.id, 1, Duration::ZERO), Some(0));
        known.note(&[pool(4, 9)]);
        assert_eq!(known.sold_out(full.id, 1, Duration::ZERO), None);
    }

    #[test]
    fn fewer_units_than_are_left_are_not_refused() {
        let known = KnownPools::default();
        let nearly_full = pool(3, 8);
        known.note(&[nearly_full]);
        known.note_sold_out(nearly_full.id, Duration::ZERO);
        assert_eq!(known.sold_out(nearly_full.id, 3, Duration::ZERO), Some(2));
        assert_eq!(known.sold_out(nearly_full.id, 2, Duration::ZERO), None);
    }
}
