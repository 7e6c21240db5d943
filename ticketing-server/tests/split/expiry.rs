//! A hold ends by way of Redis, the expiration service and the bus; pages of every process see it,
//! and whoever signs out anywhere is signed out everywhere.

use std::time::Instant;

use serde_json::json;

use crate::browser::Browser;
use crate::deployment::{Deployment, PROCESSES};
use crate::habits::SOON;
use crate::shop::Shop;

/// Holds of so many orders end.
const ORDERS: usize = 8;

/// How often the processes that sell ended an order, by who found that its time was up.
async fn expired(deployment: &Deployment, found: &str) -> usize {
    let mut sum = 0;
    for address in deployment.addresses_of("orders") {
        let metrics = Browser::new(address).get("/metrics").await.expect(200).text;
        let line = format!("ticketing_expired_orders_total{{found=\"{found}\"}} ");
        let value = metrics.lines().find_map(|it| it.strip_prefix(&line));
        sum += value.map_or(0, |value| value.trim().parse::<usize>().unwrap());
    }
    sum
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn holds_end_by_the_timers_word_and_every_process_sees_it() {
    let shop = Shop { deployment: Deployment::start("10s").await };
    let deployment = &shop.deployment;
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let units = u32::try_from(ORDERS).unwrap();
    let ticket = seller.lists_many("Front row", json!(20), units).await;
    let mut shelf = shop.visitor().watch(&format!("/api/tickets/live?ids={ticket}")).await.unwrap();
    let began = Instant::now();
    let mut orders = Vec::new();
    for _ in 0..ORDERS {
        orders.push(buyer.reserves(&ticket).await);
    }
    // Both of the processes that sell show the same order, whoever of them took it.
    let mut pages = Vec::new();
    for address in deployment.addresses_of("orders") {
        let page = buyer.at(address).watch(&format!("/api/orders/{}/live", orders[0])).await;
        pages.push(page.unwrap());
    }
    shelf.until("availability", |units| units[0]["available"] == json!(0)).await;
    for page in &mut pages {
        page.until("order", |order| order["status"] == "cancelled").await;
    }
    shelf.until("availability", |units| units[0]["available"] == json!(ORDERS)).await;
    let by_timer = expired(deployment, "timer").await;
    let by_sweep = expired(deployment, "sweep").await;
    println!(
        "{ORDERS} holds of 10 s ended within {:?}: {by_timer} by a timer, {by_sweep} by the sweep",
        began.elapsed()
    );
    assert!(by_timer > 0, "{by_timer} by a timer, {by_sweep} by the sweep");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_out_is_known_everywhere() {
    let shop = Shop::open().await;
    let member = shop.member().await;
    let session = member.cookie("session").unwrap();
    let asked = ["/api/orders", "/api/tickets"];
    let know = async |asked: &str| {
        let mut statuses = Vec::new();
        for address in shop.deployment.addresses_of(asked.strip_prefix("/api/").unwrap()) {
            let browser = Browser::new(address);
            browser.set_cookie("session", &session);
            let answer = match asked {
                "/api/orders" => browser.get(asked).await,
                _ => browser.post(asked, json!({})).await,
            };
            statuses.push(answer.status.as_u16());
        }
        statuses
    };
    assert_eq!(know(asked[0]).await, [200, 200]);
    assert_eq!(know(asked[1]).await, [400], "who may list, but says nothing of the listing");
    member.post("/api/users/signout", json!({})).await.expect(200);
    let began = Instant::now();
    for path in asked {
        while know(path).await.iter().any(|status| *status != 401) {
            assert!(began.elapsed() < SOON, "{path} is still open to who signed out");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
    println!("signed out everywhere after {:?}", began.elapsed());
    shop.close().await;
}

/// A purchase goes through the processes of four services.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_is_listed_reserved_and_paid_for() {
    let shop = Shop::open().await;
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let ticket = seller.lists_many("Front row", json!("19.99"), 2).await;
    let order = buyer.reserves(&ticket).await;
    buyer.pays(&order).await;
    buyer.sees(&format!("/api/orders/{order}"), |seen| seen["status"] == "complete").await;
    let left = seller.ticket(&ticket).await;
    assert_eq!((&left["sold"], &left["available"]), (&json!(1), &json!(1)), "{left}");
    shop.visitor().get("/").await.expect(200);
    assert_eq!(PROCESSES.len(), 7);
    shop.close().await;
}
