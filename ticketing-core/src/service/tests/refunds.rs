//! Refunds: owed at once, sent until they arrive, and never more than there is.

use std::time::Duration;

use crate::domain::order::OrderState;
use crate::domain::payment::{Dispute, PaymentState};
use crate::domain::refund::RefundState;
use crate::domain::settlement::IntentStatus;
use crate::domain::view::{OrderView, RefundView};
use crate::ports::{GatewayErrorKind, RefundStatus};
use crate::service::error::Error;
use crate::service::refund_terms::{RefundRequest, Refunder};
use crate::service::tests::people::{ann, seller, token};
use crate::service::tests::state::{assert_sold_once, code_of};
use crate::service::tests::wire::Twist;
use crate::service::tests::world::{NOTHING, PRICE, World};
use crate::testing::builders::user;
use crate::testing::{FaultKind, Operation};
use crate::values::{Money, RefundId};

const CAPTURED: IntentStatus = IntentStatus::Captured;
const TWELVE: Money = Money::usd(12_00);
const EIGHT: Money = Money::usd(8_00);

fn part(amount: Money) -> RefundRequest {
    RefundRequest::default().amount(amount)
}

#[test]
fn r16_two_partial_refunds_racing_for_more_than_there_is() {
    for seed in 0..50 {
        let mut world = World::seeded(seed);
        let order = world.bought_by(&ann());
        let refunds = world.process.engine.refunds();
        let by = || Refunder::Seller(seller());
        let (one, other) = world.run(async {
            let one = refunds.request(by(), order.id, part(TWELVE));
            let other = refunds.request(by(), order.id, part(TWELVE));
            futures_util::future::join(one, other).await
        });
        let (granted, refused) = if one.is_ok() { (one, other) } else { (other, one) };
        assert_eq!(granted.unwrap().amount, TWELVE);
        assert_eq!(code_of(refused), "refund_too_large");
        world.rest();
        assert_eq!(world.ledger(), [(CAPTURED, TWELVE)]);
        assert!(matches!(world.state(&order), OrderState::Complete { .. }));
        assert_eq!(world.order(order.id).refunded, TWELVE);
        assert_eq!(world.units(&order), (0, 1), "nobody said that the unit comes back");
    }
}

#[test]
fn r16_two_partial_refunds_racing_for_all_there_is() {
    for seed in 0..50 {
        let mut world = World::seeded(seed);
        let order = world.bought_by(&ann());
        let refunds = world.process.engine.refunds();
        let by = || Refunder::Seller(seller());
        let (one, other) = world.run(async {
            let one = refunds.request(by(), order.id, part(TWELVE));
            let other = refunds.request(by(), order.id, part(EIGHT));
            futures_util::future::join(one, other).await
        });
        assert!(one.is_ok() && other.is_ok());
        world.rest();
        assert_eq!(world.ledger(), [(CAPTURED, PRICE)]);
        let payment = world.only_attempt(&order).id;
        assert_eq!(world.state(&order), OrderState::Refunded { payment });
        let states = world.refunds().into_iter().map(|one| one.state);
        assert!(states.eq([RefundState::Succeeded; 2]));
    }
}

/// It stays owed until an operator has sent it once more, under a new key.
#[test]
fn r17_refund_fails() {
    let mut world = World::new();
    let order = world.bought_by(&ann());
    world.gateway.fail_next_refund();
    let refund = world.refund(&order, RefundRequest::everything()).unwrap();
    world.rest();
    assert_eq!(world.refund_state(refund.id), RefundState::Failed);
    let payment = world.only_attempt(&order).id;
    assert_eq!(world.state(&order), OrderState::Refunded { payment }, "nothing moves back");
    assert_eq!(world.ledger(), [(CAPTURED, NOTHING)]);
    assert_eq!(world.line.calls_of("refund").len(), 1, "nobody tries again by himself");

    let operator = user("operator");
    let again =
        world.run(world.process.engine.operator().retry_refund(&operator, refund.id)).unwrap();
    assert_eq!(again.status, RefundState::Requested);
    world.rest();
    assert_eq!(world.refund_state(refund.id), RefundState::Succeeded);
    assert_eq!(world.ledger(), [(CAPTURED, PRICE)]);
    let mut keys = world.line.calls_of("refund");
    keys.dedup();
    assert_eq!(keys.len(), 2, "{keys:?}");

    world.run(world.process.engine.operator().retry_refund(&operator, refund.id)).unwrap();
    world.rest();
    assert_eq!(world.ledger(), [(CAPTURED, PRICE)], "a retry of what is done is nothing");
}

