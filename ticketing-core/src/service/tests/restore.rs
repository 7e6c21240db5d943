//! The database comes back as it was a while ago; the gateway does not.

use std::time::Duration;

use crate::domain::order::{CancelReason, OrderState};
use crate::domain::payment::PaymentState;
use crate::domain::refund::RefundState;
use crate::domain::settlement::IntentStatus;
use crate::service::payment_receipt::PaymentOutcome;
use crate::service::refund_terms::{RefundRequest, Refunder};
use crate::service::tests::people::{ann, bob, seller, token};
use crate::service::tests::state::assert_sold_once;
use crate::service::tests::wire::Twist;
use crate::service::tests::world::{NOTHING, PRICE, World};
use crate::values::Money;

const TEN_MINUTES: Duration = Duration::from_mins(10);

/// A sale that the restored database has never heard of: the buyer has the money back.
#[test]
fn r23_database_restored_to_10_minutes_ago_without_the_sale() {
    let mut world = World::new();
    let ticket = world.list(1);
    let backup = world.storage.fork();
    world.pass(Duration::from_mins(1));
    let order = world.reserve(&ann(), ticket.id);
    assert_eq!(world.pays(&order, "tok_visa"), PaymentOutcome::Complete);
    world.pass(TEN_MINUTES);
    assert_eq!(world.ledger(), [(IntentStatus::Captured, NOTHING)]);

    world.restore(backup);
    assert_eq!(world.books().orders, []);
    let again = world.reserve(&bob(), ticket.id);
    assert_eq!(world.pays(&again, "tok_visa"), PaymentOutcome::Complete);
    world.rest();
    let captured = IntentStatus::Captured;
    assert_eq!(world.ledger(), [(captured, PRICE), (captured, NOTHING)]);
    let payment = world.only_attempt(&again).id;
    assert_eq!(world.state(&again), OrderState::Complete { payment });
    assert_eq!(world.units(&again), (0, 1));
    let refunds = world.refunds();
    assert_eq!(refunds.len(), 1);
    assert_eq!((refunds[0].state, refunds[0].order), (RefundState::Succeeded, None));
}

/// The order is there, its attempt is not: no card is charged for what nobody pays for.
#[test]
fn r23_database_restored_to_before_the_attempt() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    let backup = world.storage.fork();
    assert_eq!(world.pays(&order, "tok_visa"), PaymentOutcome::Complete);
    world.pass(TEN_MINUTES);

    world.restore(backup);
    assert_eq!(world.state(&order), OrderState::Created);
    world.work();
    assert_eq!(world.ledger(), [(IntentStatus::Captured, PRICE)], "given back at once");
    assert_eq!(world.pays(&order, "tok_visa"), PaymentOutcome::Complete, "once more");
    world.rest();
    let captured = IntentStatus::Captured;
    assert_eq!(world.ledger(), [(captured, PRICE), (captured, NOTHING)]);
    let payment = world.only_attempt(&order).id;
    assert_eq!(world.state(&order), OrderState::Complete { payment });
}

/// The attempt is there, without the name of its intent: the charge is found and kept.
#[test]
fn r23_database_restored_to_before_the_charge() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    world.line.next("open", Twist::ArrivesAfter(Duration::from_secs(1)));
    let paying = world.start_to_pay(&order, "tok_visa");
    let backup = world.storage.fork();
    world.pass(TEN_MINUTES);
    assert_eq!(paying.answer().unwrap().outcome(), PaymentOutcome::Complete);

    world.restore(backup);
    assert_eq!(world.payment_states(&order), [PaymentState::Initiated]);
    world.work();
    assert_sold_once(&world, &order);
    world.rest();
    assert_sold_once(&world, &order);
}

/// The sale was paid back after the backup: nothing is paid back twice, nothing is sold again.
#[test]
fn r23_database_restored_to_before_a_refund() {
    let mut world = World::new();
    let order = world.bought_by(&ann());
    let backup = world.storage.fork();
    let part = RefundRequest::default().amount(Money::usd(5_00));
    let refunds = world.process.engine.refunds();
    world.run(refunds.request(Refunder::Seller(seller()), order.id, part)).unwrap();
    world.pass(TEN_MINUTES);

    world.restore(backup);
    world.rest();
    assert_eq!(world.order(order.id).refunded, Money::usd(5_00));
    assert_eq!(world.ledger(), [(IntentStatus::Captured, Money::usd(5_00))]);
    assert_eq!(world.gateway.ledger().refunds.len(), 1);
}

/// An order that was cancelled and given back after the backup, paid at once before it.
#[test]
fn r23_database_restored_to_before_a_cancellation() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    let intent = world.opened(&order);
    let backup = world.storage.fork();
    world.gateway.confirm_as_client(&intent, &token("tok_automatic")).unwrap();
    drop(world.gateway.drain_webhooks());
    world.cancel(&order).unwrap();
    world.pass(TEN_MINUTES);
    assert_eq!(world.ledger(), [(IntentStatus::Captured, PRICE)], "and given back");

    world.restore(backup);
    world.rest();
    let payment = world.only_attempt(&order);
    assert_eq!((payment.state, payment.refunding), (PaymentState::Captured, PRICE));
    assert_eq!(world.ledger(), [(IntentStatus::Captured, PRICE)]);
    assert_eq!(world.gateway.ledger().refunds.len(), 1, "not given back twice");
}

/// An order that had expired after the backup is found overdue, and its intent is dead.
#[test]
fn r23_database_restored_to_before_an_expiry() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    world.opened(&order);
    let backup = world.storage.fork();
    world.pass(Duration::from_mins(20));
    world.restore(backup);
    world.rest();
    let reason = CancelReason::Expired;
    assert_eq!(world.state(&order), OrderState::Cancelled { reason });
    assert_eq!(world.ledger(), [(IntentStatus::Gone, NOTHING)]);
}
