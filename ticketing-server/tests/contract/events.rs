//! What the server's commands put on the bus.

use std::time::Duration;

use serde_json::{Value, json};
use ticketing_core::ports::event_bus::EventStream;

use crate::browser::Browser;
use crate::shop::{SOON, Shop};

/// What the bus told, in whatever order.
struct Heard {
    bus: Box<dyn EventStream>,
    /// What came while something else was waited for.
    passed: Vec<Value>,
}

impl Heard {
    /// Listens from now on.
    async fn of(shop: &Shop) -> Self {
        Self { bus: shop.server.engine().events().await.unwrap(), passed: Vec::new() }
    }

    /// The data of an event of this name that holds, each event once.
    async fn told(&mut self, name: &str, holds: impl Fn(&Value) -> bool + Send + Sync) -> Value {
        let wanted = |event: &Value| event["type"] == name && holds(&event["data"]);
        let listening = async {
            loop {
                if let Some(place) = self.passed.iter().position(wanted) {
                    return self.passed.remove(place)["data"].take();
                }
                let delivery = self.bus.next().await.expect("the bus goes on");
                let event = delivery.event.to_json().unwrap();
                delivery.receipt.acknowledge().await.unwrap();
                self.passed.push(serde_json::from_slice(&event).unwrap());
            }
        };
        let told = tokio::time::timeout(SOON, listening).await;
        told.unwrap_or_else(|_| panic!("no such {name} among {:#?}", self.passed))
    }

    /// The first event of this name that is of this order.
    async fn of_order(&mut self, name: &str, order: &str) -> Value {
        self.told(name, |data| data["id"] == *order || data["orderId"] == *order).await
    }

    /// Waits until the units of a ticket are told to be so many.
    async fn units(&mut self, ticket: &str, held: u32, sold: u32, available: u32) {
        let units = |data: &Value| {
            let seen = (&data["held"], &data["sold"], &data["available"]);
            data["ticketId"] == *ticket && seen == (&json!(held), &json!(sold), &json!(available))
        };
        let told = self.told("ticketing.inventory.changed.v1", units).await;
        assert_eq!(told["capacity"], json!(held + sold + available), "{told}");
    }
}

/// A shop, who listens to it, a seller with a ticket of so many units, and a buyer.
async fn shop_of(units: u32) -> (Shop, Heard, Browser, String, Browser) {
    let shop = Shop::open().await;
    let heard = Heard::of(&shop).await;
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let ticket = seller.lists_many("Front row", json!("19.99"), units).await;
    (shop, heard, seller, ticket, buyer)
}

#[tokio::test]
async fn a_listing_is_told_when_it_is_made_edited_and_withdrawn() {
    let (_shop, mut heard, seller, ticket, _) = shop_of(2).await;
    let is_it = |data: &Value| data["id"] == *ticket;
    let created = heard.told("ticketing.ticket.created.v1", is_it).await;
    assert_eq!((&created["title"], &created["version"]), (&json!("Front row"), &json!(0)));
    assert_eq!(created["price"], json!({ "amount": 1999, "currency": "USD" }));
    let edit = json!({ "title": "Back row", "price": 19.99 });
    seller.put(&format!("/api/tickets/{ticket}"), edit).await.expect(200);
    let updated = heard.told("ticketing.ticket.updated.v1", is_it).await;
    assert_eq!((&updated["title"], &updated["version"]), (&json!("Back row"), &json!(1)));
    seller.delete(&format!("/api/tickets/{ticket}")).await.expect(204);
    let withdrawn = heard.told("ticketing.ticket.withdrawn.v1", is_it).await;
    assert_eq!(withdrawn["version"], json!(2), "{withdrawn}");
}

