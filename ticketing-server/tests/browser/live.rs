//! Pages that are open while something happens elsewhere.

use serde_json::json;

use crate::chromium::{Chromium, Look};
use crate::shop::Shop;
use crate::window::Window;

/// Marks a page, so that one that is loaded anew is known.
const MARK: &str = "document.body.dataset.mark = 'seen'; return null";
const IS_MARKED: &str = "return document.body.dataset.mark === 'seen'";

async fn is_marked(window: &Window) -> bool {
    window.asks(IS_MARKED).await
}

#[tokio::test]
async fn what_is_left_changes_in_an_open_page() {
    let (shop, chromium) = (Shop::for_a_crowd().await, Chromium::start().await);
    let seller = shop.member().await;
    let ticket = seller.lists_many("Front row", json!(20), 3).await;
    let window = chromium.window(&shop, Look::DESKTOP).await;
    let phone = chromium.window(&shop, Look::PHONE).await;
    window.open(&format!("/tickets/{ticket}")).await;
    phone.open("/").await;
    for page in [&window, &phone] {
        page.reads("3 left").await;
        let _nothing: Option<()> = page.asks(MARK).await;
    }
    let buyer = shop.member().await;
    let order = buyer.reserves(&ticket).await;
    for page in [&window, &phone] {
        page.reads("2 left").await;
    }
    window.reads("0 sold, 1 reserved, 2 free").await;
    buyer.pays(&order).await;
    window.reads("1 sold, 0 reserved, 2 free").await;
    buyer.reserves(&ticket).await;
    buyer.reserves(&ticket).await;
    phone.reads("All reserved").await;
    assert!(is_marked(&phone).await, "a page of many is never loaded anew");
    // What can be done on the page is another thing now, so it is another page.
    window.reads("Look at other tickets").await;
    assert!(!is_marked(&window).await);
    assert_eq!(window.errors().await, Vec::<String>::new());
    shop.close().await;
}

/// Nothing of it can be reserved, whatever is free: such a page is no other one when that changes.
#[tokio::test]
async fn a_page_of_a_sale_that_has_not_begun_stays() {
    let (shop, chromium) = (Shop::for_a_crowd().await, Chromium::start().await);
    let seller = shop.member().await;
    let terms = |quantity: u32| {
        let opens = "2031-05-01T19:30:00Z";
        json!({ "title": "Later", "price": 20, "quantity": quantity, "saleStartsAt": opens })
    };
    let ticket = seller.post("/api/tickets", terms(5)).await.expect(201).id();
    let window = chromium.window(&shop, Look::DESKTOP).await;
    window.open(&format!("/tickets/{ticket}")).await;
    window.reads("5 free").await;
    let _nothing: Option<()> = window.asks(MARK).await;
    seller.put(&format!("/api/tickets/{ticket}"), terms(6)).await.expect(200);
    window.reads("6 free").await;
    window.reads("Not on sale yet").await;
    assert!(is_marked(&window).await);
    shop.close().await;
}

#[tokio::test]
async fn signing_out_ends_the_other_tab() {
    let (shop, chromium) = (Shop::for_a_crowd().await, Chromium::start().await);
    let seller = shop.member().await;
    let ticket = seller.lists_many("Front row", json!(20), 3).await;
    let buyer = shop.member().await;
    let order = format!("/orders/{}", buyer.reserves(&ticket).await);
    let window = chromium.window(&shop, Look::DESKTOP).await;
    window.open("/signup").await;
    window.is_used_by(&buyer).await;
    window.open(&order).await;
    window.reads("left to pay").await;
    let first = window.opens_tab().await;
    window.open("/orders").await;
    window.press("Sign out").await;
    window.reads("You are signed out.").await;
    window.turns_to(&first).await;
    window.is_at("/signin").await;
    window.open(&order).await;
    window.is_at("/signin").await;
    shop.close().await;
}

#[tokio::test]
async fn a_page_says_since_when_it_hears_nothing() {
    let (shop, chromium) = (Shop::for_a_crowd().await, Chromium::start().await);
    let seller = shop.member().await;
    let ticket = seller.lists_many("Front row", json!(20), 3).await;
    let window = chromium.window(&shop, Look::DESKTOP).await;
    window.open(&format!("/tickets/{ticket}")).await;
    seller.reserves(&ticket).await;
    window.reads("2 left").await;
    shop.close().await;
    window.reads("Connection lost.").await;
    window.reads("Last seen").await;
}