/// The gateway refuses outright, as it does for money it does not have.
#[test]
fn r17_refund_is_refused() {
    let mut world = World::new();
    let order = world.bought_by(&ann());
    world.line.next("refund", Twist::Fails(GatewayErrorKind::Refused));
    let refund = world.refund(&order, part(EIGHT)).unwrap();
    world.rest();
    assert_eq!(world.refund_state(refund.id), RefundState::Failed);
    assert_eq!(world.order(order.id).refunded, EIGHT);
}

/// A word about one try that comes when the operator has begun another.
#[test]
fn r17_late_word_of_the_first_try() {
    let world = World::new();
    let order = world.bought_by(&ann());
    let a_while = Duration::from_secs(20);
    world.gateway.fail_next_refund();
    world.line.next("refund", Twist::AnswersAfter(a_while));
    let refund = world.refund(&order, RefundRequest::everything()).unwrap();
    let reconciler = world.another_process();
    let engine = std::sync::Arc::clone(&reconciler.engine.engine);
    assert!(world.run(engine.settle_refund(refund.id)).unwrap());
    assert_eq!(world.refund_state(refund.id), RefundState::Failed);

    world.line.next("refund", Twist::ArrivesAfter(2 * a_while));
    let operator = user("operator");
    world.run(reconciler.engine.operator().retry_refund(&operator, refund.id)).unwrap();
    world.wait(a_while);
    let state = world.refund_state(refund.id);
    assert_eq!(state, RefundState::Requested, "it was the first try that failed");
    world.wait(a_while);
    assert_eq!(world.refund_state(refund.id), RefundState::Succeeded);
    assert_eq!(world.ledger(), [(CAPTURED, PRICE)]);
}

/// Whatever becomes of the call or its answer: the same key, one refund.
#[test]
fn refund_whose_answer_is_lost_is_sent_again_under_its_key() {
    for fault in [FaultKind::RequestLost, FaultKind::ReplyLost] {
        let mut world = World::new();
        let order = world.bought_by(&ann());
        world.faults.next(Operation::SendRefund, fault);
        let refund = world.refund(&order, part(EIGHT)).unwrap();
        assert_eq!(world.refund_state(refund.id), RefundState::Requested);
        world.rest();
        assert_eq!(world.refund_state(refund.id), RefundState::Succeeded);
        assert_eq!(world.ledger(), [(CAPTURED, EIGHT)], "{fault:?}");
        assert_eq!(world.gateway.ledger().refunds.len(), 1);
    }
}

/// Once the gateway has forgotten the key, sending again might give the money back twice: what
/// was sent before, and whether it arrived, is for an operator to see.
#[test]
fn refund_is_not_sent_again_when_its_key_is_forgotten() {
    let lost = [
        (FaultKind::RequestLost, RefundState::Failed),
        (FaultKind::ReplyLost, RefundState::Succeeded),
    ];
    for (fault, found) in lost {
        let mut world = World::new();
        let order = world.bought_by(&ann());
        world.faults.next(Operation::SendRefund, fault);
        let refund = world.refund(&order, part(EIGHT)).unwrap();
        let ledger = world.ledger();
        world.wait(Duration::from_hours(23));
        world.pass(Duration::from_mins(2));
        assert_eq!(world.refund_state(refund.id), found);
        assert_eq!(world.ledger(), ledger);
        let arrived = usize::from(fault == FaultKind::ReplyLost);
        assert_eq!(world.line.calls_of("refund").len(), arrived);
    }
}

/// Every try has a key of its own, which the gateway forgets in its own time.
#[test]
fn refund_that_was_sent_once_more_is_not_sent_again_when_that_key_is_forgotten() {
    let mut world = World::new();
    let order = world.bought_by(&ann());
    world.gateway.fail_next_refund();
    let refund = world.refund(&order, part(EIGHT)).unwrap();
    world.wait(Duration::from_hours(30));
    world.faults.next(Operation::SendRefund, FaultKind::RequestLost);
    let operator = user("operator");
    world.run(world.process.engine.operator().retry_refund(&operator, refund.id)).unwrap();
    world.quiet();
    assert_eq!(world.refund_state(refund.id), RefundState::Requested);
    world.wait(Duration::from_hours(23));
    world.pass(Duration::from_mins(2));
    assert_eq!(world.refund_state(refund.id), RefundState::Failed);
    assert_eq!(world.line.calls_of("refund").len(), 1, "under its first key");
    assert_eq!(world.ledger(), [(CAPTURED, NOTHING)]);
}

