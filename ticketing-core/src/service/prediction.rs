//! What the storage would read for a group, as far as this process can tell.

use crate::domain::inventory::{Pool, PoolCommand};
use crate::ports::batch::WriteBatch;
use crate::ports::snapshot::Snapshot;
use crate::service::known_pools::KnownPools;
use crate::values::Timestamp;

/// The snapshot of a group that only places new orders in known pools without buyer limits.
///
/// Everything else depends on rows that this process has no reason to know. Ids and keys are
/// predicted to be new: a storage that finds one taken falls back to reading.
pub(crate) fn predict(
    batches: &[WriteBatch],
    known: &KnownPools,
    now: Timestamp,
) -> Option<Snapshot> {
    let mut snapshot = Snapshot::empty(now);
    for batch in batches {
        if batch.changes().iter().any(|change| change.expected.is_some()) {
            return None;
        }
        for step in batch.moves() {
            if !matches!(step.command, PoolCommand::Hold { .. }) {
                return None;
            }
            if snapshot.pools.contains_key(&step.pool) {
                continue;
            }
            let pool: Pool = known.get(step.pool)?;
            if pool.terms.max_per_buyer.is_some() {
                return None;
            }
            snapshot.pools.insert(pool.id, pool);
        }
    }
    (!snapshot.pools.is_empty()).then_some(snapshot)
}
