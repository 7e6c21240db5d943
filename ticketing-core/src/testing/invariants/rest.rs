//! What must not be left over once everybody had the time to finish.

use crate::domain::inventory::PoolState;
use crate::domain::order::{Order, OrderState};
use crate::domain::payment::{Payment, PaymentState};
use crate::domain::refund::RefundState;
use crate::memory::Books;
use crate::testing::invariants::indexed::Indexed;
use crate::testing::invariants::{Found, History, Violation};

/// Everything that somebody should have dealt with by now.
///
/// An order that is still within its time is not left over, and neither is the attempt that it
/// waits for. What waits for an operator has been dealt with as far as a machine can.
pub fn at_rest(books: &Books) -> Vec<Violation> {
    let world = Indexed::of(books, History::Pruned);
    let mut found = Found::default();
    orders_have_ended_in_time(&world, &mut found);
    withdrawn_pools_are_cleared(&world, &mut found);
    payments_are_settled(&world, &mut found);
    refunds_are_settled(&world, &mut found);
    queues_are_empty(&world, &mut found);
    found.violations
}

/// L1: nobody is overdue.
fn orders_have_ended_in_time(world: &Indexed<'_>, found: &mut Found) {
    for order in &world.books.orders {
        let overdue = order.due_at().filter(|due| *due <= world.books.now);
        found.check(overdue.is_none(), "L1", || {
            format!("order {} is still {}, overdue since {overdue:?}", order.id, order.state.name())
        });
    }
}

/// L1: live orders of withdrawn listings were cancelled, if that was asked for.
fn withdrawn_pools_are_cleared(world: &Indexed<'_>, found: &mut Found) {
    for pool in &world.books.pools {
        let waits = pool.state == PoolState::Withdrawn { clearing: true };
        found.check(!waits, "L1", || format!("pool {} is still to be cleared", pool.id));
    }
}

/// L2 and M8: every attempt came to an end, but for those that an order still waits for; what was
/// authorized is captured or voided.
fn payments_are_settled(world: &Indexed<'_>, found: &mut Found) {
    for payment in world.books.payments.iter().filter(|payment| payment.is_live()) {
        let order = payment.order.and_then(|order| world.orders.get(&order));
        let awaited = order.is_some_and(|order| waits_for(order, payment));
        let code = if payment.state == PaymentState::Authorized { "M8" } else { "L2" };
        found.check(awaited, code, || {
            format!("payment {} is still {}", payment.id, payment.state.name())
        });
    }
}

fn waits_for(order: &Order, payment: &Payment) -> bool {
    order.state == OrderState::AwaitingPayment { attempt: payment.id }
}

/// L2: every refund came to an end.
fn refunds_are_settled(world: &Indexed<'_>, found: &mut Found) {
    for refund in &world.books.refunds {
        let settled = match refund.state {
            RefundState::Succeeded | RefundState::Failed => true,
            RefundState::Requested | RefundState::Pending => false,
        };
        found.check(settled, "L2", || format!("refund {} is still {:?}", refund.id, refund.state));
    }
}

/// E4 and L3: every event was published or given up, and every webhook dealt with.
fn queues_are_empty(world: &Indexed<'_>, found: &mut Found) {
    let (unpublished, webhooks) = (world.books.unpublished, world.books.open_webhooks);
    found.check(unpublished == 0, "E4", || format!("{unpublished} outbox rows wait"));
    found.check(webhooks == 0, "L3", || format!("{webhooks} webhooks wait"));
}