/// The gateway repeats its 500 for the refund's key, whether it gave the money back or not.
#[test]
fn r12_stored_500_at_the_refund() {
    for happened in [true, false] {
        let mut world = World::new();
        let order = world.bought_by(&ann());
        world.line.next("refund", Twist::ErrorKept { happened });
        let refund = world.refund(&order, part(EIGHT)).unwrap();
        drop(world.gateway.drain_webhooks());
        world.pass(Duration::from_mins(2));
        assert_eq!(world.refund_state(refund.id), RefundState::Succeeded);
        assert_eq!(world.ledger(), [(CAPTURED, EIGHT)]);
        assert_eq!(world.gateway.ledger().refunds.len(), 1);
        world.rest();
    }
}

/// The server error was told before anything had happened; then it did.
#[test]
fn r12_server_error_at_a_refund_that_takes_effect_later() {
    let mut world = World::new();
    let order = world.bought_by(&ann());
    world.line.next("refund", Twist::ErrorKept { happened: false });
    let refund = world.refund(&order, part(EIGHT)).unwrap();
    world.gateway.refund_at_gateway(&world.intent(&order), EIGHT).unwrap();
    drop(world.gateway.drain_webhooks());
    world.pass(Duration::from_mins(2));
    assert_eq!(world.refund_state(refund.id), RefundState::Succeeded);
    assert_eq!(world.line.calls_of("refund").len(), 1, "not under another key");
    world.rest();
    assert_eq!(world.ledger(), [(CAPTURED, EIGHT)]);
}

/// The gateway keeps an error for the first keys of two refunds. Neither may wait for the other's first
/// key, nor for its own.
#[test]
fn r12_server_errors_at_two_refunds_of_one_payment() {
    for (one_happened, other_happened) in
        [(false, false), (false, true), (true, false), (true, true)]
    {
        let mut world = World::new();
        let order = world.bought_by(&ann());
        world.line.next("refund", Twist::ErrorKept { happened: one_happened });
        world.line.next("refund", Twist::ErrorKept { happened: other_happened });
        let one = world.refund(&order, part(EIGHT)).unwrap();
        let other = world.refund(&order, part(EIGHT)).unwrap();
        drop(world.gateway.drain_webhooks());
        world.pass(Duration::from_mins(5));
        assert_eq!(world.refund_state(one.id), RefundState::Succeeded);
        assert_eq!(world.refund_state(other.id), RefundState::Succeeded);
        world.rest();
        assert_eq!(world.ledger(), [(CAPTURED, Money::usd(16_00))]);
    }
}

#[test]
fn refund_in_work_succeeds_later() {
    let mut world = World::new();
    let order = world.bought_by(&ann());
    world.gateway.hold_next_refund();
    let refund = world.refund(&order, part(EIGHT)).unwrap();
    world.pass(Duration::from_mins(2));
    assert_eq!(world.refund_state(refund.id), RefundState::Pending);
    let reference = world.refunds()[0].reference.clone().unwrap();
    world.gateway.settle_refund(&reference, RefundStatus::Succeeded).unwrap();
    world.webhooks();
    assert_eq!(world.refund_state(refund.id), RefundState::Succeeded);
    world.rest();
    assert_eq!(world.ledger(), [(CAPTURED, EIGHT)]);
}

/// A bank can fail a refund that had succeeded: it is owed again.
#[test]
fn refund_that_had_succeeded_fails() {
    let mut world = World::new();
    let order = world.bought_by(&ann());
    let refund = world.refund(&order, part(EIGHT)).unwrap();
    world.quiet();
    assert_eq!(world.refund_state(refund.id), RefundState::Succeeded);
    let reference = world.refunds()[0].reference.clone().unwrap();
    world.gateway.settle_refund(&reference, RefundStatus::Failed).unwrap();
    world.webhooks();
    assert_eq!(world.refund_state(refund.id), RefundState::Failed);
    let operator = user("operator");
    world.run(world.process.engine.operator().retry_refund(&operator, refund.id)).unwrap();
    world.rest();
    assert_eq!(world.refund_state(refund.id), RefundState::Succeeded);
    assert_eq!(world.ledger(), [(CAPTURED, EIGHT)]);
}

