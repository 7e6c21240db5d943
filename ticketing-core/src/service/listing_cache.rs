//! Listings that were read before, so that a reservation of a hot ticket reads nothing.
//!
//! A listing's version is checked inside the commit: a stale one means another try, never a
//! wrong price.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::ticket::Ticket;
use crate::ports::error::PortError;
use crate::ports::storage::Storage;
use crate::service::known_pools::KnownPools;
use crate::service::recent::Recent;
use crate::service::single_flight::SingleFlight;
use crate::values::TicketId;

/// The most listings that are remembered.
const LISTINGS_MAX: usize = 16_384;

/// Listings that were read before.
#[derive(Debug)]
pub(crate) struct ListingCache {
    listings: Mutex<Recent<TicketId, Arc<Ticket>>>,
    reads: SingleFlight<TicketId>,
}

impl Default for ListingCache {
    fn default() -> Self {
        Self::of(LISTINGS_MAX)
    }
}

impl ListingCache {
    fn of(max: usize) -> Self {
        Self { listings: Mutex::new(Recent::of(max)), reads: SingleFlight::default() }
    }

    /// The listings with these ids, in that order; nothing for those that don't exist.
    pub(crate) async fn get(
        &self,
        ids: &[TicketId],
        storage: &dyn Storage,
        pools: &KnownPools,
    ) -> Result<Vec<Option<Arc<Ticket>>>, PortError> {
        let mut found = self.remembered(ids);
        // A crowd that comes for one ticket reads it once.
        if let [only] = unknown_of(ids, &found)[..] {
            let read = self.read(ids, &mut found, storage, pools);
            if let Some(read) = self.reads.run(only, read).await {
                return read.map(|()| found);
            }
            found = self.remembered(ids);
        }
        self.read(ids, &mut found, storage, pools).await?;
        Ok(found)
    }

    /// Reads what was not found, if there is such. It is put into its place here too: others may
    /// forget a listing while this one reads.
    async fn read(
        &self,
        ids: &[TicketId],
        found: &mut [Option<Arc<Ticket>>],
        storage: &dyn Storage,
        pools: &KnownPools,
    ) -> Result<(), PortError> {
        let unknown = unknown_of(ids, found);
        if unknown.is_empty() {
            return Ok(());
        }
        for listing in storage.listings(&unknown).await? {
            pools.note(&[listing.pool]);
            let ticket = Arc::new(listing.ticket);
            self.remember(&ticket);
            let places = ids.iter().zip(found.iter_mut());
            for (_, place) in places.filter(|(id, _)| **id == ticket.id) {
                *place = Some(Arc::clone(&ticket));
            }
        }
        Ok(())
    }

    /// Forgets a listing that has changed, and what is being read of it.
    pub(crate) fn forget(&self, id: TicketId) {
        self.reads.start_over(id);
        self.lock().remove(&id);
    }

    fn remembered(&self, ids: &[TicketId]) -> Vec<Option<Arc<Ticket>>> {
        let mut listings = self.lock();
        ids.iter().map(|id| listings.get(id).map(|ticket| Arc::clone(ticket))).collect()
    }

    fn remember(&self, ticket: &Arc<Ticket>) {
        self.lock().insert(ticket.id, Arc::clone(ticket));
    }

    fn lock(&self) -> MutexGuard<'_, Recent<TicketId, Arc<Ticket>>> {
        self.listings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Those of the ids whose listing was not found.
fn unknown_of(ids: &[TicketId], found: &[Option<Arc<Ticket>>]) -> Vec<TicketId> {
    let unknown = ids.iter().zip(found).filter(|(_, ticket)| ticket.is_none());
    unknown.map(|(id, _)| *id).collect()
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::memory::MemoryStorage;
    use crate::ports::batch::Group;
    use crate::testing::builders::{START, a_new_ticket, a_seller};
    use crate::testing::{BatchFactory, ManualClock, SeededIds};
    use crate::values::Version;

    fn stored(listings: usize) -> (MemoryStorage, Vec<TicketId>) {
        let clock = Arc::new(ManualClock::new(START));
        let storage = MemoryStorage::with_clock(Arc::<ManualClock>::clone(&clock));
        let make = BatchFactory::new(Arc::new(SeededIds::new(1, 1)), clock);
        let planned: Vec<_> =
            (0..listings).map(|_| make.list(&a_seller(), a_new_ticket())).collect();
        let ids = planned.iter().map(|one| one.next.ticket.id).collect();
        let group = Group::of(planned.into_iter().map(|one| one.batch).collect::<Vec<_>>());
        let committed = storage.commit(group).now_or_never().unwrap();
        assert!(committed.outcomes.iter().all(Result::is_ok));
        (storage, ids)
    }

    /// The oldest of more listings than are remembered can be bought as well.
    #[test]
    fn what_is_not_remembered_is_found_all_the_same() {
        let (storage, ids) = stored(5);
        let (cache, pools) = (ListingCache::of(4), KnownPools::default());
        let get = |ids: &[TicketId]| {
            let found = cache.get(ids, &storage, &pools).now_or_never().unwrap().unwrap();
            found.into_iter().map(|ticket| ticket.unwrap().id).collect::<Vec<_>>()
        };
        assert_eq!(get(&ids), ids);
        assert!(cache.lock().len() <= 4);
        assert_eq!(get(&ids[..1]), ids[..1]);
        let backwards: Vec<TicketId> = ids.iter().rev().copied().collect();
        assert_eq!(get(&backwards), backwards, "in the order asked for");
    }

    #[test]
    fn what_does_not_exist_is_not_found_and_asked_for_again() {
        let (storage, ids) = stored(1);
        let (cache, pools) = (ListingCache::default(), KnownPools::default());
        let unknown = TicketId::from_uuid(uuid::Uuid::nil());
        let asked = [unknown, ids[0]];
        let found = cache.get(&asked, &storage, &pools).now_or_never().unwrap().unwrap();
        let versions: Vec<Option<Version>> =
            found.iter().map(|ticket| ticket.as_ref().map(|ticket| ticket.version)).collect();
        assert_eq!(versions, [None, Some(Version::FIRST)]);
        assert!(pools.get(ids[0]).is_some(), "its pool was read with it");
        assert_eq!(cache.lock().len(), 1);
    }
}
