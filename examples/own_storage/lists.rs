//! Lists that are read page by page.

use std::cmp::Reverse;

use ticketing_core::domain::{Order, Ticket, TicketState};
use ticketing_core::ports::{Listing, ListingQuery, OrderDirection, has_words};
use ticketing_core::values::{Cursor, OrderId, Page, Paged, TicketId, Timestamp, UserId};

use crate::tables::Tables;

impl Tables {
    pub(crate) fn search(&mut self, query: &ListingQuery) -> Paged<Listing> {
        let (now, prefixes) = (self.now(), query.prefixes());
        let position = |at: Cursor| self.tickets.get(&TicketId::from_uuid(at.position()));
        let after = query.page.after.and_then(position).map(age_of_listing);
        let found = self.tickets.keys().filter_map(|id| self.listing(*id)).filter(|it| {
            let sellers = query.seller.as_ref().is_none_or(|seller| *seller == it.ticket.seller);
            sellers
                && after.is_none_or(|after| age_of_listing(&it.ticket) < after)
                && has_words(&it.ticket, &prefixes)
                && (query.all || can_be_bought(it, now))
        });
        let mut found: Vec<Listing> = found.collect();
        found.sort_by_key(|it| Reverse(age_of_listing(&it.ticket)));
        page_of(found, query.page, |it| Cursor::at(it.ticket.id.as_uuid()))
    }

    pub(crate) fn orders_of(
        &self,
        buyer: &UserId,
        direction: OrderDirection,
        page: Page,
    ) -> Paged<Order> {
        let position = |at: Cursor| self.orders.get(&OrderId::from_uuid(at.position()));
        let after = page.after.and_then(position).map(age_of_order);
        let is_after = |order: &&Order| {
            after.is_none_or(|after| match direction {
                OrderDirection::OldestFirst => age_of_order(order) > after,
                OrderDirection::NewestFirst => age_of_order(order) < after,
            })
        };
        let theirs = self.orders.values().filter(|order| order.buyer == *buyer).filter(is_after);
        let mut theirs: Vec<Order> = theirs.cloned().collect();
        match direction {
            OrderDirection::OldestFirst => theirs.sort_by_key(age_of_order),
            OrderDirection::NewestFirst => theirs.sort_by_key(|order| Reverse(age_of_order(order))),
        }
        page_of(theirs, page, |order| Cursor::at(order.id.as_uuid()))
    }
}

fn can_be_bought(listing: &Listing, now: Timestamp) -> bool {
    let (ticket, pool) = (&listing.ticket, &listing.pool);
    ticket.state == TicketState::OnSale && pool.available() > 0 && ticket.terms.sale.contains(now)
}

/// What listings are sorted by. Ids alone tell no age: they may come from any source.
fn age_of_listing(ticket: &Ticket) -> (Timestamp, TicketId) {
    (ticket.listed_at, ticket.id)
}

/// What orders are sorted by.
fn age_of_order(order: &Order) -> (Timestamp, OrderId) {
    (order.created_at, order.id)
}

/// As much of a list as a page has, and where to read on.
fn page_of<T>(mut list: Vec<T>, page: Page, cursor: impl Fn(&T) -> Cursor) -> Paged<T> {
    let more = list.len() > page.limit.get();
    list.truncate(page.limit.get());
    let next = list.last().map(cursor).filter(|_| more);
    Paged { items: list, next }
}
