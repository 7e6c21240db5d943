//! How tasks end before their time.

use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_util::FutureExt;
use futures_util::future::pending;
use tokio::sync::oneshot;

use super::*;

#[test]
fn a_crash_drops_tasks_where_they_wait_and_nothing_else() {
    let world = StepRuntime::new(5);
    let (doomed, other) = (world.node(), world.node());
    assert_eq!((doomed.id(), other.id()), (1, 2));
    let log = Log::default();
    for (node, guard, end) in
        [(&doomed, "doomed dropped", "doomed went on"), (&other, "other dropped", "other went on")]
    {
        let (log, own) = (log.clone(), Arc::clone(node));
        node.spawn(Box::pin(async move {
            let _guard = Guard(log.clone(), guard);
            own.sleep(SECOND).await;
            log.note(end);
        }));
    }
    world.run_until_idle(MANY).unwrap();
    world.crash(&doomed);
    assert_eq!(log.read(), ["doomed dropped"]);
    assert!(!doomed.is_alive() && other.is_alive());
    assert_eq!(world.tasks(), 1);
    world.run_for(SECOND * 2, MANY).unwrap();
    assert_eq!(log.read(), ["doomed dropped", "other went on", "other dropped"]);
}

#[test]
fn a_crashed_node_starts_nothing_and_its_sleeps_never_end() {
    let world = StepRuntime::new(5);
    let node = world.node();
    node.crash();
    node.crash();
    let log = Log::default();
    let guard = Guard(log.clone(), "dropped");
    node.spawn(Box::pin(async move {
        guard.0.note("polled");
    }));
    assert_eq!(log.read(), ["dropped"]);
    assert_eq!((world.tasks(), world.step()), (0, false));
    let slept = world.block_on(node.sleep(Duration::ZERO), MANY);
    assert!(matches!(slept, Err(Stuck::Deadlock { .. })));
    assert_ne!(world.node().id(), node.id());
}

#[test]
fn a_sleep_that_began_before_the_crash_never_ends_either() {
    let world = StepRuntime::new(5);
    let node = world.node();
    let mut sleep = node.sleep(SECOND);
    assert!(sleep.as_mut().now_or_never().is_none());
    node.crash();
    assert_eq!(world.next_timer(), None);
    world.run_for(SECOND * 2, MANY).unwrap();
    assert!(sleep.as_mut().now_or_never().is_none());
}

#[test]
fn a_task_that_crashes_its_own_node_is_dropped_at_its_next_await() {
    let world = StepRuntime::new(5);
    let node = world.node();
    let log = Log::default();
    let (own, noted) = (Arc::clone(&node), log.clone());
    node.spawn(Box::pin(async move {
        let _guard = Guard(noted.clone(), "dropped");
        own.crash();
        noted.note("still in the same poll");
        give_way().await;
        noted.note("went on");
    }));
    world.run_until_idle(MANY).unwrap();
    assert_eq!(log.read(), ["still in the same poll", "dropped"]);
    assert_eq!((world.tasks(), world.steps()), (0, 1));
}

/// The drop of a task runs its own code, which may wake, spawn, and crash.
#[test]
fn what_a_crash_drops_may_use_the_scheduler() {
    struct Busy(Arc<NodeRuntime>, Arc<NodeRuntime>, Option<oneshot::Sender<()>>);
    impl Drop for Busy {
        fn drop(&mut self) {
            self.0.spawn(Box::pin(async {}));
            self.1.spawn(Box::pin(async {}));
            self.2.take().unwrap().send(()).unwrap();
            self.0.crash();
        }
    }
    let world = StepRuntime::new(5);
    let (doomed, other) = (world.node(), world.node());
    let (send, receive) = oneshot::channel();
    let busy = Busy(Arc::clone(&doomed), Arc::clone(&other), Some(send));
    doomed.spawn(Box::pin(async move {
        let _busy = busy;
        pending::<()>().await;
    }));
    let log = Log::default();
    let noted = log.clone();
    other.spawn(Box::pin(async move {
        receive.await.unwrap();
        noted.note("told");
    }));
    world.run_until_idle(MANY).unwrap();
    doomed.crash();
    assert_eq!(world.tasks(), 2);
    world.run_until_idle(MANY).unwrap();
    assert_eq!(log.read(), ["told"]);
    assert_eq!(world.tasks(), 0);
}

