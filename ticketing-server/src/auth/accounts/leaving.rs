//! The end of an account, and of what it leaves behind.
//!
//! An account that is removed leaves a departure in the store, by the same transaction. Listings and
//! orders are elsewhere, so they end before and after it: before, as long as the account can still be
//! kept; after, because another of its sessions may have begun something meanwhile. A departure stays
//! until nothing is left, whatever fails and whichever process dies: every process with these
//! accounts looks for departures when it starts and then again and again.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use ticketing_core::domain::view::{OrderStatus, OrderView, TicketStatus};
use ticketing_core::ports::{Clock, chain};
use ticketing_core::values::UserId;
use ticketing_core::{Error, ListingView, Ticketing};
use tokio_util::sync::CancellationToken;

use super::Accounts;
use super::belongings::{listings_of, orders_of};
use crate::auth::error::AccountError;
use crate::auth::sessions::Recognised;
use crate::auth::store::{AccountStore, Departure};
use crate::background::every;

/// How long a departure stays at least. Every process has heard by then that the sessions ended, and
/// what they had asked for just before is done.
const KEPT_FOR: Duration = Duration::from_secs(30);

/// Ends what those who leave had on sale and in their names.
#[derive(Debug, Clone)]
pub(super) struct Leaving {
    pub(super) store: Arc<dyn AccountStore>,
    pub(super) engine: Ticketing,
    pub(super) clock: Arc<dyn Clock>,
    /// How often departures are looked for.
    pub(super) every: Duration,
}

impl Accounts {
    /// Removes an account: its listings go off sale, its unpaid orders are cancelled, its sessions
    /// end, and its e-mail address is free again. What was sold stays sold.
    ///
    /// It can be repeated if it fails: the account is there until all of that is done.
    pub(crate) async fn delete(
        &self,
        member: &Recognised,
        password: SecretString,
    ) -> Result<(), AccountError> {
        let account = self.confirmed(member, password).await?;
        let leaving = &self.0.leaving;
        // A payment may also begin in between. Whoever stays for one keeps what is on sale.
        if leaving.is_paying(&account.id).await? || !leaving.cancel_orders(&account.id).await? {
            return Err(AccountError::PaymentRunning);
        }
        leaving.withdraw_listings(&account.id).await?;
        let ended = self.0.store.remove_account(&account.id, self.now()).await?;
        self.0.sessions.note_ended(&ended);
        // What another session began meanwhile ends as well, now or in the background.
        if let Err(error) = leaving.close(&account.id).await {
            report(&error);
        }
        Ok(())
    }
}

#[cfg(test)]
impl Accounts {
    /// What is done in the background, done now.
    pub(crate) async fn look_after_departures(&self) {
        self.0.leaving.step().await.unwrap();
    }
}

impl Leaving {
    /// Looks after departures until it is told to stop; the first time at once.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut ticks = every(self.every);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            if let Some(Err(error)) = stop.run_until_cancelled(self.step()).await {
                report(&error);
            }
        }
    }

    /// Ends what all those have left behind who have gone. One of whom something can't be ended now
    /// holds up no other.
    pub(super) async fn step(&self) -> Result<(), AccountError> {
        let mut after = None;
        loop {
            let departures = self.store.departures(after.as_ref()).await?;
            for departure in &departures {
                if let Err(error) = self.finish(departure).await {
                    report(&error);
                }
            }
            let Some(last) = departures.into_iter().last() else { return Ok(()) };
            after = Some(last.user);
        }
    }

    async fn finish(&self, departure: &Departure) -> Result<(), AccountError> {
        let is_over = self.clock.now().since(departure.at) >= KEPT_FOR;
        if self.close(&departure.user).await? && is_over {
            self.store.forget_departure(&departure.user).await?;
        }
        Ok(())
    }

    /// Cancels the orders of somebody who is gone, and takes the listings off sale. Answers whether
    /// nothing is left. An order that can't be cancelled keeps nothing on sale.
    async fn close(&self, user: &UserId) -> Result<bool, AccountError> {
        let are_over = self.cancel_orders(user).await;
        let withdrawn = self.withdraw_listings(user).await;
        are_over.and_then(|are_over| withdrawn.map(|()| are_over))
    }

    /// Answers whether all are over: one that is being paid comes to its own end first. One that can't
    /// be cancelled holds up no other.
    async fn cancel_orders(&self, user: &UserId) -> Result<bool, AccountError> {
        let (mut are_over, mut after) = (Ok(true), None);
        loop {
            let page = orders_of(&self.engine, user, after).await?;
            for order in &page.items {
                let is_over = self.end(user, order).await;
                are_over = are_over.and_then(|all| Ok(all & is_over?));
            }
            after = page.next;
            if after.is_none() {
                return are_over;
            }
        }
    }

    async fn end(&self, user: &UserId, order: &OrderView) -> Result<bool, AccountError> {
        match order.status {
            OrderStatus::Created => self.cancel(user, order).await,
            OrderStatus::AwaitingPayment => Ok(false),
            OrderStatus::Complete | OrderStatus::Cancelled | OrderStatus::Refunded => Ok(true),
        }
    }

    /// Answers whether it is over. Its payment may have begun meanwhile, and end with it or not.
    async fn cancel(&self, user: &UserId, order: &OrderView) -> Result<bool, AccountError> {
        let cancelled = tolerant(self.engine.orders().cancel(user, order.id).await)?;
        Ok(cancelled.is_none_or(|order| order.status != OrderStatus::AwaitingPayment))
    }

    async fn withdraw_listings(&self, user: &UserId) -> Result<(), AccountError> {
        let is_on_sale = |listing: &&ListingView| listing.ticket.status == TicketStatus::OnSale;
        let mut after = None;
        loop {
            let page = listings_of(&self.engine, user, after).await?;
            for listing in page.items.iter().filter(is_on_sale) {
                let tickets = self.engine.tickets();
                tolerant(tickets.withdraw(user, listing.ticket.id, true).await)?;
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Whether one of its orders is in the middle of a payment.
    async fn is_paying(&self, user: &UserId) -> Result<bool, AccountError> {
        let is_paying = |order: &OrderView| order.status == OrderStatus::AwaitingPayment;
        let mut after = None;
        loop {
            let page = orders_of(&self.engine, user, after).await?;
            if page.items.iter().any(is_paying) {
                return Ok(true);
            }
            after = page.next;
            if after.is_none() {
                return Ok(false);
            }
        }
    }
}

/// Nothing for what has come to another end meanwhile: paid, expired, withdrawn.
fn tolerant<T>(done: Result<T, Error>) -> Result<Option<T>, Error> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(Error::Rejected(_)) => Ok(None),
        Err(other) => Err(other),
    }
}

fn report(error: &AccountError) {
    tracing::warn!(
        code = "account_left_over",
        error = chain(error),
        "what a removed account has left behind is ended later"
    );
}
