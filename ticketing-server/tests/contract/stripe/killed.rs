//! A server process that is killed in the middle of a payment, by a signal that leaves it no time: when
//! its call has come to Stripe, when Stripe has done what it asked for, and when what Stripe answered
//! waits to be written. Whoever starts next makes one of the two ends of it that are allowed, and the
//! books agree with Stripe's ledger.

mod scene;

use axum::http::Method;
use serde_json::{Value, json};
use ticketing_core::domain::refund::RefundState;
use ticketing_stripe_stand_in::{Call, Intent, IntentStatus, Ledger};

use self::scene::{Moment, Sale, Scene};
use super::pays;

/// When a process is killed, each in turn.
const MOMENTS: [Moment; 3] = [Moment::Asked, Moment::Done, Moment::Answered];

/// How the attempt of a sale stands in the books.
async fn state_of(scene: &Scene, sale: &Sale) -> &'static str {
    scene.attempts(sale).await.pop().expect("it is written down").state.name()
}

fn status_of(ledger: &Ledger, sale: &Sale) -> Option<IntentStatus> {
    intent_of(ledger, sale).map(|intent| intent.status)
}

fn intent_of<'a>(ledger: &'a Ledger, sale: &Sale) -> Option<&'a Intent> {
    ledger.intents.iter().rev().find(|intent| intent.metadata["ticketing_order"] == sale.order)
}

fn captured(ledger: &Ledger, sale: &Sale) -> i64 {
    let intent = intent_of(ledger, sale);
    let charge = intent.and_then(|intent| ledger.charge_of(&intent.id));
    charge.map_or(0, |charge| charge.captured)
}

