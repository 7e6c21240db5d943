//! Texts that try to be more than texts.

use axum::http::Method;
use serde_json::json;

use crate::chromium::{Chromium, Look};
use crate::habits::PASSWORD;
use crate::shop::Shop;

/// Each would open a dialog, or end what it stands in, if it were taken for more than a text.
const TRICKS: [&str; 5] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(2)>",
    "' autofocus onfocus='alert(3)",
    "</title></textarea><svg/onload=alert(4)>",
    "{{ 7 * 7 }} ${7 * 7} <%= 7 * 7 %> &lt;b&gt;",
];

#[tokio::test]
async fn tricks_show_as_what_they_are() {
    let (shop, chromium) = (Shop::for_a_crowd().await, Chromium::start().await);
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let window = chromium.window(&shop, Look::DESKTOP).await;
    window.open("/signup").await;
    for trick in TRICKS {
        let new = json!({
            "title": trick, "price": 5, "quantity": 9, "venue": trick, "description": trick,
        });
        let ticket = seller.post("/api/tickets", new).await.expect(201).id();
        let order = buyer.reserves(&ticket).await;
        window.is_used_by(&buyer).await;
        let searched =
            form_urlencoded::Serializer::new(String::new()).append_pair("q", trick).finish();
        let places = [
            "/".to_owned(),
            format!("/?{searched}"),
            format!("/tickets/{ticket}"),
            format!("/orders/{order}"),
            "/orders".to_owned(),
        ];
        for path in places {
            window.open(&path).await;
            shows(&window, trick, &path).await;
        }
        window.is_used_by(&seller).await;
        for path in ["/listings".to_owned(), format!("/listings/{ticket}")] {
            window.open(&path).await;
            shows(&window, trick, &path).await;
        }
        // Typed into a form that is refused, it stands in the field again.
        window.sends("/sell", &[("title", trick), ("price", "dear"), ("venue", trick)]).await;
        window.until("a refusal", async || window.has("[role=alert]").await).await;
        assert_eq!(window.value("venue").await, trick);
        assert!(!window.has_dialog().await, "{trick} opened a dialog");
    }
    shop.close().await;
}

/// What somebody's browser calls itself is shown to that person alone, and as a text.
#[tokio::test]
async fn a_device_with_a_trick_for_a_name_is_a_text_too() {
    let (shop, chromium) = (Shop::for_a_crowd().await, Chromium::start().await);
    let window = chromium.window(&shop, Look::DESKTOP).await;
    let account = json!({ "email": "one@example.com", "password": PASSWORD });
    let visitor = shop.visitor();
    let headers = [("content-type", "application/json"), ("user-agent", TRICKS[0])];
    visitor
        .send(Method::POST, "/api/users/signup", &headers, account.to_string().into())
        .await
        .expect(201);
    window.open("/signin").await;
    window.is_used_by(&visitor).await;
    window.open("/account").await;
    shows(&window, TRICKS[0], "/account").await;
    shop.close().await;
}

async fn shows(window: &crate::window::Window, trick: &str, path: &str) {
    // A dialog would be in the way of everything else.
    assert!(!window.has_dialog().await, "{trick} opened a dialog at {path}");
    let text = window.text().await;
    let is_typed = || async { window.value("q").await == trick || text.contains("description") };
    let plain = trick.replace("  ", " ");
    assert!(text.contains(&plain) || is_typed().await, "{path} does not show {trick}:\n{text}");
    assert_eq!(window.errors().await, Vec::<String>::new(), "{trick} at {path}");
    let strangers: u32 = window
        .asks("return document.querySelectorAll('main img, main script, [onerror], [onload], [onfocus]').length")
        .await;
    assert_eq!(strangers, 0, "{trick} is more than a text at {path}");
}
