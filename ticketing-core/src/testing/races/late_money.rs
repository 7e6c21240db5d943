//! Money that comes when the time is up, for two orders of one unit.

use std::sync::Arc;

use super::a_place;
use super::shop::Shop;
use crate::domain::order::OrderState;
use crate::domain::settlement::IntentStatus;
use crate::ports::{PaymentMethod, Storage, WebhookRequest};
use crate::service::{Duty, Error};
use crate::testing::builders::user;
use crate::testing::conformance::parallel::parallel;
use crate::testing::conformance::verdict::{fail, found, worked};
use crate::testing::faulty::{FaultKind, Operation};
use crate::ticketing::Ticketing;
use crate::values::{IntentRef, OrderId, PaymentId, TicketId, UserId};

/// How often somebody tries to begin a payment before a short hold is over.
const TRIES: usize = 10;

/// An order that waits for its buyer's browser, and the intent that it waits for.
struct Waiting {
    order: OrderId,
    payment: PaymentId,
    intent: IntentRef,
}

/// Two orders were in payment when their time ran out, one after the other, for the only unit. The
/// first one's unit was given away while the gateway could not be reached, so nobody has told it to
/// void. Now both buyers confirm at the same moment, and every process hears of both: the second
/// order is complete, and the first one's money is not taken.
pub async fn of_two_late_payments_one_completes(processes: &[Arc<dyn Storage>]) {
    let shop = Shop::open(processes).await;
    let ticket = shop.list(a_place()).await;
    shop.at_gateway.set_rate_of(Operation::Void, FaultKind::Before, 1000);
    shop.at_gateway.set_rate_of(Operation::LookUp, FaultKind::Before, 1000);
    let first = overdue_in_payment(&shop, &user("ann"), ticket).await;
    release(&shop, first.order).await;
    let second = overdue_in_payment(&shop, &user("bob"), ticket).await;
    shop.expect(ticket, 1, 0).await;
    shop.at_gateway.off();

    for waiting in [&first, &second] {
        let visa = PaymentMethod::card_token("tok_visa");
        worked(shop.gateway.confirm_as_client(&waiting.intent, &visa), "confirm");
    }
    deliver_to_all(&shop).await;
    settle(&shop, &[&first, &second]).await;

    let (first_order, second_order) =
        (order(&shop, first.order).await, order(&shop, second.order).await);
    assert!(matches!(first_order, OrderState::Cancelled { .. }), "{first_order:?}");
    assert_eq!(second_order, OrderState::Complete { payment: second.payment });
    shop.expect(ticket, 0, 1).await;
    let status = |intent: &IntentRef| {
        let intents = shop.gateway.ledger().intents;
        found(intents.into_iter().find(|known| known.intent == *intent), "the intent").status
    };
    assert_eq!(status(&first.intent), IntentStatus::Gone, "its money was never taken");
    assert_eq!(status(&second.intent), IntentStatus::Captured);
    shop.close(1).await;
}

/// An order whose payment has begun in time, and whose deadline has passed since.
async fn overdue_in_payment(shop: &Shop, buyer: &UserId, ticket: TicketId) -> Waiting {
    for _try in 0..TRIES {
        let order = shop.impatient.orders().reserve(buyer.clone(), [(ticket, 1)]).await;
        let order = worked(order, "reserve");
        match shop.impatient.payments().open(buyer, order.id).await {
            Ok(receipt) => {
                let payment = receipt.payment.id;
                let stored = worked(shop.storage.payment(payment).await, "the payment");
                let intent = found(stored.and_then(|payment| payment.intent), "its intent");
                let opened = worked(shop.impatient.orders().get(buyer, order.id).await, "read");
                shop.pass(opened.expires_at).await;
                return Waiting { order: order.id, payment, intent };
            }
            // The machine is slow: the hold was over before.
            Err(Error::Rejected(_)) => shop.pass(order.expires_at).await,
            Err(other) => fail(&format!("a payment begins: {other:?}")),
        }
    }
    fail("no payment began before a second was over")
}

/// Lets the sweeper give an overdue order's unit away, although the gateway can't be reached.
async fn release(shop: &Shop, id: OrderId) {
    let mut sweeper = shop.impatient.expiry_sweeper();
    shop.until("the unit is released", async || {
        worked(sweeper.step().await, "sweep");
        matches!(order(shop, id).await, OrderState::Cancelled { .. })
    })
    .await;
}

async fn order(shop: &Shop, id: OrderId) -> OrderState {
    found(worked(shop.storage.order(id).await, "an order"), "the order").state
}

/// Delivers every webhook to every process, twice and at once.
async fn deliver_to_all(shop: &Shop) {
    let notices = shop.gateway.drain_webhooks();
    let deliver = |engine: &Ticketing, notice: &WebhookRequest| {
        let (engine, notice) = (engine.clone(), notice.clone());
        async move { engine.payments().webhook(&notice).await.map(drop) }
    };
    let mut deliveries = Vec::new();
    for _time in 0..2 {
        for engine in &shop.engines {
            deliveries.extend(notices.iter().map(|notice| deliver(engine, notice)));
        }
    }
    for delivered in parallel(deliveries).await {
        worked(delivered, "a webhook");
    }
}

/// Lets the reconcilers of all processes work until nothing is owed for these.
async fn settle(shop: &Shop, waiting: &[&Waiting]) {
    let mut reconcilers: Vec<_> = shop.engines.iter().map(Ticketing::payment_reconciler).collect();
    shop.until("both payments are settled", async || {
        for reconciler in &mut reconcilers {
            worked(reconciler.step().await, "reconcile");
        }
        let mut settled = true;
        for one in waiting {
            let payment = worked(shop.storage.payment(one.payment).await, "the payment");
            settled &= found(payment, "the payment").next_action_at.is_none();
        }
        settled
    })
    .await;
}
