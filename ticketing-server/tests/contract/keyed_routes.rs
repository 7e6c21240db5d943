//! Every command that takes an idempotency key, as many as the description has, under one.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Value, json};

use crate::browser::{Answer, Browser};
use crate::shop::{Shop, VISA};

const ROUTES: [&str; 9] = [
    "POST /api/tickets",
    "PUT /api/tickets/{id}",
    "DELETE /api/tickets/{id}",
    "POST /api/orders",
    "DELETE /api/orders/{id}",
    "POST /api/orders/{id}/extend",
    "POST /api/orders/{id}/refund",
    "POST /api/payments",
    "POST /api/payments/intents",
];

/// A seller and a buyer.
struct Pair {
    seller: Browser,
    buyer: Browser,
}

/// A command that can be done once, and another that its key is not for.
struct Trial<'a> {
    who: &'a Browser,
    method: Method,
    command: (String, Value),
    another: (String, Value),
}

#[tokio::test]
async fn every_route_that_takes_a_key_is_tried() {
    let shop = Shop::open().await;
    let document = shop.visitor().get("/openapi.json").await.expect(200).json();
    let mut keyed = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let mut parameters = operation["parameters"].as_array().into_iter().flatten();
            if parameters.any(|it| it["name"] == "Idempotency-Key") {
                keyed.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    assert_eq!(keyed, ROUTES.map(ToOwned::to_owned).into());
}

#[tokio::test]
async fn a_command_under_a_key_is_done_once_and_for_its_user_alone() {
    let shop = Shop::for_a_crowd().await;
    let (pair, other) = (Pair::meet(&shop).await, Pair::meet(&shop).await);
    for (number, route) in ROUTES.into_iter().enumerate() {
        let (trial, key) = (pair.trial(route).await, format!("key-{number}"));
        let first = trial.send(&key, &trial.command).await;
        assert!(first.status.is_success(), "{route}: {first:?}");
        for _ in 0..2 {
            let again = trial.send(&key, &trial.command).await;
            assert_eq!((again.status, &again.text), (first.status, &first.text), "{route}");
        }
        let reused = trial.send(&key, &trial.another).await;
        assert_eq!(reused.status.as_u16(), 422, "{route}: {reused:?}");
        reused.expect_code(422, "idempotency_key_reused");
        // It was refused for the key alone, and nothing of it was done.
        let fresh = trial.send(&format!("{key}-fresh"), &trial.another).await;
        assert!(fresh.status.is_success(), "{route}: {fresh:?}");

        let theirs = other.trial(route).await;
        let done = theirs.send(&key, &theirs.command).await;
        assert_eq!(done.status, first.status, "{route}: {done:?}");
        assert!(done.text.is_empty() || done.text != first.text, "{route}: another's answer");
    }
    let refunded: Vec<i64> = refunds(&shop);
    assert_eq!(refunded, [100, 200, 100], "each command once");
}

fn refunds(shop: &Shop) -> Vec<i64> {
    let refunds = shop.server.sandbox().unwrap().ledger().refunds;
    refunds.iter().map(|refund| refund.amount.minor()).collect()
}

impl Pair {
    async fn meet(shop: &Shop) -> Self {
        Self { seller: shop.member().await, buyer: shop.member().await }
    }

    async fn ticket(&self) -> String {
        self.seller.lists_many("Seats", json!(10), 5).await
    }

    async fn order(&self) -> String {
        self.buyer.reserves(&self.ticket().await).await
    }

    async fn trial(&self, route: &str) -> Trial<'_> {
        let (method, path) = route.split_once(' ').unwrap();
        let at = |id: &str| path.replace("{id}", id);
        let (command, another) = match route {
            "POST /api/tickets" => {
                let new = |title: &str| (at(""), json!({ "title": title, "price": 5 }));
                (new("One"), new("Another"))
            }
            "PUT /api/tickets/{id}" => {
                let path = at(&self.ticket().await);
                let edit = |price: u32| (path.clone(), json!({ "title": "Seats", "price": price }));
                (edit(6), edit(7))
            }
            "POST /api/orders" => {
                let ticket = self.ticket().await;
                let of = |units: u32| (at(""), json!({ "ticketId": ticket, "quantity": units }));
                (of(1), of(2))
            }
            "DELETE /api/tickets/{id}" => {
                let (one, another) = (self.ticket().await, self.ticket().await);
                ((at(&one), json!({})), (at(&another), json!({})))
            }
            "POST /api/payments" => {
                let (one, another) = (self.order().await, self.order().await);
                let with = |order| (at(""), json!({ "orderId": order, "token": VISA }));
                (with(one), with(another))
            }
            "POST /api/payments/intents" => {
                let (one, another) = (self.order().await, self.order().await);
                let of = |order| (at(""), json!({ "orderId": order }));
                (of(one), of(another))
            }
            "POST /api/orders/{id}/refund" => {
                let order = self.order().await;
                self.buyer.pays(&order).await;
                let of = |amount: u32| (at(&order), json!({ "amount": amount }));
                (of(1), of(2))
            }
            _ => {
                let (one, another) = (self.order().await, self.order().await);
                ((at(&one), json!({})), (at(&another), json!({})))
            }
        };
        let is_sellers = route.contains("{id}") && path.contains("tickets")
            || ["POST /api/tickets", "POST /api/orders/{id}/refund"].contains(&route);
        let who = if is_sellers { &self.seller } else { &self.buyer };
        Trial { who, method: method.parse().unwrap(), command, another }
    }
}

impl Trial<'_> {
    async fn send(&self, key: &str, (path, body): &(String, Value)) -> Answer {
        let headers = [("idempotency-key", key)];
        self.who.json(self.method.clone(), path, &headers, body).await
    }
}
