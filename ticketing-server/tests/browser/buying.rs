//! Somebody buys.

use std::time::Duration;

use serde_json::json;

use crate::chromium::{Chromium, Look};
use crate::shop::{Shop, welcomes_a_crowd};

/// A key of the keyboard, as `WebDriver` calls it.
const ENTER: &str = "\u{e007}";
const TAB: &str = "\u{e004}";

#[tokio::test]
async fn somebody_reserves_pays_and_has_it() {
    let (shop, chromium) = (Shop::for_a_crowd().await, Chromium::start().await);
    let seller = shop.member().await;
    seller.lists_many("Night of the organ", json!("19.99"), 5).await;
    let window = chromium.window(&shop, Look::DESKTOP).await;
    window.open("/").await;
    window.press("Night of the organ").await;
    window.press("Sign in to reserve").await;
    window.press("Sign up").await;
    window.reads("8 to 128 characters").await;
    window.signs_up("buyer@example.com").await;
    window.is_at("/tickets/").await;
    window.fill("quantity", "2").await;
    window.press("Reserve").await;
    window.is_at("/orders/").await;
    window.reads("min").await;
    let left =
        async || window.text().await.lines().find(|it| it.contains(" s left")).map(str::to_owned);
    let first = left().await.expect("a countdown");
    window
        .until("a countdown that counts", async || left().await.is_some_and(|now| now != first))
        .await;
    window.press("Pay 39.98 USD").await;
    window.reads("Paid. The tickets are yours.").await;
    window.press("My orders").await;
    window.reads("Night of the organ").await;
    window.reads("Paid").await;
    assert_eq!(window.errors().await, Vec::<String>::new());
    shop.close().await;
}

#[tokio::test]
async fn two_race_for_the_last_one() {
    let (shop, chromium) = (Shop::for_a_crowd().await, Chromium::start().await);
    let seller = shop.member().await;
    let ticket = seller.lists("Front row", json!(20)).await;
    let one = chromium.window(&shop, Look::DESKTOP).await;
    let other = chromium.window(&shop, Look::PHONE).await;
    for window in [&one, &other] {
        window.open("/signup").await;
        window.is_used_by(&shop.member().await).await;
        window.open(&format!("/tickets/{ticket}")).await;
        window.reads("Last one").await;
    }
    tokio::join!(one.press("Reserve"), other.press("Reserve"));
    // Whoever was late stays on the page, and is told.
    let (won, lost) = if has_order(&one).await { (&one, &other) } else { (&other, &one) };
    won.is_at("/orders/").await;
    lost.is_at(&format!("/tickets/{ticket}")).await;
    lost.reads("All reserved").await;
    lost.reads("Look at other tickets").await;
    won.press("Pay 20.00 USD").await;
    won.reads("Paid. The tickets are yours.").await;
    lost.reads("Sold out").await;
    let left = seller.ticket(&ticket).await;
    assert_eq!((&left["sold"], &left["held"]), (&json!(1), &json!(0)));
    shop.close().await;
}

/// Waits for the answer, and tells whether it is an order.
async fn has_order(window: &crate::window::Window) -> bool {
    window
        .until("an answer", async || {
            let path = window.path().await;
            path.starts_with("/orders/") || window.text().await.contains("All reserved")
        })
        .await;
    window.path().await.starts_with("/orders/")
}

#[tokio::test]
async fn time_runs_out_and_one_press_tries_again() {
    let hold = |config: &mut ticketing_server::Config| config.hold = Duration::from_secs(8);
    let shop = Shop::built(hold, welcomes_a_crowd).await;
    let chromium = Chromium::start().await;
    let seller = shop.member().await;
    let ticket = seller.lists("Front row", json!(20)).await;
    let buyer = shop.member().await;
    let window = chromium.window(&shop, Look::PHONE).await;
    window.open("/signup").await;
    window.is_used_by(&buyer).await;
    let order = buyer.reserves(&ticket).await;
    window.open(&format!("/orders/{order}")).await;
    window.reads("The time to pay has run out").await;
    window.reads("Nothing was charged.").await;
    window.press("Try again").await;
    window.is_at(&format!("/tickets/{ticket}")).await;
    window.press("Reserve").await;
    window.is_at("/orders/").await;
    window.press("Pay 20.00 USD").await;
    window.reads("Paid. The tickets are yours.").await;
    shop.close().await;
}

