//! What a failure means.

use std::time::Duration;

use ticketing_core::ports::{GatewayErrorKind, PaymentGateway as _, SendRefund};
use ticketing_core::values::Money;
use ticketing_stripe::{ConfigError, PublishableKey, SecretKey, StripeConfig, WebhookSecret};
use ticketing_stripe_stand_in::{Call, Fault};

use crate::desk::{Desk, an_intent, card, config};

#[tokio::test]
async fn a_wrong_key_is_misconfigured() {
    let desk = Desk::open().await;
    let other = StripeConfig::new(SecretKey::new("sk_test_wrong").unwrap());
    let gateway = other.address(desk.stripe.url()).open().unwrap();
    let error = gateway.open(&an_intent(Money::usd(19_99))).await.unwrap_err();
    assert_eq!(error.kind(), GatewayErrorKind::Misconfigured);
    assert_eq!(desk.stripe.requests().len(), 1, "trying again tells nobody");
}

#[tokio::test]
async fn nobody_there_is_not_sent() {
    // Taken and let go again: nobody listens there.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let nobody = StripeConfig::new(SecretKey::new("sk_test_none").unwrap());
    let nobody = nobody.address(address).pause(Duration::from_millis(1)).open().unwrap();
    let error = nobody.open(&an_intent(Money::usd(19_99))).await.unwrap_err();
    assert_eq!(error.kind(), GatewayErrorKind::NotSent);
}

/// A try that may have arrived is not undone by those after it.
#[tokio::test]
async fn silence_is_unknown_whatever_comes_after_it() {
    let desk = Desk::open().await;
    let intent = desk.opened().await;
    desk.stripe.next(Call::Confirm, Fault::SilenceAfter);
    desk.stripe.next(Call::Confirm, Fault::TooMany);
    desk.stripe.next(Call::Confirm, Fault::TooMany);
    let visa = card("pm_card_visa");
    let error = desk.gateway.confirm(&intent, &visa, "confirm").await.unwrap_err();
    assert_eq!(error.kind(), GatewayErrorKind::Unknown);
    assert_eq!(desk.stripe.ledger().charges.len(), 1);
}

#[tokio::test]
async fn a_stripe_that_turns_calls_away_has_done_nothing() {
    let desk = Desk::open().await;
    desk.stripe.always(Some(Fault::TooMany));
    let error = desk.gateway.open(&an_intent(Money::usd(19_99))).await.unwrap_err();
    assert_eq!(error.kind(), GatewayErrorKind::NotSent);
}

#[tokio::test]
async fn a_token_that_stripe_does_not_know_is_refused() {
    let desk = Desk::open().await;
    let intent = desk.opened().await;
    for unknown in ["tok_unheardof", "pm_unheardof"] {
        let confirmed = desk.gateway.confirm(&intent, &card(unknown), unknown).await;
        assert_eq!(confirmed.unwrap_err().kind(), GatewayErrorKind::Refused, "{unknown}");
    }
}

#[tokio::test]
async fn disputed_money_is_not_given_back() {
    let desk = Desk::open().await;
    let intent = desk.captured().await;
    desk.stripe.dispute(intent.as_str()).unwrap();
    let send = SendRefund { intent, amount: Money::usd(5_00), key: "refund".to_owned() };
    let error = desk.gateway.refund(&send).await.unwrap_err();
    assert_eq!(error.kind(), GatewayErrorKind::Refused);
}

#[tokio::test]
async fn settings_that_do_not_go_together_are_refused() {
    let test = || StripeConfig::new(SecretKey::new("sk_test_a").unwrap());
    let live = || StripeConfig::new(SecretKey::new("rk_live_a").unwrap());
    let refused = |config: StripeConfig| config.open().unwrap_err();
    for address in ["", "stripe.com", "ftp://h", "https://h/path", "https://u:p@h", "https://h?q"] {
        assert_eq!(refused(test().address(address)), ConfigError::Address, "{address}");
    }
    assert_eq!(refused(live().address("http://127.0.0.1:1")), ConfigError::LiveInTheClear);
    let publishable = PublishableKey::new("pk_live_a").unwrap();
    assert_eq!(refused(test().publishable_key(publishable.clone())), ConfigError::MixedModes);
    let gateway = live().publishable_key(publishable.clone()).open().unwrap();
    assert_eq!(gateway.publishable_key(), Some(&publishable));
    for wrong in ["", "sk_test_", "pk_test_a", "sk_test_a b", "whsec_a"] {
        assert_eq!(SecretKey::new(wrong).unwrap_err(), ConfigError::SecretKey, "{wrong}");
    }
    assert!(PublishableKey::new("sk_test_a").is_err());
    assert!(WebhookSecret::new("sk_test_a").is_err());
}

#[tokio::test]
async fn a_slow_answer_within_its_time_is_an_answer() {
    let desk = Desk::open().await;
    desk.stripe.next(Call::Create, Fault::Delay(Duration::from_millis(300)));
    let patient = config(&desk.stripe).try_within(Duration::from_secs(20)).open().unwrap();
    patient.open(&an_intent(Money::usd(19_99))).await.unwrap();
    assert_eq!(desk.stripe.calls(Call::Create), 1);
}
