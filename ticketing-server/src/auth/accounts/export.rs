//! Everything that is known of an account, for its owner.

use ticketing_core::domain::view::OrderView;
use ticketing_core::values::{Cursor, Paged};
use ticketing_core::{Error, ListingView, PaymentEntry};

use super::Accounts;
use super::belongings::{listings_of, orders_of, payments_for};
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
    /// The attempts to pay for these orders.
    pub(crate) payments: Vec<PaymentEntry>,
    /// Whether there is nothing more.
    pub(crate) is_complete: bool,
}

/// The most listings, and the most orders, of one export.
const MOST: usize = 10_000;

/// How many exports a process makes at once. Payments are read order by order, so one may be ten
/// thousand questions to the storage that everybody else waits for, too.
pub(super) const AT_ONCE: usize = 2;

impl Accounts {
    /// Everything that is known of an account, unless others are told of theirs already.
    pub(crate) async fn export(&self, member: &Recognised) -> Result<Export, AccountError> {
        let _place = self.0.exports.try_acquire().map_err(|_none_free| AccountError::Busy)?;
        let account = self.account_of(member).await?;
        let sessions = self.sessions(member).await?;
        let engine = &self.0.engine;
        let listings = all_of(|after| listings_of(engine, &account.id, after)).await?;
        let orders = all_of(|after| orders_of(engine, &account.id, after)).await?;
        let payments = payments_for(engine, &account.id, &orders).await?;
        let is_complete = listings.len() < MOST && orders.len() < MOST;
        Ok(Export { account, sessions, listings, orders, payments, is_complete })
    }
}

/// What all pages have, until it is the most that an export has.
async fn all_of<T, F>(page: impl Fn(Option<Cursor>) -> F) -> Result<Vec<T>, Error>
where
    F: Future<Output = Result<Paged<T>, Error>>,
{
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let read = page(after).await?;
        let room = MOST.saturating_sub(all.len());
        all.extend(read.items.into_iter().take(room));
        after = read.next;
        if after.is_none() || all.len() >= MOST {
            return Ok(all);
        }
    }
}
