//! Races about what Stripe tells: early, late, many times, out of order, and odd.

use std::time::Duration;

use futures_util::future::join_all;
use ticketing_core::PaymentOutcome;
use ticketing_core::domain::order::{CancelReason, OrderState};
use ticketing_core::domain::payment::{ConfirmedBy, Dispute, PaymentState, Trouble};
use ticketing_core::ports::storage::Received;
use ticketing_core::ports::{IdSource as _, OpenIntent, PaymentGateway as _, RandomIds};
use ticketing_core::service::{RefundAmount, RefundRequest, Refunder};
use ticketing_core::testing::builders::user;
use ticketing_core::values::{Money, OrderId, PaymentId, StoreId};
use ticketing_stripe_stand_in::{Call, DisputeStatus, Fault, IntentStatus};

use crate::stripe::world::{PRICE, World, pay};

const LATE: Fault = Fault::LateAnswer(Duration::from_millis(300));

pub(super) async fn r05_webhook_before_the_answer(world: &World) {
    let order = world.held_by(&user("ann")).await;
    world.stripe.next(Call::Confirm, LATE);
    let (engine, paid) = (world.engine.clone(), order.clone());
    let paying = tokio::spawn(async move { pay(&engine, &paid, "tok_visa").await });
    world.until("it is charged", async || world.stripe.ledger().charges.len() == 1).await;
    world.deliver_all().await;
    world
        .until("it is complete", async || {
            matches!(world.state(order.id).await, OrderState::Complete { .. })
        })
        .await;
    assert_eq!(paying.await.unwrap().unwrap().outcome(), PaymentOutcome::Complete);
    world.rest().await;
    world.assert_sold_once(&order).await;
}

/// The browser is quicker than our own commit of the intent's name.
pub(super) async fn r06_webhook_before_the_intent_is_known(world: &World) {
    let order = world.held_by(&user("ann")).await;
    world.stripe.next(Call::Create, LATE);
    let (engine, paid) = (world.engine.clone(), order.clone());
    let paying = tokio::spawn(async move { pay(&engine, &paid, "tok_visa").await });
    world.until("it is open", async || world.statuses().len() == 1).await;
    let intent = world.stripe.ledger().intents[0].id.clone();
    world.stripe.confirm_as_client(&intent, "pm_card_visa").unwrap();
    world.deliver_all().await;
    assert_eq!(paying.await.unwrap().unwrap().outcome(), PaymentOutcome::Complete);
    world.rest().await;
    world.assert_sold_once(&order).await;
    assert_eq!(world.stripe.ledger().charges.len(), 1);
}

pub(super) async fn r07_same_webhook_20_times_in_parallel(world: &World) {
    let order = world.held_by(&user("ann")).await;
    let intent = world.opened(&order).await;
    world.stripe.confirm_as_client(&intent, "pm_card_visa").unwrap();
    let event = world.stripe.take_events().pop().unwrap();
    let webhook = world.signed(&event);
    let payments = world.engine.payments();
    let copies = join_all((0..20).map(|_| payments.webhook(&webhook))).await;
    let news = copies.into_iter().filter(|copy| matches!(copy, Ok(Received::New)));
    assert_eq!(news.count(), 1);
    world.rest().await;
    world.assert_sold_once(&order).await;
}

/// What counts is how the intent stands, not what was told of it first.
pub(super) async fn r08_events_swapped(world: &World) {
    let order = world.held_by(&user("ann")).await;
    let intent = world.opened(&order).await;
    drop(world.stripe.take_events());
    world.stripe.confirm_as_client(&intent, "pm_card_visa_chargeDeclined").unwrap();
    world.stripe.confirm_as_client(&intent, "pm_card_visa").unwrap();
    let mut events = world.stripe.take_events();
    events.reverse();
    assert_eq!(events.len(), 2);
    for event in &events {
        world.deliver(event).await;
        world.work().await;
        assert!(matches!(world.state(order.id).await, OrderState::Complete { .. }));
    }
    world.rest().await;
    world.assert_sold_once(&order).await;
}

pub(super) async fn r09_webhook_3_days_late_after_cancel_and_resale(world: &World) {
    let (ann, bob) = (user("ann"), user("bob"));
    let ticket = world.list(1).await;
    let order = world.reserve(&ann, ticket).await;
    let intent = world.opened(&order).await;
    world.stripe.confirm_as_client(&intent, "pm_card_visa").unwrap();
    let late = world.stripe.take_events();
    world.engine.orders().cancel(&ann, order.id).await.unwrap();
    world.rest().await;
    let resold = world.reserve(&bob, ticket).await;
    assert_eq!(world.pays(&resold, "tok_visa").await, PaymentOutcome::Complete);
    world.rest().await;
    world.wait(Duration::from_hours(72)).await;
    for event in &late {
        assert_eq!(world.deliver(event).await, Received::New);
    }
    world.rest().await;
    let reason = CancelReason::Buyer;
    assert_eq!(world.state(order.id).await, OrderState::Cancelled { reason });
    assert_eq!(world.statuses(), [IntentStatus::Canceled, IntentStatus::Succeeded]);
    assert_eq!(world.units(ticket).await, (0, 1));
}

