//! What must always be so, and what must be possible. The codes are those of the invariants in
//! `ticketing_core::testing::invariants`, where there is one that says the same.

use stateright::Model;

use crate::models::Named;

use super::Purchase;
use super::state::{CancelReason, Intent, Order, OrderState, Payment, PaymentState, State};

pub(super) const ALWAYS: [Named<Purchase>; 14] = [
    ("I1 what is held and sold fits the capacity", |model, state| {
        state.pool.held + state.pool.sold <= model.units
    }),
    ("I2 held and sold are what orders have", held_and_sold_are_what_orders_have),
    ("O3 nothing is begun at the deadline or later", |_, state| {
        state.orders.iter().all(|order| !order.begun_late)
    }),
    ("T2 nothing expires before its deadline", |_, state| {
        state.orders.iter().all(|order| order.time.deadline || !is_expired(order))
    }),
    ("O6 a complete order has one attempt with its money", |_, state| {
        state.orders.iter().all(complete_orders_have_their_money)
    }),
    ("M2 captured money has an order, or is owed back", |_, state| {
        state.orders.iter().all(captured_money_has_an_owner)
    }),
    ("M3 an order has one attempt that may pay", |_, state| {
        state.orders.iter().all(|order| {
            order.rows.payments.iter().filter(|payment| payment.state.may_pay()).count() <= 1
        })
    }),
    ("M4 money goes back once", |_, state| each_attempt(state, |attempt| attempt.refunds <= 1)),
    ("M6 an intent has a row", |_, state| state.orders.iter().all(intents_have_rows)),
    ("M7 an attempt has one intent", |_, state| each_attempt(state, |it| it.opened <= 1)),
    ("M7 a confirmation is sent once", |_, state| each_attempt(state, |it| it.confirmations <= 1)),
    ("M8 nobody is charged before the sale", |_, state| {
        each_attempt(state, |attempt| !attempt.charged_early)
    }),
    ("M9 units wait for the gateway, as long as there is patience", |_, state| {
        state.orders.iter().all(|order| !order.released_early)
    }),
    ("L1 at rest everything is settled", |model, state| {
        is_settled(state) || !model.is_at_rest(state)
    }),
];

pub(super) const SOMETIMES: [Named<Purchase>; 9] = [
    ("an order is complete, its money captured", |_, state| {
        any_order(state, |order| sold_with(order, PaymentState::Captured).is_some())
    }),
    ("a second attempt pays, where there may be one", |model, state| {
        model.attempts_of(0) < 2
            || any_order(state, |order| sold_with(order, PaymentState::Captured) == Some(1))
    }),
    ("an order expires unpaid", |_, state| any_order(state, is_expired)),
    ("an order expires while it is paid, and is complete all the same", |_, state| {
        any_order(state, |order| order.time.release && is_complete(order))
    }),
    ("a buyer cancels while paying", |_, state| {
        any_order(state, |order| {
            let reason = CancelReason::Buyer;
            matches!(order.rows.order, OrderState::Cancelling { reason: why, .. } if why == reason)
        })
    }),
    ("units are released while money may still come", |_, state| {
        any_order(state, |order| {
            let live = |payment: &Payment| payment.state.is_live();
            is_over(order) && order.rows.payments.iter().any(live)
        })
    }),
    ("money that came too late goes back", |_, state| {
        any_order(state, |order| order.rows.payments.iter().any(|payment| payment.given_back))
    }),
    ("a capture fails for good", |_, state| {
        let reason = CancelReason::Payment;
        any_order(state, |order| order.rows.order == OrderState::Cancelled { reason })
    }),
    ("everything is settled, and at rest", |model, state| {
        is_settled(state) && model.is_at_rest(state)
    }),
];

impl Purchase {
    /// Whether nothing is left to do, unless a client wants something.
    fn is_at_rest(&self, state: &State) -> bool {
        let mut steps = Vec::new();
        self.actions(state, &mut steps);
        steps.retain(|step| !step.is_free());
        steps.into_iter().all(|step| self.next_state(state, step).is_none())
    }
}

fn each_attempt(state: &State, holds: fn(&super::state::Attempt) -> bool) -> bool {
    state.orders.iter().flat_map(|order| order.attempts.iter()).all(holds)
}

fn any_order(state: &State, is_so: impl Fn(&Order) -> bool) -> bool {
    state.orders.iter().any(is_so)
}

fn is_complete(order: &Order) -> bool {
    matches!(order.rows.order, OrderState::Complete { .. })
}

fn is_over(order: &Order) -> bool {
    matches!(order.rows.order, OrderState::Cancelled { .. })
}

fn is_expired(order: &Order) -> bool {
    match order.rows.order {
        OrderState::Cancelling { reason, .. } | OrderState::Cancelled { reason } => {
            reason == CancelReason::Expired
        }
        OrderState::NotPlaced
        | OrderState::Created
        | OrderState::AwaitingPayment { .. }
        | OrderState::Complete { .. } => false,
    }
}

/// The attempt that an order was paid with, if that is in this state.
fn sold_with(order: &Order, wanted: PaymentState) -> Option<usize> {
    let OrderState::Complete { payment } = order.rows.order else { return None };
    Some(payment).filter(|payment| order.rows.payment(*payment).state == wanted)
}

fn held_and_sold_are_what_orders_have(_: &Purchase, state: &State) -> bool {
    let count = |has: fn(&Order) -> bool| {
        i8::try_from(state.orders.iter().filter(|order| has(order)).count()).unwrap_or(i8::MAX)
    };
    let held = count(|order| order.rows.order.is_live());
    (state.pool.held, state.pool.sold) == (held, count(is_complete))
}

fn complete_orders_have_their_money(order: &Order) -> bool {
    let paid = sold_with(order, PaymentState::Authorized);
    let paid = paid.or(sold_with(order, PaymentState::Captured));
    let has_money = paid.is_some() || !is_complete(order);
    let authorized = |payment: &Payment| payment.state == PaymentState::Authorized;
    let others = order.rows.payments.iter().position(authorized);
    has_money && (others.is_none() || others == paid)
}

fn captured_money_has_an_owner(order: &Order) -> bool {
    let mut payments = order.rows.payments.iter().enumerate();
    payments.all(|(attempt, payment)| {
        let is_taken = payment.state == PaymentState::Captured && !payment.owed;
        !is_taken || order.rows.order == OrderState::Complete { payment: attempt }
    })
}

fn intents_have_rows(order: &Order) -> bool {
    let mut rows = order.rows.payments.iter().zip(order.attempts.iter());
    rows.all(|(row, attempt)| attempt.opened == 0 || row.state != PaymentState::NotStarted)
}

/// Nobody holds anything, no intent is open, and what is owed is paid back.
fn is_settled(state: &State) -> bool {
    let settled = |order: &Order| {
        let mut both = order.rows.payments.iter().zip(order.attempts.iter());
        !order.rows.order.is_live()
            && both.all(|(row, attempt)| {
                let intent =
                    matches!(attempt.intent, Intent::None | Intent::Captured | Intent::Gone);
                intent && !row.state.is_live() && (!row.owed || row.given_back)
            })
    };
    state.pool.held == 0 && state.orders.iter().all(settled)
}
