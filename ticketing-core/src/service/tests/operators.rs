//! What waits for a person, and goes on when one says so.

use std::time::Duration;

use crate::domain::event::Actor;
use crate::domain::order::OrderState;
use crate::domain::payment::{PaymentState, Trouble};
use crate::domain::refund::RefundState;
use crate::domain::view::PaymentStatus;
use crate::ports::{DeadLetter, GatewayErrorKind, Storage};
use crate::service::operator::Stuck;
use crate::service::payment_receipt::PaymentOutcome;
use crate::service::refund_terms::RefundRequest;
use crate::service::tests::people::ann;
use crate::service::tests::state::{assert_sold_once, code_of};
use crate::service::tests::wire::Twist;
use crate::service::tests::world::{PRICE, World};
use crate::testing::builders::user;
use crate::values::{Money, PageLimit};

impl World {
    fn stuck(&self) -> Stuck {
        self.run(self.process.engine.operator().stuck(PageLimit::MAX)).unwrap()
    }
}

#[test]
fn nothing_waits_for_a_person_as_long_as_all_goes_well() {
    let world = World::new();
    world.bought_by(&ann());
    let stuck = world.stuck();
    assert_eq!((stuck.payments, stuck.refunds, stuck.dead_letters), (vec![], vec![], vec![]));
}

/// Wrong keys: nobody is asked again and again without end. The sale stands.
#[test]
fn a_capture_refused_for_our_account_waits_for_an_operator() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    world.line.next("capture", Twist::Fails(GatewayErrorKind::Misconfigured));
    assert_eq!(world.pays(&order, "tok_visa"), PaymentOutcome::Complete);
    world.pass(Duration::from_mins(5));
    let why = Trouble::Misconfigured;
    assert_eq!(world.payment_states(&order), [PaymentState::NeedsOperator { why }]);
    assert_eq!(world.line.calls_of("capture").len(), 1);
    let payment = world.only_attempt(&order).id;
    assert_eq!(world.state(&order), OrderState::Complete { payment });
    assert_eq!(code_of(world.refund(&order, RefundRequest::everything())), "needs_operator");
    let waiting: Vec<_> = world.stuck().payments.iter().map(|one| (one.id, one.status)).collect();
    assert_eq!(waiting, [(payment, PaymentStatus::NeedsOperator)]);

    let desk = world.process.engine.operator();
    world.run(desk.resume(&user("operator"), payment)).unwrap();
    world.quiet();
    assert_sold_once(&world, &order);
    assert_eq!(world.stuck().payments, []);
    let captured = world.only_attempt(&order);
    let again = world.run(desk.resume(&user("operator"), payment)).unwrap();
    assert_eq!(again.version, captured.version, "it does not wait");
    world.rest();
    let books = world.books();
    let resumed =
        books.events.iter().filter(|event| event.header.actor == Actor::Operator(user("operator")));
    assert_eq!(resumed.count(), 1, "it is written down who resumed it");
}

/// The gateway has another sum than ours until somebody sets that right.
#[test]
fn a_payment_with_a_wrong_sum_is_resumed_when_it_is_right() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    world.line.misreport(Some(Money::usd(1)));
    assert_eq!(world.pays(&order, "tok_visa"), PaymentOutcome::Pending);
    let payment = world.only_attempt(&order).id;
    let desk = world.process.engine.operator();
    world.run(desk.resume(&user("operator"), payment)).unwrap();
    world.quiet();
    assert_eq!(world.stuck().payments.len(), 1, "it is wrong still");
    world.line.misreport(None);
    world.run(desk.resume(&user("operator"), payment)).unwrap();
    world.rest();
    assert_sold_once(&world, &order);
}

#[test]
fn a_failed_refund_waits_for_an_operator() {
    let mut world = World::new();
    let order = world.bought_by(&ann());
    world.gateway.fail_next_refund();
    let refund = world.refund(&order, RefundRequest::everything()).unwrap();
    let waiting: Vec<_> = world.stuck().refunds.iter().map(|one| (one.id, one.status)).collect();
    assert_eq!(waiting, [(refund.id, RefundState::Failed)]);
    let desk = world.process.engine.operator();
    world.run(desk.retry_refund(&user("operator"), refund.id)).unwrap();
    world.rest();
    assert_eq!(world.stuck().refunds, []);
    assert_eq!(world.intents()[0].refunded, PRICE);
}

#[test]
fn dead_letters_are_listed() {
    let world = World::new();
    world.list(1);
    let letter = world.run(async {
        let rows = world.storage.claim_outbox(Duration::from_mins(1), 9).await.unwrap();
        let event = rows[0].events[0].key();
        let letter = DeadLetter { event, reason: "too long".to_owned(), at: world.clock.now() };
        let dead = std::slice::from_ref(&letter);
        world.storage.outbox_done(rows[0].id, rows[0].epoch, dead).await.unwrap();
        letter
    });
    assert_eq!(world.stuck().dead_letters, [letter]);
}
