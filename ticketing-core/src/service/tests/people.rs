//! What people do: list, reserve, pay, cancel.

use crate::domain::NewTicket;
use crate::domain::view::{OrderView, TicketView};
use crate::ports::PaymentMethod;
use crate::service::caller::Caller;
use crate::service::error::Error;
use crate::service::payment_receipt::{PaymentOutcome, PaymentReceipt};
use crate::service::tests::world::{PRICE, Sent, World};
use crate::testing::builders::user;
use crate::values::{IdempotencyKey, IntentRef, TicketId, UserId};

pub(super) fn seller() -> UserId {
    user("seller")
}

pub(super) fn ann() -> UserId {
    user("ann")
}

pub(super) fn bob() -> UserId {
    user("bob")
}

pub(super) fn token(token: &str) -> PaymentMethod {
    PaymentMethod::card_token(token)
}

/// What people do.
impl World {
    /// Lists a ticket with so many units.
    pub(super) fn list(&self, units: u32) -> TicketView {
        self.list_by(seller(), units)
    }

    pub(super) fn list_by(&self, seller: UserId, units: u32) -> TicketView {
        let new = NewTicket::new("Front row", PRICE).quantity(units);
        let tickets = self.process.engine.tickets();
        self.run(tickets.list_for_sale(seller, new)).unwrap()
    }

    pub(super) fn reserve(&self, buyer: &UserId, ticket: TicketId) -> OrderView {
        self.try_reserve(buyer, ticket).unwrap()
    }

    pub(super) fn try_reserve(&self, buyer: &UserId, ticket: TicketId) -> Result<OrderView, Error> {
        let orders = self.process.engine.orders();
        self.run(orders.reserve(buyer.clone(), [(ticket, 1)]))
    }

    /// A ticket with one unit, which the buyer holds.
    pub(super) fn held_by(&self, buyer: &UserId) -> OrderView {
        let ticket = self.list(1);
        self.reserve(buyer, ticket.id)
    }

    /// Pays, and waits for the answer alone: the capture may still be to come.
    pub(super) fn pay(&self, order: &OrderView, card: &str) -> Result<PaymentReceipt, Error> {
        let payments = self.process.engine.payments();
        self.run(payments.pay(&order.buyer_id, order.id, token(card)))
    }

    /// Pays, and tells how that stands.
    pub(super) fn pays(&self, order: &OrderView, card: &str) -> PaymentOutcome {
        self.pay(order, card).unwrap().outcome()
    }

    /// Pays under an idempotency key.
    pub(super) fn pay_keyed(
        &self,
        order: &OrderView,
        card: &str,
        key: &str,
    ) -> Result<PaymentReceipt, Error> {
        let caller = Caller::default().with_key(IdempotencyKey::new(key).unwrap());
        let payments = self.process.engine.caller(caller).payments();
        self.run(payments.pay(&order.buyer_id, order.id, token(card)))
    }

    /// Starts to pay, without waiting for the answer.
    pub(super) fn start_to_pay(
        &self,
        order: &OrderView,
        card: &str,
    ) -> Sent<Result<PaymentReceipt, Error>> {
        let payments = self.process.engine.payments();
        let (buyer, order, card) = (order.buyer_id.clone(), order.id, token(card));
        self.send(async move { payments.pay(&buyer, order, card).await })
    }

    /// Opens an intent for the buyer's browser.
    pub(super) fn open(&self, order: &OrderView) -> Result<PaymentReceipt, Error> {
        let payments = self.process.engine.payments();
        self.run(payments.open(&order.buyer_id, order.id))
    }

    pub(super) fn cancel(&self, order: &OrderView) -> Result<OrderView, Error> {
        let orders = self.process.engine.orders();
        self.run(orders.cancel(&order.buyer_id, order.id))
    }

    /// A ticket with one unit that the buyer has bought; the money is captured.
    pub(super) fn bought_by(&self, buyer: &UserId) -> OrderView {
        let order = self.held_by(buyer);
        assert_eq!(self.pays(&order, "tok_visa"), PaymentOutcome::Complete);
        self.quiet();
        order
    }

    /// An intent of the buyer's browser, unconfirmed.
    pub(super) fn opened(&self, order: &OrderView) -> IntentRef {
        let receipt = self.open(order).unwrap();
        assert_eq!(receipt.outcome(), PaymentOutcome::RequiresAction);
        assert!(receipt.client_secret.is_some());
        self.intent(order)
    }
}
