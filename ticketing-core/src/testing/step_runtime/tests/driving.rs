//! How far the methods that run many steps go.

use futures_util::future::pending;
use tokio::sync::oneshot;

use super::*;

#[test]
fn blocking_drives_tasks_and_time_until_the_answer_is_there() {
    let world = StepRuntime::new(1);
    let node = world.node();
    let (send, receive) = oneshot::channel();
    let own = Arc::clone(&node);
    node.spawn(Box::pin(async move {
        own.sleep(SECOND).await;
        send.send(42).unwrap();
    }));
    let borrowed = String::from("the answer needs no owner");
    let answer = async { (receive.await.unwrap(), borrowed.as_str()) };
    let answer = world.block_on(answer, MANY).unwrap();
    assert_eq!(answer, (42, "the answer needs no owner"));
    assert_eq!(world.elapsed(), SECOND);
}

#[test]
fn who_waits_for_nobody_is_told_so() {
    let world = StepRuntime::new(7);
    let node = world.node();
    node.spawn(Box::pin(pending()));
    let stuck = world.block_on(pending::<()>(), MANY).unwrap_err();
    let expected = Stuck::Deadlock { seed: 7, waiting: 1, at: Duration::ZERO };
    assert_eq!(stuck, expected);
    assert_eq!(stuck.to_string(), "seed 7: nothing can go on after 0ns, and 1 tasks wait");
    assert_eq!(world.run_until(|| false, MANY), Err(expected));
}

#[test]
fn who_never_rests_is_stopped() {
    let world = StepRuntime::new(7);
    let node = world.node();
    let own = Arc::clone(&node);
    node.spawn(Box::pin(async move {
        loop {
            give_way().await;
            own.sleep(Duration::ZERO).await;
        }
    }));
    let expected = Stuck::OutOfSteps { seed: 7, steps: 50, at: Duration::ZERO };
    assert_eq!(world.run_until_idle(50), Err(expected));
    assert_eq!(world.run_for(SECOND, 50), Err(expected));
    assert_eq!(world.run_until(|| false, 50), Err(expected));
    assert_eq!(world.block_on(pending::<()>(), 50), Err(expected));
}

#[test]
fn the_last_allowed_step_may_be_the_one_that_is_needed() {
    let world = StepRuntime::new(7);
    let node = world.node();
    node.spawn(Box::pin(give_way()));
    assert_eq!(world.run_until_idle(2), Ok(()));
    assert_eq!(world.run_until(|| true, 0), Ok(()));
    assert_eq!(world.block_on(async { 1 }, 1), Ok(1));
}

#[test]
fn running_until_something_holds_stops_right_there() {
    let world = StepRuntime::new(7);
    let node = world.node();
    let log = Log::default();
    let (noted, own) = (log.clone(), Arc::clone(&node));
    node.spawn(Box::pin(async move {
        loop {
            own.sleep(SECOND).await;
            noted.note("tick");
        }
    }));
    world.run_until(|| log.read().len() == 3, MANY).unwrap();
    assert_eq!((log.read().len(), world.elapsed()), (3, SECOND * 3));
}

#[test]
fn watchers_see_every_poll() {
    let world = StepRuntime::new(7);
    let node = world.node();
    let seen: Arc<Mutex<Vec<Step>>> = Arc::default();
    let keep = Arc::clone(&seen);
    world.on_step(move |step| keep.lock().unwrap().push(*step));
    world.block_on(node.sleep(SECOND), MANY).unwrap();
    node.spawn(Box::pin(give_way()));
    world.run_until_idle(MANY).unwrap();
    let step = |number, task, node, at| Step { number, task, node, at };
    let expected = [
        step(1, 0, 0, Duration::ZERO),
        step(2, 0, 0, SECOND),
        step(3, 1, 1, SECOND),
        step(4, 1, 1, SECOND),
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
}