#[tokio::test]
async fn an_order_is_told_when_it_is_placed_and_cancelled() {
    let (_shop, mut heard, _, ticket, buyer) = shop_of(2).await;
    let order = buyer.reserves(&ticket).await;
    let placed = heard.of_order("ticketing.order.created.v1", &order).await;
    assert_eq!(placed["total"]["amount"], json!(1999));
    assert_eq!(placed["lines"][0]["ticketId"], json!(ticket));
    assert_eq!(placed["buyerId"], json!(buyer.me().await));
    assert!(placed["expiresAt"].is_string(), "{placed}");
    heard.units(&ticket, 1, 0, 1).await;
    buyer.delete(&format!("/api/orders/{order}")).await.expect(204);
    let cancelled = heard.of_order("ticketing.order.cancelled.v1", &order).await;
    assert_eq!(
        (&cancelled["cancelReason"], &cancelled["status"]),
        (&json!("buyer"), &json!("cancelled"))
    );
    heard.units(&ticket, 0, 0, 2).await;
}

#[tokio::test]
async fn money_is_told_when_it_comes_and_goes_back() {
    let (_shop, mut heard, seller, ticket, buyer) = shop_of(2).await;
    let order = buyer.reserves(&ticket).await;
    let payment = buyer.pays(&order).await;
    let paid = heard.of_order("ticketing.payment.created.v1", &order).await;
    assert_eq!((&paid["id"], &paid["amount"]["amount"]), (&payment["id"], &json!(1999)));
    assert!(paid["gatewayId"].as_str().unwrap().starts_with("sandbox_"), "{paid}");
    let complete = heard.of_order("ticketing.order.completed.v1", &order).await;
    assert_eq!((&complete["status"], &complete["paymentId"]), (&json!("complete"), &paid["id"]));
    heard.units(&ticket, 0, 1, 1).await;

    let all = json!({ "restock": true });
    seller.post(&format!("/api/orders/{order}/refund"), all).await.expect(201);
    let refunded = heard.of_order("ticketing.order.refunded.v1", &order).await;
    assert_eq!(refunded["refunded"]["amount"], json!(1999), "{refunded}");
    let given_back = heard.of_order("ticketing.payment.refunded.v1", &order).await;
    assert_eq!(
        (&given_back["id"], &given_back["refunded"]["amount"]),
        (&payment["id"], &json!(1999))
    );
    heard.units(&ticket, 0, 0, 2).await;
}

#[tokio::test]
async fn a_payment_that_fails_is_told() {
    let (_shop, mut heard, _, ticket, buyer) = shop_of(1).await;
    let order = buyer.reserves(&ticket).await;
    let body = json!({ "orderId": order, "token": "tok_chargeDeclinedExpiredCard" });
    buyer.post("/api/payments", body).await.expect_code(402, "expired_card");
    let failed = heard.of_order("ticketing.payment.failed.v1", &order).await;
    assert_eq!(
        (&failed["status"], &failed["declined"]),
        (&json!("declined"), &json!("expired_card"))
    );
}

#[tokio::test]
async fn an_unpaid_order_expires_over_the_bus() {
    let shop = Shop::with(|config| config.hold = Duration::from_secs(1)).await;
    let mut heard = Heard::of(&shop).await;
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let ticket = seller.lists("Front row", json!(20)).await;
    let order = buyer.reserves(&ticket).await;
    heard.of_order("ticketing.expiration.completed.v1", &order).await;
    let cancelled = heard.of_order("ticketing.order.cancelled.v1", &order).await;
    assert_eq!(cancelled["cancelReason"], json!("expired"));
    heard.units(&ticket, 0, 0, 1).await;
}

#[tokio::test]
async fn events_carry_the_requests_correlation_id() {
    let shop = Shop::open().await;
    let mut bus = shop.server.engine().events().await.unwrap();
    let seller = shop.member().await;
    let id = "0190b0a0-0000-7000-8000-00000000c0de";
    let headers = [("x-correlation-id", id)];
    let new = json!({ "title": "Front row", "price": 20 });
    seller.json("POST".parse().unwrap(), "/api/tickets", &headers, &new).await.expect(201);
    let told = async {
        loop {
            let event = bus.next().await.unwrap().event.to_json().unwrap();
            let event: Value = serde_json::from_slice(&event).unwrap();
            if event["type"] == "ticketing.ticket.created.v1" {
                return event;
            }
        }
    };
    let created = tokio::time::timeout(SOON, told).await.expect("no ticket was told of");
    assert!(created.to_string().contains(id), "{created}");
}
