//! Idempotency keys while the gateway is asked.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::shop::{Shop, VISA};
use crate::stepped::Step;

/// The key stands for the attempt from the moment when it is written down: whoever asks again is
/// shown how it stands, and nothing is sent twice.
#[tokio::test]
async fn a_payment_is_shown_as_it_stands_while_its_card_is_tried() {
    let (shop, gateway, sandbox) = Shop::stepped().await;
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let order = buyer.reserves(&seller.lists("Front row", json!(20)).await).await;
    let body = json!({ "orderId": order, "token": VISA });
    let card = gateway.hold(Step::BeforeConfirm);
    let (tab, sent) = (buyer.tab(), body.clone());
    let first =
        tokio::spawn(async move { tab.post_once("/api/payments", "pay", sent).await.expect(201) });
    card.reached().await;
    let meanwhile = buyer.post_once("/api/payments", "pay", body.clone()).await.expect(201).json();
    assert_eq!(meanwhile["status"], "pending");
    let other = json!({ "orderId": order, "token": "tok_mastercard" });
    let reused = buyer.post_once("/api/payments", "pay", other).await;
    reused.expect_code(422, "idempotency_key_reused");
    assert_eq!(card.arrived(), 1, "the card is tried once");
    drop(card);
    let first = first.await.unwrap().json();
    assert_eq!(first, json!({ "id": meanwhile["id"], "status": "complete" }));
    let again = buyer.post_once("/api/payments", "pay", body).await.expect(201).json();
    assert_eq!(again, first);
    assert_eq!(sandbox.ledger().intents.len(), 1);
}

/// Money that is not captured yet can't be given back: the key is told to wait, and is free.
#[tokio::test]
async fn a_refund_waits_while_its_payment_is_captured() {
    let (shop, gateway, sandbox) = Shop::stepped().await;
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let order = buyer.reserves(&seller.lists("Front row", json!(20)).await).await;
    let capture = gateway.hold(Step::BeforeCapture);
    assert_eq!(buyer.pays(&order).await["status"], "complete");
    capture.reached().await;
    let path = format!("/api/orders/{order}/refund");
    let asked = Instant::now();
    let early = seller.post_once(&path, "refund", json!({})).await;
    early.expect_code(409, "capture_pending");
    assert!(asked.elapsed() < Duration::from_secs(9), "{:?}", asked.elapsed());
    drop(capture);
    let refund = seller.post_once(&path, "refund", json!({})).await.expect(201);
    let again = seller.post_once(&path, "refund", json!({})).await.expect(201);
    assert_eq!(again.text, refund.text);
    let given_back = |_: &Value| {
        let sums: Vec<i64> =
            sandbox.ledger().refunds.iter().map(|refund| refund.amount.minor()).collect();
        sums == [2000]
    };
    buyer.sees(&format!("/api/orders/{order}"), given_back).await;
}

/// Another card can't be tried while the gateway is told to give up the first.
#[tokio::test]
async fn another_payment_waits_while_the_one_before_is_voided() {
    let (shop, gateway, sandbox) = Shop::stepped().await;
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let order = buyer.reserves(&seller.lists("Front row", json!(20)).await).await;
    let void = gateway.hold(Step::BeforeVoid);
    let with = |token: &str| json!({ "orderId": order, "token": token });
    let declined = buyer.post_once("/api/payments", "first", with("tok_chargeDeclined")).await;
    declined.expect_code(402, "card_declined");
    let again = buyer.post_once("/api/payments", "first", with("tok_chargeDeclined")).await;
    again.expect_code(402, "card_declined");
    let early = buyer.post_once("/api/payments", "second", with(VISA)).await;
    early.expect_code(409, "payment_running");
    drop(void);
    let created = |order: &Value| order["status"] == "created";
    buyer.sees(&format!("/api/orders/{order}"), created).await;
    let paid = buyer.post_once("/api/payments", "second", with(VISA)).await.expect(201).json();
    assert_eq!(paid["status"], "complete");
    let captured = |_: &Value| {
        let sums: Vec<i64> =
            sandbox.ledger().intents.iter().map(|intent| intent.captured.minor()).collect();
        sums == [0, 2000]
    };
    buyer.sees(&format!("/api/orders/{order}"), captured).await;
}
