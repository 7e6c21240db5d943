//! Webhooks of Stripe at our endpoint: which are kept, which are refused, and what comes of them.

use axum::http::Method;
use futures_util::future::join_all;
use serde_json::json;
use ticketing_core::domain::payment::Trouble;
use ticketing_stripe_stand_in::{Call, IntentStatus, SignedEvent, StandIn};

use super::{StripeShop, each_shop, is, pays, process_at};
use crate::database::in_database;
use crate::program::command;

const PATH: &str = "/api/webhooks/stripe";

each_shop! {
    what_is_forged_expired_or_oversized_is_refused
    what_is_replayed_has_no_effect_and_is_refused_once_it_is_old
    twenty_copies_at_once_have_one_effect
    another_amount_or_currency_changes_nothing_and_is_reported
    what_a_payload_says_of_money_counts_for_nothing
    what_is_done_at_stripe_by_hand_is_noticed
}

async fn what_is_forged_expired_or_oversized_is_refused(here: &StripeShop) {
    let (_, buyer, _, order) = here.reserved(json!(20)).await;
    let intent = here.opened(&buyer, &order).await;
    here.stripe.confirm_as_client(&intent, "pm_card_visa").unwrap();
    let event = here.stripe.take_events().pop().unwrap();
    let (now, secret) = (here.stripe.now(), here.stripe.webhook_secret());
    let good = here.stripe.sign(&event);
    let forged = SignedEvent::sign(event.body(), "whsec_another", now);
    let old = SignedEvent::sign(event.body(), secret, now - 3600);
    let early = SignedEvent::sign(event.body(), secret, now + 3600);
    let mut changed = good.clone();
    changed.body.push(b' ');
    let unsigned = SignedEvent { signature: String::new(), ..good.clone() };
    let live =
        String::from_utf8(event.body()).unwrap().replace("\"livemode\":false", "\"livemode\":true");
    let live = here.stripe.sign_body(live.into_bytes());
    for wrong in [forged, old, early, changed, unsigned, live] {
        here.deliver(&wrong, 400).await;
    }
    let big = here.stripe.sign_body(vec![b' '; 100 * 1024]);
    let headers = [("stripe-signature", big.signature.as_str())];
    let answer = here.shop.visitor().send(Method::POST, PATH, &headers, big.body.into()).await;
    answer.expect(413);
    is(&buyer, &order, "awaiting:payment").await;
    assert_eq!(here.stripe.ledger().intents[0].status, IntentStatus::RequiresCapture);

    here.deliver(&good, 200).await;
    is(&buyer, &order, "complete").await;
    here.until("it is captured", |ledger| ledger.charges[0].captured == 2000).await;
}

/// Stripe itself delivers an event again while it has no answer, so a copy is taken, and does nothing.
/// Who kept one can't come with it later.
async fn what_is_replayed_has_no_effect_and_is_refused_once_it_is_old(here: &StripeShop) {
    let (_, buyer, ticket, order) = here.reserved(json!(20)).await;
    buyer.post("/api/payments", pays(&order, "tok_visa")).await.expect(201);
    here.until("it is captured", |ledger| ledger.charges[0].captured == 2000).await;
    let kept = here.stripe.take_events();
    assert!(kept.iter().any(|event| event.kind == "payment_intent.succeeded"), "{kept:?}");
    let asked = here.stripe.calls(Call::Retrieve) + kept.len();
    for event in &kept {
        here.deliver(&here.stripe.sign(event), 200).await;
    }
    here.until_asked(asked).await;
    let (before, sold) = (buyer.order(&order).await, buyer.ticket(&ticket).await);
    for event in &kept {
        here.deliver(&here.stripe.sign(event), 200).await;
        let old = here.stripe.now() - 301;
        let old = SignedEvent::sign(event.body(), here.stripe.webhook_secret(), old);
        here.deliver(&old, 400).await;
    }
    // What is new is asked about; copies were not, which came before it.
    here.stripe.tell("payment_intent.succeeded", kept[0].object.clone());
    here.deliver_all().await;
    here.until_asked(asked + 1).await;
    assert_eq!(here.stripe.calls(Call::Retrieve), asked + 1);
    assert_eq!((buyer.order(&order).await, buyer.ticket(&ticket).await), (before, sold));
}

async fn twenty_copies_at_once_have_one_effect(here: &StripeShop) {
    let (_, buyer, ticket, order) = here.reserved(json!(20)).await;
    let intent = here.opened(&buyer, &order).await;
    here.stripe.confirm_as_client(&intent, "pm_card_visa").unwrap();
    let event = here.stripe.sign(&here.stripe.take_events().pop().unwrap());
    let endpoint = here.endpoint();
    let copies = (0..20).map(|_| here.stripe.deliver(&event, &endpoint));
    assert_eq!(join_all(copies).await, vec![Some(200); 20]);
    is(&buyer, &order, "complete").await;
    assert_eq!(buyer.ticket(&ticket).await["sold"], 1);
    here.until("it is captured", |ledger| ledger.charges[0].captured == 2000).await;
    assert_eq!(here.stripe.ledger().charges.len(), 1);
    // Created, updated when the payment began, completed: not a version more.
    let version = buyer.order(&order).await["version"].clone();
    assert_eq!(version, 2);
}

