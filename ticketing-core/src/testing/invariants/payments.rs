//! Money: every sum has one owner.

use std::collections::BTreeMap;

use crate::domain::payment::{Payment, PaymentState};
use crate::testing::invariants::Found;
use crate::testing::invariants::indexed::Indexed;
use crate::testing::invariants::orders::paid_with;
use crate::values::{IntentRef, Money};

/// M1: in each currency, what was captured is what paid orders retain and what goes back.
pub(super) fn captured_money_is_retained_or_goes_back(world: &Indexed<'_>, found: &mut Found) {
    let mut sums: BTreeMap<&'static str, (i128, i128)> = BTreeMap::new();
    for payment in captured(world) {
        let sum = sums.entry(payment.amount.currency().code()).or_default();
        sum.0 = sum.0.saturating_add(payment.amount.minor().into());
        sum.1 = sum.1.saturating_add(payment.refunding.minor().into());
        let order = payment.order.and_then(|order| world.orders.get(&order));
        let order = order.filter(|order| paid_with(order) == Some(payment.id));
        if let Some(left) = order.and_then(|order| order.left_to_refund().ok()) {
            sum.1 = sum.1.saturating_add(left.minor().into());
        }
    }
    for (currency, (taken, accounted)) in sums {
        found.check(taken == accounted, "M1", || {
            format!("{taken} of {currency} were captured, {accounted} are accounted for")
        });
    }
}

/// M2: captured money belongs to the one order that it paid for, or goes back whole, and
/// whatever goes back has its refund.
pub(super) fn captured_charges_have_one_owner(world: &Indexed<'_>, found: &mut Found) {
    for payment in captured(world) {
        let order = payment.order.and_then(|order| world.orders.get(&order));
        let kept = order.is_some_and(|order| paid_with(order) == Some(payment.id));
        found.check(kept || payment.refunding == payment.amount, "M2", || {
            format!("payment {} is captured for no order, and not owed back", payment.id)
        });
        let counted = order.filter(|_| kept).map_or(payment.refunding, |order| order.refunded);
        let refunds = refunded_in(world, payment);
        found.check(refunds == Some(payment.refunding), "M2", || {
            format!("payment {}: its refunds are not what goes back of it", payment.id)
        });
        found.check(counted == payment.refunding, "M2", || {
            format!("payment {}: it and its order refund different sums", payment.id)
        });
    }
}

/// M3: an order has one attempt at most that may pay for it. One that is being voided may lie
/// beside it: it was given up, and authorized after all. At most one captured attempt is not to
/// go back.
pub(super) fn orders_have_one_live_attempt(world: &Indexed<'_>, found: &mut Found) {
    for (order, payments) in &world.payments_of {
        let live = payments.iter().filter(|payment| may_pay(payment)).count();
        found.check(live <= 1, "M3", || format!("order {order} has {live} live attempts"));
        let taken = |payment: &&&Payment| {
            payment.state == PaymentState::Captured && payment.refunding != payment.amount
        };
        let kept = payments.iter().filter(taken).count();
        found.check(kept <= 1, "M3", || format!("order {order} was paid for {kept} times"));
    }
}

/// M3: an intent belongs to one payment.
pub(super) fn intents_belong_to_one_payment(world: &Indexed<'_>, found: &mut Found) {
    let mut owners: BTreeMap<&IntentRef, u32> = BTreeMap::new();
    for intent in world.books.payments.iter().filter_map(|payment| payment.intent.as_ref()) {
        let owner = owners.entry(intent).or_default();
        *owner = owner.saturating_add(1);
    }
    for (intent, owners) in owners {
        found.check(owners == 1, "M3", || format!("intent {intent} has {owners} payments"));
    }
}

/// M4: no more of a payment goes back than was captured, and nothing of one that was not.
pub(super) fn refunds_stay_within_what_was_captured(world: &Indexed<'_>, found: &mut Found) {
    for payment in &world.books.payments {
        let within = payment.left_to_refund().is_ok();
        found.check(within, "M4", || format!("payment {} is refunded too much", payment.id));
        let captured = payment.state == PaymentState::Captured;
        let moved = captured || world.operated.contains(&payment.id);
        found.check(moved || payment.refunding.is_zero(), "M4", || {
            format!("payment {} is refunded, but {}", payment.id, payment.state.name())
        });
        let refunds = refunded_in(world, payment);
        let summed = refunds.is_some_and(|sum| payment.amount.checked_sub(sum).is_ok());
        found.check(summed, "M4", || {
            format!("payment {}: its refunds are more than its sum", payment.id)
        });
    }
    for payment in world.refunds_of.keys() {
        let known = world.payments.contains_key(payment);
        found.check(known, "M4", || format!("a refund of no payment: {payment}"));
    }
}

/// M5: an attempt asks for exactly what its order costs, in its currency, from its buyer.
pub(super) fn payments_ask_for_the_orders_total(world: &Indexed<'_>, found: &mut Found) {
    for payment in &world.books.payments {
        let Some(id) = payment.order else { continue };
        let order = world.orders.get(&id);
        let same = order.is_some_and(|order| {
            order.total == payment.amount && payment.buyer.as_ref() == Some(&order.buyer)
        });
        found.check(same, "M5", || {
            format!("payment {} asks for another sum than order {id}, or of another", payment.id)
        });
    }
}

fn captured<'a>(world: &Indexed<'a>) -> impl Iterator<Item = &'a Payment> {
    world.books.payments.iter().filter(|payment| payment.state == PaymentState::Captured)
}

fn may_pay(payment: &Payment) -> bool {
    payment.is_live() && !matches!(payment.state, PaymentState::Voiding { .. })
}

/// The sum of a payment's refunds, those that failed among them: they stay owed. Nothing if they
/// can't be summed.
fn refunded_in(world: &Indexed<'_>, payment: &Payment) -> Option<Money> {
    let refunds = world.refunds_of.get(&payment.id).into_iter().flatten();
    let nothing = Money::zero(payment.amount.currency());
    refunds.map(|refund| refund.amount).try_fold(nothing, |sum, more| sum.checked_add(more).ok())
}
