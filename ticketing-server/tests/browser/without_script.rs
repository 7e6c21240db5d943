//! A browser whose visitor allows no scripts.

use serde_json::json;

use crate::chromium::{Chromium, Look};
use crate::gallery::Gallery;
use crate::shop::Shop;

#[tokio::test]
async fn somebody_sells_and_somebody_buys_without_a_script() {
    let (shop, chromium) = (Shop::for_a_crowd().await, Chromium::start().await);
    let window = chromium.window(&shop, Look::DESKTOP.without_script()).await;
    window.open("/signup").await;
    window.signs_up("seller@example.com").await;
    window.press("Sell").await;
    for (id, text) in [("title", "Matinee"), ("price", "12.5"), ("quantity", "4")] {
        window.fill(id, text).await;
    }
    window.press("Put on sale").await;
    window.reads("It is on sale.").await;
    window.press("Sign out").await;
    window.reads("You are signed out.").await;

    window.press("Matinee").await;
    window.press("Sign in to reserve").await;
    window.press_the("main a[href^='/signup']").await;
    window.signs_up("buyer@example.com").await;
    window.press("Reserve").await;
    window.reads("Reserved until").await;
    window.reads("UTC").await;
    window.choose("Is declined").await;
    window.press("Pay 12.50 USD").await;
    window.reads("declined").await;
    window.choose("Pays").await;
    window.press("Pay 12.50 USD").await;
    window.reads("Paid. The tickets are yours.").await;
    window.press("My orders").await;
    window.reads("Matinee").await;
    shop.close().await;
}

/// Nothing that only a script would show or mend is on any page.
#[tokio::test]
async fn every_page_is_there_without_a_script() {
    let (gallery, chromium) = (Gallery::open().await, Chromium::start().await);
    let bare = chromium.window(&gallery.shop, Look::PHONE.without_script()).await;
    let full = chromium.window(&gallery.shop, Look::PHONE).await;
    for view in gallery.views().iter().filter(|view| view.is_linked()) {
        gallery.show(&bare, view).await;
        gallery.show(&full, view).await;
        let [bare, full] = [bare.text().await, full.text().await];
        let [bare, full] = [&bare, &full].map(|text| words(text));
        let missing: Vec<&String> = full.iter().filter(|word| !bare.contains(word)).collect();
        assert!(missing.is_empty(), "{}: without a script there is no {missing:?}", view.name);
        assert!(bare.len() > 5, "{}: {bare:?}", view.name);
    }
    gallery.close().await;
}

/// The lines of a page, without those of times, which a script writes another way.
fn words(text: &str) -> Vec<String> {
    let is_of_time =
        |line: &&str| line.contains("203") || line.contains("202") || line.contains(" s ");
    text.lines().filter(|line| !is_of_time(line)).map(str::to_owned).collect()
}

/// Whoever waits for a payment without a script is shown the page again by itself.
#[tokio::test]
async fn a_payment_that_runs_is_looked_at_again() {
    let (shop, chromium) = (Shop::for_a_crowd().await, Chromium::start().await);
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let ticket = seller.lists("Front row", json!(20)).await;
    let order = buyer.reserves(&ticket).await;
    let asks = json!({ "orderId": order, "token": "tok_threeDSecure" });
    buyer.post("/api/payments", asks).await.expect(201);
    let window = chromium.window(&shop, Look::DESKTOP.without_script()).await;
    window.open("/signup").await;
    window.is_used_by(&buyer).await;
    window.open(&format!("/orders/{order}")).await;
    window.reads("Your payment is on its way").await;
    // From elsewhere: this page has not been touched.
    buyer.delete(&format!("/api/orders/{order}")).await.expect(204);
    window.reads("You cancelled this order").await;
    shop.close().await;
}
