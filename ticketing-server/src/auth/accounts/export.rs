//! Everything that is known of an account, for its owner.

use ticketing_core::ListingView;
use ticketing_core::domain::view::OrderView;

use super::Accounts;
use crate::auth::error::AccountError;
use crate::auth::sessions::Recognised;
use crate::auth::store::{Account, Session};

/// Everything that is known of an account.
#[derive(Debug)]
pub(crate) struct Export {
    pub(crate) account: Account,
    pub(crate) sessions: Vec<Session>,
    pub(crate) listings: Vec<ListingView>,
    pub(crate) orders: Vec<OrderView>,
    /// Whether there is nothing more.
    pub(crate) is_complete: bool,
}

/// The most listings, and the most orders, of one export.
const MOST: usize = 10_000;

impl Accounts {
    /// Everything that is known of an account.
    pub(crate) async fn export(&self, member: &Recognised) -> Result<Export, AccountError> {
        let account = self.account_of(member).await?;
        let sessions = self.sessions(member).await?;
        let listings = self.listings_of(&account.id, MOST, |_| true).await?;
        let orders = self.orders_of(&account.id, MOST, |_| true).await?;
        let is_complete = listings.len() < MOST && orders.len() < MOST;
        Ok(Export { account, sessions, listings, orders, is_complete })
    }
}
