//! What each kind of fault does.

use futures_util::FutureExt;

use super::*;
use crate::domain::settlement::{IntentReport, IntentStatus};
use crate::ports::payment_gateway::MockPaymentGateway;
use crate::ports::storage::MockStorage;
use crate::ports::timers::MockTimers;
use crate::ports::{
    CommitError, Committed, GatewayErrorKind, Group, PaymentGateway, PortErrorKind, Receipt,
    Runtime, Storage, Timers, WriteBatch,
};
use crate::testing::builders::{START, a_batch, intent};
use crate::values::Money;

const LEASE: Duration = Duration::from_secs(10);

/// Timers that count how often they are asked, behind faults.
fn counting_timers(faults: &Faults) -> (FaultyTimers, Reached) {
    let reached = Reached::default();
    let counted = reached.clone();
    let mut timers = MockTimers::new();
    timers.expect_claim().returning(move |_, _| {
        counted.note();
        Ok(Vec::new())
    });
    (FaultyTimers::new(Arc::new(timers), faults), reached)
}

/// A storage that applies a batch once and knows it again.
fn storage(faults: &Faults) -> (FaultyStorage, Reached) {
    let reached = Reached::default();
    let counted = reached.clone();
    let mut storage = MockStorage::new();
    storage.expect_commit().returning(move |group: Group| {
        let receipts = group.batches.iter().map(WriteBatch::receipt);
        let first = counted.note() == 1;
        let outcome = |receipt: Receipt| {
            if first { Ok(receipt) } else { Err(CommitError::Duplicate(receipt)) }
        };
        Committed { outcomes: receipts.map(outcome).collect(), pools: Vec::new(), now: Some(START) }
    });
    (FaultyStorage::new(Arc::new(storage), faults), reached)
}

/// What a capture answers with that fault, and how often the gateway was reached.
fn capture_with(kind: FaultKind) -> (Result<IntentReport, GatewayErrorKind>, u32) {
    let world = World::new(1);
    let reached = Reached::default();
    let counted = reached.clone();
    let mut gateway = MockPaymentGateway::new();
    gateway.expect_capture().returning(move |_, amount, key| {
        counted.note();
        assert_eq!(key, "key");
        Ok(IntentReport {
            status: IntentStatus::Captured,
            amount,
            refunded: Money::zero(amount.currency()),
        })
    });
    let gateway = FaultyGateway::new(Arc::new(gateway), &world.faults);
    world.faults.next(Operation::Capture, kind);
    let answer = world.answer(gateway.capture(&intent("pi_1"), Money::usd(5_00), "key"));
    (answer.map_err(|error| error.kind()), reached.times())
}

#[test]
fn the_gateway_tells_what_is_known_and_no_more() {
    use GatewayErrorKind::{NotSent, ServerError, Unknown};
    let failed = [
        (FaultKind::Before, NotSent, 0),
        (FaultKind::RequestLost, Unknown, 0),
        (FaultKind::ReplyLost, Unknown, 1),
        (FaultKind::ServerErrorBefore, ServerError, 0),
        (FaultKind::ServerErrorAfter, ServerError, 1),
    ];
    for (kind, told, reached) in failed {
        assert_eq!(capture_with(kind), (Err(told), reached), "{kind:?}");
    }
    let (answer, reached) = capture_with(FaultKind::Duplicate);
    assert!(answer.is_ok());
    assert_eq!(reached, 2);
    let (answer, reached) = capture_with(FaultKind::Delay);
    assert!(answer.is_ok());
    assert_eq!(reached, 1);
}