/// Another sum, or another currency, completes nothing, and waits for a person.
async fn another_amount_or_currency_changes_nothing_and_is_reported(here: &StripeShop) {
    let wrong = [(1999, "usd"), (200_000, "usd"), (2000, "eur"), (2000, "isk")];
    for (reported, (amount, currency)) in (1..).zip(wrong) {
        let (_, buyer, ticket, order) = here.reserved(json!(20)).await;
        let intent = here.opened(&buyer, &order).await;
        here.stripe.misstate(&intent, amount, currency);
        here.stripe.confirm_as_client(&intent, "pm_card_visa").unwrap();
        here.deliver_all().await;
        let stuck = here.until_stuck(reported).await;
        let told = &stuck.payments[reported - 1];
        assert_eq!(told.order_id.map(|id| id.to_string()), Some(order.clone()));
        assert_eq!(told.trouble, Some(Trouble::WrongAmount));
        assert_eq!(buyer.order(&order).await["status"], "awaiting:payment");
        assert_eq!(buyer.ticket(&ticket).await["sold"], 0);
        let charge = here.stripe.ledger().charge_of(&intent).cloned().unwrap();
        assert_eq!(charge.captured, 0, "{amount} {currency}");
    }
}

/// An authentic webhook that tells of money which Stripe, asked, knows nothing of.
async fn what_a_payload_says_of_money_counts_for_nothing(here: &StripeShop) {
    let (_, buyer, ticket, order) = here.reserved(json!(20)).await;
    let intent = here.opened(&buyer, &order).await;
    let before = buyer.order(&order).await;
    for (place, (amount, currency)) in [(1, "usd"), (2000, "eur"), (2000, "usd")].iter().enumerate()
    {
        let told = json!({
            "id": format!("evt_odd_{place}"), "object": "event", "livemode": false,
            "type": "payment_intent.succeeded", "created": here.stripe.now(),
            "data": { "object": {
                "id": intent, "object": "payment_intent", "status": "succeeded",
                "amount": amount, "amount_received": amount, "currency": currency,
            } },
        });
        here.deliver(&here.stripe.sign_body(told.to_string().into_bytes()), 200).await;
    }
    here.until_asked(3).await;
    assert_eq!(buyer.order(&order).await, before);
    assert_eq!(buyer.ticket(&ticket).await["sold"], 0);
    here.stripe.confirm_as_client(&intent, "pm_card_visa").unwrap();
    here.deliver_all().await;
    is(&buyer, &order, "complete").await;
    here.until("what it costs is taken", |ledger| ledger.charges[0].captured == 2000).await;
}

async fn what_is_done_at_stripe_by_hand_is_noticed(here: &StripeShop) {
    let (seller, buyer, _, order) = here.reserved(json!(20)).await;
    buyer.post("/api/payments", pays(&order, "tok_visa")).await.expect(201);
    here.until("it is captured", |ledger| ledger.charges[0].captured == 2000).await;
    here.deliver_all().await;
    let intent = here.intent();
    here.stripe.refund_by_hand(&intent, Some(500)).unwrap();
    here.deliver_all().await;
    let path = format!("/api/orders/{order}");
    buyer.sees(&path, |order| order["refundedAmount"] == json!(5)).await;

    here.stripe.dispute(&intent).unwrap();
    here.deliver_all().await;
    let refused = async {
        let path = format!("/api/orders/{order}/refund");
        loop {
            let answer = seller.post(&path, json!({ "amount": 1 })).await;
            if answer.status.as_u16() == 400 {
                return answer;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let refused = tokio::time::timeout(crate::shop::SOON, refused).await.unwrap();
    refused.expect_code(400, "dispute_open");
}

/// What waits for a person is in the log, and in the list that a person looks at.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_amount_is_told_in_the_log_and_by_admin_stuck() {
    in_database(async |url| {
        let stripe = StandIn::start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let program = process_at(&stripe, url, &folder).await;
        let buyer = program.signs_up("ann").await;
        let ticket = buyer.lists("Front row", json!(20)).await;
        let order = buyer.reserves(&ticket).await;
        buyer.post("/api/payments/intents", json!({ "orderId": order })).await.expect(201);
        let intent = stripe.ledger().intents[0].id.clone();
        stripe.misstate(&intent, 1999, "usd");
        stripe.confirm_as_client(&intent, "pm_card_visa").unwrap();
        let endpoint = format!("http://{}{PATH}", program.address);
        for event in stripe.take_events() {
            assert_eq!(stripe.deliver(&stripe.sign(&event), &endpoint).await, Some(200));
        }
        let told = async {
            loop {
                let mut command = command(folder.path());
                command.env("TICKETING_DATABASE", url).args(["admin", "stuck"]);
                let ran = command.kill_on_drop(true).output().await.unwrap();
                let said = String::from_utf8(ran.stdout).unwrap();
                assert!(ran.status.success(), "{said}");
                if said.contains(&order) {
                    return said;
                }
            }
        };
        let said = tokio::time::timeout(crate::shop::SOON, told).await.expect("nobody was told");
        assert!(said.contains("another amount") && said.contains(&intent), "{said}");
        assert_eq!(buyer.order(&order).await["status"], "awaiting:payment");
        assert_eq!(stripe.ledger().charges[0].captured, 0);
        let (ended, log) = program.terminate_and_tell().await;
        assert!(ended.success());
        let line = log.lines().find(|line| line.contains("a payment waits for an operator"));
        let line = line.unwrap_or_else(|| panic!("{log}"));
        assert!(line.contains("ERROR") && line.contains("another amount"), "{line}");
    })
    .await;
}
