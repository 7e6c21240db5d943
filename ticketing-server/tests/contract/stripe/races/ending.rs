//! Races about the end of an order.

use std::time::Duration;

use ticketing_core::PaymentOutcome;
use ticketing_core::domain::order::{CancelReason, OrderState};
use ticketing_core::service::{RefundAmount, RefundRequest, Refunder};
use ticketing_core::testing::builders::user;
use ticketing_core::values::Money;
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

/// How long nobody can go back behind.
const LOST: Duration = Duration::from_mins(10);

/// A sale that the storage has forgotten: the buyer has the money back, and the unit is sold anew.
pub(super) async fn r23_database_restored_to_before_the_order(world: &World) {
    let ticket = world.list(1).await;
    let backup = world.copied().await;
    let order = world.reserve(&user("ann"), ticket).await;
    assert_eq!(world.pays(&order, "tok_visa").await, PaymentOutcome::Complete);
    world.rest().await;
    drop(world.stripe.take_events());
    world.wait(LOST).await;

    let world = world.restored(&backup).await;
    let again = world.reserve(&user("bob"), ticket).await;
    assert_eq!(world.pays(&again, "tok_visa").await, PaymentOutcome::Complete);
    world.rest().await;
    world.assert_sold_once(&again).await;
    let refunded: Vec<_> =
        world.stripe.ledger().charges.iter().map(|charge| charge.refunded).collect();
    assert_eq!(refunded, [PRICE.minor(), 0]);
    world.end().await;
}

/// A charge that the storage has forgotten, of an attempt that it still knows: the order is complete
/// again, and nobody is charged twice.
pub(super) async fn r23_database_restored_to_before_the_charge(world: &World) {
    let order = world.held_by(&user("ann")).await;
    let intent = world.opened(&order).await;
    let backup = world.copied().await;
    world.stripe.confirm_as_client(&intent, "pm_card_visa").unwrap();
    world.rest().await;
    world.assert_sold_once(&order).await;
    drop(world.stripe.take_events());
    world.wait(LOST).await;

    let world = world.restored(&backup).await;
    assert!(matches!(world.state(order.id).await, OrderState::AwaitingPayment { .. }));
    world.rest().await;
    world.assert_sold_once(&order).await;
    assert_eq!(world.stripe.ledger().charges.len(), 1);
    world.end().await;
}

/// A refund that the storage has forgotten is found at Stripe, and not made again.
pub(super) async fn r23_database_restored_to_before_the_refund(world: &World) {
    let order = world.held_by(&user("ann")).await;
    assert_eq!(world.pays(&order, "tok_visa").await, PaymentOutcome::Complete);
    world.rest().await;
    let backup = world.copied().await;
    let mut part = RefundRequest::default();
    part.amount = Some(RefundAmount::Exact(Money::usd(5_00)));
    let by = Refunder::Operator(user("operator"));
    world.engine.refunds().request(by, order.id, part).await.unwrap();
    world.rest().await;
    drop(world.stripe.take_events());
    world.wait(LOST).await;

    let world = world.restored(&backup).await;
    assert!(world.storage.order(order.id).await.unwrap().unwrap().refunded.is_zero());
    world.pass(Duration::from_mins(3)).await;
    world.rest().await;
    let known = world.storage.order(order.id).await.unwrap().unwrap();
    assert_eq!(known.refunded, Money::usd(5_00));
    let charge = &world.stripe.ledger().charges[0];
    assert_eq!((charge.captured, charge.refunded), (PRICE.minor(), 500));
    world.end().await;
}
