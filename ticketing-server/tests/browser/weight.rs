//! What a phone on a bad network has to fetch before it shows what is on sale.

use serde_json::json;

use crate::chromium::{Chromium, Look};
use crate::shop::Shop;

/// Everything that was fetched, as it was sent: compressed, with its headers.
const FETCHED: &str = "await fetch(document.querySelector('link[rel=icon]').href); \
     const parts = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]; \
     return parts.map((it) => [it.name, it.transferSize, it.decodedBodySize])";

const MOST: u64 = 60 * 1024;

#[tokio::test]
async fn a_full_page_of_tickets_is_light() {
    let (shop, chromium) = (Shop::for_a_crowd().await, Chromium::start().await);
    let seller = shop.member().await;
    for number in 0..100 {
        let new = json!({
            "title": format!("An evening with number {number}"), "price": 20, "quantity": 50,
            "venue": format!("House {}, a name of the usual length", number * 37 % 100),
            "startsAt": format!("2031-05-{:02}T19:30:00Z", number % 28 + 1),
        });
        seller.post("/api/tickets", new).await.expect(201);
    }
    let window = chromium.window(&shop, Look::PHONE).await;
    window.open("/").await;
    window.reads("An evening with number 99").await;
    let fetched: Vec<(String, u64, u64)> = window.asks(FETCHED).await;
    let files: Vec<&str> = fetched.iter().filter_map(|it| it.0.rsplit('.').next()).collect();
    for ending in ["css", "js", "svg"] {
        assert!(files.contains(&ending), "{fetched:?}");
    }
    let (sent, read) = fetched.iter().fold((0, 0), |sum, it| (sum.0 + it.1, sum.1 + it.2));
    assert!(sent <= MOST, "{sent} bytes: {fetched:#?}");
    assert!(sent < read / 2, "it is not compressed: {fetched:#?}");
    shop.close().await;
}
