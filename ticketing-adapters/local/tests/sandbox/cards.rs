//! What the test cards do, and what keys remember.

use std::sync::Arc;
use std::time::Duration;

use ticketing_core::domain::payment::DeclineCode;
use ticketing_core::domain::settlement::IntentStatus;
use ticketing_core::ports::{
    ClientSecret, GatewayErrorKind, OpenIntent, PaymentGateway, Runtime, SendRefund,
};
use ticketing_core::testing::{NodeRuntime, StepRuntime};
use ticketing_core::values::{IntentRef, Money};
use ticketing_local::SandboxGateway;

use crate::desk::{PRICE, card, in_memory, kind, to_open, used};

async fn status(gateway: &SandboxGateway, intent: &IntentRef) -> IntentStatus {
    gateway.look_up(intent).await.unwrap().unwrap().report.status
}

#[tokio::test]
async fn every_card_has_two_names_and_does_what_it_is_for() {
    let declined = |code| IntentStatus::NeedsMethod { declined: Some(code) };
    let cards = [
        ("visa", IntentStatus::Authorized),
        ("mastercard", IntentStatus::Authorized),
        ("automatic", IntentStatus::Captured),
        ("threeDSecure", IntentStatus::NeedsAction),
        ("chargeDeclined", declined(DeclineCode::CardDeclined)),
        ("chargeDeclinedInsufficientFunds", declined(DeclineCode::InsufficientFunds)),
        ("chargeDeclinedExpiredCard", declined(DeclineCode::ExpiredCard)),
        ("chargeDeclinedIncorrectCvc", declined(DeclineCode::IncorrectCvc)),
        ("chargeDeclinedProcessingError", declined(DeclineCode::ProcessingError)),
        ("nobodyMadeIt", declined(DeclineCode::InvalidMethod)),
    ];
    let gateway = in_memory();
    let mut number = 0;
    for (name, expected) in cards {
        for prefix in ["tok_", "pm_card_"] {
            number += 1;
            let intent = used(&gateway, number, &format!("{prefix}{name}")).await;
            assert!(intent.as_str().starts_with("sandbox_"), "{intent}");
            assert_eq!(status(&gateway, &intent).await, expected, "{prefix}{name}");
            let captured = gateway.ledger().intents.pop().unwrap().captured;
            assert_eq!(captured == PRICE, expected == IntentStatus::Captured, "{name}");
        }
    }
    let intent = used(&gateway, number + 1, "visa").await;
    assert_eq!(status(&gateway, &intent).await, declined(DeclineCode::InvalidMethod));
}

#[tokio::test]
async fn a_call_without_an_answer_did_happen_and_its_key_tells() {
    let gateway = in_memory();
    let intent = gateway.open(&to_open(1)).await.unwrap().intent;
    let confirm = || async { gateway.confirm(&intent, &card("tok_answersUnknown"), "key").await };
    assert_eq!(kind(confirm().await), GatewayErrorKind::Unknown);
    assert_eq!(status(&gateway, &intent).await, IntentStatus::Authorized);
    assert_eq!(confirm().await.unwrap().status, IntentStatus::Authorized);
    assert_eq!(gateway.undelivered().await.unwrap().len(), 1);
}

#[test]
fn a_late_answer_comes_after_its_effect() {
    const LATE: Duration = Duration::from_secs(7);
    let steps = StepRuntime::new(1);
    let node = steps.node();
    let runtime: Arc<dyn Runtime> = Arc::<NodeRuntime>::clone(&node);
    let gateway = SandboxGateway::builder().runtime(runtime).late_by(LATE).in_memory();
    let intent = steps.block_on(gateway.open(&to_open(1)), 100).unwrap().unwrap().intent;
    let confirm = || async {
        let before = node.elapsed();
        let report = gateway.confirm(&intent, &card("tok_answersLate"), "key").await.unwrap();
        assert_eq!(report.status, IntentStatus::Authorized);
        node.elapsed().saturating_sub(before)
    };
    let telling = async {
        node.sleep(LATE / 2).await;
        status(&gateway, &intent).await
    };
    let both = async { tokio::join!(confirm(), telling) };
    let (took, told) = steps.block_on(both, 1000).unwrap();
    assert_eq!((took, told), (LATE, IntentStatus::Authorized));
    let again = steps.block_on(confirm(), 1000).unwrap();
    assert_eq!(again, Duration::ZERO, "it was one call that was slow");
}

