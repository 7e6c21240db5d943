//! The shop with Stripe, which a stand-in is: real servers, real HTTP on both sides.

use axum::http::Method;
use futures_util::future::join_all;
use serde_json::{Value, json};
use ticketing_server::backends::{PaymentBackend, StripeKeys};
use ticketing_stripe_stand_in::{Call, Fault, IntentStatus, SignedEvent, StandIn};

use crate::browser::Browser;
use crate::shop::{Shop, welcomes_a_crowd};

mod canary;
mod races;
mod webhooks;
mod world;

/// A shop whose money moves at a stand-in for Stripe.
#[derive(Debug)]
pub(crate) struct StripeShop {
    pub(crate) shop: Shop,
    pub(crate) stripe: StandIn,
}

const ASKS: &str = "pm_card_threeDSecure2Required";

impl StripeShop {
    pub(crate) async fn open() -> Self {
        let stripe = StandIn::start().await.unwrap();
        let keys = StripeKeys::default()
            .with_secret(stripe.secret_key())
            .and_then(|keys| keys.with_webhook_secrets(stripe.webhook_secret()))
            .and_then(|keys| keys.with_publishable(stripe.publishable_key()))
            .unwrap();
        let address = Some(stripe.url());
        let shop = Shop::built(
            |config| {
                config.payments = PaymentBackend::Stripe { address };
                config.stripe = keys;
            },
            welcomes_a_crowd,
        );
        Self { shop: shop.await, stripe }
    }

    /// Seller, buyer, ticket and order of one unit.
    pub(crate) async fn reserved(&self, price: Value) -> (Browser, Browser, String, String) {
        let (seller, buyer) = (self.shop.member().await, self.shop.member().await);
        let ticket = seller.lists("Front row", price).await;
        let order = buyer.reserves(&ticket).await;
        (seller, buyer, ticket, order)
    }

