//! What a user has in the engine.

use ticketing_core::ListingView;
use ticketing_core::domain::view::OrderView;
use ticketing_core::ports::ListingQuery;
use ticketing_core::ports::storage::OrderDirection;
use ticketing_core::values::{Page, UserId};

use super::Accounts;
use crate::auth::error::AccountError;

impl Accounts {
    /// A user's listings that are wanted, page by page, until there are so many.
    pub(super) async fn listings_of(
        &self,
        user: &UserId,
        most: usize,
        is_wanted: impl Fn(&ListingView) -> bool + Send,
    ) -> Result<Vec<ListingView>, AccountError> {
        let seller = Some(user.clone());
        let mut query = ListingQuery { seller, all: true, ..ListingQuery::default() };
        let mut listings = Vec::new();
        loop {
            let page = self.0.engine.tickets().search(&query).await?;
            let room = most.saturating_sub(listings.len());
            listings.extend(page.items.into_iter().filter(&is_wanted).take(room));
            if page.next.is_none() || listings.len() >= most {
                return Ok(listings);
            }
            query.page.after = page.next;
        }
    }

    /// A user's orders that are wanted, page by page, until there are so many.
    pub(super) async fn orders_of(
        &self,
        user: &UserId,
        most: usize,
        is_wanted: impl Fn(&OrderView) -> bool + Send,
    ) -> Result<Vec<OrderView>, AccountError> {
        let mut at = Page::default();
        let mut orders = Vec::new();
        loop {
            let page = self.0.engine.orders().list(user, OrderDirection::OldestFirst, at).await?;
            let room = most.saturating_sub(orders.len());
            orders.extend(page.items.into_iter().filter(&is_wanted).take(room));
            if page.next.is_none() || orders.len() >= most {
                return Ok(orders);
            }
            at.after = page.next;
        }
    }
}