#[tokio::test]
async fn a_card_is_declined_and_the_next_one_pays() {
    let (shop, chromium) = (Shop::for_a_crowd().await, Chromium::start().await);
    let seller = shop.member().await;
    let ticket = seller.lists("Front row", json!(20)).await;
    let buyer = shop.member().await;
    let window = chromium.window(&shop, Look::DESKTOP).await;
    window.open("/signup").await;
    window.is_used_by(&buyer).await;
    let order = format!("/orders/{}", buyer.reserves(&ticket).await);
    window.open(&order).await;
    window.choose("Is declined").await;
    window.press("Pay 20.00 USD").await;
    window.reads("declined").await;
    // Whatever else becomes of the order, why its card was declined can be read.
    buyer.post(&format!("/api{order}/extend"), json!({})).await.expect(200);
    window.reads("29 min").await;
    window.reads("declined").await;
    window.choose("Pays").await;
    window.press("Pay 20.00 USD").await;
    window.is_at(&order).await;
    window.reads("Paid. The tickets are yours.").await;
    shop.close().await;
}

/// Whoever does not answer the bank's question can give the order up.
#[tokio::test]
async fn an_order_that_is_being_paid_is_cancelled() {
    let (shop, chromium) = (Shop::for_a_crowd().await, Chromium::start().await);
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let ticket = seller.lists("Front row", json!(20)).await;
    let order = buyer.reserves(&ticket).await;
    let asks = json!({ "orderId": order, "token": "tok_threeDSecure" });
    buyer.post("/api/payments", asks).await.expect(201);
    let window = chromium.window(&shop, Look::DESKTOP).await;
    window.open("/signup").await;
    window.is_used_by(&buyer).await;
    window.open(&format!("/orders/{order}")).await;
    window.reads("Your payment is on its way").await;
    window.press("Cancel this order").await;
    window.reads("You cancelled this order").await;
    seller.sees(&format!("/api/tickets/{ticket}"), |it| it["available"] == 1).await;
    shop.close().await;
}

/// From the first page to a paid order without a mouse: what is on the way is reached in its order.
#[tokio::test]
async fn a_keyboard_is_enough() {
    let (shop, chromium) = (Shop::for_a_crowd().await, Chromium::start().await);
    let seller = shop.member().await;
    seller.lists_many("Night of the organ", json!(20), 5).await;
    let window = chromium.window(&shop, Look::DESKTOP).await;
    window.open("/signup").await;
    window.is_used_by(&shop.member().await).await;
    window.open("/").await;
    reach(&window, "Night of the organ").await;
    window.types(ENTER).await;
    window.is_at("/tickets/").await;
    reach(&window, "Reserve").await;
    window.types(ENTER).await;
    window.is_at("/orders/").await;
    reach(&window, "Pay 20.00 USD").await;
    window.types(ENTER).await;
    window.reads("Paid. The tickets are yours.").await;
    shop.close().await;
}

/// Goes on from one thing to the next until this one has the focus.
async fn reach(window: &crate::window::Window, label: &str) {
    const FOCUSED: &str = "const it = document.activeElement; \
         const ring = getComputedStyle(it.closest('.card') ?? it); \
         return [it.textContent.replaceAll('\u{a0}', ' ').trim(), ring.outlineStyle]";
    window
        .until(&format!("the focus on {label}"), async || {
            window.types(TAB).await;
            let (text, outline): (String, String) = window.asks(FOCUSED).await;
            assert!(text != label || outline != "none", "the focus on {label} can't be seen");
            text == label
        })
        .await;
}
