//! Races about paying.

use std::time::Duration;

use ticketing_core::domain::order::OrderState;
use ticketing_core::testing::builders::user;
use ticketing_core::values::Money;
use ticketing_core::{PaymentOutcome, TicketChanges};
use ticketing_stripe_stand_in::{Call, Fault, IntentStatus};

use crate::stripe::world::{HOLD, MILLI, World, pay};

pub(super) async fn r01_pay_just_before_the_deadline_answer_later(world: &World) {
    let order = world.held_by(&user("ann")).await;
    world.wait_until(order.expires_at.minus(MILLI)).await;
    world.stripe.next(Call::Confirm, Fault::Delay(Duration::from_millis(300)));
    let (engine, paid) = (world.engine.clone(), order.clone());
    let paying = tokio::spawn(async move { pay(&engine, &paid, "tok_visa").await });
    world.until("it is confirming", async || world.stripe.calls(Call::Confirm) == 1).await;
    world.pass(Duration::from_secs(30)).await;
    assert_eq!(paying.await.unwrap().unwrap().outcome(), PaymentOutcome::Complete);
    world.rest().await;
    world.assert_sold_once(&order).await;
}

pub(super) async fn r02_pay_just_after_the_deadline(world: &World) {
    let order = world.held_by(&user("ann")).await;
    world.wait_until(order.expires_at).await;
    let refused = world.pay(&order, "tok_visa").await.unwrap_err();
    assert_eq!(refused.code(), "order_expired");
    world.rest().await;
    assert!(matches!(world.state(order.id).await, OrderState::Cancelled { .. }));
    assert_eq!(world.statuses(), []);
}

pub(super) async fn r03_crash_after_the_intent_before_its_name_is_stored(world: &World) {
    let order = world.held_by(&user("ann")).await;
    world.stripe.next(Call::Create, Fault::SilenceAfter);
    let (doomed, paid) = (world.doomed().await, order.clone());
    let paying = tokio::spawn(async move { pay(&doomed, &paid, "tok_visa").await });
    world.until("it is open", async || world.statuses().len() == 1).await;
    paying.abort();
    world.pass(Duration::from_mins(3)).await;
    assert_eq!(world.statuses(), [IntentStatus::Canceled], "one intent, which is over");
    assert_eq!(world.state(order.id).await, OrderState::Created);
    assert_eq!(world.pays(&order, "tok_visa").await, PaymentOutcome::Complete);
    world.rest().await;
    world.assert_sold_once(&order).await;
}

pub(super) async fn r04_crash_after_the_charge_before_its_commit(world: &World) {
    let order = world.held_by(&user("ann")).await;
    world.stripe.next(Call::Confirm, Fault::SilenceAfter);
    let (doomed, paid) = (world.doomed().await, order.clone());
    let paying = tokio::spawn(async move { pay(&doomed, &paid, "tok_visa").await });
    world.until("it is charged", async || world.stripe.ledger().charges.len() == 1).await;
    paying.abort();
    // Nobody hears of it by a webhook, either.
    drop(world.stripe.take_events());
    world.pass(Duration::from_mins(3)).await;
    world.rest().await;
    world.assert_sold_once(&order).await;
    assert_eq!(world.stripe.ledger().charges.len(), 1);
}

pub(super) async fn r10_double_click(world: &World) {
    let order = world.held_by(&user("ann")).await;
    let clicks = (0..8).map(|_| {
        let (engine, order) = (world.engine.clone(), order.clone());
        tokio::spawn(async move { pay(&engine, &order, "tok_visa").await })
    });
    let clicks: Vec<_> = clicks.collect();
    for click in clicks {
        if let Err(refused) = click.await.unwrap() {
            assert_eq!(refused.code(), "order_complete");
        }
    }
    world.rest().await;
    world.assert_sold_once(&order).await;
    assert_eq!(world.statuses(), [IntentStatus::Succeeded]);
}

pub(super) async fn r11_decline_then_a_second_card(world: &World) {
    let order = world.held_by(&user("ann")).await;
    let declined = world.pays(&order, "tok_visa_chargeDeclined").await;
    assert!(matches!(declined, PaymentOutcome::Declined(_)), "{declined:?}");
    assert_eq!(world.pays(&order, "tok_visa").await, PaymentOutcome::Complete);
    world.rest().await;
    world.assert_sold_once(&order).await;
    assert_eq!(world.statuses(), [IntentStatus::Canceled, IntentStatus::Succeeded]);
}

/// Nobody knows whether there is an intent: what there is is found in the list, and voided.
pub(super) async fn r12_stored_error_when_opening(world: &World) {
    for fault in [Fault::ErrorBefore, Fault::ErrorAfter] {
        let order = world.held_by(&user("ann")).await;
        world.stripe.next(Call::Create, fault);
        drop(world.pay(&order, "tok_visa").await.unwrap());
        world.pass(Duration::from_mins(3)).await;
        assert_eq!(world.state(order.id).await, OrderState::Created, "{fault:?}");
        assert_eq!(world.pays(&order, "tok_visa").await, PaymentOutcome::Complete);
        world.rest().await;
        assert!(matches!(world.state(order.id).await, OrderState::Complete { .. }));
    }
    let expected = [IntentStatus::Succeeded, IntentStatus::Canceled, IntentStatus::Succeeded];
    assert_eq!(world.statuses(), expected);
}

pub(super) async fn r12_stored_error_when_confirming(world: &World) {
    let order = world.held_by(&user("ann")).await;
    world.stripe.next(Call::Confirm, Fault::ErrorBefore);
    drop(world.pay(&order, "tok_visa").await.unwrap());
    world.pass(Duration::from_mins(3)).await;
    assert_eq!(world.state(order.id).await, OrderState::Created);
    world.stripe.next(Call::Confirm, Fault::ErrorAfter);
    drop(world.pay(&order, "tok_visa").await.unwrap());
    world.rest().await;
    world.assert_sold_once(&order).await;
    assert_eq!(world.statuses(), [IntentStatus::Canceled, IntentStatus::Succeeded]);
}

pub(super) async fn r12_stored_error_when_capturing(world: &World) {
    for fault in [Fault::ErrorBefore, Fault::ErrorAfter] {
        let order = world.held_by(&user("ann")).await;
        world.stripe.next(Call::Capture, fault);
        assert_eq!(world.pays(&order, "tok_visa").await, PaymentOutcome::Complete);
        world.rest().await;
        assert!(matches!(world.state(order.id).await, OrderState::Complete { .. }));
    }
    assert_eq!(world.statuses(), [IntentStatus::Succeeded; 2]);
}

/// What is held has its price, whatever the seller thinks of it later.
pub(super) async fn r22_price_edited_between_order_and_payment(world: &World) {
    let order = world.held_by(&user("ann")).await;
    let mut dearer = TicketChanges::default();
    dearer.price = Some(Money::usd(99_00));
    let ticket = order.lines[0].ticket_id;
    let edited = world.engine.tickets().edit(&user("seller"), ticket, dearer, None).await;
    assert!(edited.is_err(), "{edited:?}");
    world.pass(HOLD / 3).await;
    assert_eq!(world.pays(&order, "tok_visa").await, PaymentOutcome::Complete);
    world.rest().await;
    world.assert_sold_once(&order).await;
}
