//! Nothing secret is in what is shown, told or logged.

use std::error::Error;
use std::fmt::Write as _;

use ticketing_core::ports::{GatewayError, PaymentGateway as _};
use ticketing_core::values::Money;
use ticketing_stripe::{SecretKey, StripeConfig, WebhookSecret};
use ticketing_stripe_stand_in::{Call, Fault};

use crate::desk::{Desk, an_intent, card};

const KEY: &str = "sk_test_canary";
const SECRET: &str = "whsec_canary";
const TOKEN: &str = "tok_canary";

fn told(error: &GatewayError) -> String {
    let mut told = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(cause) = source {
        write!(told, " {cause} {cause:?}").unwrap();
        source = cause.source();
    }
    told
}

#[tokio::test]
async fn no_error_and_no_debug_output_has_a_key_or_a_token() {
    let desk = Desk::open().await;
    let canary = StripeConfig::new(SecretKey::new(KEY).unwrap())
        .webhook_secret(WebhookSecret::new(SECRET).unwrap())
        .address(desk.stripe.url());
    let mut shown =
        format!("{canary:?} {:?} {:?}", SecretKey::new(KEY), WebhookSecret::new(SECRET));
    let gateway = canary.open().unwrap();
    write!(shown, "{gateway:?} {gateway:#?}").unwrap();
    let refused = gateway.open(&an_intent(Money::usd(19_99))).await.unwrap_err();
    shown.push_str(&told(&refused));

    let opened = desk.gateway.open(&an_intent(Money::usd(19_99))).await.unwrap();
    write!(shown, "{opened:?}").unwrap();
    let secret = opened.client_secret.unwrap();
    let confirm = |key: &'static str| desk.gateway.confirm(&opened.intent, &CANARY, key);
    shown.push_str(&told(&confirm("unknown").await.unwrap_err()));
    for fault in [Fault::ErrorBefore, Fault::CutBefore, Fault::TooMany, Fault::SilenceBefore] {
        for _try in 0..3 {
            desk.stripe.next(Call::Method, fault);
        }
        shown.push_str(&told(&confirm("faults").await.unwrap_err()));
        desk.stripe.forget_keys();
    }
    for canary in [KEY, SECRET, TOKEN, desk.stripe.secret_key(), secret.expose()] {
        assert!(!shown.contains(canary), "{canary}: {shown}");
    }
}

static CANARY: std::sync::LazyLock<ticketing_core::ports::PaymentMethod> =
    std::sync::LazyLock::new(|| card(TOKEN));

/// Stripe repeats in its messages what was sent to it.
#[tokio::test]
async fn what_stripe_says_in_words_is_not_repeated() {
    let desk = Desk::open().await;
    let intent = desk.opened().await;
    let odd = card("pm_canary_c7d2");
    let error = desk.gateway.confirm(&intent, &odd, "confirm").await.unwrap_err();
    assert!(told(&error).contains("Stripe answered 400"), "{}", told(&error));
    assert!(!told(&error).contains("canary"), "{}", told(&error));
}
