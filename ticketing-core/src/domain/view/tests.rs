//! What others see of each state.

use crate::domain::order::fixtures::{ATTEMPT, PLACED, POLICY, all_states, minutes, placed, then};
use crate::domain::order::{Order, OrderCommand, OrderState};
use crate::domain::payment::ConfirmedBy;
use crate::domain::payment::fixtures::{all_states as all_payments, intent};
use crate::domain::view::OrderStatus;

/// A cancelled order that still waits for the gateway looks unpaid, and says why it ends.
fn seen(order: &Order) -> (OrderStatus, bool, bool) {
    match order.state {
        OrderState::Created => (OrderStatus::Created, false, false),
        OrderState::AwaitingPayment { .. } => (OrderStatus::AwaitingPayment, false, true),
        OrderState::Cancelling { .. } => (OrderStatus::AwaitingPayment, true, true),
        OrderState::Complete { .. } => (OrderStatus::Complete, false, true),
        OrderState::Cancelled { .. } => (OrderStatus::Cancelled, true, false),
        OrderState::Refunded { .. } => (OrderStatus::Refunded, false, true),
    }
}

#[test]
fn an_order_shows_its_status_its_reason_and_its_payment() {
    for (name, order) in all_states() {
        let view = order.view();
        let (status, ends, paid) = seen(&order);
        assert_eq!(view.status, status, "{name}");
        assert_eq!(view.cancel_reason.is_some(), ends, "{name}");
        assert_eq!(view.payment_id, paid.then_some(ATTEMPT), "{name}");
        if let OrderState::Cancelling { reason, .. } | OrderState::Cancelled { reason } =
            order.state
        {
            assert_eq!(view.cancel_reason, Some(reason));
        }
        assert_eq!((view.id, view.version), (order.id, order.version));
        assert_eq!((view.total, view.refunded), (order.total, order.refunded));
        assert_eq!((view.buyer_id, view.lines), (order.buyer, order.lines));
    }
}

#[test]
fn an_order_shows_the_deadline_in_force() {
    let pay = OrderCommand::StartPayment { attempt: ATTEMPT, policy: POLICY };
    let late = then(placed(), pay, PLACED.plus(minutes(14)));
    assert_eq!(late.view().expires_at, PLACED.plus(minutes(19)));
    assert_eq!(placed().view().expires_at, PLACED.plus(minutes(15)));
}

/// The words that clients of the contract know.
#[test]
fn statuses_have_the_contracts_words() {
    let words = [
        (OrderStatus::Created, "created"),
        (OrderStatus::AwaitingPayment, "awaiting:payment"),
        (OrderStatus::Complete, "complete"),
        (OrderStatus::Cancelled, "cancelled"),
        (OrderStatus::Refunded, "refunded"),
    ];
    for (status, word) in words {
        assert_eq!(serde_json::to_value(status).unwrap(), word);
    }
}

#[test]
fn a_payment_shows_what_is_known_of_it() {
    for payment in all_payments(ConfirmedBy::Client) {
        let view = payment.view();
        assert_eq!((view.id, view.version), (payment.id, payment.version));
        assert_eq!((view.order_id, view.amount), (payment.order, payment.amount));
        let known = (payment.intent == Some(intent())).then(intent);
        assert_eq!(view.gateway_id, known);
        assert_eq!(view.refunded, payment.refunding);
        assert_eq!((view.confirmed_by, view.dispute), (payment.confirmed_by, payment.dispute));
    }
}
