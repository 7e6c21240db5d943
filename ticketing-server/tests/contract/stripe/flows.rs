//! What buyers do, through the server, at either of two stand-ins for Stripe: ours, which is strict, and
//! localstripe, which others wrote.

mod interpreter;
mod local;

use std::time::Duration;

use serde_json::json;
use sqlx::{Connection as _, PgConnection};
use ticketing_core::ports::Storage as _;
use ticketing_core::values::Money;
use ticketing_postgres::{PostgresConfig, PostgresStorage};
use ticketing_server::backends::{PaymentBackend, StripeKeys};
use ticketing_stripe_stand_in::StandIn;

use self::local::LocalStripe;
use super::{is, pays};
use crate::browser::Browser;
use crate::database::{Clocked, in_database, in_this_database, plain};
use crate::shop::{SOON, Shop, welcomes_a_crowd};

/// A shop over Postgres, and where its money moves.
struct Till {
    shop: Shop,
    bank: Bank,
    storage: PostgresStorage,
    clock: Clocked,
}

enum Bank {
    Ours(StandIn),
    Local(LocalStripe),
}

/// What a card does.
#[derive(Debug, Clone, Copy)]
enum Card {
    Pays,
    IsDeclined,
    AsksTheBuyer,
}

/// How an intent stands at the bank.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    status: String,
    amount: i64,
    refunded: i64,
}

/// Tests of these flows, each at both stand-ins.
macro_rules! at_both {
    ($($name:ident)+) => {
        mod stand_in {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::Till::at_the_stand_in(super::$name).await;
                }
            )+
        }

        mod localstripe {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::Till::at_localstripe(super::$name).await;
                }
            )+
        }
    };
}

at_both! {
    a_buyer_pays
    a_declined_buyer_pays_with_a_second_card
    a_buyer_whose_bank_asks_does_what_it_wants
    a_line_is_given_back
    a_webhook_comes_to_our_endpoint
}

impl Till {
    async fn at_the_stand_in(flow: impl AsyncFnOnce(&Self)) {
        let stripe = StandIn::start().await.unwrap();
        let keys = StripeKeys::default()
            .with_secret(stripe.secret_key())
            .and_then(|keys| keys.with_webhook_secrets(stripe.webhook_secret()))
            .unwrap();
        let address = stripe.url();
        Self::open(Bank::Ours(stripe), address, keys, flow).await;
    }

    async fn at_localstripe(flow: impl AsyncFnOnce(&Self)) {
        let local = LocalStripe::found().await;
        let keys = StripeKeys::default()
            .with_secret(local::SECRET_KEY)
            .and_then(|keys| keys.with_webhook_secrets(&local.webhook_secret))
            .unwrap();
        let address = local.interpreter.clone();
        Self::open(Bank::Local(local), address, keys, flow).await;
    }

    async fn open(bank: Bank, address: String, keys: StripeKeys, flow: impl AsyncFnOnce(&Self)) {
        in_database(async |url| {
            let clock = Clocked::running(url).await;
            let address = Some(address);
            let settings = |config: &mut ticketing_server::Config| {
                in_this_database(config, url);
                config.payments = PaymentBackend::Stripe { address };
                config.stripe = keys;
            };
            let shop = Shop::built(settings, welcomes_a_crowd).await;
            let storage = PostgresConfig::from_url(url).unwrap().open().await.unwrap();
            let till = Self { shop, bank, storage, clock };
            till.bank.tells(&till.endpoint()).await;
            flow(&till).await;
            till.bank.forgets().await;
            till.shop.close().await;
            till.storage.close().await;
        })
        .await;
    }

    fn endpoint(&self) -> String {
        format!("http://{}/api/webhooks/stripe", self.shop.server.address())
    }

