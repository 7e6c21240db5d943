//! The races between payment, deadline, gateway and people, each in the order that hurts.

use std::time::Duration;

use uuid::Uuid;

use crate::domain::inventory::{Pool, PoolTerms};
use crate::domain::order::fixtures::{
    DEADLINE, FRONT_ROW, ORDER, PATIENCE, PLACED, listing, minutes, order_of, units, user,
};
use crate::domain::order::{CancelReason, Canceller, Order, OrderCommand, OrderState};
use crate::domain::payment::{
    ConfirmedBy, DeclineCode, Payment, PaymentCommand, PaymentState, Trouble, VoidReason,
};
use crate::domain::settlement::tests::books::Books;
use crate::domain::settlement::tests::word;
use crate::domain::settlement::{IntentReport, IntentStatus, settle};
use crate::domain::ticket::{NewTicket, TicketCommand, TicketEdit};
use crate::values::{IntentRef, Money, PaymentId, TimeWindow, Version};

const DECLINED: IntentStatus =
    IntentStatus::NeedsMethod { declined: Some(DeclineCode::InsufficientFunds) };
const A_MILLISECOND: Duration = Duration::from_millis(1);

fn is_complete(books: &Books) -> bool {
    matches!(books.order.state, OrderState::Complete { .. })
}

fn cancelled(reason: CancelReason) -> OrderState {
    OrderState::Cancelled { reason }
}

/// R1: pay 1 ms before the deadline, the answer comes 30 s after it.
#[test]
fn r1_a_payment_that_started_in_time_completes_after_the_deadline() {
    let mut books = Books::open();
    books.now = DEADLINE.minus(A_MILLISECOND);
    books.pay(ConfirmedBy::Server).unwrap();
    books.now = DEADLINE.plus(Duration::from_secs(30));
    assert!(books.expire().is_err(), "the payment has its grace");
    books.hear(0, IntentStatus::Authorized);
    assert!(is_complete(&books));
}

/// R1, when even the deadline of the payment has passed: before anybody noticed, money completes
/// the order; afterwards only money that has arrived does.
#[test]
fn r1_money_after_the_last_deadline_completes_an_order_that_still_holds_its_units() {
    let mut books = Books::paying(ConfirmedBy::Server);
    books.now = books.order.deadline().plus(minutes(1));
    let mut authorized = books.clone();
    authorized.hear(0, IntentStatus::Authorized);
    assert!(is_complete(&authorized), "nobody had expired it");

    books.expire().unwrap();
    let mut captured = books.clone();
    captured.hear(0, IntentStatus::Captured);
    assert!(is_complete(&captured), "the units were still held");

    books.hear(0, IntentStatus::Authorized);
    let because = VoidReason::OrderOver;
    assert_eq!(books.attempts[0].state, PaymentState::Voiding { because });
    books.hear(0, IntentStatus::Gone);
    assert_eq!(books.order.state, cancelled(CancelReason::Expired));
}

/// R2: pay 1 ms after the deadline, the timer has not fired yet.
#[test]
fn r2_a_payment_after_the_deadline_never_starts() {
    let mut books = Books::open();
    books.now = DEADLINE.plus(A_MILLISECOND);
    let refused = books.pay(ConfirmedBy::Server).unwrap_err();
    assert_eq!(refused.code(), "order_expired");
    assert_eq!(books.attempts, [], "nothing was written down for the gateway");
    books.expire().unwrap();
    assert_eq!(books.order.state, cancelled(CancelReason::Expired));
    assert_eq!(books.pay(ConfirmedBy::Server).unwrap_err().code(), "order_expired");
}

/// R5: the webhook comes before the answer to our own call.
#[test]
fn r5_the_answer_after_the_webhook_changes_nothing() {
    let mut books = Books::paying(ConfirmedBy::Server);
    books.hear(0, IntentStatus::Captured);
    let settled = (books.order.version, books.attempts[0].version);
    books.hear(0, IntentStatus::Captured);
    books.hear(0, IntentStatus::Authorized);
    books.hear(0, IntentStatus::Processing);
    assert_eq!((books.order.version, books.attempts[0].version), settled);
    assert!(is_complete(&books));
}

