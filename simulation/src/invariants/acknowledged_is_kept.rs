//! A3: what a client was told to be done is done, and stays so.

use ticketing_core::PaymentOutcome;
use ticketing_core::domain::view::OrderView;
use ticketing_core::domain::{CancelReason, Order, OrderState};
use ticketing_core::values::OrderId;

use crate::clients::{Answer, Command, Sent};
use crate::findings::Findings;
use crate::invariants::Ending;

pub(super) fn check(ending: &Ending<'_>, findings: &Findings) {
    for sent in ending.sent {
        let Some(answered) = &sent.answer else { continue };
        match &answered.answer {
            Answer::Order(view) => order_is_kept(ending, sent, view, findings),
            Answer::Ticket(view) => {
                let mut tickets = ending.books.tickets.iter();
                let kept = tickets.any(|row| row.id == view.id && row.version >= view.version);
                findings.check(kept, "A3", || {
                    format!("ticket {} at {} is lost", view.id, view.version)
                });
            }
            Answer::Refund(view) => {
                let mut refunds = ending.books.refunds.iter();
                let kept = refunds.any(|row| row.id == view.id && row.amount == view.amount);
                findings.check(kept, "A3", || format!("refund {} is lost", view.id));
            }
            Answer::Paid { order: Some(order), outcome: PaymentOutcome::Complete } => {
                sale_is_kept(ending, *order, findings);
            }
            Answer::Paid { .. } | Answer::Refused { .. } | Answer::Unknown { .. } => {}
        }
    }
}

fn stored<'a>(ending: &Ending<'a>, id: OrderId, findings: &Findings) -> Option<&'a Order> {
    let order = ending.books.orders.iter().find(|order| order.id == id);
    findings.check(order.is_some(), "A3", || format!("order {id} is lost"));
    order
}

fn order_is_kept(ending: &Ending<'_>, sent: &Sent, view: &OrderView, findings: &Findings) {
    let Some(order) = stored(ending, view.id, findings) else { return };
    let same = order.buyer == view.buyer_id
        && order.total == view.total
        && order.version >= view.version
        && order.lines.len() == view.lines.len();
    findings.check(same, "A3", || format!("order {} is not what was told", view.id));
    let by_somebody =
        matches!(view.cancel_reason, Some(CancelReason::Buyer | CancelReason::Seller));
    let over = matches!(order.state, OrderState::Cancelled { .. });
    findings.check(!by_somebody || over, "A3", || {
        format!("order {} was told to be cancelled and is {}", order.id, order.state.name())
    });
    let extends = matches!(sent.command, Command::Extend { .. });
    findings.check(!extends || order.extended, "A3", || {
        format!("order {} was told to be extended and is not", order.id)
    });
}

fn sale_is_kept(ending: &Ending<'_>, id: OrderId, findings: &Findings) {
    let Some(order) = stored(ending, id, findings) else { return };
    let kept = matches!(
        order.state,
        OrderState::Complete { .. }
            | OrderState::Refunded { .. }
            | OrderState::Cancelled { reason: CancelReason::Payment }
    );
    findings.check(kept, "A3", || {
        format!("order {id} was told to be paid and is {}", order.state.name())
    });
}
