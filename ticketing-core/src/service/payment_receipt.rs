//! What a buyer hears of a payment attempt.

use crate::domain::order::Order;
use crate::domain::payment::DeclineCode;
use crate::domain::view::{PaymentStatus, PaymentView};
use crate::ports::payment_gateway::ClientSecret;
use crate::values::Timestamp;

/// A payment attempt, as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a declined payment is an outcome, not an error"]
pub struct PaymentReceipt {
    /// The attempt.
    pub payment: PaymentView,
    /// What the buyer's browser needs to go on, where it must.
    pub client_secret: Option<ClientSecret>,
    pub(super) outcome: PaymentOutcome,
}

/// A payment attempt among others of its order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PaymentEntry {
    /// The attempt.
    pub payment: PaymentView,
    /// When it was begun.
    pub begun_at: Timestamp,
}

/// How a payment attempt stands, for the buyer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentOutcome {
    /// It is paid; the order is complete.
    Complete,
    /// The buyer must do something first.
    RequiresAction,
    /// It is not known yet.
    Pending,
    /// The card was declined; another may be tried.
    Declined(DeclineCode),
    /// It ended, and the order does not have its money: none moved, or all of it goes back.
    Ended,
}

impl PaymentReceipt {
    /// How the attempt stands.
    pub fn outcome(&self) -> PaymentOutcome {
        self.outcome
    }
}

impl PaymentOutcome {
    /// How an attempt stands that was read before its order: money that the order took moved both
    /// in one commit, so an order that is read later shows it.
    pub(super) fn of(payment: &PaymentView, order: &Order) -> Self {
        match (payment.status, payment.declined) {
            (PaymentStatus::Authorized | PaymentStatus::Captured, _) => {
                // Money that is here may have come too late, or be given back.
                if order.is_paid_with(payment.id) { Self::Complete } else { Self::Ended }
            }
            (PaymentStatus::RequiresAction, _) => Self::RequiresAction,
            (PaymentStatus::Declined | PaymentStatus::Voiding, Some(code)) => Self::Declined(code),
            (PaymentStatus::Pending | PaymentStatus::NeedsOperator, _) => Self::Pending,
            (PaymentStatus::Declined | PaymentStatus::Voiding | PaymentStatus::Voided, _) => {
                Self::Ended
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::order::fixtures::{ATTEMPT, OTHER_ATTEMPT, all_states};
    use crate::domain::order::{Order, OrderState};
    use crate::domain::payment::{ConfirmedBy, Payment, fixtures};
    use crate::service::payment_receipt::PaymentOutcome;

    /// Every state of a payment beside every state of its order, paid with it or with another.
    fn every_pair() -> Vec<(Payment, Order)> {
        let payments = [ConfirmedBy::Server, ConfirmedBy::Client].map(fixtures::all_states);
        let payments = payments.into_iter().flatten();
        let other = OrderState::Complete { payment: OTHER_ATTEMPT };
        payments
            .flat_map(|payment| {
                let orders = all_states().into_iter().map(|(_, order)| order);
                let orders =
                    orders.flat_map(|order| [Order { state: other, ..order.clone() }, order]);
                orders.map(move |order| (payment.clone(), order))
            })
            .collect()
    }

    #[test]
    fn complete_is_told_only_of_an_order_that_is_complete_with_it() {
        let complete = OrderState::Complete { payment: ATTEMPT };
        let mut told = 0;
        for (payment, order) in every_pair() {
            if PaymentOutcome::of(&payment.view(), &order) == PaymentOutcome::Complete {
                assert_eq!(order.state, complete, "{payment:?}");
                told += 1;
            }
        }
        assert_eq!(told, 4, "authorized and captured, whoever confirmed");
    }

    #[test]
    fn money_that_the_order_does_not_have_is_the_end_of_its_attempt() {
        let complete = OrderState::Complete { payment: ATTEMPT };
        let captured = fixtures::captured().view();
        let orders = every_pair().into_iter().map(|(_, order)| order);
        for order in orders.filter(|order| order.state != complete) {
            let outcome = PaymentOutcome::of(&captured, &order);
            assert_eq!(outcome, PaymentOutcome::Ended, "{:?}", order.state);
        }
    }
}