/// R5, at the first step: the webhook tells of the intent before the gateway's answer does.
#[test]
fn r5_an_intent_that_a_webhook_told_of_is_confirmed_all_the_same() {
    let owner = (ORDER, user("buyer"));
    let id = PaymentId::from_uuid(Uuid::nil());
    let payment = Payment::initiate(id, owner, Money::usd(1), ConfirmedBy::Server, PLACED);
    let opened = |confirming| {
        let intent = IntentRef::new("pi_1").unwrap();
        PaymentCommand::Opened { intent, confirming }
    };
    let told = payment.into_next().decide(opened(false), PLACED).unwrap().into_next();
    assert_eq!(told.state, PaymentState::Open);
    let answered = told.decide(opened(true), PLACED).unwrap().into_next();
    assert_eq!(answered.state, PaymentState::Confirming);
}

/// R7: the same webhook, 20 times.
#[test]
fn r7_one_word_twenty_times_sells_once() {
    for status in [IntentStatus::Authorized, IntentStatus::Captured, IntentStatus::Gone] {
        let mut books = Books::paying(ConfirmedBy::Server);
        books.hear(0, status);
        let once = books.clone();
        for _ in 0..20 {
            books.hear(0, status);
        }
        assert_eq!(books.order, once.order);
        assert_eq!(books.attempts, once.attempts);
        assert_eq!((books.held, books.sold), (once.held, once.sold));
    }
}

/// R8: succeeded and failed, in either order.
#[test]
fn r8_a_decline_after_the_money_is_an_old_word() {
    for confirmed_by in [ConfirmedBy::Server, ConfirmedBy::Client] {
        for money in [IntentStatus::Authorized, IntentStatus::Captured] {
            let mut books = Books::paying(confirmed_by);
            books.hear(0, money);
            books.hear(0, DECLINED);
            books.hear(0, IntentStatus::NeedsAction);
            books.now = books.now.plus(minutes(2));
            books.hear(0, IntentStatus::NeedsMethod { declined: None });
            assert!(is_complete(&books), "{confirmed_by:?} {money:?}");
        }
    }
}

#[test]
fn r8_money_after_a_decline_is_settled_by_the_void() {
    let mut books = Books::paying(ConfirmedBy::Server);
    books.hear(0, DECLINED);
    books.hear(0, IntentStatus::Authorized);
    assert!(matches!(books.attempts[0].state, PaymentState::Voiding { .. }));
    let mut voided = books.clone();
    voided.hear(0, IntentStatus::Gone);
    assert_eq!(voided.order.state, OrderState::Created, "payable again");
    assert!(matches!(voided.attempts[0].state, PaymentState::Declined { .. }));

    books.hear(0, IntentStatus::Captured);
    assert!(is_complete(&books), "the void came too late, and the order wants the money");

    let mut by_client = Books::paying(ConfirmedBy::Client);
    by_client.hear(0, DECLINED);
    by_client.hear(0, IntentStatus::Authorized);
    assert!(is_complete(&by_client), "the browser tried another card");
}

/// R9: the webhook comes 3 days late, after the order was cancelled and its units resold.
#[test]
fn r9_late_money_goes_back_and_touches_no_unit() {
    let mut books = Books::paying(ConfirmedBy::Server);
    books.cancel(Canceller::Buyer).unwrap();
    books.hear(0, IntentStatus::Gone);
    assert_eq!(books.order.state, cancelled(CancelReason::Buyer));
    books.now = books.now.plus(Duration::from_hours(72));
    let over = books.order.clone();

    let mut authorized = books.clone();
    authorized.hear(0, IntentStatus::Authorized);
    assert!(matches!(authorized.attempts[0].state, PaymentState::Voiding { .. }));
    assert_eq!(authorized.order, over);

    books.hear(0, IntentStatus::Captured);
    assert_eq!(books.owed, [75_50]);
    assert_eq!(books.order, over);
}

/// R10: a double click.
#[test]
fn r10_a_second_payment_beside_a_running_one_is_refused() {
    let mut books = Books::paying(ConfirmedBy::Server);
    let refused = books.pay(ConfirmedBy::Server).unwrap_err();
    assert_eq!(refused.code(), "payment_running");
    assert_eq!(books.attempts.len(), 1);
}

