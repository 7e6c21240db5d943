//! Payments: with card tokens and in the buyer's browser.

use serde_json::{Value, json};
use ticketing_core::ports::ClientSecret;

use crate::browser::Browser;
use crate::shop::{FOREIGN, NOTHING, Shop, VISA};

async fn reserved(shop: &Shop, price: Value) -> (Browser, String) {
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let ticket = seller.lists("Front row", price).await;
    let order = buyer.reserves(&ticket).await;
    (buyer, order)
}

fn with(order: &str, token: &str) -> Value {
    json!({ "orderId": order, "token": token })
}

#[tokio::test]
async fn paying_checks_in_the_order_of_the_contract() {
    let shop = Shop::open().await;
    let (buyer, order) = reserved(&shop, json!(20)).await;
    let other = shop.member().await;
    shop.visitor().post("/api/payments", with(&order, VISA)).await.expect(401);
    let order_unsaid = ("OrderId must be provided", Some("orderId"));
    let token_unsaid = ("Token is required", Some("token"));
    buyer.post("/api/payments", json!({})).await.expect_errors(400, &[order_unsaid, token_unsaid]);
    buyer
        .post("/api/payments", json!({ "orderId": order }))
        .await
        .expect_errors(400, &[token_unsaid]);
    buyer
        .post("/api/payments", with(&order, "with blanks"))
        .await
        .expect_errors(400, &[token_unsaid]);
    for unknown in [NOTHING, FOREIGN] {
        buyer
            .post("/api/payments", with(unknown, VISA))
            .await
            .expect_errors(404, &[("Not Found", None)]);
        buyer.post("/api/payments/intents", json!({ "orderId": unknown })).await.expect(404);
    }
    other
        .post("/api/payments", with(&order, VISA))
        .await
        .expect_errors(401, &[("Not authorized", None)]);
    other.post("/api/payments/intents", json!({ "orderId": order })).await.expect(401);
    assert_eq!(buyer.order(&order).await["status"], "created");
    assert_eq!(shop.server.sandbox().unwrap().ledger().intents.len(), 0);
}

#[tokio::test]
async fn a_paid_order_is_complete_and_charged_exactly() {
    let shop = Shop::open().await;
    let (buyer, order) = reserved(&shop, json!("19.99")).await;
    let payment = buyer.pays(&order).await;
    assert_eq!(payment["status"], "complete");
    let shown = buyer.order(&order).await;
    assert_eq!((&shown["status"], &shown["paymentId"]), (&json!("complete"), &payment["id"]));
    let ledger = shop.server.sandbox().unwrap().ledger();
    let charged: Vec<i64> =
        ledger.intents.iter().map(|intent| intent.opened.amount.minor()).collect();
    assert_eq!(charged, [1999]);

    buyer
        .post("/api/payments", with(&order, VISA))
        .await
        .expect_errors(400, &[("Order is already paid", None)]);
    assert_eq!(shop.server.sandbox().unwrap().ledger().intents.len(), 1);
}

#[tokio::test]
async fn a_cancelled_order_can_not_be_paid() {
    let shop = Shop::open().await;
    let (buyer, order) = reserved(&shop, json!(20)).await;
    buyer.delete(&format!("/api/orders/{order}")).await.expect(204);
    let answer = buyer.post("/api/payments", with(&order, VISA)).await;
    answer.expect_errors(400, &[("Cannot pay for a cancelled order", None)]);
    assert_eq!(shop.server.sandbox().unwrap().ledger().intents.len(), 0);
}

#[tokio::test]
async fn a_declined_card_is_told_and_another_may_be_tried() {
    let shop = Shop::open().await;
    let (buyer, order) = reserved(&shop, json!(20)).await;
    for (token, code) in [
        ("tok_chargeDeclined", "card_declined"),
        ("tok_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("tok_chargeDeclinedExpiredCard", "expired_card"),
        ("tok_nonsense", "invalid_method"),
    ] {
        buyer.post("/api/payments", with(&order, token)).await.expect_code(402, code);
        let back = |order: &Value| order["status"] == "created";
        buyer.sees(&format!("/api/orders/{order}"), back).await;
    }
    assert_eq!(buyer.pays(&order).await["status"], "complete");
}

#[tokio::test]
async fn a_card_that_needs_the_buyer_goes_on_in_the_browser() {
    let shop = Shop::open().await;
    let (buyer, order) = reserved(&shop, json!(20)).await;
    let begun =
        buyer.post("/api/payments", with(&order, "tok_threeDSecure")).await.expect(201).json();
    assert_eq!(begun["status"], "requires_action");
    let secret = begun["clientSecret"].as_str().unwrap().to_owned();
    assert_eq!(buyer.order(&order).await["status"], "awaiting:payment");
    let again = buyer.post("/api/payments", with(&order, VISA)).await.expect(201).json();
    assert_eq!(again["id"], begun["id"], "the attempt that runs is answered");

    let sandbox = shop.server.sandbox().unwrap();
    let intent = sandbox.intent_of(&ClientSecret::new(secret)).unwrap();
    sandbox.authenticate(&intent, true).await.unwrap();
    let complete = |order: &Value| order["status"] == "complete";
    buyer.sees(&format!("/api/orders/{order}"), complete).await;
}

#[tokio::test]
async fn an_intent_is_confirmed_by_the_browser() {
    let shop = Shop::open().await;
    let (buyer, order) = reserved(&shop, json!(20)).await;
    let opened = buyer.post("/api/payments/intents", json!({ "orderId": order })).await.expect(201);
    let secret = opened.json()["clientSecret"].as_str().unwrap().to_owned();
    let sandbox = shop.server.sandbox().unwrap();
    let intent = sandbox.intent_of(&ClientSecret::new(secret)).unwrap();
    let card = ticketing_core::PaymentMethod::card_token(VISA);
    sandbox.confirm_as_client(&intent, &card).await.unwrap();
    let complete = |order: &Value| order["status"] == "complete";
    buyer.sees(&format!("/api/orders/{order}"), complete).await;
}

#[tokio::test]
async fn an_answer_that_is_lost_is_pending_and_found_again() {
    let shop = Shop::open().await;
    let (buyer, order) = reserved(&shop, json!(20)).await;
    let lost =
        buyer.post("/api/payments", with(&order, "tok_answersUnknown")).await.expect(201).json();
    assert!(lost["status"] == "pending" || lost["status"] == "complete", "{lost}");
    let complete = |order: &Value| order["status"] == "complete";
    buyer.sees(&format!("/api/orders/{order}"), complete).await;
    assert_eq!(shop.server.sandbox().unwrap().ledger().intents.len(), 1);
}

#[tokio::test]
async fn paying_ten_times_at_once_is_one_payment() {
    let shop = Shop::open().await;
    let (buyer, order) = reserved(&shop, json!(20)).await;
    let tries = (0..10).map(|_| {
        let (tab, body) = (buyer.tab(), with(&order, VISA));
        tokio::spawn(async move { tab.post("/api/payments", body).await })
    });
    let mut ids = std::collections::BTreeSet::new();
    for answer in futures_util::future::join_all(tries).await {
        let answer = answer.unwrap();
        match answer.status.as_u16() {
            201 => drop(ids.insert(answer.id())),
            _ => drop(answer.expect_errors(400, &[("Order is already paid", None)])),
        }
    }
    assert_eq!(ids.len(), 1);
    assert_eq!(shop.server.sandbox().unwrap().ledger().intents.len(), 1);
}
