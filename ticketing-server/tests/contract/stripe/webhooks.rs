//! Webhooks of Stripe at our endpoint: which are kept, which are refused, and what comes of them.

use axum::http::Method;
use futures_util::future::join_all;
use serde_json::json;
use ticketing_core::values::PageLimit;
use ticketing_stripe_stand_in::{IntentStatus, SignedEvent};

use super::{StripeShop, is, pays};

const PATH: &str = "/api/webhooks/stripe";

#[tokio::test]
async fn what_is_forged_expired_or_oversized_is_refused() {
    let here = StripeShop::open().await;
    let (_, buyer, _, order) = here.reserved(json!(20)).await;
    buyer.post("/api/payments/intents", json!({ "orderId": order })).await.expect(201);
    let intent = here.intent();
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
    here.deliver(&good, 200).await;
    here.shop.close().await;
}

#[tokio::test]
async fn twenty_copies_at_once_have_one_effect() {
    let here = StripeShop::open().await;
    let (_, buyer, ticket, order) = here.reserved(json!(20)).await;
    buyer.post("/api/payments/intents", json!({ "orderId": order })).await.expect(201);
    here.stripe.confirm_as_client(&here.intent(), "pm_card_visa").unwrap();
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
    here.shop.close().await;
}

/// Another sum, or another currency, completes nothing, and waits for a person.
#[tokio::test]
async fn another_amount_or_currency_changes_nothing_and_is_reported() {
    for (amount, currency) in [(1999, "usd"), (200_000, "usd"), (2000, "eur"), (2000, "isk")] {
        let here = StripeShop::open().await;
        let (_, buyer, ticket, order) = here.reserved(json!(20)).await;
        buyer.post("/api/payments/intents", json!({ "orderId": order })).await.expect(201);
        let intent = here.intent();
        here.stripe.misstate(&intent, amount, currency);
        here.stripe.confirm_as_client(&intent, "pm_card_visa").unwrap();
        here.deliver_all().await;
        let engine = here.shop.server.engine();
        let reported = async {
            while engine.operator().stuck(PageLimit::default()).await.unwrap().payments.is_empty() {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(crate::shop::SOON, reported).await.expect("nobody was told");
        assert_eq!(buyer.order(&order).await["status"], "awaiting:payment");
        assert_eq!(buyer.ticket(&ticket).await["sold"], 0);
        assert_eq!(here.stripe.ledger().charges[0].captured, 0, "{amount} {currency}");
        here.shop.close().await;
    }
}

#[tokio::test]
async fn what_is_done_at_stripe_by_hand_is_noticed() {
    let here = StripeShop::open().await;
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
    here.shop.close().await;
}
