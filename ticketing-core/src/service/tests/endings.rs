//! A process that is told to stop, and a gateway whose list can't be read.

use std::time::Duration;

use crate::domain::order::OrderState;
use crate::domain::settlement::IntentStatus;
use crate::memory::MemoryGateway;
use crate::ports::payment_gateway::GatewayErrorKind;
use crate::service::duty::{Duty, Progress};
use crate::service::payment_receipt::PaymentOutcome;
use crate::service::tests::people::ann;
use crate::service::tests::wire::Twist;
use crate::service::tests::world::World;

const A_WHILE: Duration = Duration::from_secs(5);
const FOR_EVER: Duration = Duration::from_hours(1);

/// The card is being charged while the process is told to stop: what came of it is committed
/// before the process ends, and the buyer who still waits is told.
#[test]
fn a_payment_that_was_begun_ends_before_the_process() {
    let world = World::new();
    let order = world.held_by(&ann());
    world.line.next("confirm", Twist::AnswersAfter(A_WHILE));
    let paying = world.start_to_pay(&order, "tok_visa");
    let engine = world.process.engine.clone();
    let stopping = world.send(async move { engine.shutdown().await });
    assert!(stopping.is_open(), "a card is being charged");
    world.wait(A_WHILE);
    stopping.answer().unwrap();
    assert_eq!(paying.answer().unwrap().outcome(), PaymentOutcome::Complete);
    let payment = world.only_attempt(&order).id;
    assert_eq!(world.state(&order), OrderState::Complete { payment });
    assert!(world.pay(&order, "tok_visa").is_err(), "nothing new is begun");
}

/// A gateway that never answers can't keep a process from ending.
#[test]
fn a_process_does_not_wait_for_ever() {
    let mut world = World::new();
    let order = world.held_by(&ann());
    world.line.next("confirm", Twist::AnswersAfter(FOR_EVER));
    world.start_to_pay(&order, "tok_visa");
    let engine = world.process.engine.clone();
    let stopping = world.send(async move { engine.shutdown().await });
    world.wait(Duration::from_secs(31));
    stopping.answer().unwrap();
    world.crash();
    world.rest();
    let payment = world.only_attempt(&order).id;
    assert_eq!(world.state(&order), OrderState::Complete { payment }, "the next start finds it");
    assert_eq!(world.ledger().len(), 1);
    assert_eq!(world.ledger()[0].0, IntentStatus::Captured);
}

/// A place in the gateway's list that it knows no more can't be waited out: the reading begins anew
/// with the first page.
#[test]
fn a_list_whose_page_keeps_failing_is_read_anew() {
    let mut world = World::new();
    for _ in 0..=MemoryGateway::PAGE {
        let order = world.held_by(&ann());
        world.opened(&order);
    }
    let mut step = || {
        let step = world.process.reconciler.step();
        world.steps.block_on(step, 10_000).unwrap()
    };
    assert_eq!(step().unwrap(), Progress::Busy, "the first of two pages");
    for _ in 0..5 {
        world.ports.line.next("list_since", Twist::Fails(GatewayErrorKind::Refused));
    }
    for _ in 0..5 {
        assert!(step().is_err());
    }
    while step().unwrap() == Progress::Busy {}
    assert_eq!(world.line.calls_of("list_since").len(), 1 + 5 + 2);
}
