//! Many buyers at once.

use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::shop::Shop;

const BUYERS: usize = 200;
const UNITS: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_buyers_get_fifty_units_exactly() {
    let shop = Shop::for_a_crowd().await;
    let seller = shop.member().await;
    let ticket = seller.lists_many("Seats", json!(20), 50).await;
    let joining = futures_util::stream::iter((0..BUYERS).map(|_| shop.member()));
    let buyers: Vec<Browser> = joining.buffer_unordered(16).collect().await;
    let tries = buyers.into_iter().map(|buyer| {
        let body = json!({ "ticketId": ticket });
        tokio::spawn(async move { (buyer.post("/api/orders", body).await, buyer) })
    });
    let mut owners = std::collections::BTreeSet::new();
    for tried in futures_util::future::join_all(tries).await {
        let (answer, buyer) = tried.unwrap();
        let orders = buyer.get("/api/orders").await.expect(200).json();
        let own: Vec<&Value> = orders.as_array().unwrap().iter().collect();
        if answer.status.as_u16() == 201 {
            assert_eq!(own, [&answer.json()], "one order, and the one that was told");
            assert!(owners.insert(answer.json()["userId"].to_string()), "{answer:?}");
        } else {
            answer.expect_errors(400, &[("Ticket is already reserved", None)]);
            assert!(own.is_empty(), "refused, and yet: {own:?}");
        }
    }
    assert_eq!(owners.len(), UNITS);
    let left = seller.ticket(&ticket).await;
    assert_eq!((&left["available"], &left["held"]), (&json!(0), &json!(UNITS)));
}
