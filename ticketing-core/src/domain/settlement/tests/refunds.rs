//! Money that was given back at the gateway by hand: the books follow.

use crate::domain::decision::Units;
use crate::domain::event::{DomainEvent, EventType};
use crate::domain::order::fixtures::DEADLINE;
use crate::domain::order::fixtures::complete;
use crate::domain::order::{Order, OrderState};
use crate::domain::payment::fixtures::captured;
use crate::domain::payment::{Dispute, Payment, PaymentCommand};
use crate::domain::settlement::tests::word;
use crate::domain::settlement::{IntentReport, IntentStatus, Settlement, given_back, settle};
use crate::values::Money;

/// The gateway says: captured, and so much given back in all.
fn hear(payment: &Payment, order: &Order, cents: u32) -> Settlement {
    let refunded = Money::usd(cents);
    let report = IntentReport { refunded, ..word(IntentStatus::Captured) };
    settle(payment.clone(), Some(order.clone()), report, DEADLINE).unwrap()
}

#[test]
fn a_refund_by_hand_is_noted_once() {
    let (payment, order) = (captured(), complete());
    let settled = hear(&payment, &order, 20_00);
    assert_eq!(settled.noted, Some(Money::usd(20_00)));
    assert_eq!(settled.owed, None, "it was given back already");
    let told = settled.payment.event().map(DomainEvent::event_type);
    assert_eq!(told, Some(EventType::PaymentRefunded));
    let followed = settled.order.unwrap();
    assert_eq!(followed.units(), &Units::Stay, "nobody said that units come back");
    assert_eq!(followed.next().refunded, Money::usd(20_00));
    assert_eq!(followed.next().state, order.state);

    let (payment, order) = (settled.payment.into_next(), followed.into_next());
    for again in [20_00, 10_00, 0] {
        let settled = hear(&payment, &order, again);
        assert!(!settled.payment.is_change(), "{again} is no news");
        assert_eq!((settled.order, settled.noted), (None, None));
    }
    let more = hear(&payment, &order, 75_50);
    assert_eq!(more.noted, Some(Money::usd(55_50)), "what is new of it");
    let order = more.order.unwrap().into_next();
    assert_eq!(order.state, OrderState::Refunded { payment: payment.id });
}

#[test]
fn what_we_gave_back_ourselves_is_no_refund_by_hand() {
    let refund = PaymentCommand::Refund(Money::usd(30_00));
    let payment = captured().decide(refund, DEADLINE).unwrap().into_next();
    for refunded in [0, 15_00, 30_00] {
        let settled = hear(&payment, &complete(), refunded);
        assert!(!settled.payment.is_change(), "{refunded}");
        assert_eq!(settled.noted, None);
    }
    assert_eq!(hear(&payment, &complete(), 30_01).noted, Some(Money::usd(1)));
}

#[test]
fn more_than_was_captured_has_no_room_in_our_books() {
    let settled = hear(&captured(), &complete(), 75_51);
    assert!(!settled.payment.is_change());
    assert_eq!((settled.order, settled.noted), (None, None));
}

#[test]
fn unwanted_money_goes_back_once_whoever_gives_it_back() {
    let cases = [(0, 75_50, 0), (20_00, 55_50, 20_00), (75_50, 0, 75_50), (80_00, 0, 75_50)];
    for (by_hand, owed, noted) in cases {
        let some = |cents| Some(Money::usd(cents)).filter(|money| !money.is_zero());
        let given = given_back(Money::usd(75_50), Money::usd(by_hand));
        assert_eq!(given, (some(owed), some(noted)), "{by_hand} by hand");
    }
}

/// R21: a dispute blocks refunds of ours, not what the gateway has done.
#[test]
fn a_refund_by_hand_is_noted_even_in_a_dispute() {
    let opened = PaymentCommand::Dispute(Dispute::Opened);
    let disputed = captured().decide(opened, DEADLINE).unwrap().into_next();
    let ours = disputed.clone().decide(PaymentCommand::Refund(Money::usd(1)), DEADLINE);
    assert_eq!(ours.unwrap_err().code(), "dispute_open");
    assert_eq!(hear(&disputed, &complete(), 75_50).noted, Some(Money::usd(75_50)));
}

/// R16: two partial refunds race; the payment's row is where they meet.
#[test]
fn refunds_of_a_payment_never_sum_up_to_more_than_it() {
    let half = || PaymentCommand::Refund(Money::usd(40_00));
    let first = captured().decide(half(), DEADLINE).unwrap().into_next();
    let second = first.decide(half(), DEADLINE).unwrap_err();
    assert_eq!(second.code(), "refund_too_large");
}
