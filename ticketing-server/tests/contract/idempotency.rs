//! Idempotency keys: done once, answered as often as asked.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::Method;
use serde_json::json;

use crate::shop::{SOON, Shop, VISA};

#[tokio::test]
async fn a_repeated_request_is_answered_the_same() {
    let shop = Shop::open().await;
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let new = json!({ "title": "Front row", "price": 20, "quantity": 5 });
    let first = seller.post_once("/api/tickets", "list-1", new.clone()).await.expect(201);
    let again = seller.post_once("/api/tickets", "list-1", new).await.expect(201);
    assert_eq!(first.text, again.text);
    let ticket = first.id();

    let wanted = json!({ "ticketId": ticket });
    let order = buyer.post_once("/api/orders", "order-1", wanted.clone()).await.expect(201);
    let repeated = buyer.post_once("/api/orders", "order-1", wanted.clone()).await.expect(201);
    assert_eq!(order.text, repeated.text);
    let paid = json!({ "orderId": order.id(), "token": VISA });
    let payment = buyer.post_once("/api/payments", "pay-1", paid.clone()).await.expect(201);
    let repaid = buyer.post_once("/api/payments", "pay-1", paid).await.expect(201);
    assert_eq!(payment.text, repaid.text);
    let repeated = buyer.post_once("/api/orders", "order-1", wanted).await.expect(201);
    assert_eq!(order.text, repeated.text, "as it was then");
    assert_eq!(buyer.ticket(&ticket).await["available"], json!(4));
}

#[tokio::test]
async fn a_key_is_for_one_body_of_one_user() {
    let shop = Shop::open().await;
    let (seller, buyer, other) = (shop.member().await, shop.member().await, shop.member().await);
    let ticket = seller.lists_many("Seats", json!(5), 9).await;
    let one = json!({ "ticketId": ticket, "quantity": 1 });
    let two = json!({ "ticketId": ticket, "quantity": 2 });
    let first = buyer.post_once("/api/orders", "k", one.clone()).await.expect(201).id();
    buyer.post_once("/api/orders", "k", two).await.expect_code(422, "idempotency_key_reused");
    buyer.post_once("/api/tickets", "k", json!({ "title": "A", "price": 1 })).await.expect(422);
    assert_ne!(other.post_once("/api/orders", "k", one).await.expect(201).id(), first);
    for key in ["", "with blank", &"k".repeat(256)] {
        let headers = [("idempotency-key", key)];
        let answer =
            buyer.json(Method::POST, "/api/orders", &headers, &json!({ "ticketId": ticket })).await;
        answer.expect_code(400, "invalid_idempotency_key");
    }
}

#[tokio::test]
async fn a_refusal_leaves_the_key_free() {
    let shop = Shop::open().await;
    let (seller, buyer, first) = (shop.member().await, shop.member().await, shop.member().await);
    let ticket = seller.lists("Front row", json!(20)).await;
    let order = first.reserves(&ticket).await;
    let wanted = json!({ "ticketId": ticket });
    buyer.post_once("/api/orders", "k", wanted.clone()).await.expect(400);
    first.delete(&format!("/api/orders/{order}")).await.expect(204);
    // Another process than the one that was told may say "sold out" for a second more.
    let again = async {
        loop {
            let answer = buyer.post_once("/api/orders", "k", wanted.clone()).await;
            if answer.status.as_u16() != 400 {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, again).await.expect("it stays refused").expect(201);
}

#[tokio::test]
async fn one_key_twelve_times_at_once_is_one_order() {
    let shop = Shop::open().await;
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let ticket = seller.lists_many("Seats", json!(5), 50).await;
    let tries = (0..12).map(|_| {
        let (tab, body) = (buyer.tab(), json!({ "ticketId": ticket }));
        tokio::spawn(
            async move { tab.post_once("/api/orders", "same", body).await.expect(201).text },
        )
    });
    let answers: BTreeSet<String> =
        futures_util::future::join_all(tries).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.len(), 1);
    assert_eq!(buyer.get("/api/orders").await.expect(200).json().as_array().unwrap().len(), 1);
    assert_eq!(buyer.ticket(&ticket).await["available"], json!(49));
}

#[tokio::test]
async fn editing_cancelling_and_account_routes_take_keys() {
    let shop = Shop::open().await;
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let ticket = seller.lists("Front row", json!(20)).await;
    let path = format!("/api/tickets/{ticket}");
    let headers = [("idempotency-key", "edit-1")];
    let edit = json!({ "title": "Front row", "price": 21 });
    let first = seller.json(Method::PUT, &path, &headers, &edit).await.expect(200);
    seller.put(&path, json!({ "title": "Front row", "price": 22 })).await.expect(200);
    let again = seller.json(Method::PUT, &path, &headers, &edit).await.expect(200);
    assert_eq!(first.json()["version"], again.json()["version"]);
    assert_eq!(again.json()["price"], json!(21), "the answer of then");
    assert_eq!(seller.ticket(&ticket).await["price"], json!(22), "and not done again");

    let order = buyer.reserves(&ticket).await;
    for _ in 0..2 {
        let headers = [("idempotency-key", "cancel-1")];
        let path = format!("/api/orders/{order}");
        buyer.json(Method::DELETE, &path, &headers, &json!({})).await.expect(204);
    }
    let headers = [("idempotency-key", "x")];
    buyer.json(Method::POST, "/api/users/signout", &headers, &json!({})).await.expect(200);
}
