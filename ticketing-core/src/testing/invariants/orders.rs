//! Orders: sums, holds, and what was paid for them.

use std::time::Duration;

use crate::domain::order::{Order, OrderState};
use crate::domain::payment::{Payment, PaymentState};
use crate::memory::Books;
use crate::testing::invariants::Found;
use crate::testing::invariants::indexed::Indexed;
use crate::values::{Money, PaymentId};

/// O2: an order's total is the sum of its frozen lines, in one currency, and no more of it is
/// refunded than there is. No line takes back more units than it has.
pub(super) fn totals_are_the_sums_of_their_lines(world: &Indexed<'_>, found: &mut Found) {
    for order in &world.books.orders {
        found.check(sum_of_lines(order) == Some(order.total), "O2", || {
            format!("order {}: {} is not the sum of its lines", order.id, order.total.to_major())
        });
        let left = order.left_to_refund();
        found.check(left.is_ok(), "O2", || format!("order {} is refunded too much", order.id));
        for line in order.lines.iter() {
            let (units, returned, restocked) = (line.quantity.get(), line.returned, line.restocked);
            found.check(restocked <= returned && returned <= units, "O2", || {
                let ticket = line.ticket_id;
                format!("order {}: {restocked} of {returned} of {units} of {ticket}", order.id)
            });
        }
    }
}

fn sum_of_lines(order: &Order) -> Option<Money> {
    let mut lines = order.lines.iter().map(|line| line.price.times(line.quantity.get()).ok());
    let first = lines.next()??;
    lines.try_fold(first, |sum, line| sum.checked_add(line?).ok())
}

/// O4: no hold lasts longer than the cap, extended and paying or not.
pub(super) fn no_hold_beyond_the_cap(books: &Books, cap: Duration, found: &mut Found) {
    for order in &books.orders {
        let longest = order.created_at.plus(cap);
        found.check(order.deadline() <= longest, "O4", || {
            format!("order {} is held until {}, not {longest}", order.id, order.deadline())
        });
    }
}

/// O6: an order is complete if, and only if, one attempt has its exact sum; an operator may have
/// taken that attempt over since. A sum that is only authorized always belongs to such an order.
pub(super) fn paid_orders_have_their_payment(world: &Indexed<'_>, found: &mut Found) {
    for order in &world.books.orders {
        let Some(payment) = paid_with(order) else { continue };
        let paid = world.payments.get(&payment).is_some_and(|payment| {
            let has_money = has_money(payment) || world.operated.contains(&payment.id);
            has_money && payment.order == Some(order.id) && payment.amount == order.total
        });
        found.check(paid, "O6", || {
            format!("order {} is {}, but not paid by {payment}", order.id, order.state.name())
        });
    }
    for payment in world.books.payments.iter().filter(|row| row.state == PaymentState::Authorized) {
        let order = payment.order.and_then(|order| world.orders.get(&order));
        let completed = order.is_some_and(|order| paid_with(order) == Some(payment.id));
        found.check(completed, "O6", || {
            format!("payment {} is authorized for an order that is not complete", payment.id)
        });
    }
}

/// The payment that an order says it was paid with.
pub(super) fn paid_with(order: &Order) -> Option<PaymentId> {
    match order.state {
        OrderState::Complete { payment } | OrderState::Refunded { payment } => Some(payment),
        OrderState::Created
        | OrderState::AwaitingPayment { .. }
        | OrderState::Cancelling { .. }
        | OrderState::Cancelled { .. } => None,
    }
}

fn has_money(payment: &Payment) -> bool {
    match payment.state {
        PaymentState::Authorized | PaymentState::Captured | PaymentState::NeedsOperator { .. } => {
            true
        }
        PaymentState::Initiated
        | PaymentState::Open
        | PaymentState::Confirming
        | PaymentState::NeedsAction
        | PaymentState::Voiding { .. }
        | PaymentState::Declined { .. }
        | PaymentState::Voided => false,
    }
}
