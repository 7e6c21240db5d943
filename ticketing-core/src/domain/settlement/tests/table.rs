//! Every word of the gateway, to every state of the payment and of the order, on either side of
//! the deadline: also to pairs that no commit of ours leaves behind.

use crate::domain::order::fixtures::{
    ATTEMPT, DEADLINE, OTHER_ATTEMPT, all_states as all_orders, minutes, sides_of_the_deadline,
};
use crate::domain::order::{CancelReason, Order, OrderState};
use crate::domain::payment::fixtures::{AMOUNT, STARTED, all_states as all_payments};
use crate::domain::payment::{
    ConfirmedBy, DeclineCode, Payment, PaymentState, Trouble, VoidReason,
};
use crate::domain::settlement::tests::word;
use crate::domain::settlement::{IntentReport, IntentStatus, Settlement, capture_failed, settle};
use crate::values::{Money, Timestamp};

const DECLINE: DeclineCode = DeclineCode::InsufficientFunds;

const WORDS: [IntentStatus; 7] = [
    IntentStatus::NeedsMethod { declined: None },
    IntentStatus::NeedsMethod { declined: Some(DECLINE) },
    IntentStatus::NeedsAction,
    IntentStatus::Processing,
    IntentStatus::Authorized,
    IntentStatus::Captured,
    IntentStatus::Gone,
];

/// How far a payment has come, as far as it matters for the gateway's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Asking,
    Authorized,
    Captured,
    Voiding,
    Over,
    WithOperator,
}

/// What is expected of a word: the states that payment and order come to, or nothing for those
/// that stay as they are, and whether the money is owed back.
#[derive(Debug, PartialEq, Eq)]
struct Moves {
    payment: Option<PaymentState>,
    order: Option<OrderState>,
    owed: bool,
}

const NOTHING: Moves = Moves { payment: None, order: None, owed: false };

/// Payments of the attempt that the orders know, and of another one.
fn payments() -> impl Iterator<Item = Payment> {
    let known = [ConfirmedBy::Server, ConfirmedBy::Client].into_iter().flat_map(all_payments);
    known.flat_map(|payment| [ATTEMPT, OTHER_ATTEMPT].map(|id| Payment { id, ..payment.clone() }))
}

/// Orders in every state, and none at all, which is what stray money has.
fn orders() -> impl Iterator<Item = Option<Order>> {
    let orders = all_orders().into_iter().map(|(_, order)| Some(order));
    orders.chain([None])
}

fn stage(payment: &Payment) -> Stage {
    match payment.state {
        PaymentState::Initiated
        | PaymentState::Open
        | PaymentState::Confirming
        | PaymentState::NeedsAction => Stage::Asking,
        PaymentState::Authorized => Stage::Authorized,
        PaymentState::Captured => Stage::Captured,
        PaymentState::Voiding { .. } => Stage::Voiding,
        PaymentState::Declined { .. } | PaymentState::Voided => Stage::Over,
        PaymentState::NeedsOperator { .. } => Stage::WithOperator,
    }
}

/// Whether the order takes the money of this attempt.
fn takes(order: Option<&Order>, payment: &Payment, captured: bool) -> bool {
    order.is_some_and(|order| match order.state {
        OrderState::AwaitingPayment { attempt } => attempt == payment.id,
        OrderState::Cancelling { reason: CancelReason::Expired, attempt, .. } => {
            captured && attempt == payment.id
        }
        OrderState::Complete { payment: paid } | OrderState::Refunded { payment: paid } => {
            paid == payment.id
        }
        OrderState::Created | OrderState::Cancelling { .. } | OrderState::Cancelled { .. } => false,
    })
}

/// Where the order goes when money arrives that it takes: to complete, unless it is there.
fn completed(order: Option<&Order>, payment: &Payment) -> Option<OrderState> {
    let waits = order.is_some_and(Order::is_live);
    waits.then_some(OrderState::Complete { payment: payment.id })
}

/// Where the order goes when no money comes of the attempt.
fn released(order: Option<&Order>, payment: &Payment, now: Timestamp) -> Option<OrderState> {
    let cancelled = |reason| Some(OrderState::Cancelled { reason });
    match order?.state {
        OrderState::AwaitingPayment { attempt } if attempt == payment.id && now < DEADLINE => {
            Some(OrderState::Created)
        }
        OrderState::AwaitingPayment { attempt } if attempt == payment.id => {
            cancelled(CancelReason::Expired)
        }
        OrderState::Cancelling { reason, attempt, .. } if attempt == payment.id => {
            cancelled(reason)
        }
        OrderState::Complete { payment: paid } if paid == payment.id => {
            cancelled(CancelReason::Payment)
        }
        OrderState::Created
        | OrderState::AwaitingPayment { .. }
        | OrderState::Cancelling { .. }
        | OrderState::Complete { .. }
        | OrderState::Cancelled { .. }
        | OrderState::Refunded { .. } => None,
    }
}