    /// Where webhooks go.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}/api/webhooks/stripe", self.shop.server.address())
    }

    /// Delivers everything that happened, once and in order.
    pub(crate) async fn deliver_all(&self) {
        for event in self.stripe.take_events() {
            self.deliver(&self.stripe.sign(&event), 200).await;
        }
    }

    pub(crate) async fn deliver(&self, event: &SignedEvent, status: u16) {
        let answered = self.stripe.deliver(event, &self.endpoint()).await;
        assert_eq!(answered, Some(status), "{event:?}");
    }

    /// The only intent's name.
    pub(crate) fn intent(&self) -> String {
        let [intent] = <[_; 1]>::try_from(self.stripe.ledger().intents).unwrap();
        intent.id
    }

    /// Waits until the stand-in's ledger is like that.
    pub(crate) async fn until(
        &self,
        what: &str,
        is_so: impl Fn(&ticketing_stripe_stand_in::Ledger) -> bool + Send + Sync,
    ) {
        let looking = async {
            while !is_so(&self.stripe.ledger()) {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(crate::shop::SOON, looking).await.unwrap_or_else(|_late| {
            panic!("it never came to this: {what}: {:?}", self.stripe.ledger())
        });
    }
}

fn pays(order: &str, token: &str) -> Value {
    json!({ "orderId": order, "token": token })
}

pub(crate) async fn is(buyer: &Browser, order: &str, status: &str) {
    buyer.sees(&format!("/api/orders/{order}"), |order| order["status"] == status).await;
}

#[tokio::test]
async fn a_price_reaches_stripe_in_cents_and_is_taken_once() {
    let here = StripeShop::open().await;
    let (_, buyer, ticket, order) = here.reserved(json!("19.99")).await;
    let paid = buyer.post("/api/payments", pays(&order, "tok_visa")).await.expect(201).json();
    assert_eq!(paid["status"], "complete");
    here.until("the money is taken", |ledger| ledger.intents[0].status == IntentStatus::Succeeded)
        .await;
    let ledger = here.stripe.ledger();
    assert_eq!((ledger.intents.len(), ledger.charges.len()), (1, 1));
    assert_eq!((ledger.intents[0].amount, ledger.charges[0].captured), (1999, 1999));
    assert_eq!(ledger.intents[0].metadata["ticketing_order"], order);
    here.deliver_all().await;
    is(&buyer, &order, "complete").await;
    assert_eq!(buyer.ticket(&ticket).await["sold"], 1);
    here.shop.close().await;
}

#[tokio::test]
async fn a_declined_buyer_pays_with_a_second_card() {
    let here = StripeShop::open().await;
    let (_, buyer, _, order) = here.reserved(json!(20)).await;
    for (card, code) in [
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("tok_unheardof", "invalid_method"),
    ] {
        let refused = buyer.post("/api/payments", pays(&order, card)).await.expect(402).json();
        assert_eq!(refused["errors"][0]["code"], code, "{refused}");
        is(&buyer, &order, "created").await;
    }
    buyer.post("/api/payments", pays(&order, "tok_visa")).await.expect(201);
    is(&buyer, &order, "complete").await;
    here.until("one charge is taken, and the other attempts are over", |ledger| {
        let statuses: Vec<_> = ledger.intents.iter().map(|intent| intent.status).collect();
        statuses == [IntentStatus::Canceled, IntentStatus::Canceled, IntentStatus::Succeeded]
    })
    .await;
    here.shop.close().await;
}

#[tokio::test]
async fn a_buyer_whose_bank_asks_goes_on_in_the_browser() {
    let here = StripeShop::open().await;
    let (_, buyer, _, order) = here.reserved(json!(20)).await;
    let asked = buyer.post("/api/payments", pays(&order, ASKS)).await.expect(201).json();
    assert_eq!(asked["status"], "requires_action");
    let intent = here.intent();
    assert!(asked["clientSecret"].as_str().unwrap().starts_with(&intent), "{asked}");
    is(&buyer, &order, "awaiting:payment").await;
    here.stripe.authenticate(&intent, true).unwrap();
    here.deliver_all().await;
    is(&buyer, &order, "complete").await;
    here.shop.close().await;
}

#[tokio::test]
async fn a_browser_confirms_with_the_client_secret() {
    let here = StripeShop::open().await;
    let (_, buyer, _, order) = here.reserved(json!(20)).await;
    let opened = json!({ "orderId": order });
    let opened = buyer.post("/api/payments/intents", opened).await.expect(201).json();
    let intent = here.intent();
    assert_eq!(opened["clientSecret"], here.stripe.ledger().intents[0].client_secret.as_str());
    here.stripe.confirm_as_client(&intent, "pm_card_visa_chargeDeclined").unwrap();
    here.deliver_all().await;
    is(&buyer, &order, "awaiting:payment").await;
    here.stripe.confirm_as_client(&intent, "pm_card_visa").unwrap();
    here.deliver_all().await;
    is(&buyer, &order, "complete").await;
    here.shop.close().await;
}

#[tokio::test]
async fn a_line_is_given_back_and_the_order_stays() {
    let here = StripeShop::open().await;
    let (seller, buyer) = (here.shop.member().await, here.shop.member().await);
    let front = seller.lists_many("Front row", json!("19.99"), 2).await;
    let back = seller.lists_many("Back row", json!(5), 2).await;
    let lines = json!([{ "ticketId": front, "quantity": 1 }, { "ticketId": back, "quantity": 1 }]);
    let order = buyer.post("/api/orders", json!({ "lines": lines })).await.expect(201).id();
    buyer.post("/api/payments", pays(&order, "tok_visa")).await.expect(201);
    here.until("all of it is taken", |ledger| ledger.charges[0].captured == 2499).await;
    let refund = json!({ "lines": [{ "ticketId": front, "quantity": 1 }] });
    seller.post(&format!("/api/orders/{order}/refund"), refund).await.expect(201);
    here.until("the line's money is back", |ledger| ledger.charges[0].refunded == 1999).await;
    let seen = buyer.order(&order).await;
    assert_eq!((&seen["status"], &seen["refundedAmount"]), (&json!("complete"), &json!(19.99)));
    let refunds = here.stripe.ledger().refunds;
    assert_eq!(refunds.len(), 1);
    assert_eq!((refunds[0].amount, refunds[0].currency.as_str()), (1999, "usd"));
    here.deliver_all().await;
    here.shop.close().await;
}

/// Two clicks in two tabs: one charge.
#[tokio::test]
async fn two_clicks_are_one_charge() {
    let here = StripeShop::open().await;
    let (_, buyer, _, order) = here.reserved(json!(20)).await;
    let clicks = (0..6).map(|_| {
        let (tab, order) = (buyer.tab(), order.clone());
        async move { tab.post("/api/payments", pays(&order, "tok_visa")).await }
    });
    for answer in join_all(clicks).await {
        let status = answer.status.as_u16();
        assert!(matches!(status, 201 | 400), "{answer:?}");
    }
    is(&buyer, &order, "complete").await;
    assert_eq!(here.stripe.ledger().charges.len(), 1);
    here.shop.close().await;
}

/// A charge whose answer is an error, or is lost, is found again, and is the only one.
#[tokio::test]
async fn a_charge_whose_answer_is_lost_completes_the_order() {
    for fault in [Fault::ErrorAfter, Fault::CutAfter] {
        let here = StripeShop::open().await;
        let (_, buyer, _, order) = here.reserved(json!(20)).await;
        here.stripe.next(Call::Confirm, fault);
        buyer.post("/api/payments", pays(&order, "tok_visa")).await.expect(201);
        is(&buyer, &order, "complete").await;
        assert_eq!(here.stripe.ledger().charges.len(), 1, "{fault:?}");
        here.shop.close().await;
    }
}

/// Money that comes when the order is over is not taken.
#[tokio::test]
async fn a_late_authorization_is_voided() {
    let here = StripeShop::open().await;
    let (_, buyer, ticket, order) = here.reserved(json!(20)).await;
    let opened = json!({ "orderId": order });
    buyer.post("/api/payments/intents", opened).await.expect(201);
    let intent = here.intent();
    here.stripe.confirm_as_client(&intent, "pm_card_visa").unwrap();
    buyer.send(Method::DELETE, &format!("/api/orders/{order}"), &[], "".into()).await.expect(204);
    here.deliver_all().await;
    here.until("nothing was charged", |ledger| ledger.intents[0].status == IntentStatus::Canceled)
        .await;
    is(&buyer, &order, "cancelled").await;
    assert_eq!(here.stripe.ledger().charges[0].captured, 0);
    assert_eq!(buyer.ticket(&ticket).await["available"], 1);
    here.shop.close().await;
}
