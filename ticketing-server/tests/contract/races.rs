//! Cancelling against paying: one of the two, and everybody agrees which.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use ticketing_core::domain::settlement::IntentStatus;
use ticketing_core::domain::view::PaymentStatus;
use ticketing_local::SandboxGateway;

use crate::browser::{Answer, Browser};
use crate::shop::{Shop, VISA};
use crate::stepped::{Step, SteppedGateway};

/// Who is first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum First {
    /// Whoever is quicker.
    Chance,
    /// The order is cancelled before the card is tried.
    CancelBeforeTheCard,
    /// The order is cancelled when the card was tried, and its answer is not known yet.
    CancelBeforeTheAnswer,
    /// The order is complete before it is cancelled.
    Pay,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Complete,
    Cancelled,
}

/// A place to race on, with what is asked afterwards.
struct Race<'a> {
    shop: &'a Shop,
    gateway: &'a SteppedGateway,
    sandbox: &'a SandboxGateway,
    buyer: Browser,
    ticket: String,
    order: String,
}

const ROUNDS: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelling_against_paying_ends_in_one_of_the_two() {
    let (shop, gateway, sandbox) = Shop::stepped().await;
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let turns =
        [First::Chance, First::CancelBeforeTheCard, First::CancelBeforeTheAnswer, First::Pay];
    let mut ends: BTreeMap<(First, End), usize> = BTreeMap::new();
    for round in 0..ROUNDS {
        let ticket = seller.lists("Front row", json!(20)).await;
        let order = buyer.reserves(&ticket).await;
        let race = Race {
            shop: &shop,
            gateway: &gateway,
            sandbox: &sandbox,
            buyer: buyer.tab(),
            ticket,
            order,
        };
        let turn = turns[round % turns.len()];
        let (paid, cancelled) = race.run(turn, round).await;
        let end = race.agree(&paid, &cancelled).await;
        *ends.entry((turn, end)).or_default() += 1;
    }
    let number = |turn, end| ends.get(&(turn, end)).copied().unwrap_or(0);
    let forced = ROUNDS / turns.len();
    assert_eq!(number(First::CancelBeforeTheCard, End::Cancelled), forced, "{ends:?}");
    assert_eq!(number(First::CancelBeforeTheAnswer, End::Cancelled), forced, "{ends:?}");
    assert_eq!(number(First::Pay, End::Complete), forced, "{ends:?}");
}

impl Race<'_> {
    /// Pays and cancels at once, and answers with what both were told.
    async fn run(&self, first: First, round: usize) -> (Answer, Answer) {
        let path = format!("/api/orders/{}", self.order);
        let (paying, cancelling) = (self.buyer.tab(), self.buyer.tab());
        let body = json!({ "orderId": self.order, "token": VISA });
        let pay = tokio::spawn(async move { paying.post("/api/payments", body).await });
        let step = match first {
            First::Chance => {
                // Sometimes a moment later, so that chance has more than one way to fall.
                for _ in 0..round * 3 {
                    tokio::task::yield_now().await;
                }
                let cancelled = cancelling.delete(&path).await;
                return (pay.await.unwrap(), cancelled);
            }
            First::CancelBeforeTheCard => Step::BeforeConfirm,
            First::CancelBeforeTheAnswer => Step::AfterConfirm,
            First::Pay => Step::BeforeCapture,
        };
        let gate = self.gateway.hold(step);
        gate.reached().await;
        let cancelled = cancelling.delete(&path).await;
        drop(gate);
        (pay.await.unwrap(), cancelled)
    }

    /// How it ended, if answers, order, units, payment and the gateway's ledger say the same.
    async fn agree(&self, paid: &Answer, cancelled: &Answer) -> End {
        let over = |order: &Value| order["status"] == "complete" || order["status"] == "cancelled";
        let order = self.buyer.sees(&format!("/api/orders/{}", self.order), over).await;
        let end = if order["status"] == "complete" { End::Complete } else { End::Cancelled };
        match end {
            End::Complete => {
                cancelled.clone().expect_code(400, "order_complete");
                assert_eq!(paid.clone().expect(201).json()["status"], "complete");
                assert_eq!(order["cancelReason"], Value::Null);
            }
            End::Cancelled => {
                cancelled.clone().expect(204);
                let told = paid.json();
                let code = told["errors"][0]["code"].as_str().unwrap_or_default();
                let known = ["payment_ended", "order_cancelled", "order_cancelling"];
                assert!(known.contains(&code) || told["status"] == "pending", "{paid:?}");
                assert_eq!(order["cancelReason"], "buyer");
            }
        }
        self.units_agree(end).await;
        self.money_agrees(end).await;
        self.payment_agrees(end, &order).await;
        end
    }

    async fn units_agree(&self, end: End) {
        let units = self.buyer.ticket(&self.ticket).await;
        let sold = u32::from(end == End::Complete);
        let seen = (&units["available"], &units["held"], &units["sold"]);
        assert_eq!(seen, (&json!(1 - sold), &json!(0), &json!(sold)), "{end:?}");
    }

    /// The gateway keeps the price of a complete order, once, and nothing of another.
    async fn money_agrees(&self, end: End) {
        let agrees = |_: &Value| {
            let intents = self.sandbox.ledger().intents.into_iter();
            let own = intents.filter(|intent| intent.opened.order.to_string() == self.order);
            let mut kept = Vec::new();
            for intent in own {
                if intent.status == IntentStatus::Authorized {
                    return false;
                }
                kept.push(intent.captured.minor() - intent.refunded.minor());
            }
            match end {
                End::Complete => kept == [2000],
                End::Cancelled => kept.iter().all(|kept| *kept == 0),
            }
        };
        self.buyer.sees(&format!("/api/orders/{}", self.order), agrees).await;
    }

    /// The attempt is stored as what the gateway did.
    async fn payment_agrees(&self, end: End, order: &Value) {
        let Some(payment) = order["paymentId"].as_str() else {
            assert_eq!(end, End::Cancelled, "a complete order names its payment: {order}");
            return;
        };
        let (payment, buyer) = (payment.parse().unwrap(), self.buyer.me().await.parse().unwrap());
        let payments = self.shop.server.engine().payments();
        let settled = async {
            loop {
                let status = payments.get(&buyer, payment).await.unwrap().status;
                match (end, status) {
                    (End::Complete, PaymentStatus::Captured)
                    | (End::Cancelled, PaymentStatus::Voided) => return,
                    (End::Complete, PaymentStatus::Authorized)
                    | (End::Cancelled, PaymentStatus::Voiding) => {}
                    other => panic!("{other:?}"),
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(crate::shop::SOON, settled).await.expect("it never settled");
    }
}
