//! The shop with Stripe, which a stand-in is: real servers, real HTTP on both sides.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tempfile::TempDir;
use ticketing_core::service::Stuck;
use ticketing_core::values::PageLimit;
use ticketing_postgres::PostgresConfig;
use ticketing_server::Config;
use ticketing_server::backends::{PaymentBackend, StripeKeys};
use ticketing_stripe_stand_in::{Call, Fault, IntentStatus, SignedEvent, StandIn};

use self::agreement::Agreement;
use crate::browser::Browser;
use crate::database::{Clocked, KEYS, in_database, in_this_database};
use crate::program::{Program, command};
use crate::shop::{Shop, welcomes_a_crowd};

mod agreement;
mod canary;
mod flows;
mod killed;
mod planted;
mod processes;
mod races;
mod webhooks;
mod world;

/// A shop whose money moves at a stand-in for Stripe.
#[derive(Debug)]
pub(crate) struct StripeShop {
    pub(crate) shop: Shop,
    pub(crate) stripe: StandIn,
    /// Its books, where others can look into them.
    books: Option<Books>,
}

/// Books in a database, whose clock can be put forward, and what they and Stripe's ledger agree in.
#[derive(Debug)]
struct Books {
    agreement: Agreement,
    clock: Clocked,
}

/// Tests of these stories, each in a shop that keeps its books in files and in one that keeps them in
/// Postgres.
macro_rules! each_shop {
    ($($name:ident)+) => {
        mod files {
            $(
                #[tokio::test]
                async fn $name() {
                    crate::stripe::StripeShop::in_files(super::$name).await;
                }
            )+
        }

        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    crate::stripe::StripeShop::in_postgres(super::$name).await;
                }
            )+
        }
    };
}

pub(crate) use each_shop;

each_shop! {
    a_price_reaches_stripe_in_cents_and_is_taken_once
    a_declined_buyer_pays_with_a_second_card
    a_buyer_whose_bank_asks_goes_on_in_the_browser
    a_browser_confirms_with_the_client_secret
    a_line_is_given_back_and_the_order_stays
    two_clicks_are_one_charge
    a_charge_whose_answer_is_lost_completes_the_order
    a_late_authorization_is_voided
}

const ASKS: &str = "pm_card_threeDSecure2Required";

impl StripeShop {
    async fn in_files(story: impl AsyncFnOnce(&Self)) {
        let stripe = StandIn::start().await.unwrap();
        let shop = shop_at(&stripe, |_| {}).await;
        let here = Self { shop, stripe, books: None };
        story(&here).await;
        here.shop.close().await;
    }

    /// In a database of its own. After the story, its books and Stripe's ledger agree.
    async fn in_postgres(story: impl AsyncFnOnce(&Self)) {
        in_database(async |url| {
            let stripe = StandIn::start().await.unwrap();
            let clock = Clocked::running(url).await;
            let shop = shop_at(&stripe, |config| in_this_database(config, url)).await;
            let storage = PostgresConfig::from_url(url).unwrap().open().await.unwrap();
            let agreement = Agreement::watched(Arc::new(storage.clone()), stripe.clone());
            let here = Self { shop, stripe, books: Some(Books { agreement, clock }) };
            story(&here).await;
            here.agrees().await;
            here.shop.close().await;
            storage.close().await;
        })
        .await;
    }

