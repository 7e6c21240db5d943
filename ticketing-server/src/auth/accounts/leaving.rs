//! The end of an account.

use secrecy::SecretString;
use ticketing_core::domain::view::{OrderStatus, TicketStatus};
use ticketing_core::ports::ListingQuery;
use ticketing_core::ports::storage::OrderDirection;
use ticketing_core::values::{OrderId, Page, UserId};
use ticketing_core::{Error, ListingView};

use super::Accounts;
use crate::auth::error::AccountError;
use crate::auth::sessions::Recognised;

impl Accounts {
    /// Removes an account: its listings go off sale, its unpaid orders are cancelled, its sessions
    /// end, and its e-mail address is free again. What was sold stays sold.
    ///
    /// It can be repeated if it fails halfway.
    pub(crate) async fn delete(
        &self,
        member: &Recognised,
        password: SecretString,
    ) -> Result<(), AccountError> {
        let account = self.confirmed(member, password).await?;
        self.close_business(&account.id).await?;
        let ended = self.0.store.remove_account(&account.id, self.now()).await?;
        self.0.sessions.note_ended(&ended);
        // What another session began meanwhile ends as well.
        if let Err(error) = self.close_business(&account.id).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "what a removed account did last may not have ended");
        }
        Ok(())
    }

    async fn close_business(&self, user: &UserId) -> Result<(), AccountError> {
        let unpaid = self.unpaid_orders(user).await?;
        for order in unpaid {
            let cancelled = tolerant(self.0.engine.orders().cancel(user, order).await)?;
            if cancelled.is_some_and(|order| order.status == OrderStatus::AwaitingPayment) {
                return Err(AccountError::PaymentRunning);
            }
        }
        for listing in self.listings_of(user, usize::MAX).await? {
            if listing.ticket.status == TicketStatus::OnSale {
                let tickets = self.0.engine.tickets();
                tolerant(tickets.withdraw(user, listing.ticket.id, true).await)?;
            }
        }
        Ok(())
    }

    /// The orders that can be cancelled; none of them may be in the middle of a payment.
    async fn unpaid_orders(&self, user: &UserId) -> Result<Vec<OrderId>, AccountError> {
        let orders = self.orders_of(user, usize::MAX).await?;
        if orders.iter().any(|order| order.status == OrderStatus::AwaitingPayment) {
            return Err(AccountError::PaymentRunning);
        }
        let unpaid = orders.iter().filter(|order| order.status == OrderStatus::Created);
        Ok(unpaid.map(|order| order.id).collect())
    }

    /// A user's listings, page by page, until there are so many.
    pub(super) async fn listings_of(
        &self,
        user: &UserId,
        most: usize,
    ) -> Result<Vec<ListingView>, AccountError> {
        let seller = Some(user.clone());
        let mut query = ListingQuery { seller, all: true, ..ListingQuery::default() };
        let mut listings = Vec::new();
        loop {
            let page = self.0.engine.tickets().search(&query).await?;
            listings.extend(page.items);
            if page.next.is_none() || listings.len() >= most {
                return Ok(listings);
            }
            query.page.after = page.next;
        }
    }

    /// A user's orders, page by page, until there are so many.
    pub(super) async fn orders_of(
        &self,
        user: &UserId,
        most: usize,
    ) -> Result<Vec<ticketing_core::domain::view::OrderView>, AccountError> {
        let mut at = Page::default();
        let mut orders = Vec::new();
        loop {
            let page = self.0.engine.orders().list(user, OrderDirection::OldestFirst, at).await?;
            orders.extend(page.items);
            if page.next.is_none() || orders.len() >= most {
                return Ok(orders);
            }
            at.after = page.next;
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
