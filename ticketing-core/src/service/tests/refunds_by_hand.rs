//! Refunds that somebody makes at the gateway by hand, beside those that are owed here.

use crate::domain::refund::RefundState;
use crate::domain::settlement::IntentStatus;
use crate::domain::view::OrderView;
use crate::ports::GatewayErrorKind;
use crate::service::refund_terms::RefundRequest;
use crate::service::tests::people::ann;
use crate::service::tests::wire::Twist;
use crate::service::tests::world::World;
use crate::testing::builders::user;
use crate::values::{Money, RefundId};

const CAPTURED: IntentStatus = IntentStatus::Captured;
const EIGHT: Money = Money::usd(8_00);
const FIVE: Money = Money::usd(5_00);

/// A bought ticket, and a refund of a part of it that the gateway could not carry out.
fn failed_refund() -> (World, OrderView, RefundId) {
    let world = World::new();
    let order = world.bought_by(&ann());
    world.gateway.fail_next_refund();
    let refund = world.refund(&order, RefundRequest::default().amount(EIGHT)).unwrap();
    assert_eq!(world.refund_state(refund.id), RefundState::Failed);
    (world, order, refund.id)
}

#[test]
fn a_failed_refund_that_was_given_back_by_hand_is_done() {
    let (mut world, order, refund) = failed_refund();
    world.gateway.refund_at_gateway(&world.intent(&order), EIGHT).unwrap();
    world.webhooks();
    assert_eq!(world.refund_state(refund), RefundState::Succeeded);
    world.retry(refund).unwrap();
    world.rest();
    assert_eq!(world.ledger(), [(CAPTURED, EIGHT)]);
    assert_eq!(world.order(order.id).refunded, EIGHT);
    assert_eq!(world.line.calls_of("refund").len(), 1);
}

/// No webhook has told of it: the intent is looked up before anything is sent once more.
#[test]
fn a_retry_looks_first_whether_it_was_given_back_by_hand() {
    let (mut world, order, refund) = failed_refund();
    world.gateway.refund_at_gateway(&world.intent(&order), EIGHT).unwrap();
    drop(world.gateway.drain_webhooks());
    world.line.next("look_up", Twist::Fails(GatewayErrorKind::Unknown));
    assert_eq!(world.retry(refund).unwrap_err().code(), "unavailable");
    assert_eq!(world.refund_state(refund), RefundState::Failed, "nobody knows");
    assert_eq!(world.retry(refund).unwrap().status, RefundState::Succeeded);
    world.rest();
    assert_eq!(world.ledger(), [(CAPTURED, EIGHT)]);
    assert_eq!(world.line.calls_of("refund").len(), 1);
}

/// The gateway takes no refunds; somebody who can't wait gives the money back by hand.
#[test]
fn a_refund_that_waits_is_not_sent_once_it_was_given_back_by_hand() {
    let mut world = World::new();
    let order = world.bought_by(&ann());
    world.line.next("refund", Twist::Fails(GatewayErrorKind::NotSent));
    let refund = world.refund(&order, RefundRequest::default().amount(EIGHT)).unwrap();
    assert_eq!(world.refund_state(refund.id), RefundState::Requested);
    world.gateway.refund_at_gateway(&world.intent(&order), EIGHT).unwrap();
    world.webhooks();
    assert_eq!(world.refund_state(refund.id), RefundState::Succeeded);
    world.rest();
    assert_eq!(world.ledger(), [(CAPTURED, EIGHT)]);
}

/// Another sum than the one that failed is a refund of its own; the other stays owed.
#[test]
fn another_sum_by_hand_is_a_refund_of_its_own() {
    let (mut world, order, refund) = failed_refund();
    world.gateway.refund_at_gateway(&world.intent(&order), FIVE).unwrap();
    world.webhooks();
    assert_eq!(world.refund_state(refund), RefundState::Failed);
    assert_eq!(world.order(order.id).refunded, Money::usd(13_00));
    world.retry(refund).unwrap();
    world.rest();
    assert_eq!(world.ledger(), [(CAPTURED, Money::usd(13_00))]);
}

/// The gateway's word about the first of two equal refunds comes before its answer.
#[test]
fn a_refund_under_way_is_not_taken_for_another_one() {
    let mut world = World::new();
    let order = world.bought_by(&ann());
    world.line.next("refund", Twist::Fails(GatewayErrorKind::Unknown));
    world.refund(&order, RefundRequest::default().amount(EIGHT)).unwrap();
    world.line.next("refund", Twist::AnswersAfter(std::time::Duration::from_secs(10)));
    world.refund(&order, RefundRequest::default().amount(EIGHT)).unwrap();
    world.webhooks();
    world.rest();
    assert_eq!(world.ledger(), [(CAPTURED, Money::usd(16_00))]);
}

/// What was found to be given back is failed by the bank in the end.
#[test]
fn money_that_did_not_stay_given_back_is_owed_again() {
    let (mut world, order, refund) = failed_refund();
    let by_hand = world.gateway.refund_at_gateway(&world.intent(&order), EIGHT).unwrap();
    world.webhooks();
    assert_eq!(world.refund_state(refund), RefundState::Succeeded);
    let failed = crate::ports::RefundStatus::Failed;
    world.gateway.settle_refund(&by_hand.reference, failed).unwrap();
    world.webhooks();
    assert_eq!(world.refund_state(refund), RefundState::Failed);
    world.retry(refund).unwrap();
    world.rest();
    assert_eq!(world.ledger(), [(CAPTURED, EIGHT)]);
}

impl World {
    fn retry(
        &self,
        refund: RefundId,
    ) -> Result<crate::domain::view::RefundView, crate::service::error::Error> {
        let operator = user("operator");
        let retried = self.run(self.process.engine.operator().retry_refund(&operator, refund));
        self.quiet();
        retried
    }
}
