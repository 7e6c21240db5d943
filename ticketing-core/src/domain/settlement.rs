//! What a gateway's word about an intent does to the payment and its order, at once.
//!
//! The same word can come three ways: as the answer to our own call, as a webhook, and as the
//! answer when we ask. All three go through [`settle`], so that it does not matter which comes
//! first, or twice, or late.
//!
//! | the gateway says | the order wants the money | it does not |
//! |---|---|---|
//! | authorized | payment authorized, order complete, units sold; the capture is owed | the payment is voided |
//! | captured | payment captured, order complete | payment captured, and all of it owed back |
//! | declined, gone | payment over, order payable again or cancelled | payment over |
//! | another amount than ours | an operator is called, nothing else moves | the same |
//!
//! What the gateway gave back of captured money is compared with our refunds by [`recount()`].

mod recount;

pub use recount::{given_back_in, recount};

use crate::domain::decision::Decision;
use crate::domain::order::{Order, OrderCommand};
use crate::domain::payment::{
    DeclineCode, Payment, PaymentCommand, PaymentState, Trouble, VoidReason,
};
use crate::domain::refund::Refund;
use crate::domain::rejection::Rejection;
use crate::values::{Money, Timestamp};

/// How an intent stands, in the gateway's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntentStatus {
    /// It waits for a card; the last one may have been declined.
    NeedsMethod {
        /// Why.
        declined: Option<DeclineCode>,
    },
    /// The buyer must do something at the bank.
    NeedsAction,
    /// The gateway is not sure yet.
    Processing,
    /// The money is reserved.
    Authorized,
    /// The money is taken.
    Captured,
    /// It is dead, or never was.
    Gone,
}

/// The gateway's word about one intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntentReport {
    /// How it stands.
    pub status: IntentStatus,
    /// Its sum.
    pub amount: Money,
    /// What the gateway gave back of it, by whoever's order.
    pub refunded: Money,
}

/// What the word does.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a settlement that is not committed did not happen"]
pub struct Settlement {
    /// To the payment.
    pub payment: Decision<Payment>,
    /// To its order, where that changes.
    pub order: Option<Decision<Order>>,
    /// What is owed back at once: the money came too late.
    pub owed: Option<Money>,
    /// What somebody gave back at the gateway, by hand.
    pub noted: Option<Money>,
    /// To refunds that the gateway has carried out, or has not, other than we knew.
    pub refunds: Vec<Decision<Refund>>,
}

/// What `report` does to `payment` and to the order it is for.
///
/// # Errors
/// A [`Rejection`] if order and payment contradict each other, which none of our commits allows.
pub fn settle(
    payment: Payment,
    order: Option<Order>,
    report: IntentReport,
    now: Timestamp,
) -> Result<Settlement, Rejection> {
    match report.status {
        IntentStatus::Authorized | IntentStatus::Captured if report.amount != payment.amount => {
            payment.decide(PaymentCommand::Park(Trouble::WrongAmount), now).map(Settlement::payment)
        }
        IntentStatus::Captured => captured(payment, order, report.refunded, now),
        IntentStatus::Authorized => authorized(payment, order, now),
        IntentStatus::NeedsAction => {
            payment.decide(PaymentCommand::NeedsAction, now).map(Settlement::payment)
        }
        IntentStatus::NeedsMethod { declined } => Ok(unconfirmed(payment, declined, now)),
        IntentStatus::Processing => Ok(Settlement::payment(Decision::unchanged(payment))),
        IntentStatus::Gone => ended(payment, order, now),
    }
}

impl Settlement {
    pub(crate) fn payment(payment: Decision<Payment>) -> Self {
        Self { payment, order: None, owed: None, noted: None, refunds: Vec::new() }
    }

    fn with_order(payment: Decision<Payment>, order: Option<Decision<Order>>) -> Self {
        Self { order: order.filter(Decision::is_change), ..Self::payment(payment) }
    }
}

/// What the order says to the money, if it takes it.
fn accepted(
    order: Option<Order>,
    payment: &Payment,
    captured: bool,
    now: Timestamp,
) -> Option<Decision<Order>> {
    let arrived = OrderCommand::MoneyArrived { attempt: payment.id, captured };
    order.and_then(|order| order.decide(arrived, now).ok())
}

