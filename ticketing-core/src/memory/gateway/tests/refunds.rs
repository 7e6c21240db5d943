use super::*;

const HALF: Money = Money::usd(10_00);

fn to_send(intent: &IntentRef, amount: Money, key: &str) -> SendRefund {
    SendRefund { intent: intent.clone(), amount, key: key.to_owned() }
}

fn refunded(desk: &Desk) -> Money {
    desk.gateway.ledger().intents[0].refunded
}

#[tokio::test]
async fn no_more_goes_back_than_was_captured() {
    let desk = Desk::new();
    let intent = desk.used(1, "tok_visa").await;
    let send = async |amount, key| desk.gateway.refund(&to_send(&intent, amount, key)).await;
    assert_eq!(kind(send(HALF, "early").await), GatewayErrorKind::Refused);
    desk.gateway.capture(&intent, PRICE, "capture").await.unwrap();
    let first = send(HALF, "first").await.unwrap();
    assert_eq!(first.status, RefundStatus::Succeeded);
    assert_eq!(send(HALF, "first").await.unwrap(), first);
    assert_eq!(refunded(&desk), HALF);
    let in_euro = send(Money::eur(1), "euro").await;
    assert_eq!(kind(in_euro), GatewayErrorKind::Refused);
    let too_much = send(Money::usd(10_01), "much").await;
    assert_eq!(kind(too_much), GatewayErrorKind::Refused);
    desk.gateway.refund_at_gateway(&intent, HALF).unwrap();
    assert_eq!(refunded(&desk), PRICE);
    let nothing_left = desk.gateway.refund_at_gateway(&intent, Money::usd(1));
    assert_eq!(kind(nothing_left), GatewayErrorKind::Refused);
    let keys: Vec<Option<String>> =
        desk.gateway.ledger().refunds.into_iter().map(|refund| refund.key).collect();
    assert_eq!(keys, [Some("first".to_owned()), None]);
    let report = desk.gateway.look_up(&intent).await.unwrap().unwrap().report;
    assert_eq!(report.refunded, PRICE);
}

#[tokio::test]
async fn one_refund_fails_and_the_next_does_not() {
    let desk = Desk::new();
    let intent = desk.used(1, "tok_automatic").await;
    desk.gateway.fail_next_refund();
    let failed = desk.gateway.refund(&to_send(&intent, PRICE, "one")).await;
    let failed = failed.unwrap();
    assert_eq!(failed.status, RefundStatus::Failed);
    assert_eq!(refunded(&desk), Money::usd(0));
    let again = desk.gateway.refund(&to_send(&intent, PRICE, "two")).await;
    assert_eq!(again.unwrap().status, RefundStatus::Succeeded);
    let found = desk.gateway.look_up_refund(&failed.reference).await;
    assert_eq!(found.unwrap().status, RefundStatus::Failed);
}

#[tokio::test]
async fn a_refund_turns_out_later() {
    let desk = Desk::new();
    let intent = desk.used(1, "tok_automatic").await;
    desk.gateway.hold_next_refund();
    let held = desk.gateway.refund(&to_send(&intent, HALF, "one")).await;
    let reference = held.unwrap().reference;
    let status = async || desk.gateway.look_up_refund(&reference).await.unwrap().status;
    assert_eq!(status().await, RefundStatus::Pending);
    let steps = [
        (RefundStatus::Succeeded, HALF),
        (RefundStatus::Failed, Money::usd(0)),
        (RefundStatus::Failed, Money::usd(0)),
        (RefundStatus::Succeeded, HALF),
    ];
    for (next, sum) in steps {
        desk.gateway.settle_refund(&reference, next).unwrap();
        assert_eq!(status().await, next);
        assert_eq!(refunded(&desk), sum);
    }
    let unknown = RefundRef::new("re_mem_2").unwrap();
    let settled = desk.gateway.settle_refund(&unknown, RefundStatus::Failed);
    assert_eq!(kind(settled), GatewayErrorKind::Refused);
    let found = desk.gateway.look_up_refund(&unknown).await;
    assert_eq!(kind(found), GatewayErrorKind::Refused);
}