/// R11: declined, then another card; money that the first one still brings is not kept.
#[test]
fn r11_a_second_card_pays_once() {
    let mut books = Books::paying(ConfirmedBy::Server);
    books.hear(0, DECLINED);
    assert!(books.pay(ConfirmedBy::Server).is_err(), "the first attempt is not over yet");
    books.hear(0, IntentStatus::Gone);
    books.pay(ConfirmedBy::Server).unwrap();
    books.hear(1, IntentStatus::Authorized);
    assert_eq!(books.order.attempt(), Some(books.attempts[1].id));

    let mut voided = books.clone();
    voided.hear(0, IntentStatus::Authorized);
    assert!(matches!(voided.attempts[0].state, PaymentState::Voiding { .. }));
    assert!(is_complete(&voided));

    books.hear(0, IntentStatus::Captured);
    assert_eq!(books.owed, [75_50, 0], "two cards, one price");
    books.hear(1, IntentStatus::Captured);
    assert!(is_complete(&books));
}

/// R11, while the second card is on its way.
#[test]
fn r11_the_first_cards_late_money_does_not_pay_for_the_second() {
    let mut books = Books::paying(ConfirmedBy::Server);
    books.hear(0, DECLINED);
    books.hear(0, IntentStatus::Gone);
    books.pay(ConfirmedBy::Server).unwrap();
    books.hear(0, IntentStatus::Captured);
    assert_eq!(books.owed, [75_50, 0]);
    assert_eq!(books.order.attempt(), Some(books.attempts[1].id), "the second goes on");
    books.hear(1, IntentStatus::Authorized);
    assert!(is_complete(&books));
}

/// R13: the gateway can't be reached when the order expires.
#[test]
fn r13_units_are_released_after_patience_and_late_money_goes_back() {
    let mut books = Books::paying(ConfirmedBy::Server);
    books.now = books.order.deadline();
    books.expire().unwrap();
    let early = books.end(OrderCommand::ReleaseUnpaid).unwrap_err();
    assert_eq!(early.code(), "not_yet_due");
    assert_eq!(books.held, 4, "it may still be paid");
    books.now = books.now.plus(PATIENCE);
    books.end(OrderCommand::ReleaseUnpaid).unwrap();
    assert_eq!((books.order.state, books.held), (cancelled(CancelReason::Expired), 0));
    assert!(books.attempts[0].late_money);
    books.hear(0, IntentStatus::Captured);
    assert_eq!(books.owed, [75_50]);
}

/// R14 and R15: the buyer or the seller cancels while a payment runs.
#[test]
fn r14_r15_a_cancellation_waits_for_the_void() {
    let both = [(Canceller::Buyer, CancelReason::Buyer), (Canceller::Seller, CancelReason::Seller)];
    for (by, reason) in both {
        let mut books = Books::paying(ConfirmedBy::Server);
        books.cancel(by).unwrap();
        let because = VoidReason::OrderOver;
        assert_eq!(books.attempts[0].state, PaymentState::Voiding { because });
        assert_eq!(books.held, 4, "held until the gateway says that no money moves");
        assert_eq!(books.pay(ConfirmedBy::Server).unwrap_err().code(), "order_cancelling");

        let mut voided = books.clone();
        voided.hear(0, IntentStatus::Authorized);
        voided.hear(0, IntentStatus::Gone);
        assert_eq!((voided.order.state, voided.held), (cancelled(reason), 0));

        books.hear(0, IntentStatus::Captured);
        assert_eq!(books.owed, [75_50], "the money came too late");
        assert_eq!((books.order.state, books.held), (cancelled(reason), 0));
    }
}

/// R14, the other way round: the money was there before the cancellation.
#[test]
fn r14_a_paid_order_is_not_cancelled() {
    let mut books = Books::paying(ConfirmedBy::Server);
    books.hear(0, IntentStatus::Authorized);
    for by in [Canceller::Buyer, Canceller::Seller] {
        assert_eq!(books.cancel(by).unwrap_err().code(), "order_complete");
    }
}

/// R18: the gateway has another amount or currency than we asked for.
#[test]
fn r18_a_wrong_amount_never_completes_an_order() {
    for amount in [Money::usd(75_49), Money::eur(75_50)] {
        let mut books = Books::paying(ConfirmedBy::Server);
        let wrong = IntentReport { amount, ..word(IntentStatus::Captured) };
        books.hear_report(0, wrong);
        let why = Trouble::WrongAmount;
        assert_eq!(books.attempts[0].state, PaymentState::NeedsOperator { why });
        books.hear(0, IntentStatus::Captured);
        assert!(!is_complete(&books), "an operator has it, whatever the gateway says then");

        books.tell(0, PaymentCommand::Resume);
        books.hear(0, IntentStatus::Captured);
        assert!(is_complete(&books), "the operator put it right");
    }
}

