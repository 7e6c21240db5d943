//! Holds of two seconds: what is not paid in time goes back on sale.

use std::time::Duration;

use serde_json::{Value, json};

use crate::shop::{Shop, VISA};

async fn hasty() -> Shop {
    Shop::with(|config| config.hold = Duration::from_secs(2)).await
}

#[tokio::test]
async fn an_unpaid_order_is_cancelled_and_its_page_is_told() {
    let shop = hasty().await;
    let (seller, buyer, next) = (shop.member().await, shop.member().await, shop.member().await);
    let ticket = seller.lists("Front row", json!(20)).await;
    let order = buyer.reserves(&ticket).await;
    let mut page = buyer.watch(&format!("/api/orders/{order}/live")).await.unwrap();
    let mut shelf = next.watch(&format!("/api/tickets/live?ids={ticket}")).await.unwrap();
    let (_, first) = page.next().await.unwrap();
    assert_eq!((&first["status"], &first["id"]), (&json!("created"), &json!(order)));
    assert!((1..=2).contains(&first["secondsLeft"].as_u64().unwrap()), "{first}");

    let ended = page.until("order", |order| order["status"] == "cancelled").await;
    assert_eq!((&ended["cancelReason"], &ended["secondsLeft"]), (&json!("expired"), &json!(0)));
    shelf.until("availability", |units| units[0]["available"] == json!(1)).await;
    next.reserves(&ticket).await;
    let late = json!({ "orderId": order, "token": VISA });
    buyer
        .post("/api/payments", late)
        .await
        .expect_errors(400, &[("Cannot pay for an expired order", None)]);
}

#[tokio::test]
async fn a_complete_order_is_left_alone() {
    let shop = hasty().await;
    let (seller, buyer, other) = (shop.member().await, shop.member().await, shop.member().await);
    let ticket = seller.lists_many("Seats", json!(20), 2).await;
    let paid = buyer.reserves(&ticket).await;
    buyer.pays(&paid).await;
    let complete = buyer.order(&paid).await;
    // The other order's end shows that the time of both is up.
    let unpaid = other.reserves(&ticket).await;
    let cancelled = |order: &Value| order["status"] == "cancelled";
    other.sees(&format!("/api/orders/{unpaid}"), cancelled).await;
    assert_eq!(buyer.order(&paid).await["status"], complete["status"]);
    let left = buyer.ticket(&ticket).await;
    assert_eq!(
        (&left["sold"], &left["held"], &left["available"]),
        (&json!(1), &json!(0), &json!(1))
    );
}

#[tokio::test]
async fn a_late_timer_frees_nobody_elses_units() {
    let shop = hasty().await;
    let (seller, buyer, next) = (shop.member().await, shop.member().await, shop.member().await);
    let ticket = seller.lists("Front row", json!(20)).await;
    let first = buyer.reserves(&ticket).await;
    buyer.delete(&format!("/api/orders/{first}")).await.expect(204);
    let second = next.reserves(&ticket).await;
    next.pays(&second).await;
    // The timer of the first order goes off, and once more by hand.
    let marker = seller.lists("Marker", json!(1)).await;
    let marker = buyer.reserves(&marker).await;
    let cancelled = |order: &Value| order["status"] == "cancelled";
    buyer.sees(&format!("/api/orders/{marker}"), cancelled).await;
    shop.server.engine().orders().expire(first.parse().unwrap()).await.unwrap();
    assert_eq!(next.order(&second).await["status"], "complete");
    assert_eq!(buyer.ticket(&ticket).await["sold"], json!(1));
    assert_eq!(buyer.order(&first).await["cancelReason"], "buyer");
}
