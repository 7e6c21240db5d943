//! What a user has in the engine.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ticketing_core::domain::view::OrderView;
use ticketing_core::ports::ListingQuery;
use ticketing_core::ports::storage::OrderDirection;
use ticketing_core::values::{Cursor, OrderId, Page, Paged, UserId};
use ticketing_core::{Error, ListingView, PaymentEntry, Ticketing};

/// How many orders are asked about at the same time.
const AT_ONCE: usize = 8;

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

/// A user's attempts to pay for these orders, in their order.
pub(super) async fn payments_for(
    engine: &Ticketing,
    user: &UserId,
    orders: &[OrderView],
) -> Result<Vec<PaymentEntry>, Error> {
    let payments = engine.payments();
    let ids: Vec<OrderId> = orders.iter().map(|order| order.id).collect();
    let attempts = stream::iter(ids).map(|order| payments.attempts(user, order));
    let attempts: Vec<_> = attempts.buffered(AT_ONCE).try_collect().await?;
    Ok(attempts.into_iter().flatten().collect())
}
