//! Many buyers at once.

use serde_json::json;

use crate::shop::Shop;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_buyers_get_fifty_units_exactly() {
    let shop = Shop::open().await;
    let seller = shop.member().await;
    let ticket = seller.lists_many("Seats", json!(20), 50).await;
    let buyers = shop.members(20).await;
    let tries = (0..200).map(|number| {
        let (tab, body) = (buyers[number % buyers.len()].tab(), json!({ "ticketId": ticket }));
        tokio::spawn(async move { tab.post("/api/orders", body).await })
    });
    let mut orders = 0;
    for answer in futures_util::future::join_all(tries).await {
        let answer = answer.unwrap();
        match answer.status.as_u16() {
            201 => orders += 1,
            _ => drop(answer.expect_errors(400, &[("Ticket is already reserved", None)])),
        }
    }
    assert_eq!(orders, 50);
    let left = seller.ticket(&ticket).await;
    assert_eq!((&left["available"], &left["held"]), (&json!(0), &json!(50)));
    let mut listed = 0;
    for buyer in &buyers {
        listed += buyer.get("/api/orders").await.expect(200).json().as_array().unwrap().len();
    }
    assert_eq!(listed, 50);
}
