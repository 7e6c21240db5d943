//! Races about money that goes back.

use ticketing_core::PaymentOutcome;
use ticketing_core::domain::refund::RefundState;
use ticketing_core::domain::view::OrderView;
use ticketing_core::service::{Error, RefundAmount, RefundRequest, Refunder};
use ticketing_core::testing::builders::user;
use ticketing_core::values::{Money, RefundId};
use ticketing_stripe_stand_in::{Call, Fault, RefundStatus};

use crate::stripe::world::World;

async fn sold(world: &World) -> OrderView {
    let order = world.held_by(&user("ann")).await;
    assert_eq!(world.pays(&order, "tok_visa").await, PaymentOutcome::Complete);
    world.rest().await;
    order
}

async fn refund(world: &World, order: &OrderView, amount: Money) -> Result<RefundId, Error> {
    let mut request = RefundRequest::default();
    request.amount = Some(RefundAmount::Exact(amount));
    let by = Refunder::Operator(user("operator"));
    world.engine.refunds().request(by, order.id, request).await.map(|refund| refund.id)
}

async fn state(world: &World, id: RefundId) -> RefundState {
    world.storage.refund(id).await.unwrap().unwrap().state
}

/// What is on its way counts: two refunds of three quarters are one.
pub(super) async fn r16_two_refunds_racing(world: &World) {
    let order = sold(world).await;
    let amount = Money::usd(15_00);
    let (one, other) = tokio::join!(refund(world, &order, amount), refund(world, &order, amount));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    world.rest().await;
    assert_eq!(world.stripe.ledger().charges[0].refunded, 1500);
    assert_eq!(world.stripe.ledger().refunds.len(), 1);
}

/// A refund that fails stays owed, until somebody sends it again.
pub(super) async fn r17_refund_fails(world: &World) {
    let order = sold(world).await;
    world.stripe.next_refund(RefundStatus::Failed);
    let id = refund(world, &order, Money::usd(5_00)).await.unwrap();
    world.rest().await;
    assert_eq!(state(world, id).await, RefundState::Failed);
    assert_eq!(world.stripe.ledger().charges[0].refunded, 0);
    world.engine.operator().retry_refund(&user("operator"), id).await.unwrap();
    world.rest().await;
    assert_eq!(state(world, id).await, RefundState::Succeeded);
    assert_eq!(world.stripe.ledger().charges[0].refunded, 500);
}

pub(super) async fn r17_stored_error_when_refunding(world: &World) {
    let order = sold(world).await;
    for (fault, back) in [(Fault::ErrorBefore, 500), (Fault::ErrorAfter, 1000)] {
        world.stripe.next(Call::Refund, fault);
        let id = refund(world, &order, Money::usd(5_00)).await.unwrap();
        world.rest().await;
        assert_eq!(state(world, id).await, RefundState::Succeeded, "{fault:?}");
        assert_eq!(world.stripe.ledger().charges[0].refunded, back, "{fault:?}");
    }
}