fn moves(status: IntentStatus, payment: &Payment, order: Option<&Order>, now: Timestamp) -> Moves {
    match (status, stage(payment)) {
        (IntentStatus::NeedsMethod { declined: Some(code) }, Stage::Asking) => {
            let next = match payment.confirmed_by {
                ConfirmedBy::Server => {
                    PaymentState::Voiding { because: VoidReason::Declined(code) }
                }
                ConfirmedBy::Client => PaymentState::Open,
            };
            Moves { payment: Some(next), ..NOTHING }
        }
        (IntentStatus::NeedsMethod { declined: None }, Stage::Asking) => {
            let late = now >= STARTED.plus(Payment::UNCONFIRMED_FOR);
            let voiding = PaymentState::Voiding { because: VoidReason::Abandoned };
            let lost = payment.state == PaymentState::Confirming
                && payment.confirmed_at.is_some_and(|sent| now >= sent.plus(minutes(1)));
            let next = match payment.confirmed_by {
                ConfirmedBy::Server => late.then_some(voiding),
                ConfirmedBy::Client => lost.then_some(PaymentState::Open),
            };
            Moves { payment: next, ..NOTHING }
        }
        (IntentStatus::NeedsAction, Stage::Asking) => {
            let waits = payment.state == PaymentState::NeedsAction;
            Moves { payment: (!waits).then_some(PaymentState::NeedsAction), ..NOTHING }
        }
        (IntentStatus::Authorized, Stage::Asking) if takes(order, payment, false) => Moves {
            payment: Some(PaymentState::Authorized),
            order: completed(order, payment),
            owed: false,
        },
        (IntentStatus::Authorized, Stage::Asking | Stage::Over) => {
            let voiding = PaymentState::Voiding { because: VoidReason::OrderOver };
            Moves { payment: Some(voiding), ..NOTHING }
        }
        (
            IntentStatus::Captured,
            Stage::Asking | Stage::Authorized | Stage::Voiding | Stage::Over,
        ) => {
            let taken = takes(order, payment, true);
            let order =
                if taken { completed(order, payment) } else { released(order, payment, now) };
            Moves { payment: Some(PaymentState::Captured), order, owed: !taken }
        }
        (IntentStatus::Gone, Stage::Asking | Stage::Authorized | Stage::Voiding) => {
            let next = if let PaymentState::Voiding { because: VoidReason::Declined(code) } =
                payment.state
            {
                PaymentState::Declined { code }
            } else {
                PaymentState::Voided
            };
            Moves { payment: Some(next), order: released(order, payment, now), owed: false }
        }
        (_, _) => NOTHING,
    }
}

/// What a settlement moved.
fn moved(settlement: &Settlement) -> Moves {
    let payment = settlement.payment.is_change().then(|| settlement.payment.next().state);
    let order = settlement.order.as_ref().map(|order| order.next().state);
    if let Some(owed) = settlement.owed {
        assert_eq!(owed, AMOUNT, "late money is owed back whole");
        assert_eq!(settlement.payment.next().refunding, AMOUNT);
    }
    assert_eq!(settlement.noted, None);
    Moves { payment, order, owed: settlement.owed.is_some() }
}

/// An attempt that an order was refunded for has been captured: a gateway that has not heard of
/// it contradicts our books.
fn contradict(status: IntentStatus, payment: &Payment, order: Option<&Order>) -> bool {
    let refunded = OrderState::Refunded { payment: payment.id };
    let live = matches!(stage(payment), Stage::Asking | Stage::Authorized | Stage::Voiding);
    status == IntentStatus::Gone && live && order.is_some_and(|order| order.state == refunded)
}

#[test]
fn every_word_moves_what_it_should() {
    let mut seen = 0;
    for (payment, order) in pairs() {
        for status in WORDS {
            for now in sides_of_the_deadline().into_iter().chain([STARTED]) {
                let verdict = settle(payment.clone(), order.clone(), word(status), now);
                let case = format!("{status:?} at {now}\n{payment:?}\n{order:?}");
                seen += 1;
                if contradict(status, &payment, order.as_ref()) {
                    assert_eq!(verdict.unwrap_err().code(), "no_such_step", "{case}");
                    continue;
                }
                let expected = moves(status, &payment, order.as_ref(), now);
                assert_eq!(moved(&verdict.unwrap()), expected, "{case}");
            }
        }
    }
    assert!(seen > 15_000, "only {seen} cases");
}

fn pairs() -> impl Iterator<Item = (Payment, Option<Order>)> {
    payments().flat_map(|payment| orders().map(move |order| (payment.clone(), order)))
}

/// R18: the gateway has another amount, or another currency, than we asked for.
#[test]
fn another_amount_calls_an_operator_and_moves_nothing_else() {
    let wrong = [Money::usd(75_49), Money::usd(75_51), Money::usd(0), Money::eur(75_50)];
    for (payment, order) in pairs() {
        for amount in wrong {
            for status in [IntentStatus::Authorized, IntentStatus::Captured] {
                let report = IntentReport { amount, ..word(status) };
                let settled = settle(payment.clone(), order.clone(), report, DEADLINE).unwrap();
                let parked = PaymentState::NeedsOperator { why: Trouble::WrongAmount };
                assert_eq!(settled.payment.next().state, parked, "{payment:?}");
                assert_eq!((settled.order, settled.owed, settled.noted), (None, None, None));
            }
        }
    }
}

/// The amount of an intent that holds no money does not matter: it is not ours to take.
#[test]
fn another_amount_of_a_dead_intent_is_no_trouble() {
    for (payment, order) in pairs() {
        let ended = settle(payment.clone(), order.clone(), word(IntentStatus::Gone), DEADLINE);
        let report = IntentReport { amount: Money::usd(1), ..word(IntentStatus::Gone) };
        assert_eq!(settle(payment, order, report, DEADLINE), ended);
    }
}

#[test]
fn a_capture_that_failed_for_good_undoes_the_sale() {
    for (payment, order) in pairs() {
        let owes = payment.state == PaymentState::Authorized;
        let paid = OrderState::Complete { payment: payment.id };
        let sold = order.as_ref().is_some_and(|order| order.state == paid);
        let settled = capture_failed(payment, order, DEADLINE).unwrap();
        let because = VoidReason::CaptureFailed;
        let reason = CancelReason::Payment;
        let expected = Moves {
            payment: owes.then_some(PaymentState::Voiding { because }),
            order: (owes && sold).then_some(OrderState::Cancelled { reason }),
            owed: false,
        };
        assert_eq!(moved(&settled), expected);
    }
}