    /// A buyer with an order of two lines of one unit each: 19.99 and 5.
    async fn reserved(&self) -> (Browser, Browser, [String; 2], String) {
        let (seller, buyer) = (self.shop.member().await, self.shop.member().await);
        let front = seller.lists("Front row", json!("19.99")).await;
        let back = seller.lists("Back row", json!(5)).await;
        let lines =
            json!([{ "ticketId": front, "quantity": 1 }, { "ticketId": back, "quantity": 1 }]);
        let order = buyer.post("/api/orders", json!({ "lines": lines })).await.expect(201).id();
        (seller, buyer, [front, back], order)
    }

    /// The names of an order's intents, oldest first.
    async fn intents(&self, order: &str) -> Vec<String> {
        let attempts = self.storage.payments_of(order.parse().unwrap()).await.unwrap();
        attempts.into_iter().map(|attempt| attempt.intent.unwrap().to_string()).collect()
    }

    /// Waits until the bank has it like this. Meanwhile it may tell of it.
    async fn until(&self, intent: &str, status: &str, refunded: i64) {
        let wanted = Seen { status: status.to_owned(), amount: 2499, refunded };
        let looking = async {
            loop {
                self.bank.delivers(&self.endpoint()).await;
                let seen = self.bank.sees(intent).await;
                if seen == wanted {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let late = tokio::time::timeout(SOON, looking).await.is_err();
        assert!(!late, "{intent} is not {wanted:?}: {:?}", self.bank.sees(intent).await);
    }
}

impl Bank {
    /// From now on it tells of what happens at this address, if it does so by itself.
    async fn tells(&self, endpoint: &str) {
        if let Self::Local(local) = self {
            local.tells(endpoint).await;
        }
    }

    async fn forgets(&self) {
        if let Self::Local(local) = self {
            local.forgets().await;
        }
    }

    /// What has happened is told, where the test must do that.
    async fn delivers(&self, endpoint: &str) {
        let Self::Ours(stripe) = self else { return };
        for event in stripe.take_events() {
            assert_eq!(stripe.deliver(&stripe.sign(&event), endpoint).await, Some(200));
        }
    }

    /// The name of a payment method with such a card.
    async fn method(&self, card: Card) -> String {
        match (self, card) {
            (Self::Ours(_), Card::Pays) => "pm_card_visa".to_owned(),
            (Self::Ours(_), Card::IsDeclined) => "pm_card_visa_chargeDeclined".to_owned(),
            (Self::Ours(_), Card::AsksTheBuyer) => "pm_card_threeDSecure2Required".to_owned(),
            (Self::Local(local), Card::Pays) => local.method("4242424242424242").await,
            (Self::Local(local), Card::IsDeclined) => local.method("4000000000000341").await,
            (Self::Local(local), Card::AsksTheBuyer) => local.method("4000002500003155").await,
        }
    }

    /// The buyer does what the bank asked for.
    async fn authenticates(&self, intent: &str, client_secret: &str) {
        match self {
            Self::Ours(stripe) => stripe.authenticate(intent, true).unwrap(),
            Self::Local(local) => local.authenticates(intent, client_secret).await,
        }
    }

    async fn sees(&self, intent: &str) -> Seen {
        match self {
            Self::Ours(stripe) => {
                let ledger = stripe.ledger();
                let charge = ledger.charge_of(intent);
                let intent = ledger.intent(intent).unwrap();
                Seen {
                    status: intent.status.word().to_owned(),
                    amount: intent.amount,
                    refunded: charge.map_or(0, |charge| charge.refunded),
                }
            }
            Self::Local(local) => local.sees(intent).await,
        }
    }
}

async fn a_buyer_pays(till: &Till) {
    let (_, buyer, tickets, order) = till.reserved().await;
    let card = till.bank.method(Card::Pays).await;
    let paid = buyer.post("/api/payments", pays(&order, &card)).await.expect(201).json();
    assert_eq!(paid["status"], "complete");
    let [intent] = <[_; 1]>::try_from(till.intents(&order).await).unwrap();
    till.until(&intent, "succeeded", 0).await;
    is(&buyer, &order, "complete").await;
    for ticket in &tickets {
        assert_eq!(buyer.ticket(ticket).await["sold"], 1);
    }
}

async fn a_declined_buyer_pays_with_a_second_card(till: &Till) {
    let (_, buyer, _, order) = till.reserved().await;
    let bad = till.bank.method(Card::IsDeclined).await;
    let refused = buyer.post("/api/payments", pays(&order, &bad)).await;
    refused.expect_code(402, "card_declined");
    is(&buyer, &order, "created").await;
    let good = till.bank.method(Card::Pays).await;
    buyer.post("/api/payments", pays(&order, &good)).await.expect(201);
    is(&buyer, &order, "complete").await;
    let [declined, paid] = <[_; 2]>::try_from(till.intents(&order).await).unwrap();
    till.until(&declined, "canceled", 0).await;
    till.until(&paid, "succeeded", 0).await;
}

async fn a_buyer_whose_bank_asks_does_what_it_wants(till: &Till) {
    let (_, buyer, _, order) = till.reserved().await;
    let card = till.bank.method(Card::AsksTheBuyer).await;
    let asked = buyer.post("/api/payments", pays(&order, &card)).await.expect(201).json();
    assert_eq!(asked["status"], "requires_action");
    let [intent] = <[_; 1]>::try_from(till.intents(&order).await).unwrap();
    let secret = asked["clientSecret"].as_str().unwrap();
    assert!(secret.starts_with(&intent), "{asked}");
    is(&buyer, &order, "awaiting:payment").await;
    till.bank.authenticates(&intent, secret).await;
    // localstripe tells of no authorization: the server asks by itself, in half a minute.
    till.clock.advance(Duration::from_secs(31)).await;
    till.until(&intent, "succeeded", 0).await;
    is(&buyer, &order, "complete").await;
}

async fn a_line_is_given_back(till: &Till) {
    let (seller, buyer, [front, back], order) = till.reserved().await;
    let card = till.bank.method(Card::Pays).await;
    buyer.post("/api/payments", pays(&order, &card)).await.expect(201);
    let [intent] = <[_; 1]>::try_from(till.intents(&order).await).unwrap();
    till.until(&intent, "succeeded", 0).await;
    is(&buyer, &order, "complete").await;
    let refund = json!({ "lines": [{ "ticketId": front, "quantity": 1 }], "restock": true });
    let path = format!("/api/orders/{order}/refund");
    let answered = async {
        loop {
            // That the money is taken is written down a moment later.
            let answer = seller.post(&path, refund.clone()).await;
            if answer.status.as_u16() != 400 {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, answered).await.unwrap().expect(201);
    till.until(&intent, "succeeded", 1999).await;
    let seen = buyer.order(&order).await;
    assert_eq!((&seen["status"], &seen["refundedAmount"]), (&json!("complete"), &json!(19.99)));
    assert_eq!(buyer.ticket(&front).await["available"], 1);
    assert_eq!(buyer.ticket(&back).await["sold"], 1);
    let payment = till.storage.payments_of(order.parse().unwrap()).await.unwrap().pop().unwrap();
    assert_eq!(payment.refunding, Money::usd(19_99));
}

async fn a_webhook_comes_to_our_endpoint(till: &Till) {
    let (_, buyer, _, order) = till.reserved().await;
    let card = till.bank.method(Card::Pays).await;
    buyer.post("/api/payments", pays(&order, &card)).await.expect(201);
    let [intent] = <[_; 1]>::try_from(till.intents(&order).await).unwrap();
    till.until(&intent, "succeeded", 0).await;
    let told = async {
        while !is_dealt_with(till.clock.url(), &intent).await {
            till.bank.delivers(&till.endpoint()).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SOON, told).await.expect("no webhook came");
    is(&buyer, &order, "complete").await;
}

/// Whether a webhook about the intent was kept, and dealt with.
async fn is_dealt_with(database: &str, intent: &str) -> bool {
    let mut conn = PgConnection::connect(&plain(database)).await.unwrap();
    let sql = "SELECT count(*) FROM ticketing.webhooks
               WHERE gateway = 'stripe' AND intent = $1 AND closed";
    let closed: i64 = sqlx::query_scalar(sql).bind(intent).fetch_one(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    closed > 0
}