    /// What is left to do is done, and then M1 to M9 hold.
    async fn agrees(&self) {
        let Some(Books { agreement, .. }) = &self.books else { return };
        let resting = async {
            while !agreement.is_at_rest().await {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(crate::shop::SOON, resting).await.unwrap_or_else(|_late| {
            panic!("it never comes to rest: {:?}", self.stripe.ledger());
        });
        Agreement::assert_none(&agreement.broken().await);
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

    /// Opens the intent of an order that the browser confirms. Answers with its name.
    pub(crate) async fn opened(&self, buyer: &Browser, order: &str) -> String {
        let opened = json!({ "orderId": order });
        buyer.post("/api/payments/intents", opened).await.expect(201);
        let intents = self.stripe.ledger().intents.into_iter();
        let mut of_order = intents.filter(|intent| intent.metadata["ticketing_order"] == order);
        of_order.next_back().unwrap().id
    }

    /// What waits for a person, once that are so many payments.
    pub(crate) async fn until_stuck(&self, payments: usize) -> Stuck {
        let reported = async {
            loop {
                let engine = self.shop.server.engine();
                let stuck = engine.operator().stuck(PageLimit::default()).await.unwrap();
                if stuck.payments.len() == payments {
                    return stuck;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(crate::shop::SOON, reported).await.expect("nobody was told")
    }

    /// Time goes on for the books and for Stripe.
    async fn pass(&self, by: Duration) {
        self.stripe.advance(by);
        self.books.as_ref().expect("only a database has a clock").clock.advance(by).await;
    }

    /// Waits until Stripe was asked so often how an intent stands.
    pub(crate) async fn until_asked(&self, times: usize) {
        let asked = async {
            while self.stripe.calls(Call::Retrieve) < times {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(crate::shop::SOON, asked).await.expect("Stripe is not asked");
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
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(crate::shop::SOON, looking).await.unwrap_or_else(|_late| {
            panic!("it never came to this: {what}: {:?}", self.stripe.ledger())
        });
    }
}

/// A shop with the keys of a stand-in.
async fn shop_at(stripe: &StandIn, change: impl FnOnce(&mut Config)) -> Shop {
    let keys = StripeKeys::default()
        .with_secret(stripe.secret_key())
        .and_then(|keys| keys.with_webhook_secrets(stripe.webhook_secret()))
        .and_then(|keys| keys.with_publishable(stripe.publishable_key()))
        .unwrap();
    let address = Some(stripe.url());
    let settings = |config: &mut Config| {
        change(config);
        config.payments = PaymentBackend::Stripe { address };
        config.stripe = keys;
    };
    Shop::built(settings, welcomes_a_crowd).await
}

/// A server process over a database, with the keys of a stand-in.
async fn process_at(stripe: &StandIn, database: &str, folder: &TempDir) -> Program {
    let mut command = command(folder.path());
    command
        .env("TICKETING_DATABASE", database)
        .env("TICKETING_SESSION_KEYS", KEYS)
        .env("TICKETING_PAYMENTS", format!("stripe:{}", stripe.url()))
        .env("TICKETING_STRIPE_SECRET_KEY", stripe.secret_key())
        .env("TICKETING_STRIPE_WEBHOOK_SECRETS", stripe.webhook_secret());
    Program::started(&mut command).await
}

fn pays(order: &str, token: &str) -> Value {
    json!({ "orderId": order, "token": token })
}

pub(crate) async fn is(buyer: &Browser, order: &str, status: &str) {
    buyer.sees(&format!("/api/orders/{order}"), |order| order["status"] == status).await;
}

async fn a_price_reaches_stripe_in_cents_and_is_taken_once(here: &StripeShop) {
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
}

async fn a_declined_buyer_pays_with_a_second_card(here: &StripeShop) {
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
}

async fn a_buyer_whose_bank_asks_goes_on_in_the_browser(here: &StripeShop) {
    let (_, buyer, _, order) = here.reserved(json!(20)).await;
    let asked = buyer.post("/api/payments", pays(&order, ASKS)).await.expect(201).json();
    assert_eq!(asked["status"], "requires_action");
    let intent = here.intent();
    assert!(asked["clientSecret"].as_str().unwrap().starts_with(&intent), "{asked}");
    is(&buyer, &order, "awaiting:payment").await;
    here.stripe.authenticate(&intent, true).unwrap();
    here.deliver_all().await;
    is(&buyer, &order, "complete").await;
}

async fn a_browser_confirms_with_the_client_secret(here: &StripeShop) {
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
}

async fn a_line_is_given_back_and_the_order_stays(here: &StripeShop) {
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
}

/// Two clicks in two tabs: one charge.
async fn two_clicks_are_one_charge(here: &StripeShop) {
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
}

/// A charge whose answer is an error, or is lost, is found again, and is the only one.
async fn a_charge_whose_answer_is_lost_completes_the_order(here: &StripeShop) {
    for (sales, fault) in [(1, Fault::ErrorAfter), (2, Fault::CutAfter)] {
        let (_, buyer, _, order) = here.reserved(json!(20)).await;
        here.stripe.next(Call::Confirm, fault);
        buyer.post("/api/payments", pays(&order, "tok_visa")).await.expect(201);
        is(&buyer, &order, "complete").await;
        assert_eq!(here.stripe.ledger().charges.len(), sales, "{fault:?}");
    }
}

/// Money that comes when the order is over is not taken, and the buyer reads that.
async fn a_late_authorization_is_voided(here: &StripeShop) {
    let (_, buyer, ticket, order) = here.reserved(json!(20)).await;
    let intent = here.opened(&buyer, &order).await;
    here.stripe.confirm_as_client(&intent, "pm_card_visa").unwrap();
    let path = format!("/api/orders/{order}");
    buyer.send(Method::DELETE, &path, &[], "".into()).await.expect(204);
    here.deliver_all().await;
    here.until("nothing was charged", |ledger| ledger.intents[0].status == IntentStatus::Canceled)
        .await;
    is(&buyer, &order, "cancelled").await;
    assert_eq!(here.stripe.ledger().charges[0].captured, 0);
    assert_eq!(buyer.ticket(&ticket).await["available"], 1);
    let page = buyer.get(&format!("/orders/{order}")).await.expect(200);
    assert!(page.text.contains("Nothing was charged."), "{}", page.text);
}

/// Stripe can't be reached when the buyer's time is up, and then for so long that the unit goes back on
/// sale. The bank agrees meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authorization_after_the_unit_was_resold_is_voided() {
    StripeShop::in_postgres(async |here| {
        let (_, buyer, ticket, order) = here.reserved(json!(20)).await;
        let intent = here.opened(&buyer, &order).await;
        here.stripe.confirm_as_client(&intent, ASKS).unwrap();
        here.stripe.always(Some(Fault::CutBefore));
        let path = format!("/api/orders/{order}");
        for _ in 0..2 {
            here.pass(Duration::from_mins(30)).await;
            buyer.sees(&path, |order| order["cancelReason"] == "expired").await;
        }
        buyer.sees(&path, |order| order["status"] == "cancelled").await;
        here.stripe.authenticate(&intent, true).unwrap();
        here.stripe.always(None);
        let another = here.shop.member().await;
        let resold = another.reserves(&ticket).await;
        another.post("/api/payments", pays(&resold, "tok_visa")).await.expect(201);
        is(&another, &resold, "complete").await;

        here.deliver_all().await;
        here.pass(Duration::from_mins(2)).await;
        here.until("it is voided", |ledger| ledger.intents[0].status == IntentStatus::Canceled)
            .await;
        assert_eq!(here.stripe.ledger().charge_of(&intent).unwrap().captured, 0);
        let page = buyer.get(&format!("/orders/{order}")).await.expect(200);
        assert!(page.text.contains("Nothing was charged."), "{}", page.text);
    })
    .await;
}