/// Somebody gives money back at the gateway: payment and order follow, no unit moves.
#[test]
fn refund_by_hand_at_the_gateway() {
    let mut world = World::new();
    let order = world.bought_by(&ann());
    let intent = world.intent(&order);
    world.gateway.refund_at_gateway(&intent, EIGHT).unwrap();
    world.webhooks();
    assert_eq!(world.order(order.id).refunded, EIGHT);
    let refused = world.refund(&order, part(PRICE));
    assert_eq!(code_of(refused), "refund_too_large");
    world.gateway.refund_at_gateway(&intent, TWELVE).unwrap();
    world.rest();
    let payment = world.only_attempt(&order).id;
    assert_eq!(world.state(&order), OrderState::Refunded { payment });
    assert_eq!(world.units(&order), (0, 1));
    assert_eq!(world.line.calls_of("refund"), [""; 0], "it was given back already");
}

/// The first that is heard of a charge is that a part of it was given back by hand.
#[test]
fn refund_by_hand_before_anything_was_heard_of_the_charge() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    let intent = world.opened(&order);
    let card = token("tok_automatic");
    world.gateway.confirm_as_client(&intent, &card).unwrap();
    world.gateway.refund_at_gateway(&intent, EIGHT).unwrap();
    let last = world.gateway.drain_webhooks().pop().unwrap();
    world.webhook(&last);
    world.quiet();
    assert!(matches!(world.state(&order), OrderState::Complete { .. }));
    assert_eq!(world.order(order.id).refunded, EIGHT);
    world.rest();
}

#[test]
fn r21_dispute_blocks_refunds() {
    let mut world = World::new();
    let order = world.bought_by(&ann());
    let intent = world.intent(&order);
    world.gateway.dispute(&intent, Dispute::Opened);
    world.webhooks();
    assert_eq!(world.only_attempt(&order).dispute, Dispute::Opened);
    assert_eq!(code_of(world.refund(&order, part(EIGHT))), "dispute_open");
    assert_sold_once(&world, &order);

    world.gateway.dispute(&intent, Dispute::Won);
    world.webhooks();
    let refund = world.refund(&order, part(EIGHT)).unwrap();
    world.rest();
    assert_eq!(world.refund_state(refund.id), RefundState::Succeeded);

    world.gateway.dispute(&intent, Dispute::Lost);
    world.webhooks();
    assert_eq!(code_of(world.refund(&order, part(EIGHT))), "dispute_open");
    world.rest();
    assert_eq!(world.ledger(), [(CAPTURED, EIGHT)]);
}

/// A dispute that is opened after it was told to be decided stays decided.
#[test]
fn r21_dispute_told_in_the_wrong_order() {
    let mut world = World::new();
    let order = world.bought_by(&ann());
    let intent = world.intent(&order);
    drop(world.gateway.drain_webhooks());
    world.gateway.dispute(&intent, Dispute::Opened);
    world.gateway.dispute(&intent, Dispute::Won);
    for webhook in world.gateway.drain_webhooks().iter().rev() {
        world.webhook(webhook);
        world.quiet();
    }
    assert_eq!(world.only_attempt(&order).dispute, Dispute::Won);
    world.rest();
}

/// The dispute is the first word of an intent whose name was never stored.
#[test]
fn r21_dispute_of_a_charge_that_was_never_heard_of() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    world.line.next("open", Twist::AnswersAfter(Duration::from_mins(5)));
    let paying = world.start_to_pay(&order, "tok_visa");
    world.crash();
    drop(paying);
    let intent = world.intents()[0].intent.clone();
    let card = token("tok_automatic");
    world.gateway.confirm_as_client(&intent, &card).unwrap();
    world.gateway.dispute(&intent, Dispute::Opened);
    let last = world.gateway.drain_webhooks().pop().unwrap();
    world.webhook(&last);
    world.quiet();
    let disputed = world.only_attempt(&order);
    assert_eq!((disputed.state, disputed.dispute), (PaymentState::Captured, Dispute::Opened));
    world.rest();
}

/// Money that is authorized but not captured yet can't go back yet.
#[test]
fn refund_waits_for_the_capture() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    world.line.next("capture", Twist::ArrivesAfter(Duration::from_secs(10)));
    world.pays(&order, "tok_visa");
    assert_eq!(code_of(world.refund(&order, part(EIGHT))), "capture_pending");
    world.wait(Duration::from_secs(10));
    assert!(world.refund(&order, part(EIGHT)).is_ok());
    world.rest();
}

impl World {
    pub(super) fn refund(
        &self,
        order: &OrderView,
        request: RefundRequest,
    ) -> Result<RefundView, Error> {
        let refunds = self.process.engine.refunds();
        let refund = self.run(refunds.request(Refunder::Seller(seller()), order.id, request));
        self.quiet();
        refund
    }

    pub(super) fn refund_state(&self, id: RefundId) -> RefundState {
        let refund = self.refunds().into_iter().find(|refund| refund.id == id);
        refund.unwrap().state
    }
}
