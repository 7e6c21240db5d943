//! Many buyers at once.

use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::shop::Shop;

const BUYERS: usize = 200;
const UNITS: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_buyers_get_fifty_units_exactly() {
    takes_all_units(&[&Shop::for_a_crowd().await]).await;
}

/// Two hundred buyers, by turns at these servers over one store, want fifty units.
pub(crate) async fn takes_all_units(shops: &[&Shop]) {
    let seller = shops[0].member().await;
    let ticket = seller.lists_many("Seats", json!(20), 50).await;
    let turns = shops.iter().cycle().take(BUYERS);
    let joining = futures_util::stream::iter(turns.map(|shop| shop.member()));
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
    for shop in shops {
        let left = shop.visitor().ticket(&ticket).await;
        assert_eq!((&left["available"], &left["held"]), (&json!(0), &json!(UNITS)));
    }
}
