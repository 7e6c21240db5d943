//! The card form of Stripe, where cards are paid with at Stripe. Its script is a stand-in too: the
//! tests talk to nobody else.

use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::extract::{Query, State};
use axum::http::header;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;
use ticketing_server::backends::{PaymentBackend, StripeKeys};
use ticketing_stripe_stand_in::StandIn;
use tokio::net::TcpListener;

use crate::browser::Browser;
use crate::chromium::{Chromium, Look};
use crate::shop::{Shop, welcomes_a_crowd};
use crate::window::Window;

/// As much of Stripe's script as a page with a card form calls. What is typed is the name of a test
/// card, and confirming goes to the stand-in.
const SCRIPT: &str = "
const home = new URL(document.currentScript.src).origin;
window.Stripe = (key, options) => ({
  elements: (wanted) => {
    document.body.dataset.wanted = JSON.stringify({ key, ...options, ...wanted });
    return {
      create: () => ({ mount: (place) => {
        place.innerHTML = '<label for=\"card\">Card</label><input id=\"card\">';
      } }),
      submit: async () => document.getElementById('card').value ? {} : { error: { message: 'Type a card.' } },
    };
  },
  confirmPayment: async ({ clientSecret }) => {
    const card = document.getElementById('card').value;
    const query = new URLSearchParams({ intent: clientSecret.split('_secret')[0], card });
    const answer = await fetch(`${home}/confirm?${query}`, { method: 'POST' });
    return answer.ok ? {} : { error: { message: 'Your card was declined.' } };
  },
});
";

#[derive(Debug, Deserialize)]
struct Confirmed {
    intent: String,
    card: String,
}

async fn confirm(
    State(stripe): State<StandIn>,
    Query(it): Query<Confirmed>,
) -> axum::response::Response {
    use axum::response::IntoResponse as _;
    let confirmed = stripe.confirm_as_client(&it.intent, &it.card);
    let declined = stripe
        .ledger()
        .intent(&it.intent)
        .is_none_or(|it| it.status.word() == "requires_payment_method");
    let status = if confirmed.is_err() || declined { 402_u16 } else { 200 };
    let status = axum::http::StatusCode::from_u16(status).unwrap();
    (status, [(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")], "").into_response()
}

async fn serve_script(stripe: StandIn) -> SocketAddr {
    let javascript = [(header::CONTENT_TYPE, "text/javascript")];
    let router = Router::new()
        .route("/v3/", get(async move || (javascript, SCRIPT)))
        .route("/confirm", post(confirm))
        .with_state(stripe);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

/// A shop whose money moves at a stand-in for Stripe, with a script for it.
async fn shop_with(stripe: &StandIn, script: &str) -> Shop {
    let keys = StripeKeys::default()
        .with_secret(stripe.secret_key())
        .and_then(|keys| keys.with_webhook_secrets(stripe.webhook_secret()))
        .and_then(|keys| keys.with_publishable(stripe.publishable_key()))
        .unwrap()
        .with_script(script);
    let address = Some(stripe.url());
    let change = |config: &mut ticketing_server::Config| {
        config.payments = PaymentBackend::Stripe { address };
        config.stripe = keys;
    };
    Shop::built(change, welcomes_a_crowd).await
}

async fn order_page(chromium: &Chromium, shop: &Shop) -> (Browser, Window) {
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let ticket = seller.lists("Front row", json!("19.99")).await;
    let order = buyer.reserves(&ticket).await;
    let window = chromium.window(shop, Look::DESKTOP).await;
    window.open("/signup").await;
    window.is_used_by(&buyer).await;
    window.open(&format!("/orders/{order}")).await;
    (buyer, window)
}

#[tokio::test]
async fn a_card_goes_to_stripe_alone() {
    let (stripe, chromium) = (StandIn::start().await.unwrap(), Chromium::start().await);
    let script = serve_script(stripe.clone()).await;
    let shop = shop_with(&stripe, &format!("http://{script}/v3/")).await;
    let (_buyer, window) = order_page(&chromium, &shop).await;
    window.reads("Card").await;
    let wanted: String = window.asks("return document.body.dataset.wanted").await;
    let wanted: serde_json::Value = serde_json::from_str(&wanted).unwrap();
    assert_eq!((&wanted["amount"], &wanted["currency"]), (&json!(1999), &json!("usd")));
    assert_eq!(wanted["key"], json!(stripe.publishable_key()));
    assert_eq!(wanted["captureMethod"], json!("manual"), "as intents are opened");
    window.press("Pay 19.99 USD").await;
    window.reads("Type a card.").await;
    window.fill("card", "pm_card_chargeDeclined").await;
    window.press("Pay 19.99 USD").await;
    window.reads("Your card was declined.").await;
    // Whoever comes back to the page can still pay.
    let page = window.path().await;
    window.open(&page).await;
    window.fill("card", "pm_card_visa").await;
    window.press("Pay 19.99 USD").await;
    for event in stripe.take_events() {
        let endpoint = format!("http://{}/api/webhooks/stripe", shop.server.address());
        stripe.deliver(&stripe.sign(&event), &endpoint).await;
    }
    window.reads("Paid. The tickets are yours.").await;
    assert_eq!(window.errors().await, Vec::<String>::new());
    shop.close().await;
}

#[tokio::test]
async fn a_script_that_does_not_come_is_told() {
    let (stripe, chromium) = (StandIn::start().await.unwrap(), Chromium::start().await);
    // Nobody listens there.
    let shop = shop_with(&stripe, "http://127.0.0.1:9/v3/").await;
    let (_buyer, window) = order_page(&chromium, &shop).await;
    window.reads("The form for your card could not be loaded.").await;
    shop.close().await;
}

/// The pages of a shop without Stripe load nothing from elsewhere, and others only where a card is typed.
#[tokio::test]
async fn only_the_page_with_the_form_is_open_for_stripe() {
    let stripe = StandIn::start().await.unwrap();
    let shop = shop_with(&stripe, "https://js.stripe.com/v3/").await;
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let ticket = seller.lists("Front row", json!(20)).await;
    let order = buyer.reserves(&ticket).await;
    for (path, is_open) in [
        (format!("/orders/{order}"), true),
        ("/".to_owned(), false),
        ("/orders".to_owned(), false),
        (format!("/tickets/{ticket}"), false),
    ] {
        let page = buyer.get(&path).await.expect(200);
        let policy = page.header("content-security-policy").unwrap();
        assert_eq!(policy.contains("https://js.stripe.com"), is_open, "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.text.contains(stripe.publishable_key()), is_open, "{path}");
    }
    shop.close().await;
}
