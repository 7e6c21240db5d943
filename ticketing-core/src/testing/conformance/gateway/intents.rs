//! Intents: opened, confirmed, captured, voided.

use std::time::Duration;

use super::harness::Card;
use super::scene::{Scene, is_refused};
use crate::domain::payment::{ConfirmedBy, DeclineCode};
use crate::domain::settlement::IntentStatus;
use crate::ports::{FoundIntent, OpenIntent};
use crate::testing::conformance::verdict::{found, worked};
use crate::values::{IntentRef, Money};

const UNCONFIRMED: IntentStatus = IntentStatus::NeedsMethod { declined: None };

/// An intent carries what it was opened with: sum, store and attempt.
pub async fn an_intent_carries_its_metadata(scene: &Scene) {
    for confirmed_by in [ConfirmedBy::Server, ConfirmedBy::Client] {
        let wanted = OpenIntent { confirmed_by, ..scene.an_intent() };
        let opened = worked(scene.gateway().open(&wanted).await, "open");
        let FoundIntent { intent, report, store, attempt, created_at, client_secret } =
            scene.look_up(&opened.intent).await;
        scene.is(report, UNCONFIRMED);
        assert_eq!(intent, opened.intent);
        assert_eq!((store, attempt), (Some(wanted.store), Some(wanted.attempt)));
        assert_eq!(report.refunded, Money::zero(wanted.amount.currency()));
        let now = scene.namespace().now();
        let age = now.since(created_at).max(created_at.since(now));
        assert!(age < Duration::from_mins(5), "created at {created_at}, now {now}");
        if confirmed_by == ConfirmedBy::Client {
            assert!(opened.client_secret.is_some(), "the buyer's browser needs it");
            assert_eq!(client_secret, opened.client_secret);
        }
    }
}

/// Opening again under the same key gives the same intent; another key gives another.
pub async fn opening_repeats_under_its_key(scene: &Scene) {
    let wanted = scene.an_intent();
    let first = worked(scene.gateway().open(&wanted).await, "open");
    for _ in 0..2 {
        let again = worked(scene.gateway().open(&wanted).await, "open");
        assert_eq!(again, first, "one intent, whatever the number of calls");
    }
    let other = OpenIntent { key: scene.key(), ..wanted };
    let other = worked(scene.gateway().open(&other).await, "open");
    assert_ne!(other.intent, first.intent, "another key is another intent");
}

/// A key that was used for one sum is refused for another: it would hide a changed price.
pub async fn a_key_is_for_one_sum(scene: &Scene) {
    let wanted = scene.an_intent();
    let opened = worked(scene.gateway().open(&wanted).await, "open");
    let twice = worked(wanted.amount.checked_add(wanted.amount), "a sum");
    is_refused(scene.gateway().open(&OpenIntent { amount: twice, ..wanted }).await);
    scene.stands(&opened.intent, UNCONFIRMED).await;
}

/// A good card reserves the money and takes none of it.
pub async fn a_good_card_authorizes(scene: &Scene) {
    let intent = scene.authorized().await;
    scene.stands(&intent, IntentStatus::Authorized).await;
}

/// A method that can't wait takes the money at once.
pub async fn a_method_that_cannot_wait_captures(scene: &Scene) {
    let intent = scene.opened().await;
    if let Some(report) = scene.confirm(&intent, Card::Captures).await {
        scene.is(report, IntentStatus::Captured);
        scene.stands(&intent, IntentStatus::Captured).await;
    }
}

/// A decline is an answer that says why, and another card may be tried on the same intent.
pub async fn a_decline_is_an_answer(scene: &Scene) {
    for code in [
        DeclineCode::CardDeclined,
        DeclineCode::InsufficientFunds,
        DeclineCode::ExpiredCard,
        DeclineCode::IncorrectCvc,
        DeclineCode::ProcessingError,
    ] {
        let intent = scene.opened().await;
        if let Some(report) = scene.confirm(&intent, Card::Declines(code)).await {
            let declined = IntentStatus::NeedsMethod { declined: Some(code) };
            scene.is(report, declined);
            scene.stands(&intent, declined).await;
            let report = found(scene.confirm(&intent, Card::Authorizes).await, "a good card");
            scene.is(report, IntentStatus::Authorized);
        }
    }
}

/// A bank that asks the buyer is an answer too, and moves no money.
pub async fn a_bank_may_ask_the_buyer(scene: &Scene) {
    let intent = scene.opened().await;
    if let Some(report) = scene.confirm(&intent, Card::NeedsAction).await {
        scene.is(report, IntentStatus::NeedsAction);
        scene.stands(&intent, IntentStatus::NeedsAction).await;
    }
}

/// The gateway says so when it has never heard of an intent.
pub async fn an_unknown_intent_is_not_found(scene: &Scene) {
    let unknown = worked(IntentRef::new("pi_conformance_unknown"), "an intent");
    assert_eq!(worked(scene.gateway().look_up(&unknown).await, "look_up"), None);
}

/// Capturing takes the money, once, whatever the number of calls.
pub async fn capturing_repeats_under_its_key(scene: &Scene) {
    let intent = scene.authorized().await;
    let (amount, key) = (scene.namespace().amount(), scene.key());
    for _ in 0..3 {
        let captured = scene.gateway().capture(&intent, amount, &key).await;
        scene.is(worked(captured, "capture"), IntentStatus::Captured);
    }
    scene.stands(&intent, IntentStatus::Captured).await;
}

/// What nobody authorized can't be captured, and stays as it is.
pub async fn only_authorized_money_is_captured(scene: &Scene) {
    let intent = scene.opened().await;
    let amount = scene.namespace().amount();
    is_refused(scene.gateway().capture(&intent, amount, &scene.key()).await);
    scene.stands(&intent, UNCONFIRMED).await;
}

/// Voiding ends an intent that is not captured, confirmed or not, whatever the number of calls.
pub async fn voiding_ends_an_intent(scene: &Scene) {
    for intent in [scene.opened().await, scene.authorized().await] {
        let key = scene.key();
        for _ in 0..2 {
            let voided = worked(scene.gateway().void(&intent, &key).await, "void");
            scene.is(voided, IntentStatus::Gone);
        }
        let again = worked(scene.gateway().void(&intent, &scene.key()).await, "void");
        scene.is(again, IntentStatus::Gone);
        scene.stands(&intent, IntentStatus::Gone).await;
        let amount = scene.namespace().amount();
        is_refused(scene.gateway().capture(&intent, amount, &scene.key()).await);
        scene.stands(&intent, IntentStatus::Gone).await;
    }
}

/// A void that comes too late is told that the money is taken, and gives none of it back.
pub async fn a_void_after_the_capture_is_told_so(scene: &Scene) {
    let intent = scene.captured().await;
    let voided = worked(scene.gateway().void(&intent, &scene.key()).await, "void");
    scene.is(voided, IntentStatus::Captured);
    let FoundIntent { report, .. } = scene.look_up(&intent).await;
    scene.is(report, IntentStatus::Captured);
    assert!(report.refunded.is_zero(), "nothing went back");
}

/// A gateway has one name, which can stand in a path.
pub async fn a_gateway_has_a_name(scene: &Scene) {
    let name = scene.gateway().name();
    scene.opened().await;
    assert_eq!(scene.gateway().name(), name);
}