fn payment(sale: &Sale) -> (Method, String, Value) {
    (Method::POST, "/api/payments".to_owned(), pays(&sale.order, "tok_visa"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_an_intent_is_opened() {
    Scene::play(async |scene| {
        for moment in MOMENTS {
            let sale = scene.sale().await;
            let is_open = |ledger: &Ledger| status_of(ledger, &sale).is_some();
            scene.asks(&sale, payment(&sale), Call::Create, moment, is_open).await;
            assert_eq!(state_of(scene, &sale).await, "initiated", "{moment:?}");
            scene.kill_and_start_again().await;
            // Nobody was charged, and whoever still wants to pays with another attempt.
            assert_eq!(scene.status(&sale).await, "created", "{moment:?}");
            scene.pays(&sale).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_card_is_confirmed() {
    Scene::play(async |scene| {
        for moment in MOMENTS {
            let sale = scene.sale().await;
            let is_reserved =
                |ledger: &Ledger| status_of(ledger, &sale) == Some(IntentStatus::RequiresCapture);
            scene.asks(&sale, payment(&sale), Call::Confirm, moment, is_reserved).await;
            assert_eq!(state_of(scene, &sale).await, "confirming", "{moment:?}");
            scene.kill_and_start_again().await;
            if moment == Moment::Asked {
                assert_eq!(scene.status(&sale).await, "created");
                assert_eq!(captured(&scene.stripe.ledger(), &sale), 0);
                scene.pays(&sale).await;
            }
            assert_eq!(scene.status(&sale).await, "complete", "{moment:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_money_is_captured() {
    Scene::play(async |scene| {
        for moment in MOMENTS {
            let sale = scene.sale().await;
            let is_taken = |ledger: &Ledger| captured(ledger, &sale) == 2000;
            scene.asks(&sale, payment(&sale), Call::Capture, moment, is_taken).await;
            assert_eq!(state_of(scene, &sale).await, "authorized", "{moment:?}");
            scene.kill_and_start_again().await;
            assert_eq!(scene.status(&sale).await, "complete", "{moment:?}");
            assert_eq!(captured(&scene.stripe.ledger(), &sale), 2000);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_an_intent_is_voided() {
    Scene::play(async |scene| {
        for moment in MOMENTS {
            let sale = scene.sale().await;
            let intent = scene.opens(&sale).await;
            scene.stripe.confirm_as_client(&intent, "pm_card_threeDSecure2Required").unwrap();
            let cancels = (Method::DELETE, format!("/api/orders/{}", sale.order), json!({}));
            let is_over =
                |ledger: &Ledger| status_of(ledger, &sale) == Some(IntentStatus::Canceled);
            scene.asks(&sale, cancels, Call::Cancel, moment, is_over).await;
            assert_eq!(state_of(scene, &sale).await, "voiding", "{moment:?}");
            scene.kill_and_start_again().await;
            assert_eq!(scene.status(&sale).await, "cancelled", "{moment:?}");
            assert!(is_over(&scene.stripe.ledger()));
            assert_eq!(scene.buyer().ticket(&sale.ticket).await["available"], 1);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_money_is_given_back() {
    Scene::play(async |scene| {
        for moment in MOMENTS {
            let sale = scene.sale().await;
            scene.pays(&sale).await;
            let refunds = scene.stripe.ledger().refunds.len();
            let path = format!("/api/orders/{}/refund", sale.order);
            let refund = (Method::POST, path, json!({ "amount": 5 }));
            let is_sent = |ledger: &Ledger| ledger.refunds.len() == refunds + 1;
            scene.asks(&sale, refund, Call::Refund, moment, is_sent).await;
            assert_eq!(scene.refund(&sale).await, RefundState::Requested, "{moment:?}");
            scene.kill_and_start_again().await;
            assert_eq!(scene.refund(&sale).await, RefundState::Succeeded, "{moment:?}");
            let ledger = scene.stripe.ledger();
            assert!(is_sent(&ledger), "once: {:?}", ledger.refunds);
            assert_eq!(scene.buyer().order(&sale.order).await["refundedAmount"], json!(5));
        }
    })
    .await;
}

/// Stripe had its 200, and never delivers it again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_webhook_was_stored() {
    Scene::play(async |scene| {
        let sale = scene.sale().await;
        let intent = scene.opens(&sale).await;
        scene.stripe.take_events();
        scene.stripe.confirm_as_client(&intent, "pm_card_visa").unwrap();
        let event = scene.stripe.take_events().pop().unwrap();
        let lock = scene.lock("SELECT 1 FROM ticketing.payments FOR UPDATE").await;
        assert_eq!(scene.delivers(&event).await, Some(200));
        scene.until_somebody_waits().await;
        assert_eq!(scene.webhooks().await, 1, "it is kept, and not dealt with");
        scene.kill(Some(lock)).await;
        assert_eq!(state_of(scene, &sale).await, "open");
        scene.start_again().await;
        assert_eq!(scene.status(&sale).await, "complete");
        assert_eq!((captured(&scene.stripe.ledger(), &sale), scene.webhooks().await), (2000, 0));
    })
    .await;
}

/// Stripe had no answer, and delivers it again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_a_webhook_is_stored() {
    Scene::play(async |scene| {
        let sale = scene.sale().await;
        let intent = scene.opens(&sale).await;
        scene.stripe.take_events();
        scene.stripe.confirm_as_client(&intent, "pm_card_visa").unwrap();
        let event = scene.stripe.take_events().pop().unwrap();
        let lock = scene.lock("LOCK TABLE ticketing.webhooks IN SHARE MODE").await;
        let (stripe, endpoint) = (scene.stripe.clone(), scene.endpoint());
        let signed = stripe.sign(&event);
        let delivering = tokio::spawn(async move { stripe.deliver(&signed, &endpoint).await });
        scene.until_somebody_waits().await;
        scene.kill(Some(lock)).await;
        assert_eq!((delivering.await.unwrap(), scene.webhooks().await), (None, 0));
        scene.start().await;
        assert_eq!(scene.delivers(&event).await, Some(200));
        scene.comes_to_rest().await;
        assert_eq!(scene.status(&sale).await, "complete");
        assert_eq!(captured(&scene.stripe.ledger(), &sale), 2000);
    })
    .await;
}