#[test]
fn a_panic_reaches_the_stepper_and_ends_one_task() {
    let world = StepRuntime::new(7);
    let node = world.node();
    let log = Log::default();
    let guard = Guard(log.clone(), "dropped");
    node.spawn(Box::pin(async move {
        let _guard = guard;
        give_way().await;
        panic!("a bug");
    }));
    let noted = log.clone();
    node.spawn(Box::pin(async move {
        for _ in 0..10 {
            give_way().await;
        }
        noted.note("went on");
    }));
    let seen = catch_unwind(AssertUnwindSafe(|| world.run_until_idle(MANY)));
    assert_eq!(seen.unwrap_err().downcast_ref(), Some(&"a bug"));
    assert_eq!((world.tasks(), log.read()), (1, vec!["dropped".to_owned()]));
    world.run_until_idle(MANY).unwrap();
    assert_eq!((world.tasks(), log.read().len()), (0, 2));
}

#[test]
fn dropping_the_runtime_drops_every_task() {
    let log = Log::default();
    let world = StepRuntime::new(7);
    let nodes = [world.node(), world.node()];
    let alive = Arc::new(());
    for node in &nodes {
        let (own, alive) = (Arc::clone(node), Arc::clone(&alive));
        let guard = Guard(log.clone(), "dropped");
        node.spawn(Box::pin(async move {
            own.sleep(SECOND).await;
            drop((guard, alive));
        }));
    }
    world.run_until_idle(MANY).unwrap();
    drop(world);
    assert_eq!(log.read(), ["dropped", "dropped"]);
    assert_eq!(Arc::strong_count(&alive), 1);
    assert!(nodes.iter().all(|node| !node.is_alive()));
    assert_eq!(nodes.map(|node| Arc::strong_count(&node)), [1, 1]);
}

#[test]
fn a_task_that_crashes_another_node_leaves_it_dead_at_once() {
    for seed in 0..20 {
        let world = StepRuntime::new(seed);
        let (killer, victim) = (world.node(), world.node());
        let log = Log::default();
        for name in ["one", "two", "three"] {
            let noted = log.clone();
            victim.spawn(Box::pin(async move {
                for _ in 0..100 {
                    give_way().await;
                }
                noted.note(name);
            }));
        }
        let dead = Arc::clone(&victim);
        killer.spawn(Box::pin(async move {
            give_way().await;
            dead.crash();
            assert!(!dead.is_alive());
        }));
        world.run_until_idle(MANY).unwrap();
        assert!(log.read().is_empty(), "seed {seed}");
        assert_eq!(world.tasks(), 0, "seed {seed}");
    }
}

/// The last owner of a task that ended its own node is the poll that it is in.
#[test]
fn what_a_task_drops_after_its_own_crash_may_use_the_scheduler() {
    struct Spawns(Arc<NodeRuntime>);
    impl Drop for Spawns {
        fn drop(&mut self) {
            self.0.spawn(Box::pin(async {}));
        }
    }
    let world = StepRuntime::new(5);
    let (node, other) = (world.node(), world.node());
    let (own, spawns) = (Arc::clone(&node), Spawns(other));
    node.spawn(Box::pin(async move {
        let _spawns = spawns;
        own.crash();
        give_way().await;
    }));
    assert!(world.step());
    assert_eq!(world.tasks(), 1, "the other node's");
}

#[test]
fn nobody_of_a_crashed_node_is_ready() {
    let world = StepRuntime::new(5);
    let node = world.node();
    for _ in 0..3 {
        node.spawn(Box::pin(give_way()));
    }
    assert!(matches!(world.run_until_idle(0), Err(Stuck::OutOfSteps { .. })));
    node.crash();
    assert_eq!(world.run_until_idle(0), Ok(()));
}
