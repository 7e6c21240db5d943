//! Refunds: by sellers and operators.

use axum::http::Method;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::shop::{FOREIGN, NOTHING, Shop};

/// A paid order of so many units at 10, its buyer and its seller.
async fn sold(shop: &Shop, quantity: u32) -> (Browser, Browser, String, String) {
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let ticket = seller.lists_many("Seats", json!(10), quantity).await;
    let wanted = json!({ "ticketId": ticket, "quantity": quantity });
    let order = buyer.post("/api/orders", wanted).await.expect(201).id();
    buyer.pays(&order).await;
    (seller, buyer, ticket, order)
}

#[tokio::test]
async fn the_seller_gives_all_of_it_back() {
    let shop = Shop::open().await;
    let (seller, buyer, ticket, order) = sold(&shop, 2).await;
    let path = format!("/api/orders/{order}/refund");
    let refund =
        seller.post(&path, json!({ "restock": true, "reason": "Rain" })).await.expect(201).json();
    assert_eq!(
        (&refund["amount"], &refund["currency"], &refund["orderId"]),
        (&json!(20), &json!("USD"), &json!(order))
    );
    let shown = buyer.order(&order).await;
    assert_eq!((&shown["status"], &shown["refundedAmount"]), (&json!("refunded"), &json!(20)));
    assert_eq!(buyer.ticket(&ticket).await["available"], json!(2));
    let given_back = |_: &Value| {
        let ledger = shop.server.sandbox().unwrap().ledger();
        ledger.intents.iter().all(|intent| intent.refunded.minor() == 2000)
    };
    buyer.sees(&format!("/api/orders/{order}"), given_back).await;
    seller.post(&path, json!({})).await.expect_code(400, "order_refunded");
}

#[tokio::test]
async fn part_of_it_leaves_the_order_complete() {
    let shop = Shop::open().await;
    let (seller, buyer, ticket, order) = sold(&shop, 3).await;
    let path = format!("/api/orders/{order}/refund");
    let one = json!({ "lines": [{ "ticketId": ticket, "quantity": 1 }] });
    assert_eq!(seller.post(&path, one).await.expect(201).json()["amount"], json!(10));
    assert_eq!(
        seller.post(&path, json!({ "amount": "0.50" })).await.expect(201).json()["amount"],
        json!(0.5)
    );
    let shown = buyer.order(&order).await;
    assert_eq!((&shown["status"], &shown["refundedAmount"]), (&json!("complete"), &json!(10.5)));
    assert_eq!(shown["lines"][0]["returned"], json!(1));
    assert_eq!(buyer.ticket(&ticket).await["available"], json!(0), "not restocked unless asked");
    seller.post(&path, json!({ "amount": 20 })).await.expect_code(400, "refund_too_large");
    seller.send(Method::POST, &path, &[], "".into()).await.expect_code(400, "body_required");
    for wrong in [
        json!({ "amount": 0 }),
        json!({ "amount": -1 }),
        json!({ "amount": "x" }),
        json!({ "lines": 7 }),
        json!({ "lines": [] }),
        json!({ "lines": null }),
    ] {
        seller.post(&path, wrong).await.expect(400);
    }
}

#[tokio::test]
async fn only_sellers_and_operators_give_money_back() {
    let shop = Shop::open().await;
    let (_, buyer, _, order) = sold(&shop, 1).await;
    let stranger = shop.member().await;
    let path = format!("/api/orders/{order}/refund");
    shop.visitor().post(&path, json!({})).await.expect(401);
    buyer.post(&path, json!({})).await.expect_errors(401, &[("Not authorized", None)]);
    stranger.post(&path, json!({})).await.expect(401);
    stranger.post(&path, json!({ "amount": 99 })).await.expect(401);
    for unknown in [NOTHING, FOREIGN] {
        stranger.post(&format!("/api/orders/{unknown}/refund"), json!({})).await.expect(404);
    }
    assert_eq!(buyer.order(&order).await["status"], "complete");
}

#[tokio::test]
async fn nothing_is_given_back_before_it_was_paid() {
    let shop = Shop::open().await;
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let ticket = seller.lists("Seats", json!(10)).await;
    let order = buyer.reserves(&ticket).await;
    let refund = seller.post(&format!("/api/orders/{order}/refund"), json!({})).await;
    refund.expect_code(400, "not_paid");
}
