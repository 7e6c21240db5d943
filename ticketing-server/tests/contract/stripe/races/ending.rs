//! Races about the end of an order.

use std::time::Duration;

use ticketing_core::PaymentOutcome;
use ticketing_core::domain::order::{CancelReason, OrderState};
use ticketing_core::testing::builders::user;
use ticketing_stripe_stand_in::{Fault, IntentStatus};

use crate::stripe::world::{GRACE, HOLD, PATIENCE, PRICE, World};

/// The browser has paid, Stripe can't be reached, and the time is up: the unit is given away, and
/// the money is not taken.
pub(super) async fn r13_gateway_down_at_expiry(world: &World) {
    let ticket = world.list(1).await;
    let order = world.reserve(&user("ann"), ticket).await;
    let intent = world.opened(&order).await;
    world.stripe.confirm_as_client(&intent, "pm_card_visa").unwrap();
    drop(world.stripe.take_events());
    world.stripe.always(Some(Fault::CutBefore));
    world.pass(HOLD + GRACE + PATIENCE + Duration::from_mins(2)).await;
    let reason = CancelReason::Expired;
    assert_eq!(world.state(order.id).await, OrderState::Cancelled { reason });
    assert_eq!(world.units(ticket).await, (0, 0));
    assert!(world.attempts(order.id).await[0].late_money);

    world.stripe.always(None);
    let resold = world.reserve(&user("bob"), ticket).await;
    assert_eq!(world.pays(&resold, "tok_visa").await, PaymentOutcome::Complete);
    world.rest().await;
    assert_eq!(world.statuses(), [IntentStatus::Canceled, IntentStatus::Succeeded]);
    assert_eq!(world.units(ticket).await, (0, 1));
}

pub(super) async fn r14_buyer_cancels_while_paying(world: &World) {
    for card in [None, Some("pm_card_visa"), Some("pm_card_threeDSecure2Required")] {
        let order = world.held_by(&user("ann")).await;
        let intent = world.opened(&order).await;
        if let Some(card) = card {
            world.stripe.confirm_as_client(&intent, card).unwrap();
        }
        world.engine.orders().cancel(&user("ann"), order.id).await.unwrap();
        world.rest().await;
        let reason = CancelReason::Buyer;
        assert_eq!(world.state(order.id).await, OrderState::Cancelled { reason }, "{card:?}");
        assert_eq!(world.units(order.lines[0].ticket_id).await, (0, 0));
    }
    assert_eq!(world.statuses(), [IntentStatus::Canceled; 3]);
}

pub(super) async fn r15_seller_withdraws_while_paying(world: &World) {
    let order = world.held_by(&user("ann")).await;
    let intent = world.opened(&order).await;
    let ticket = order.lines[0].ticket_id;
    world.engine.tickets().withdraw(&user("seller"), ticket, true).await.unwrap();
    world.stripe.confirm_as_client(&intent, "pm_card_visa").unwrap();
    world.rest().await;
    // Whoever was first: the sale, whole, or its end, without a charge.
    match world.state(order.id).await {
        OrderState::Complete { .. } => world.assert_sold_once(&order).await,
        OrderState::Cancelled { reason } => {
            assert_eq!(reason, CancelReason::Seller);
            assert_eq!(world.statuses(), [IntentStatus::Canceled]);
            assert_eq!(world.units(ticket).await, (0, 0));
        }
        state @ (OrderState::Created
        | OrderState::AwaitingPayment { .. }
        | OrderState::Cancelling { .. }
        | OrderState::Refunded { .. }) => panic!("{state:?}"),
    }
}

pub(super) async fn r20_late_timer_of_a_cancelled_order(world: &World) {
    let ticket = world.list(1).await;
    let first = world.reserve(&user("ann"), ticket).await;
    world.opened(&first).await;
    world.engine.orders().cancel(&user("ann"), first.id).await.unwrap();
    let second = world.reserve(&user("bob"), ticket).await;
    assert_eq!(world.pays(&second, "tok_visa").await, PaymentOutcome::Complete);
    world.wait_until(first.expires_at).await;
    world.engine.orders().expire(first.id).await.unwrap();
    world.rest().await;
    world.assert_sold_once(&second).await;
    assert_eq!(world.statuses(), [IntentStatus::Canceled, IntentStatus::Succeeded]);
}

/// A sale that the storage has forgotten: the buyer has the money back, and the unit is sold anew.
pub(super) async fn r23_restored(world: &World) {
    let ticket = world.list(1).await;
    let backup = world.memory.as_ref().unwrap().fork();
    let order = world.reserve(&user("ann"), ticket).await;
    assert_eq!(world.pays(&order, "tok_visa").await, PaymentOutcome::Complete);
    world.rest().await;
    drop(world.stripe.take_events());
    world.wait(Duration::from_mins(10)).await;

    let world = world.restored(backup).await;
    let again = world.reserve(&user("bob"), ticket).await;
    assert_eq!(world.pays(&again, "tok_visa").await, PaymentOutcome::Complete);
    world.rest().await;
    world.assert_sold_once(&again).await;
    let refunded: Vec<_> =
        world.stripe.ledger().charges.iter().map(|charge| charge.refunded).collect();
    assert_eq!(refunded, [PRICE.minor(), 0]);
}
