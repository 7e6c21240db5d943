//! What happened to orders, version by version.

use crate::domain::envelope::Event;
use crate::domain::order::{CancelReason, Line};
use crate::domain::view::{OrderStatus, OrderView};
use crate::testing::invariants::indexed::{Indexed, order_view, payment_view};
use crate::testing::invariants::{Found, History};
use crate::values::{PaymentId, Timestamp};

/// Where an order stood, as far as its events tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Created,
    Awaiting,
    Cancelling(CancelReason),
    Complete,
    Cancelled(Option<CancelReason>),
    Refunded,
}

/// One version of an order.
struct Version<'a> {
    view: &'a OrderView,
    phase: Phase,
    at: Timestamp,
}

impl<'a> Version<'a> {
    fn of(event: &'a Event) -> Option<Self> {
        let view = order_view(&event.data)?;
        Some(Self { view, phase: phase_of(view), at: event.header.occurred_at })
    }
}

/// O1: orders take the steps of the published machine and no others; what is cancelled or
/// refunded never changes again. The attempt stays the same from its start to its end.
pub(super) fn orders_take_known_steps(world: &Indexed<'_>, found: &mut Found) {
    for (before, after) in steps(world) {
        let known = is_known(before.phase, after.phase) && keeps_attempt(&before, &after);
        found.check(known, "O1", || {
            let (id, version) = (after.view.id, after.view.version);
            format!("order {id} at {version} went from {:?} to {:?}", before.phase, after.phase)
        });
    }
    if world.history == History::Pruned {
        return;
    }
    for (aggregate, events) in world.histories() {
        let first = events.first().and_then(Version::of);
        let created = first.is_none_or(|first| first.phase == Phase::Created);
        found.check(created, "O1", || format!("{aggregate} did not begin as created"));
    }
}

fn is_known(before: Phase, after: Phase) -> bool {
    use CancelReason::{Buyer, Expired, Payment, Seller};
    match before {
        // Extended, or an attempt began.
        Phase::Created => match after {
            Phase::Created | Phase::Awaiting => true,
            Phase::Cancelled(reason) => matches!(reason, Some(Buyer | Seller | Expired)),
            Phase::Cancelling(_) | Phase::Complete | Phase::Refunded => false,
        },
        Phase::Awaiting => match after {
            Phase::Created | Phase::Complete => true,
            Phase::Cancelling(reason) => reason != Payment,
            Phase::Cancelled(reason) => reason == Some(Expired),
            Phase::Awaiting | Phase::Refunded => false,
        },
        Phase::Cancelling(reason) => match after {
            Phase::Complete => reason == Expired,
            Phase::Cancelled(ended) => ended == Some(reason),
            Phase::Created | Phase::Awaiting | Phase::Cancelling(_) | Phase::Refunded => false,
        },
        Phase::Complete => match after {
            Phase::Complete | Phase::Refunded => true,
            Phase::Cancelled(reason) => reason == Some(Payment),
            Phase::Created | Phase::Awaiting | Phase::Cancelling(_) => false,
        },
        Phase::Cancelled(_) | Phase::Refunded => false,
    }
}

/// Whether both versions name the same attempt, or one of them none.
fn keeps_attempt(before: &Version<'_>, after: &Version<'_>) -> bool {
    let attempt = |version: &Version<'_>| -> Option<PaymentId> { version.view.payment_id };
    match (attempt(before), attempt(after)) {
        (Some(before), Some(after)) => before == after,
        (None, _) | (_, None) => true,
    }
}

/// O5: an order keeps its buyer and the time it was placed, a payment its order and its sum.
pub(super) fn orders_keep_their_buyer_and_payments_their_order(
    world: &Indexed<'_>,
    found: &mut Found,
) {
    for (before, after) in steps(world) {
        let (before, after) = (before.view, after.view);
        let same = before.buyer_id == after.buyer_id && before.created_at == after.created_at;
        found.check(same, "O5", || format!("order {} changed its buyer", after.id));
    }
    for (_, events) in world.histories() {
        let views = events.iter().filter_map(|event| payment_view(&event.data));
        for (before, after) in views.clone().zip(views.skip(1)) {
            let same = before.order_id == after.order_id && before.amount == after.amount;
            found.check(same, "O5", || format!("payment {} changed its order", after.id));
        }
    }
}

/// I8: whatever happens to a listing, an order keeps the lines that it was placed with, and what
/// was returned or refunded of it only grows.
pub(super) fn placed_orders_keep_what_they_froze(world: &Indexed<'_>, found: &mut Found) {
    for (before, after) in steps(world) {
        let (before, after) = (before.view, after.view);
        let same_lines = before.lines.len() == after.lines.len()
            && before.lines.iter().zip(after.lines.iter()).all(|(line, next)| follows(line, next));
        let same_total = before.total == after.total;
        let not_less = after.refunded.checked_sub(before.refunded).is_ok();
        found.check(same_lines && same_total && not_less, "I8", || {
            format!("order {} at {} has other lines or sums", after.id, after.version)
        });
    }
}

fn follows(line: &Line, next: &Line) -> bool {
    let returned = line.returned <= next.returned && line.restocked <= next.restocked;
    let frozen = Line { returned: next.returned, restocked: next.restocked, ..line.clone() };
    returned && frozen == *next
}

/// O3: no payment begins, and no hold is extended, at the deadline or later.
pub(super) fn nothing_is_begun_after_the_deadline(world: &Indexed<'_>, found: &mut Found) {
    for (before, after) in steps(world) {
        let begun = before.phase == Phase::Created
            && matches!(after.phase, Phase::Created | Phase::Awaiting);
        found.check(!begun || after.at < before.view.expires_at, "O3", || {
            let (id, at, deadline) = (after.view.id, after.at, before.view.expires_at);
            format!("order {id} was extended or paid for at {at}, after {deadline}")
        });
    }
}

/// T2: no order expires before its deadline.
pub(super) fn nothing_expires_before_the_deadline(world: &Indexed<'_>, found: &mut Found) {
    for (before, after) in steps(world) {
        let expired = match (before.phase, after.phase) {
            (Phase::Created | Phase::Awaiting, Phase::Cancelled(reason)) => {
                reason == Some(CancelReason::Expired)
            }
            (Phase::Awaiting, Phase::Cancelling(reason)) => reason == CancelReason::Expired,
            (_, _) => false,
        };
        found.check(!expired || after.at >= before.view.expires_at, "T2", || {
            let (id, at, deadline) = (after.view.id, after.at, before.view.expires_at);
            format!("order {id} expired at {at}, before {deadline}")
        });
    }
}

/// Each version of each order with the one before it.
fn steps<'a>(world: &Indexed<'a>) -> impl Iterator<Item = (Version<'a>, Version<'a>)> {
    let pairs = world.histories().flat_map(|(_, events)| events.windows(2));
    pairs.filter_map(|pair| match pair {
        [before, after] => Some((Version::of(before)?, Version::of(after)?)),
        _ => None,
    })
}

fn phase_of(view: &OrderView) -> Phase {
    match (view.status, view.cancel_reason) {
        (OrderStatus::Created, _) => Phase::Created,
        (OrderStatus::AwaitingPayment, None) => Phase::Awaiting,
        (OrderStatus::AwaitingPayment, Some(reason)) => Phase::Cancelling(reason),
        (OrderStatus::Complete, _) => Phase::Complete,
        (OrderStatus::Cancelled, reason) => Phase::Cancelled(reason),
        (OrderStatus::Refunded, _) => Phase::Refunded,
    }
}
