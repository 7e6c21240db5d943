//! Which order tasks and sleeps take.

use std::collections::BTreeSet;

use futures_util::future::{Either, pending, select};
use tokio::sync::oneshot;

use super::*;

/// Three tasks on two nodes that take turns and sleep; what they did, and the trace.
fn a_run(seed: u64) -> (Vec<String>, u64) {
    let world = StepRuntime::new(seed);
    let log = Log::default();
    let nodes = [world.node(), world.node()];
    for (name, node) in [("a", &nodes[0]), ("b", &nodes[0]), ("c", &nodes[1])] {
        let (log, own) = (log.clone(), Arc::clone(node));
        node.spawn(Box::pin(async move {
            for round in 0..3 {
                log.note(format!("{name}{round}"));
                give_way().await;
                own.sleep(SECOND).await;
            }
        }));
    }
    world.run_for(SECOND * 10, MANY).unwrap();
    assert_eq!(world.tasks(), 0);
    (log.read(), world.trace_hash())
}

#[test]
fn the_seed_alone_decides_the_order() {
    let runs: Vec<_> = (0..50).map(a_run).collect();
    for (seed, run) in (0..50).zip(&runs) {
        assert_eq!(a_run(seed), *run, "seed {seed}");
    }
    let orders: BTreeSet<_> = runs.iter().map(|(order, _)| order).collect();
    assert!(orders.len() > 20, "only {} orders", orders.len());
    let traces: BTreeSet<_> = runs.iter().map(|(_, trace)| trace).collect();
    assert!(traces.len() >= orders.len(), "{} traces", traces.len());
}

/// Written down once: a change here would break every recorded seed.
#[test]
fn the_trace_of_a_seed_never_changes() {
    assert_eq!(a_run(7).1, 16_050_102_305_421_033_348);
}

#[test]
fn one_step_is_one_poll_and_time_stands_still() {
    let world = StepRuntime::new(1);
    let node = world.node();
    assert!(!world.step());
    let log = Log::default();
    let noted = log.clone();
    node.spawn(Box::pin(async move {
        noted.note("first");
        give_way().await;
        noted.note("second");
    }));
    assert!(log.read().is_empty(), "spawning polls nothing");
    assert!(world.step());
    assert_eq!(log.read(), ["first"]);
    assert_eq!(world.tasks(), 1);
    assert!(world.step());
    assert_eq!(log.read(), ["first", "second"]);
    assert_eq!((world.tasks(), world.steps()), (0, 2));
    assert!(!world.step());
    assert_eq!(world.elapsed(), Duration::ZERO);
}

#[test]
fn sleeps_end_in_the_order_of_their_ends_and_not_before() {
    let world = StepRuntime::new(3);
    let node = world.node();
    let log = Log::default();
    for seconds in [3, 1, 2] {
        let (log, own) = (log.clone(), Arc::clone(&node));
        node.spawn(Box::pin(async move {
            own.sleep(SECOND * seconds).await;
            log.note(format!("{seconds} at {:?}", own.elapsed()));
        }));
    }
    world.run_until_idle(MANY).unwrap();
    assert!(log.read().is_empty());
    assert_eq!(world.next_timer(), Some(SECOND));
    assert!(world.advance_to_next_timer());
    assert!(log.read().is_empty(), "advancing polls nothing");
    world.run_until_idle(MANY).unwrap();
    assert_eq!(log.read(), ["1 at 1s"]);
    world.run_for(SECOND * 9, MANY).unwrap();
    assert_eq!(log.read(), ["1 at 1s", "2 at 2s", "3 at 3s"]);
    assert_eq!(world.elapsed(), SECOND * 10);
    assert!(!world.advance_to_next_timer());
}

#[test]
fn everyone_who_sleeps_to_the_same_instant_wakes_at_it() {
    let orders: BTreeSet<_> = (0..50)
        .map(|seed| {
            let world = StepRuntime::new(seed);
            let node = world.node();
            let log = Log::default();
            for name in ["a", "b", "c"] {
                let (log, own) = (log.clone(), Arc::clone(&node));
                node.spawn(Box::pin(async move {
                    own.sleep(SECOND).await;
                    log.note(name);
                }));
            }
            world.run_for(SECOND, MANY).unwrap();
            assert_eq!(world.next_timer(), None);
            log.read()
        })
        .collect();
    assert_eq!(orders.len(), 6);
    assert!(orders.iter().all(|order| order.len() == 3));
}

#[test]
fn a_sleep_of_no_time_gives_way_and_needs_no_clock() {
    let world = StepRuntime::new(1);
    let node = world.node();
    let own = Arc::clone(&node);
    node.spawn(Box::pin(async move { own.sleep(Duration::ZERO).await }));
    assert!(world.step() && world.step());
    assert_eq!((world.tasks(), world.elapsed()), (0, Duration::ZERO));
}

#[test]
fn an_abandoned_sleep_leaves_no_timer() {
    let world = StepRuntime::new(1);
    let node = world.node();
    let (send, receive) = oneshot::channel::<()>();
    let own = Arc::clone(&node);
    node.spawn(Box::pin(async move {
        let sleep = own.sleep(SECOND);
        assert!(matches!(select(receive, sleep).await, Either::Left(_)));
        pending::<()>().await;
    }));
    world.run_until_idle(MANY).unwrap();
    assert_eq!(world.next_timer(), Some(SECOND));
    send.send(()).unwrap();
    world.run_until_idle(MANY).unwrap();
    assert_eq!(world.next_timer(), None);
}

#[test]
fn the_wall_clock_follows_virtual_time_and_nodes_count_from_their_start() {
    let world = StepRuntime::new(1);
    let clock = world.clock(Timestamp::EPOCH);
    world.run_for(SECOND * 5, MANY).unwrap();
    assert_eq!(clock.now(), Timestamp::from_millis(5_000));
    let node = world.node();
    world.run_for(SECOND, MANY).unwrap();
    assert_eq!(node.elapsed(), SECOND);
    assert_eq!(clock.now(), Timestamp::from_millis(6_000));
}
