//! What the server's commands put on the bus.

use std::time::Duration;

use serde_json::{Value, json};
use ticketing_core::ports::event_bus::EventStream;

use crate::shop::{SOON, Shop};

/// Reads the bus until an event of this name comes, and answers with its data.
async fn next_of(bus: &mut Box<dyn EventStream>, name: &str) -> Value {
    let reading = async {
        loop {
            let delivery = bus.next().await.expect("the bus goes on");
            let event = delivery.event.to_json().unwrap();
            let event: Value = serde_json::from_slice(&event).unwrap();
            delivery.receipt.acknowledge().await.unwrap();
            if event["type"] == name {
                return event;
            }
        }
    };
    tokio::time::timeout(SOON, reading).await.unwrap_or_else(|_| panic!("no {name} came"))
}

#[tokio::test]
async fn every_step_of_a_sale_is_told() {
    let shop = Shop::open().await;
    let mut bus = shop.server.engine().events().await.unwrap();
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let ticket = seller.lists_many("Front row", json!("19.99"), 2).await;
    let created = next_of(&mut bus, "ticketing.ticket.created.v1").await;
    assert_eq!(created["data"]["id"], json!(ticket));
    let edit = json!({ "title": "Back row", "price": 19.99 });
    seller.put(&format!("/api/tickets/{ticket}"), edit).await.expect(200);
    let updated = next_of(&mut bus, "ticketing.ticket.updated.v1").await;
    assert_eq!(
        (&updated["data"]["title"], &updated["data"]["version"]),
        (&json!("Back row"), &json!(1))
    );

    let order = buyer.reserves(&ticket).await;
    let placed = next_of(&mut bus, "ticketing.order.created.v1").await;
    assert_eq!(placed["data"]["id"], json!(order));
    assert_eq!(placed["data"]["total"]["amount"], json!(1999));
    assert!(placed["data"]["expiresAt"].is_string());
    buyer.pays(&order).await;
    let paid = next_of(&mut bus, "ticketing.payment.created.v1").await;
    assert_eq!(paid["data"]["orderId"], json!(order));
    assert!(paid["data"]["gatewayId"].as_str().unwrap().starts_with("sandbox_"), "{paid}");
    assert_eq!(next_of(&mut bus, "ticketing.order.completed.v1").await["data"]["id"], json!(order));

    let other = buyer.reserves(&ticket).await;
    buyer.delete(&format!("/api/orders/{other}")).await.expect(204);
    let cancelled = next_of(&mut bus, "ticketing.order.cancelled.v1").await;
    assert_eq!(
        (&cancelled["data"]["id"], &cancelled["data"]["cancelReason"]),
        (&json!(other), &json!("buyer"))
    );
    seller.delete(&format!("/api/tickets/{ticket}")).await.expect(204);
    assert_eq!(
        next_of(&mut bus, "ticketing.ticket.withdrawn.v1").await["data"]["id"],
        json!(ticket)
    );
}

#[tokio::test]
async fn an_unpaid_order_expires_over_the_bus() {
    let shop = Shop::with(|config| config.hold = Duration::from_secs(1)).await;
    let mut bus = shop.server.engine().events().await.unwrap();
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let ticket = seller.lists("Front row", json!(20)).await;
    let order = buyer.reserves(&ticket).await;
    let up = next_of(&mut bus, "ticketing.expiration.completed.v1").await;
    assert_eq!(up["data"]["orderId"], json!(order));
    let cancelled = next_of(&mut bus, "ticketing.order.cancelled.v1").await;
    assert_eq!(
        (&cancelled["data"]["id"], &cancelled["data"]["cancelReason"]),
        (&json!(order), &json!("expired"))
    );
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
    let created = next_of(&mut bus, "ticketing.ticket.created.v1").await;
    assert!(created.to_string().contains(id), "{created}");
}
