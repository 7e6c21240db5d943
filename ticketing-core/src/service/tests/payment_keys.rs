//! Paying under an idempotency key: one key, one attempt, shown as it is now.

use crate::service::payment_receipt::PaymentOutcome;
use crate::service::tests::people::ann;
use crate::service::tests::world::World;

#[test]
fn the_same_key_shows_the_same_attempt() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    let first = world.pay_keyed(&order, "tok_visa", "key").unwrap();
    let again = world.pay_keyed(&order, "tok_visa", "key").unwrap();
    assert_eq!(first.payment.id, again.payment.id);
    assert_eq!(again.outcome(), PaymentOutcome::Complete);
    world.rest();
}

#[test]
fn another_command_may_not_use_the_key() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    let paid = world.pay_keyed(&order, "tok_visa", "key").unwrap();
    assert_eq!(paid.outcome(), PaymentOutcome::Complete);
    let reused = world.pay_keyed(&order, "tok_mastercard", "key").unwrap_err();
    assert_eq!(reused.code(), "idempotency_key_reused");
    world.rest();
}

#[test]
fn a_declined_attempt_is_shown_again_and_another_try_needs_another_key() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    let declined = world.pay_keyed(&order, "tok_chargeDeclined", "key").unwrap();
    let again = world.pay_keyed(&order, "tok_chargeDeclined", "key").unwrap();
    assert_eq!(again.payment.id, declined.payment.id);
    assert!(matches!(again.outcome(), PaymentOutcome::Declined(_)));
    let other = world.pay_keyed(&order, "tok_visa", "other").unwrap();
    assert_eq!(other.outcome(), PaymentOutcome::Complete);
    assert_ne!(other.payment.id, declined.payment.id);
    world.rest();
}
