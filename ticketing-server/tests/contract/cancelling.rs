//! Cancelling while a payment runs: it is voided, and nothing is promised before it is.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use ticketing_core::domain::settlement::IntentStatus;
use ticketing_core::ports::TokioRuntime;
use ticketing_core::testing::{FaultKind, Faults, FaultyGateway, Operation};
use ticketing_local::SandboxGateway;
use tokio::time::Instant;

use crate::browser::Browser;
use crate::shop::{Shop, VISA, welcomes_a_crowd};
use crate::stepped::Step;

/// A card that waits for its owner.
const SLOW_CARD: &str = "tok_threeDSecure";

/// An order whose payment runs, its buyer, and its ticket.
async fn being_paid(shop: &Shop) -> (Browser, String, String) {
    let (seller, buyer) = (shop.member().await, shop.member().await);
    let ticket = seller.lists("Front row", json!(20)).await;
    let order = buyer.reserves(&ticket).await;
    let body = json!({ "orderId": order, "token": SLOW_CARD });
    let begun = buyer.post("/api/payments", body).await.expect(201).json();
    assert_eq!(begun["status"], "requires_action");
    (buyer, order, ticket)
}

fn statuses(sandbox: &SandboxGateway) -> Vec<IntentStatus> {
    sandbox.ledger().intents.iter().map(|intent| intent.status).collect()
}

fn is_cancelled(order: &Value) -> bool {
    order["status"] == "cancelled"
}

#[tokio::test]
async fn a_running_payment_is_voided_within_the_request() {
    let shop = Shop::open().await;
    let (buyer, order, ticket) = being_paid(&shop).await;
    buyer.delete(&format!("/api/orders/{order}")).await.expect(204);
    // At once, with nothing to wait for.
    let shown = buyer.order(&order).await;
    assert_eq!(
        (&shown["status"], &shown["cancelReason"]),
        (&json!("cancelled"), &json!("buyer")),
        "{shown}"
    );
    assert_eq!(statuses(shop.server.sandbox().unwrap()), [IntentStatus::Gone]);
    let units = buyer.ticket(&ticket).await;
    assert_eq!((&units["available"], &units["held"]), (&json!(1), &json!(0)));
    let late = json!({ "orderId": order, "token": VISA });
    let refused = [("Cannot pay for a cancelled order", None)];
    buyer.post("/api/payments", late).await.expect_errors(400, &refused);
}

#[tokio::test]
async fn a_gateway_that_takes_its_time_is_not_waited_for_longer_than_five_seconds() {
    let (shop, gateway, sandbox) = Shop::stepped().await;
    let (buyer, order, ticket) = being_paid(&shop).await;
    let path = format!("/api/orders/{order}");
    let void = gateway.hold(Step::BeforeVoid);
    let asked = Instant::now();
    buyer.delete(&path).await.expect(204);
    let waited = asked.elapsed();
    assert!((Duration::from_secs(5)..Duration::from_secs(9)).contains(&waited), "{waited:?}");
    still_awaits_payment(&buyer, &order, &ticket).await;
    // Nor can it be paid any more.
    let more = json!({ "orderId": order, "token": VISA });
    let refused = [("Cannot pay for a cancelled order", None)];
    buyer.post("/api/payments", more).await.expect_errors(400, &refused);
    drop(void);
    has_ended(&buyer, &order, &ticket, &sandbox).await;
}

/// The buyer changed their mind, and the gateway has not said yet what that leads to.
async fn still_awaits_payment(buyer: &Browser, order: &str, ticket: &str) {
    let shown = buyer.order(order).await;
    assert_eq!(
        (&shown["status"], &shown["cancelReason"]),
        (&json!("awaiting:payment"), &json!("buyer")),
        "{shown}"
    );
    let units = buyer.ticket(ticket).await;
    assert_eq!((&units["available"], &units["held"]), (&json!(0), &json!(1)), "nobody else's yet");
}

async fn has_ended(buyer: &Browser, order: &str, ticket: &str, sandbox: &SandboxGateway) {
    let shown = buyer.sees(&format!("/api/orders/{order}"), is_cancelled).await;
    assert_eq!(shown["cancelReason"], "buyer");
    assert_eq!(buyer.ticket(ticket).await["available"], json!(1));
    assert_eq!(statuses(sandbox), [IntentStatus::Gone]);
}

#[tokio::test]
async fn a_gateway_out_of_reach_is_asked_again_until_it_has_answered() {
    let sandbox = SandboxGateway::new();
    let faults = Faults::new(1, Arc::new(TokioRuntime::current().unwrap()));
    let gateway = Arc::new(FaultyGateway::new(Arc::new(sandbox.clone()), &faults));
    let shop = Shop::built(|_| {}, |server| welcomes_a_crowd(server).gateway(gateway)).await;
    let (buyer, order, ticket) = being_paid(&shop).await;
    for operation in [Operation::Void, Operation::LookUp] {
        faults.set_rate_of(operation, FaultKind::RequestLost, 1000);
    }
    let asked = Instant::now();
    buyer.delete(&format!("/api/orders/{order}")).await.expect(204);
    assert!(asked.elapsed() < Duration::from_secs(6), "{:?}", asked.elapsed());
    assert!(faults.calls_of(Operation::Void) >= 1);
    still_awaits_payment(&buyer, &order, &ticket).await;
    faults.off();
    has_ended(&buyer, &order, &ticket, &sandbox).await;
}

/// The card answers after the order was cancelled: what it answers is given up.
#[tokio::test]
async fn money_that_comes_after_the_cancellation_is_not_kept() {
    for (card, captured) in [(VISA, 0), ("tok_automatic", 2000)] {
        let (shop, gateway, sandbox) = Shop::stepped().await;
        let (seller, buyer) = (shop.member().await, shop.member().await);
        let ticket = seller.lists("Front row", json!(20)).await;
        let order = buyer.reserves(&ticket).await;
        let answer = gateway.hold(Step::AfterConfirm);
        let (tab, body) = (buyer.tab(), json!({ "orderId": order, "token": card }));
        let paying = tokio::spawn(async move { tab.post("/api/payments", body).await });
        answer.reached().await;
        buyer.delete(&format!("/api/orders/{order}")).await.expect(204);
        drop(answer);
        paying.await.unwrap().expect_code(402, "payment_ended");
        buyer.sees(&format!("/api/orders/{order}"), is_cancelled).await;
        let given_back = |_: &Value| {
            let intents = sandbox.ledger().intents;
            let sums = intents.iter().map(|it| (it.captured.minor(), it.refunded.minor()));
            sums.collect::<Vec<_>>() == [(captured, captured)]
        };
        buyer.sees(&format!("/api/tickets/{ticket}"), given_back).await;
        assert_eq!(buyer.ticket(&ticket).await["available"], json!(1));
        shop.close().await;
    }
}
