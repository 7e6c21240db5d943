//! Listings, newest first, by words, by seller and by whether they can be bought.

use crate::domain::inventory::{Pool, PoolState};
use crate::ports::error::PortError;
use crate::ports::storage::{Listing, ListingQuery, has_words};
use crate::values::{Paged, TicketId, Timestamp};

use super::reads::paged;
use super::tables::Tables;

impl Tables {
    /// The page of listings that `query` asks for, the newest first.
    pub(super) fn search(
        &self,
        query: &ListingQuery,
        now: Timestamp,
    ) -> Result<Paged<Listing>, PortError> {
        let after = query.page.after;
        let last = after.and_then(|at| self.tickets.get(&TicketId::from_uuid(at.position())));
        let until = last.map(|ticket| (ticket.listed_at, ticket.id));
        let words = query.prefixes();
        let newest_first = self.tickets_by_age.before(until.as_ref());
        let wanted = newest_first
            .filter_map(|(_, id)| self.tickets.get(id))
            .filter(|ticket| query.seller.as_ref().is_none_or(|it| *it == ticket.seller))
            .filter(|ticket| has_words(ticket, &words))
            .map(|ticket| self.listing(ticket, "search"))
            .filter(|listing| match listing {
                Ok(listing) => query.all || can_be_bought(&listing.pool, now),
                Err(_) => true,
            });
        let mut corrupt = None;
        let readable =
            wanted.map_while(|listing| listing.map_err(|error| corrupt = Some(error)).ok());
        let page = paged(readable, query.page.limit, |listing| listing.ticket.id.as_uuid());
        corrupt.map_or(Ok(page), Err)
    }
}

fn can_be_bought(pool: &Pool, now: Timestamp) -> bool {
    pool.state == PoolState::OnSale && pool.available() > 0 && pool.terms.sale.contains(now)
}
