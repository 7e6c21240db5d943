//! Every call of a port that paying makes, with everything that can go wrong at it.
//!
//! A payment is made once without faults, and its calls are counted. Then it is made again for
//! each of them and each fault, in a world of its own: the process dies before the call, dies
//! after it, or lives on without knowing what became of it. Another process cleans up behind it.
//! When all has come to rest, books and ledger must agree, and nothing was opened, confirmed or
//! charged twice.

use std::panic::catch_unwind;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::domain::order::{CancelReason, OrderState};
use crate::domain::settlement::IntentStatus;
use crate::domain::view::OrderView;
use crate::service::duty::Duty;
use crate::service::expiry_sweeper::ExpirySweeper;
use crate::service::outbox_relay::OutboxRelay;
use crate::service::payment_receipt::PaymentOutcome;
use crate::service::payment_reconciler::PaymentReconciler;
use crate::service::tests::people::{ann, token};
use crate::service::tests::state::assert_sold_once;
use crate::service::tests::wire::Twist;
use crate::service::tests::world::{HOLD, World};
use crate::testing::invariants::{against_ledger, at_rest, violations};
use crate::testing::{FaultKind, Operation};

const MINUTE: Duration = Duration::from_mins(1);

/// The process dies before the call or after it, or never hears whether it was made.
const FAULTS: [FaultKind; 4] =
    [FaultKind::CrashBefore, FaultKind::CrashAfter, FaultKind::RequestLost, FaultKind::ReplyLost];

/// One way to pay.
#[derive(Debug, Clone, Copy)]
struct Scenario {
    card: &'static str,
    /// How late the gateway answers the confirmation.
    answers_after: Duration,
    /// When the process does its background work, counted from the payment.
    works_after: Duration,
    /// Whether the order is complete in the end, if nothing goes wrong.
    sells: bool,
    /// Whether it may be complete, whatever goes wrong.
    may_sell: bool,
}

/// A call of a port, by its number among those of the scenario, and what goes wrong with it.
type Point = (u64, FaultKind);

#[test]
fn a_payment_that_is_approved_survives_every_crash() {
    let approved = Scenario { card: "tok_visa", ..Scenario::PLAIN };
    Scenario { sells: true, may_sell: true, ..approved }.check_every_point();
}

#[test]
fn a_payment_that_is_declined_survives_every_crash() {
    Scenario { card: "tok_chargeDeclined", ..Scenario::PLAIN }.check_every_point();
}

/// The bank waits for the buyer, who does not come back before the deadline.
#[test]
fn a_payment_whose_hold_expires_survives_every_crash() {
    let hold_is_over = Scenario { works_after: HOLD, ..Scenario::PLAIN };
    Scenario { card: "tok_threeDSecure", ..hold_is_over }.check_every_point();
}

/// The gateway has reserved the money, and says so only when the order has expired. Whoever asks
/// the gateway before ending the order may still sell it.
#[test]
fn a_payment_that_is_answered_after_its_hold_survives_every_crash() {
    let hold_is_over = Scenario { works_after: HOLD, ..Scenario::PLAIN };
    let late = Scenario { answers_after: HOLD + MINUTE, may_sell: true, ..hold_is_over };
    Scenario { card: "tok_visa", ..late }.check_every_point();
}

impl Scenario {
    const PLAIN: Self = Self {
        card: "",
        answers_after: Duration::ZERO,
        works_after: MINUTE,
        sells: false,
        may_sell: false,
    };

    /// Fewer calls would say that the scenario ended before it had begun.
    const FEWEST_CALLS: usize = 30;

    fn check_every_point(self) {
        let calls = self.calls();
        assert!(calls.len() >= Self::FEWEST_CALLS, "{calls:?}");
        for (number, operation) in (1..).zip(calls) {
            for fault in FAULTS {
                let checked = catch_unwind(|| self.check_point((number, fault), operation));
                assert!(checked.is_ok(), "{fault:?} at call {number}, {operation}: {self:?}");
            }
        }
    }

    /// What is called when nothing goes wrong, in this order.
    fn calls(self) -> Vec<Operation> {
        let calls = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&calls);
        let mut world = World::new();
        let order = world.held_by(&ann());
        world.faults.observe(move |call| seen.lock().unwrap().push(call.operation));
        let is_promised = self.play(&world, &order);
        assert_eq!(is_promised, self.sells);
        let calls = calls.lock().unwrap().clone();
        recover(&mut world);
        assert_eq!(matches!(world.state(&order), OrderState::Complete { .. }), self.sells);
        calls
    }

    fn check_point(self, (number, fault): Point, operation: Operation) {
        let mut world = World::new();
        let order = world.held_by(&ann());
        world.faults.at_call(world.faults.calls() + number, fault);
        let is_promised = self.play(&world, &order);
        let injected: Vec<_> = world.faults.injected().into_keys().collect();
        assert_eq!(injected, [(operation, fault)], "it goes wrong where it was meant to");
        recover(&mut world);
        self.check_end(&world, &order, is_promised);
    }

    /// Pays, and does all background work after a while, in one process that may die meanwhile.
    /// Answers whether the buyer was told that the order is complete.
    fn play(self, world: &World, order: &OrderView) -> bool {
        world.line.next("confirm", Twist::AnswersAfter(self.answers_after));
        let payments = world.process.engine.payments();
        let engine = Arc::clone(&world.process.engine.engine);
        let (buyer, order) = (order.buyer_id.clone(), order.id);
        let paying = async move { payments.pay(&buyer, order, token(self.card)).await };
        let working = async move {
            engine.runtime.sleep(self.works_after).await;
            let shared = || Arc::clone(&engine);
            let mut sweeper = ExpirySweeper::new(shared());
            let mut reconciler = PaymentReconciler::new(shared());
            let mut relay = OutboxRelay::new(shared());
            let duties: [&mut dyn Duty; 3] = [&mut sweeper, &mut reconciler, &mut relay];
            for duty in duties {
                // What fails now is the next process's work.
                drop(duty.step().await);
            }
        };
        let answer = world.spawn(paying);
        drop(world.spawn(working));
        world.wait(self.works_after.max(self.answers_after) + MINUTE);
        world.faults.off();
        !answer.is_open()
            && answer.answer().is_ok_and(|paid| paid.outcome() == PaymentOutcome::Complete)
    }

    fn check_end(self, world: &World, order: &OrderView, is_promised: bool) {
        let asked = [world.intents().len(), world.line.calls_of("confirm").len()];
        assert!(asked.iter().all(|times| *times <= 1), "opened and confirmed: {asked:?}");
        let state = world.state(order);
        if self.may_sell && matches!(state, OrderState::Complete { .. }) {
            return assert_sold_once(world, order);
        }
        assert!(!is_promised, "the buyer was told that the order is complete");
        assert_eq!(state, OrderState::Cancelled { reason: CancelReason::Expired });
        assert_eq!(world.units(order), (0, 0));
        let charged = |(status, _): &_| *status == IntentStatus::Captured;
        assert!(!world.ledger().iter().any(charged), "charged for nothing");
    }
}

/// Another process takes over until nothing is left to do. If the first one lives, it lives on.
fn recover(world: &mut World) {
    world.process = world.another_process();
    world.rest();
    let books = world.books();
    let mut broken = violations(&books);
    broken.extend(at_rest(&books));
    broken.extend(against_ledger(&books, &world.gateway.ledger(), world.store()));
    assert_eq!(broken, []);
}