#[tokio::test]
async fn the_buyer_passes_the_bank_or_does_not() {
    let gateway = in_memory();
    let failed = IntentStatus::NeedsMethod { declined: Some(DeclineCode::AuthenticationFailed) };
    for (number, ok, expected) in [(1, true, IntentStatus::Authorized), (2, false, failed)] {
        let intent = used(&gateway, number, "tok_threeDSecure").await;
        assert_eq!(gateway.authenticate(&intent, ok).await.unwrap().status, expected);
        let again = gateway.authenticate(&intent, ok).await;
        assert_eq!(kind(again), GatewayErrorKind::Refused);
    }
}

#[tokio::test]
async fn a_client_secret_is_good_for_its_intent_alone() {
    let gateway = in_memory();
    let opened = gateway.open(&to_open(1)).await.unwrap();
    let other = gateway.open(&to_open(2)).await.unwrap();
    let secret = opened.client_secret.unwrap();
    let intent = gateway.intent_of(&secret).unwrap();
    assert_eq!(intent, opened.intent);
    let report = gateway.confirm_as_client(&intent, &card("tok_visa")).await.unwrap();
    assert_eq!(report.status, IntentStatus::Authorized);

    let signature = secret.expose().strip_prefix(intent.as_str()).unwrap();
    let forged = format!("{}{signature}", other.intent);
    for forged in [forged.as_str(), intent.as_str(), "", "_secret_", "sandbox_pi_1_secret_00"] {
        assert_eq!(gateway.intent_of(&ClientSecret::new(forged)), None, "{forged}");
    }
    assert_eq!(in_memory().intent_of(&secret), None, "another ledger has another secret");
}

#[tokio::test]
async fn a_key_is_for_one_call_and_gets_one_answer() {
    let gateway = in_memory();
    let intent = gateway.open(&to_open(1)).await.unwrap().intent;
    assert_eq!(gateway.open(&to_open(1)).await.unwrap().intent, intent);
    let dearer = OpenIntent { amount: Money::usd(21_00), ..to_open(1) };
    assert_eq!(kind(gateway.open(&dearer).await), GatewayErrorKind::Refused);
    let another_kind = gateway.void(&intent, "open:1").await;
    assert_eq!(kind(another_kind), GatewayErrorKind::Refused);

    let confirm = |token, key| {
        let (gateway, intent, card) = (&gateway, &intent, card(token));
        async move { gateway.confirm(intent, &card, key).await }
    };
    let declined = confirm("tok_chargeDeclined", "one").await.unwrap();
    let another_card = confirm("tok_visa", "one").await;
    assert_eq!(kind(another_card), GatewayErrorKind::Refused);
    confirm("tok_visa", "two").await.unwrap();
    assert_eq!(confirm("tok_chargeDeclined", "one").await.unwrap(), declined);
    assert_eq!(status(&gateway, &intent).await, IntentStatus::Authorized);

    for key in [String::new(), "k".repeat(256)] {
        assert_eq!(kind(gateway.void(&intent, &key).await), GatewayErrorKind::Refused);
    }
    gateway.void(&intent, &"k".repeat(255)).await.unwrap();
    assert_eq!(gateway.ledger().intents.len(), 1);
}

#[tokio::test]
async fn a_refused_call_leaves_its_key_free() {
    let gateway = in_memory();
    let intent = gateway.open(&to_open(1)).await.unwrap().intent;
    let early = gateway.capture(&intent, PRICE, "capture").await;
    assert_eq!(kind(early), GatewayErrorKind::Refused);
    gateway.confirm(&intent, &card("tok_visa"), "confirm").await.unwrap();
    let report = gateway.capture(&intent, PRICE, "capture").await.unwrap();
    assert_eq!(report.status, IntentStatus::Captured);
    let nothing = SendRefund { intent, amount: Money::usd(0), key: "refund".to_owned() };
    assert_eq!(kind(gateway.refund(&nothing).await), GatewayErrorKind::Refused);
}

#[tokio::test]
async fn it_says_that_no_money_is_real() {
    let gateway = in_memory();
    let shown = format!("{gateway:?}");
    assert!(shown.starts_with("SandboxGateway { real_money: false"), "{shown}");
    assert_eq!(gateway.name().as_str(), "sandbox");
}
