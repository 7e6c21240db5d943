//! Somebody sells.

use serde_json::json;

use crate::chromium::{Chromium, Look};
use crate::shop::Shop;

#[tokio::test]
async fn somebody_sells_and_an_edit_is_refused_while_units_are_held() {
    let (shop, chromium) = (Shop::for_a_crowd().await, Chromium::start().await);
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let window = chromium.window(&shop, Look::DESKTOP).await;
    window.open("/signup").await;
    window.is_used_by(&seller).await;
    window.open("/sell").await;
    for (id, text) in [("title", "Matinee"), ("price", "12.5"), ("quantity", "4")] {
        window.fill(id, text).await;
    }
    window.press("Put on sale").await;
    window.reads("It is on sale.").await;
    window.reads("12.50 USD").await;
    window.press("Edit").await;
    window.is_at("/listings/").await;
    let ticket = window.path().await.replace("/listings/", "");

    // The seller has typed something while somebody reserves.
    window.fill("price", "13").await;
    let order = buyer.reserves(&ticket).await;
    window.reads("0 sold, 1 reserved, 3 free").await;
    window.press("Save").await;
    window.reads("Cannot edit a reserved ticket").await;
    window.reads("Units are reserved or sold").await;
    assert_eq!(window.value("price").await, "13", "what was typed stays");
    assert_eq!(seller.ticket(&ticket).await["price"], json!(12.5));

    buyer.delete(&format!("/api/orders/{order}")).await.expect(204);
    window.reads("0 sold, 0 reserved, 4 free").await;
    window.open(&format!("/listings/{ticket}")).await;
    window.fill("price", "13").await;
    window.press("Save").await;
    window.reads("Saved.").await;
    assert_eq!(seller.ticket(&ticket).await["price"], json!(13));
    window.press("Take off sale").await;
    window.reads("It is off sale.").await;
    assert_eq!(window.errors().await, Vec::<String>::new());
    shop.close().await;
}
