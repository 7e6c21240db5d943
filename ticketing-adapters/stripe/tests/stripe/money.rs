//! Sums, as they reach Stripe and come back.

use ticketing_core::domain::settlement::IntentStatus;
use ticketing_core::ports::{GatewayErrorKind, PaymentGateway as _, RefundStatus, SendRefund};
use ticketing_core::values::Money;
use ticketing_stripe_stand_in::RefundStatus as AtStripe;

use crate::desk::{Desk, an_intent, card};

fn money(major: &str, currency: &str) -> Money {
    Money::parse_major(major, currency.parse().unwrap()).unwrap()
}

#[tokio::test]
async fn every_currency_reaches_stripe_by_its_own_rules() {
    let desk = Desk::open().await;
    for (major, currency, written) in [
        ("19.99", "USD", 1999),
        ("500", "JPY", 500),
        ("500", "ISK", 50_000),
        ("5.120", "KWD", 5120),
    ] {
        let amount = money(major, currency);
        let intent = desk.opened_over(amount).await;
        let method = card("pm_card_visa");
        let report = desk.gateway.confirm(&intent, &method, &format!("confirm {intent}")).await;
        assert_eq!(report.unwrap().amount, amount);
        let key = format!("capture {intent}");
        let report = desk.gateway.capture(&intent, amount, &key).await.unwrap();
        assert_eq!((report.status, report.amount), (IntentStatus::Captured, amount));
        let send = SendRefund { intent: intent.clone(), amount, key: format!("refund {intent}") };
        desk.gateway.refund(&send).await.unwrap();
        let found = desk.gateway.look_up(&intent).await.unwrap().unwrap();
        assert_eq!(found.report.refunded, amount);
        let ledger = desk.stripe.ledger();
        let known = ledger.intent(intent.as_str()).unwrap();
        assert_eq!((known.amount, known.currency.as_str()), (written, &*currency.to_lowercase()));
        assert_eq!(ledger.charge_of(intent.as_str()).unwrap().refunded, written);
    }
}

#[tokio::test]
async fn a_sum_that_stripe_can_not_write_is_not_sent() {
    let desk = Desk::open().await;
    let error = desk.gateway.open(&an_intent(money("5.124", "KWD"))).await.unwrap_err();
    assert_eq!(error.kind(), GatewayErrorKind::Refused);
    assert_eq!(desk.stripe.requests(), []);
}

#[tokio::test]
async fn a_sum_that_is_too_small_for_stripe_is_refused() {
    let desk = Desk::open().await;
    let error = desk.gateway.open(&an_intent(Money::usd(49))).await.unwrap_err();
    assert_eq!(error.kind(), GatewayErrorKind::Refused);
}

/// What was taken is reported, not what was asked for.
#[tokio::test]
async fn a_part_that_was_captured_by_hand_is_another_sum() {
    let desk = Desk::open().await;
    let intent = desk.opened().await;
    desk.gateway.confirm(&intent, &card("tok_visa"), "confirm").await.unwrap();
    desk.stripe.capture_by_hand(intent.as_str(), Some(600)).unwrap();
    let report = desk.gateway.look_up(&intent).await.unwrap().unwrap().report;
    assert_eq!((report.status, report.amount), (IntentStatus::Captured, Money::usd(6_00)));
}

#[tokio::test]
async fn a_refund_by_hand_is_told() {
    let desk = Desk::open().await;
    let intent = desk.captured().await;
    desk.stripe.refund_by_hand(intent.as_str(), Some(500)).unwrap();
    let report = desk.gateway.look_up(&intent).await.unwrap().unwrap().report;
    assert_eq!(report.refunded, Money::usd(5_00));
}

#[tokio::test]
async fn a_refund_may_be_slow_and_may_fail_later() {
    let desk = Desk::open().await;
    let intent = desk.captured().await;
    desk.stripe.next_refund(AtStripe::Pending);
    let send = SendRefund { intent, amount: Money::usd(5_00), key: "refund".to_owned() };
    let pending = desk.gateway.refund(&send).await.unwrap();
    assert_eq!(pending.status, RefundStatus::Pending);
    for (then, told) in
        [(AtStripe::Succeeded, RefundStatus::Succeeded), (AtStripe::Failed, RefundStatus::Failed)]
    {
        desk.stripe.settle_refund(pending.reference.as_str(), then);
        let report = desk.gateway.look_up_refund(&pending.reference).await.unwrap();
        assert_eq!(report.status, told);
    }
}
