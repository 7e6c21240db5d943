//! What has become of everything.

use crate::domain::inventory::Pool;
use crate::domain::order::{Order, OrderState};
use crate::domain::payment::{Payment, PaymentState};
use crate::domain::refund::Refund;
use crate::domain::settlement::IntentStatus;
use crate::domain::view::OrderView;
use crate::memory::{Books, LedgerIntent};
use crate::service::error::Error;
use crate::service::tests::world::{NOTHING, PRICE, World};
use crate::values::{IntentRef, Money, OrderId, TicketId};

impl World {
    pub(super) fn books(&self) -> Books {
        self.storage.books()
    }

    pub(super) fn order(&self, id: OrderId) -> Order {
        let books = self.books();
        books.orders.into_iter().find(|order| order.id == id).unwrap()
    }

    pub(super) fn state(&self, order: &OrderView) -> OrderState {
        self.order(order.id).state
    }

    /// The attempts at an order, oldest first.
    pub(super) fn attempts(&self, order: &OrderView) -> Vec<Payment> {
        let mut payments = self.books().payments;
        payments.retain(|payment| payment.order == Some(order.id));
        payments
    }

    pub(super) fn only_attempt(&self, order: &OrderView) -> Payment {
        let mut attempts = self.attempts(order);
        assert_eq!(attempts.len(), 1, "{attempts:#?}");
        attempts.remove(0)
    }

    pub(super) fn payment_states(&self, order: &OrderView) -> Vec<PaymentState> {
        let attempts = self.attempts(order);
        attempts.iter().map(|payment| payment.state).collect()
    }

    pub(super) fn refunds(&self) -> Vec<Refund> {
        self.books().refunds
    }

    /// Units of the order's first ticket: held and sold.
    pub(super) fn units(&self, order: &OrderView) -> (u32, u32) {
        let pool = self.pool(order.lines[0].ticket_id);
        (pool.held, pool.sold)
    }

    pub(super) fn pool(&self, ticket: TicketId) -> Pool {
        let books = self.books();
        books.pools.into_iter().find(|pool| pool.id == ticket).unwrap()
    }

    pub(super) fn intents(&self) -> Vec<LedgerIntent> {
        self.gateway.ledger().intents
    }

    pub(super) fn intent(&self, order: &OrderView) -> IntentRef {
        self.only_attempt(order).intent.unwrap()
    }

    /// How the gateway's intents stand, oldest first, with what was refunded of each.
    pub(super) fn ledger(&self) -> Vec<(IntentStatus, Money)> {
        let intents = self.intents();
        intents.iter().map(|intent| (intent.status, intent.refunded)).collect()
    }

    /// The names of an order's events, in the order of its versions.
    pub(super) fn story(&self, order: &OrderView) -> Vec<&'static str> {
        let books = self.books();
        let of = books.events.iter();
        of.filter(|event| event.key().aggregate == order.id.into())
            .filter_map(|event| event.data.event_type().wire_name().split('.').nth(2))
            .collect()
    }
}

pub(super) fn code_of<T>(answer: Result<T, Error>) -> &'static str {
    answer.err().expect("it was not refused").code()
}

/// One order, complete, one attempt, captured, one intent, with all of the price.
pub(super) fn assert_sold_once(world: &World, order: &OrderView) {
    let paid = world.only_attempt(order);
    assert_eq!(paid.state, PaymentState::Captured);
    assert_eq!(paid.amount, PRICE);
    let payment = paid.id;
    assert_eq!(world.state(order), OrderState::Complete { payment });
    assert_eq!(world.units(order), (0, 1));
    assert_eq!(world.ledger(), [(IntentStatus::Captured, NOTHING)]);
    assert_eq!(world.refunds(), []);
}
