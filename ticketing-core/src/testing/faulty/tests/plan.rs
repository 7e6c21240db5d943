//! When something goes wrong.

use super::*;
use crate::ports::Timers;
use crate::ports::timers::MockTimers;

const LEASE: Duration = Duration::from_secs(10);

fn timers(faults: &Faults) -> FaultyTimers {
    let mut timers = MockTimers::new();
    timers.expect_claim().returning(|_, _| Ok(Vec::new()));
    FaultyTimers::new(Arc::new(timers), faults)
}

/// Which of so many calls fail.
fn failures(world: &World, calls: usize) -> Vec<usize> {
    let timers = timers(&world.faults);
    let failed = |_: &usize| world.answer(timers.claim(1, LEASE)).is_err();
    (1..=calls).filter(failed).collect()
}

#[test]
fn a_new_plan_lets_everything_through() {
    let world = World::new(1);
    assert!(failures(&world, 100).is_empty());
    assert_eq!((world.faults.calls(), world.faults.total_injected()), (100, 0));
}

#[test]
fn rates_hold_and_follow_from_the_seed() {
    let run = |seed, rate| {
        let world = World::new(seed);
        world.faults.set_rate(FaultKind::Before, rate);
        failures(&world, 1000)
    };
    let failed = run(1, 300);
    assert!((250..350).contains(&failed.len()), "{}", failed.len());
    assert_eq!(run(1, 300), failed);
    assert_ne!(run(2, 300), failed);
    let rarer = run(1, 100);
    assert!(rarer.iter().all(|call| failed.contains(call)));
}

#[test]
fn one_kind_does_not_shift_the_draws_of_another() {
    let run = |duplicates| {
        let world = World::new(1);
        world.faults.set_rate(FaultKind::Before, 200);
        world.faults.set_rate(FaultKind::Duplicate, duplicates);
        failures(&world, 300)
    };
    assert_eq!(run(0), run(500));
}

#[test]
fn an_operation_may_have_a_rate_of_its_own() {
    let world = World::new(1);
    world.faults.set_rate(FaultKind::Before, 1000);
    world.faults.set_rate_of(Operation::ClaimTimers, FaultKind::Before, 0);
    assert!(failures(&world, 50).is_empty());
    world.faults.set_rate_of(Operation::ClaimTimers, FaultKind::Before, 1000);
    world.faults.set_rate(FaultKind::Before, 0);
    assert_eq!(failures(&world, 50).len(), 50);
}

#[test]
fn named_calls_fail_once_and_no_others() {
    let world = World::new(1);
    world.faults.next(Operation::ClaimTimers, FaultKind::Before);
    world.faults.nth(Operation::ClaimTimers, 3, FaultKind::ReplyLost);
    world.faults.nth(Operation::ArmTimer, 2, FaultKind::Before);
    assert_eq!(failures(&world, 10), [1, 3]);
    world.faults.next(Operation::ClaimTimers, FaultKind::Before);
    assert_eq!(failures(&world, 10), [1]);
    let injected = world.faults.injected();
    assert_eq!(injected[&(Operation::ClaimTimers, FaultKind::Before)], 2);
    assert_eq!(injected[&(Operation::ClaimTimers, FaultKind::ReplyLost)], 1);
    assert_eq!(injected.len(), 2);
}

#[test]
fn calls_are_numbered_over_all_handles() {
    let world = World::new(1);
    let other = world.runtime.node();
    let theirs = timers(&world.faults.on_node(&other));
    world.faults.at_call(2, FaultKind::Before);
    world.faults.at_call(4, FaultKind::Before);
    let ours = timers(&world.faults);
    let seen: Arc<Mutex<Vec<Call>>> = Arc::default();
    let keep = Arc::clone(&seen);
    world.faults.observe(move |call| keep.lock().unwrap().push(*call));
    let answers: Vec<bool> = (0..3)
        .flat_map(|_| [&ours, &theirs])
        .map(|timers| world.answer(timers.claim(1, LEASE)).is_ok())
        .collect();
    assert_eq!(answers, [true, false, true, false, true, true]);
    let seen = seen.lock().unwrap().clone();
    let nodes: Vec<_> = seen.iter().map(|call| call.node.unwrap()).collect();
    assert_eq!(nodes, [1, 2, 1, 2, 1, 2]);
    let numbers: Vec<_> = seen.iter().map(|call| call.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    assert_eq!(seen[1].fault, Some(FaultKind::Before));
    assert_eq!(seen[2].fault, None);
    assert!(seen.iter().all(|call| call.operation == Operation::ClaimTimers));
}

#[test]
fn off_is_off_until_it_is_on_again() {
    let world = World::new(1);
    world.faults.set_rate(FaultKind::Before, 1000);
    world.faults.set_rate(FaultKind::Delay, 1000);
    world.faults.at_call(5, FaultKind::CrashBefore);
    world.faults.off();
    assert!(failures(&world, 10).is_empty());
    assert_eq!(world.runtime.elapsed(), Duration::ZERO);
    assert_eq!((world.faults.calls(), world.faults.total_injected()), (10, 0));
    world.faults.on();
    assert_eq!(failures(&world, 10).len(), 10);
    assert!(world.node.is_alive());
}

#[test]
fn random_faults_suit_their_operation_and_their_process() {
    let world = World::new(1);
    for kind in [FaultKind::ServerErrorBefore, FaultKind::ServerErrorAfter] {
        world.faults.set_rate(kind, 1000);
    }
    assert!(failures(&world, 10).is_empty(), "timers have no server errors");
    let homeless = Faults::new(1, Arc::<NodeRuntime>::clone(&world.node));
    homeless.set_rate(FaultKind::CrashBefore, 1000);
    let timers = timers(&homeless);
    assert!(world.answer(timers.claim(1, LEASE)).is_ok());
    assert_eq!(homeless.total_injected(), 0);
}

#[test]
fn every_operation_has_its_own_name() {
    let names: std::collections::BTreeSet<_> =
        Operation::ALL.iter().map(|operation| operation.name()).collect();
    assert_eq!(names.len(), Operation::ALL.len());
    assert_eq!(Operation::Commit.to_string(), "storage.commit");
    let ports: std::collections::BTreeSet<_> =
        Operation::ALL.iter().map(|operation| operation.port()).collect();
    assert_eq!(ports.into_iter().collect::<Vec<_>>(), ["bus", "gateway", "storage", "timers"]);
}
