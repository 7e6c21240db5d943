//! What a user has in the engine.

use ticketing_core::domain::view::OrderView;
use ticketing_core::ports::ListingQuery;
use ticketing_core::ports::storage::OrderDirection;
use ticketing_core::values::{Cursor, Page, Paged, UserId};
use ticketing_core::{Error, ListingView, Ticketing};

/// One page of a user's listings, whether or not they are on sale.
pub(super) async fn listings_of(
    engine: &Ticketing,
    user: &UserId,
    after: Option<Cursor>,
) -> Result<Paged<ListingView>, Error> {
    let seller = Some(user.clone());
    let mut query = ListingQuery { seller, all: true, ..ListingQuery::default() };
    query.page.after = after;
    engine.tickets().search(&query).await
}

/// One page of a user's orders, oldest first.
pub(super) async fn orders_of(
    engine: &Ticketing,
    user: &UserId,
    after: Option<Cursor>,
) -> Result<Paged<OrderView>, Error> {
    let page = Page { after, ..Page::default() };
    engine.orders().list(user, OrderDirection::OldestFirst, page).await
}