/// R18, after the order was complete: what the operator resumes is not forgotten to be paid.
#[test]
fn r18_a_resumed_payment_still_belongs_to_its_order() {
    let mut paid = Books::paying(ConfirmedBy::Server);
    paid.hear(0, IntentStatus::Authorized);
    let wrong = IntentReport { amount: Money::usd(1), ..word(IntentStatus::Captured) };
    let resumed = |books: &Books| {
        let mut books = books.clone();
        books.hear_report(0, wrong);
        books.tell_unchecked(0, PaymentCommand::Resume);
        books
    };
    let mut captured = resumed(&paid);
    captured.hear(0, IntentStatus::Captured);
    assert!(is_complete(&captured));

    let mut gone = resumed(&paid);
    gone.hear(0, IntentStatus::Gone);
    assert_eq!(gone.order.state, cancelled(CancelReason::Payment), "nobody paid after all");
    assert_eq!((gone.held, gone.sold), (0, 0));
}

/// R18, after the money was found to be too late: it is not owed back a second time.
#[test]
fn r18_resumed_late_money_is_owed_once() {
    let mut books = Books::paying(ConfirmedBy::Server);
    books.cancel(Canceller::Buyer).unwrap();
    books.hear(0, IntentStatus::Captured);
    let wrong = IntentReport { amount: Money::usd(1), ..word(IntentStatus::Captured) };
    books.hear_report(0, wrong);
    books.tell_unchecked(0, PaymentCommand::Resume);
    books.hear(0, IntentStatus::Captured);
    assert_eq!(books.owed, [75_50]);
}

/// R19: an intent of ours that we have no row for.
#[test]
fn r19_stray_money_is_voided_or_owed_back() {
    let id = PaymentId::from_uuid(Uuid::nil());
    let intent = || IntentRef::new("pi_stray").unwrap();
    let amount = Money::usd(75_50);
    let taken = Payment::stray(id, intent(), amount, true, PLACED).into_next();
    assert_eq!((taken.state, taken.refunding), (PaymentState::Captured, amount));
    assert_eq!(taken.next_step(PLACED), None, "its refund does the rest");

    let open = Payment::stray(id, intent(), amount, false, PLACED).into_next();
    let because = VoidReason::Stray;
    assert_eq!(open.state, PaymentState::Voiding { because });
    let voided = settle(open.clone(), None, word(IntentStatus::Gone), PLACED).unwrap();
    assert_eq!(voided.payment.next().state, PaymentState::Voided);
    let captured = settle(open, None, word(IntentStatus::Captured), PLACED).unwrap();
    assert_eq!(captured.owed, Some(amount), "captured before the void came");
}

/// R20: A is cancelled, B reserves, A's timer fires late.
#[test]
fn r20_a_late_timer_releases_nothing() {
    let mut books = Books::open();
    books.cancel(Canceller::Buyer).unwrap();
    let over = books.order.clone();
    books.now = DEADLINE.plus(minutes(5));
    books.expire().unwrap();
    books.end(OrderCommand::ReleaseUnpaid).unwrap();
    assert_eq!((&books.order, books.held), (&over, 0));
}

/// R22: the price is edited between order and payment.
#[test]
fn r22_an_order_keeps_the_price_that_it_was_placed_at() {
    let ticket = listing(FRONT_ROW, NewTicket::new("Front row", Money::usd(20_00)).quantity(50));
    let order: Order = order_of(&[(&ticket, units(2))]);
    let pool = Pool::open(FRONT_ROW, pool_terms());
    let terms = NewTicket::new("Front row", Money::usd(99_00)).quantity(50);
    let edit = TicketEdit { terms, seen: None, pool };
    let dearer = ticket.decide(TicketCommand::Edit(edit)).unwrap().ticket.into_next();
    assert_eq!(dearer.terms.price, Money::usd(99_00));
    assert_eq!(order.total, Money::usd(40_00));
    assert_eq!(order.lines[0].listing_version, Version::FIRST, "a hold of it would be refused");

    let mut books = Books::paying(ConfirmedBy::Server);
    let new_price = IntentReport { amount: Money::usd(99_00), ..word(IntentStatus::Authorized) };
    books.hear_report(0, new_price);
    assert!(!is_complete(&books), "only the frozen price pays");
}

fn pool_terms() -> PoolTerms {
    PoolTerms {
        listing: Version::FIRST,
        sale: TimeWindow::always(),
        capacity: 50,
        max_per_order: None,
        max_per_buyer: None,
    }
}