#[test]
fn a_commit_is_not_applied_or_unknown_and_never_half() {
    let told = [
        (FaultKind::Before, false, 0),
        (FaultKind::RequestLost, true, 0),
        (FaultKind::ReplyLost, true, 1),
        (FaultKind::ServerErrorBefore, true, 0),
        (FaultKind::ServerErrorAfter, true, 1),
    ];
    for (kind, unknown, reaches) in told {
        let world = World::new(1);
        let (storage, reached) = storage(&world.faults);
        world.faults.next(Operation::Commit, kind);
        let group = Group::of(vec![a_batch(), a_batch()]);
        let committed = world.answer(storage.commit(group));
        assert_eq!(committed.outcomes.len(), 2);
        for outcome in committed.outcomes {
            let (told_unknown, error) = match outcome {
                Err(CommitError::OutcomeUnknown(error)) => (true, error),
                Err(CommitError::NotApplied(error)) => (false, error),
                Ok(_) | Err(_) => panic!("{kind:?}: {outcome:?}"),
            };
            assert_eq!(told_unknown, unknown, "{kind:?}");
            assert_eq!(error.operation(), "storage.commit");
            assert_eq!(error.kind(), &PortErrorKind::Unavailable);
        }
        assert_eq!((committed.now, reached.times()), (None, reaches), "{kind:?}");
    }
}

#[test]
fn a_commit_that_is_made_twice_answers_the_second_time() {
    let world = World::new(1);
    let (storage, reached) = storage(&world.faults);
    world.faults.next(Operation::Commit, FaultKind::Duplicate);
    let group = Group::of(vec![a_batch()]);
    let committed = world.answer(storage.commit(group));
    let outcome = committed.outcomes.into_iter().next().unwrap();
    assert!(matches!(outcome, Err(CommitError::Duplicate(_))));
    assert_eq!(reached.times(), 2);
}

#[test]
fn a_delayed_call_is_made_late() {
    let world = World::new(1);
    world.faults.set_longest_delay(Duration::from_secs(9));
    let (timers, reached) = counting_timers(&world.faults);
    world.faults.next(Operation::ClaimTimers, FaultKind::Delay);
    let mut call = Box::pin(timers.claim(1, LEASE));
    assert!(call.as_mut().now_or_never().is_none());
    assert_eq!(reached.times(), 0);
    world.answer(call).unwrap();
    assert_eq!(reached.times(), 1);
    let late = world.runtime.elapsed();
    assert!(Duration::ZERO < late && late <= Duration::from_secs(9), "{late:?}");
}

#[test]
fn a_delay_goes_with_any_other_fault() {
    let world = World::new(1);
    let (timers, reached) = counting_timers(&world.faults);
    world.faults.next(Operation::ClaimTimers, FaultKind::ReplyLost);
    world.faults.next(Operation::ClaimTimers, FaultKind::Delay);
    assert!(world.answer(timers.claim(1, LEASE)).is_err());
    assert_eq!(reached.times(), 1);
    assert!(world.runtime.elapsed() > Duration::ZERO);
    assert_eq!(world.faults.total_injected(), 2);
}

#[test]
fn a_crash_ends_the_process_on_the_right_side_of_the_call() {
    for (kind, reaches) in [(FaultKind::CrashBefore, 0), (FaultKind::CrashAfter, 1)] {
        let world = World::new(1);
        let (timers, reached) = counting_timers(&world.faults);
        let went_on = Reached::default();
        let noted = went_on.clone();
        world.faults.next(Operation::ClaimTimers, kind);
        world.node.spawn(Box::pin(async move {
            drop(timers.claim(1, LEASE).await);
            noted.note();
        }));
        world.runtime.run_until_idle(MANY).unwrap();
        assert!(!world.node.is_alive(), "{kind:?}");
        assert_eq!((reached.times(), went_on.times()), (reaches, 0), "{kind:?}");
        assert_eq!(world.runtime.tasks(), 0);
    }
}

#[test]
fn without_a_node_a_crash_is_a_call_that_is_never_answered() {
    let runtime = StepRuntime::new(1);
    let node = runtime.node();
    let faults = Faults::new(1, Arc::<NodeRuntime>::clone(&node));
    let (timers, reached) = counting_timers(&faults);
    faults.next(Operation::ClaimTimers, FaultKind::CrashAfter);
    assert!(runtime.block_on(timers.claim(1, LEASE), MANY).is_err());
    assert_eq!(reached.times(), 1);
    assert!(node.is_alive());
}
