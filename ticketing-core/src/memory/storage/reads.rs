//! What is asked by id or by owner.

use uuid::Uuid;

use crate::domain::envelope::Event;
use crate::domain::event::EventKey;
use crate::domain::payment::Payment;
use crate::domain::refund::Refund;
use crate::domain::ticket::Ticket;
use crate::ports::error::{PortError, PortErrorKind};
use crate::ports::storage::Listing;
use crate::values::{Cursor, OrderId, PageLimit, Paged, PaymentId, TicketId};

use super::tables::Tables;

impl Tables {
    /// Those of the listings that exist, in the order asked for.
    pub(super) fn listings(&self, ids: &[TicketId]) -> Result<Vec<Listing>, PortError> {
        let stored = ids.iter().filter_map(|id| self.tickets.get(id));
        stored.map(|ticket| self.listing(ticket, "listings")).collect()
    }

    /// A ticket with its pool. Both are written by the same batch, so one without the other is a
    /// row that can't be read.
    pub(super) fn listing(
        &self,
        ticket: &Ticket,
        operation: &'static str,
    ) -> Result<Listing, PortError> {
        let Some(pool) = self.pools.get(&ticket.id) else {
            let corrupt =
                PortErrorKind::Corrupt { table: "pools", column: "id", id: ticket.id.to_string() };
            return Err(PortError::new(corrupt, operation));
        };
        Ok(Listing { ticket: ticket.clone(), pool: *pool })
    }

    /// All payments of an order, the oldest first.
    pub(super) fn payments_of(&self, order: OrderId) -> Vec<Payment> {
        let mut payments: Vec<Payment> = self.payments.of_order(order).cloned().collect();
        payments.sort_by_key(|payment| payment.created_at);
        payments
    }

    /// All refunds of a payment, the oldest first.
    pub(super) fn refunds_of(&self, payment: PaymentId) -> Vec<Refund> {
        let mut refunds: Vec<Refund> = self.refunds.of_payment(payment).cloned().collect();
        refunds.sort_by_key(|refund| refund.created_at);
        refunds
    }

    pub(super) fn event(&self, key: EventKey) -> Option<Event> {
        self.events.get(key).cloned()
    }
}

/// The first page of `items`, and where the next one starts if there is one.
pub(super) fn paged<T>(
    mut items: impl Iterator<Item = T>,
    limit: PageLimit,
    id: impl Fn(&T) -> Uuid,
) -> Paged<T> {
    let page: Vec<T> = items.by_ref().take(limit.get()).collect();
    let more = items.next().is_some();
    let last = page.last().filter(|_| more);
    let next = last.map(|last| Cursor::at(id(last)));
    Paged { items: page, next }
}
