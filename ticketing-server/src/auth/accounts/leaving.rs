//! The end of an account.

use secrecy::SecretString;
use ticketing_core::domain::view::{OrderStatus, OrderView, TicketStatus};
use ticketing_core::values::{OrderId, UserId};
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
            let error: &(dyn std::error::Error + 'static) = &error;
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
        let is_on_sale = |listing: &ListingView| listing.ticket.status == TicketStatus::OnSale;
        for listing in self.listings_of(user, usize::MAX, is_on_sale).await? {
            let tickets = self.0.engine.tickets();
            tolerant(tickets.withdraw(user, listing.ticket.id, true).await)?;
        }
        Ok(())
    }

    /// The orders that can be cancelled; none of them may be in the middle of a payment.
    async fn unpaid_orders(&self, user: &UserId) -> Result<Vec<OrderId>, AccountError> {
        let is_unpaid = |order: &OrderView| match order.status {
            OrderStatus::Created | OrderStatus::AwaitingPayment => true,
            OrderStatus::Complete | OrderStatus::Cancelled | OrderStatus::Refunded => false,
        };
        let unpaid = self.orders_of(user, usize::MAX, is_unpaid).await?;
        if unpaid.iter().any(|order| order.status == OrderStatus::AwaitingPayment) {
            return Err(AccountError::PaymentRunning);
        }
        Ok(unpaid.iter().map(|order| order.id).collect())
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
