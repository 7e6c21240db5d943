//! What the gateway gave back of captured money, compared with our refunds.
//!
//! The gateway's word is one sum: of every refund of the intent that it works on or has carried
//! out, by whoever's order. Ours are compared with it, refund by refund:
//!
//! | the sum is | which means | and so |
//! |---|---|---|
//! | ours | nothing is new | nothing changes |
//! | more | one that we wait for arrived, or somebody gave money back by hand | refunds that are requested, then failed ones, are done, as far as they fit in; the rest is noted as a refund by hand |
//! | more, several refunds are requested, and one of them under its first key | which of them arrived can't be told, and that one is sent without asking | it is asked again when that one is settled |
//! | less | what was given back without our knowing the name of that refund was failed by the bank | nameless refunds are owed again, as far as they fit in |
//!
//! Requested refunds under later keys all wait for this word before they are sent again. So it is
//! given to them, also when there are several: whichever of them the money was for, so much is done
//! then and the rest is still owed. Should the one that was taken for done prove not to be, the sum is
//! less, and it is owed again.
//!
//! What is requested comes before what failed: whichever of two equal sums the money was for,
//! one is done then and the other is still owed. What went back by hand and has no room in our
//! books, since more is owed already than was captured less that, changes nothing.

use std::cmp::Reverse;

use crate::domain::decision::Decision;
use crate::domain::order::{Order, OrderCommand, OrderRefund};
use crate::domain::payment::{Payment, PaymentCommand};
use crate::domain::refund::{Refund, RefundCommand, RefundState};
use crate::domain::rejection::Rejection;
use crate::domain::settlement::Settlement;
use crate::values::{Money, MoneyError, Timestamp};

/// What of a payment the gateway has given back, or works on, as far as we know.
///
/// # Errors
/// The refunds can't be summed up, which is never so for those of one payment.
pub fn given_back_in(payment: &Payment, refunds: &[Refund]) -> Result<Money, MoneyError> {
    let nothing = Money::zero(payment.amount.currency());
    let known = refunds.iter().filter(|refund| refund.is_given_back());
    known.map(|refund| refund.amount).try_fold(nothing, Money::checked_add)
}

/// What the sum that was given back of a captured payment does to it, its refunds and its order.
/// Nothing at all if that can't be told until refunds that are under way are settled.
///
/// The books must have been read before the gateway was asked for the sum, and be unchanged
/// since; else a refund of ours would be taken for another.
///
/// # Errors
/// As [`settle`](super::settle).
pub fn recount(
    payment: Payment,
    order: Option<Order>,
    refunds: Vec<Refund>,
    refunded: Money,
    now: Timestamp,
) -> Result<Option<Settlement>, Rejection> {
    let Ok(known) = given_back_in(&payment, &refunds) else {
        return Ok(Some(Settlement::payment(Decision::unchanged(payment))));
    };
    if let Ok(less) = known.checked_sub(refunded) {
        let decisions = decide_fitting(refunds, Refund::is_nameless, less, now).0;
        return Ok(Some(with_refunds(Decision::unchanged(payment), None, decisions)));
    }
    if one_of_several_tells_soon(&refunds) {
        return Ok(None);
    }
    let more = refunded.checked_sub(known).unwrap_or(Money::zero(known.currency()));
    more_given_back(payment, order, refunds, more, now).map(Some)
}

/// Whether several refunds are requested, and one of them under its first key.
fn one_of_several_tells_soon(refunds: &[Refund]) -> bool {
    let requested = || refunds.iter().filter(|refund| refund.state == RefundState::Requested);
    requested().count() > 1 && requested().any(|refund| refund.attempt == 0)
}

fn more_given_back(
    payment: Payment,
    order: Option<Order>,
    refunds: Vec<Refund>,
    more: Money,
    now: Timestamp,
) -> Result<Settlement, Rejection> {
    let (decisions, by_hand) = decide_fitting(refunds, |one| !one.is_given_back(), more, now);
    let payment = payment.decide(PaymentCommand::RefundedAtGateway(by_hand), now)?;
    if !payment.is_change() {
        return Ok(with_refunds(payment, None, decisions));
    }
    // The order follows; no unit goes back on sale, because nobody said so.
    let refund = OrderRefund { amount: by_hand, lines: Vec::new(), restock: false, reason: None };
    let order = order.and_then(|order| order.decide(OrderCommand::Refund(refund), now).ok());
    Ok(Settlement { noted: Some(by_hand), ..with_refunds(payment, order, decisions) })
}

fn with_refunds(
    payment: Decision<Payment>,
    order: Option<Decision<Order>>,
    refunds: Vec<Decision<Refund>>,
) -> Settlement {
    Settlement { refunds, ..Settlement::with_order(payment, order) }
}

/// Decides those of the concerned refunds that fit in `sum`, the largest first: given back are
/// not, and not given back are. Answers what is left of the sum as well.
fn decide_fitting(
    mut refunds: Vec<Refund>,
    concerns: impl Fn(&Refund) -> bool,
    sum: Money,
    now: Timestamp,
) -> (Vec<Decision<Refund>>, Money) {
    refunds.retain(|refund| concerns(refund));
    refunds.sort_by_key(|one| (one.state == RefundState::Failed, Reverse(one.amount.minor())));
    let mut left = sum;
    let mut decisions = Vec::new();
    for refund in refunds {
        if let Ok(rest) = left.checked_sub(refund.amount) {
            left = rest;
            let given_back = refund.is_given_back();
            let command =
                if given_back { RefundCommand::NotGivenBack } else { RefundCommand::GivenBack };
            decisions.push(refund.decide(command, now));
        }
    }
    (decisions, left)
}