fn captured(
    payment: Payment,
    order: Option<Order>,
    refunded: Money,
    now: Timestamp,
) -> Result<Settlement, Rejection> {
    let attempt = payment.id;
    // A payment that an operator resumed may have been captured, and be owed back, before.
    let left = payment.left_to_refund().unwrap_or(payment.amount);
    let by_hand =
        refunded.checked_sub(payment.refunding).unwrap_or(Money::zero(refunded.currency()));
    let arrived = accepted(order.clone(), &payment, true, now);
    let accepted = arrived.is_some();
    let (owed, noted) = if accepted { (None, None) } else { given_back(left, by_hand) };
    let payment = payment.decide(PaymentCommand::Captured { accepted }, now)?;
    if !payment.is_change() {
        return Ok(Settlement::payment(payment));
    }
    // An order that was only waiting to hear that no money comes is over now all the same.
    let ended = || order?.decide(OrderCommand::PaymentEnded { attempt }, now).ok();
    Ok(Settlement { owed, noted, ..Settlement::with_order(payment, arrived.or_else(ended)) })
}

/// How money that nobody wants goes back: what of it is owed, and what went back by hand already.
pub(crate) fn given_back(unwanted: Money, by_hand: Money) -> (Option<Money>, Option<Money>) {
    let nothing = Money::zero(unwanted.currency());
    let owed = unwanted.checked_sub(by_hand).unwrap_or(nothing);
    let noted = unwanted.checked_sub(owed).unwrap_or(nothing);
    let unless_nothing = |money: Money| Some(money).filter(|money| !money.is_zero());
    (unless_nothing(owed), unless_nothing(noted))
}

fn authorized(
    payment: Payment,
    order: Option<Order>,
    now: Timestamp,
) -> Result<Settlement, Rejection> {
    let order = accepted(order, &payment, false, now);
    let payment = payment.decide(PaymentCommand::Authorized { accepted: order.is_some() }, now)?;
    // While a void is on its way its answer decides, so the order moves with the payment alone.
    let taken = payment.is_change() && payment.next().state == PaymentState::Authorized;
    Ok(Settlement::with_order(payment, order.filter(|_| taken)))
}

fn unconfirmed(payment: Payment, declined: Option<DeclineCode>, now: Timestamp) -> Settlement {
    let command = match declined {
        Some(code) => PaymentCommand::Declined(code),
        None if payment.is_abandoned(now) => PaymentCommand::Void(VoidReason::Abandoned),
        None if payment.is_unanswered(now) => PaymentCommand::ConfirmationLost,
        None => return Settlement::payment(Decision::unchanged(payment)),
    };
    let unchanged = payment.clone();
    // An intent that waits for a card can't belong to a payment that took one: an old word.
    let decision = payment.decide(command, now);
    Settlement::payment(decision.unwrap_or_else(|_old| Decision::unchanged(unchanged)))
}

fn ended(payment: Payment, order: Option<Order>, now: Timestamp) -> Result<Settlement, Rejection> {
    let attempt = payment.id;
    let payment = payment.decide(PaymentCommand::Gone, now)?;
    if !payment.is_change() {
        return Ok(Settlement::payment(payment));
    }
    // The order tells whether the money was taken for it: a payment that an operator resumed
    // has forgotten that it was authorized.
    let command = if order.as_ref().is_some_and(|order| order.is_paid_with(attempt)) {
        OrderCommand::CaptureFailed { attempt }
    } else {
        OrderCommand::PaymentEnded { attempt }
    };
    let order = order.map(|order| order.decide(command, now)).transpose()?;
    Ok(Settlement::with_order(payment, order))
}

/// What a capture that failed for good does: the sale is undone, and the intent is voided.
///
/// # Errors
/// As [`settle`].
pub fn capture_failed(
    payment: Payment,
    order: Option<Order>,
    now: Timestamp,
) -> Result<Settlement, Rejection> {
    let attempt = payment.id;
    let payment = payment.decide(PaymentCommand::CaptureFailed, now)?;
    if !payment.is_change() {
        return Ok(Settlement::payment(payment));
    }
    let undo = OrderCommand::CaptureFailed { attempt };
    let order = order.map(|order| order.decide(undo, now)).transpose()?;
    Ok(Settlement::with_order(payment, order))
}

#[cfg(test)]
mod tests;