pub(super) async fn r18_wrong_amount_or_currency(world: &World) {
    for (amount, currency) in [(1999, "usd"), (2000, "eur")] {
        let order = world.held_by(&user("ann")).await;
        let intent = world.opened(&order).await;
        world.stripe.misstate(&intent, amount, currency);
        world.stripe.confirm_as_client(&intent, "pm_card_visa").unwrap();
        world.deliver_all().await;
        world.work().await;
        let attempt = world.attempts(order.id).await.pop().unwrap();
        let why = Trouble::WrongAmount;
        assert_eq!(attempt.state, PaymentState::NeedsOperator { why });
        assert_eq!(world.units(order.lines[0].ticket_id).await, (1, 0), "nothing else moves");
        world.rest().await;
        assert_eq!(world.stripe.ledger().charge_of(&intent).unwrap().captured, 0);
    }
}

async fn intent_from_nowhere(world: &World, store: StoreId) -> String {
    let attempt = PaymentId::from_uuid(RandomIds.next());
    let open = OpenIntent {
        attempt,
        order: OrderId::from_uuid(RandomIds.next()),
        store,
        amount: PRICE,
        confirmed_by: ConfirmedBy::Client,
        key: format!("open:{attempt}"),
    };
    world.gateway().open(&open).await.unwrap().intent.to_string()
}

/// Money in our name without a row of ours, which the list or a webhook tells of.
pub(super) async fn r19_unknown_intent_of_ours_is_voided_or_refunded(world: &World) {
    let store = world.storage.store_id().await.unwrap();
    let unpaid = intent_from_nowhere(world, store).await;
    let authorized = intent_from_nowhere(world, store).await;
    let captured = intent_from_nowhere(world, store).await;
    for intent in [&authorized, &captured] {
        world.stripe.confirm_as_client(intent, "pm_card_visa").unwrap();
    }
    world.stripe.capture_by_hand(&captured, None).unwrap();
    // They were opened behind the engine's back.
    assert_eq!(world.agreement.take_unwritten().len(), 3);
    world.rest().await;
    let gone = IntentStatus::Canceled;
    assert_eq!(world.statuses(), [gone, gone, IntentStatus::Succeeded], "{unpaid}");
    assert_eq!(world.stripe.ledger().charge_of(&captured).unwrap().refunded, PRICE.minor());
}

pub(super) async fn r19_unknown_intent_of_another_is_let_alone(world: &World) {
    let other = StoreId::from_uuid(RandomIds.next());
    let anothers = intent_from_nowhere(world, other).await;
    let nobodys = world.stripe.create_by_hand(500, "jpy").unwrap();
    for intent in [&anothers, &nobodys] {
        world.stripe.confirm_as_client(intent, "pm_card_visa").unwrap();
    }
    assert_eq!(world.agreement.take_unwritten().len(), 1);
    let before = world.statuses();
    world.pass(Duration::from_mins(3)).await;
    world.rest().await;
    assert_eq!(world.statuses(), before);
}

/// A dispute is noted, and nothing is refunded beside it.
pub(super) async fn r21_dispute(world: &World) {
    let order = world.held_by(&user("ann")).await;
    assert_eq!(world.pays(&order, "tok_visa").await, PaymentOutcome::Complete);
    world.rest().await;
    let intent = world.stripe.ledger().intents[0].id.clone();
    world.stripe.dispute(&intent).unwrap();
    world.stripe.decide_dispute(&intent, DisputeStatus::Lost);
    let mut events = world.stripe.take_events();
    events.reverse();
    for event in &events {
        world.deliver(event).await;
        world.work().await;
    }
    let attempt = world.attempts(order.id).await.pop().unwrap();
    assert_eq!(attempt.dispute, Dispute::Lost, "whatever came first");
    let by = Refunder::Operator(user("operator"));
    let refused = world.engine.refunds().request(by, order.id, RefundRequest::default()).await;
    assert_eq!(refused.unwrap_err().code(), "dispute_open");
    world.rest().await;
}

/// A bank that only asks is no dispute: what it asks about can be given back. Once it does dispute, that
/// counts, even after the inquiry was closed, and whatever is told in what order.
pub(super) async fn r21_dispute_after_an_inquiry_that_was_closed(world: &World) {
    let by = || Refunder::Operator(user("operator"));
    for reversed in [false, true] {
        let order = world.held_by(&user("ann")).await;
        assert_eq!(world.pays(&order, "tok_visa").await, PaymentOutcome::Complete);
        world.rest().await;
        let intent = world.stripe.ledger().intents.pop().unwrap().id;
        world.stripe.inquire(&intent).unwrap();
        world.deliver_all().await;
        world.work().await;
        let mut part = RefundRequest::default();
        part.amount = Some(RefundAmount::Exact(Money::usd(5_00)));
        world.engine.refunds().request(by(), order.id, part).await.unwrap();
        world.rest().await;
        drop(world.stripe.take_events());
        world.stripe.decide_dispute(&intent, DisputeStatus::InquiryClosed);
        world.stripe.decide_dispute(&intent, DisputeStatus::NeedsResponse);
        let mut events = world.stripe.take_events();
        assert_eq!(events.len(), 2);
        if reversed {
            events.reverse();
        }
        for event in &events {
            world.deliver(event).await;
            world.work().await;
        }
        let attempt = world.attempts(order.id).await.pop().unwrap();
        assert_eq!(attempt.dispute, Dispute::Opened);
        let refunds = world.engine.refunds();
        let refused = refunds.request(by(), order.id, RefundRequest::default()).await;
        assert_eq!(refused.unwrap_err().code(), "dispute_open");
        world.rest().await;
    }
}
