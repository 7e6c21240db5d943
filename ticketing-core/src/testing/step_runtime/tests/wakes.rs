//! Who wakes whom.

use futures_util::FutureExt;
use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{Mutex as AsyncMutex, Notify, Semaphore, mpsc, oneshot, watch};

use super::*;

#[test]
fn a_waker_that_outlives_its_task_wakes_nobody() {
    let world = StepRuntime::new(5);
    let node = world.node();
    let (send, receive) = oneshot::channel::<()>();
    let kept: Arc<Mutex<Option<Waker>>> = Arc::default();
    let keep = Arc::clone(&kept);
    node.spawn(Box::pin(async move {
        std::future::poll_fn(|context| {
            *keep.lock().unwrap() = Some(context.waker().clone());
            Poll::Ready(())
        })
        .await;
        receive.await.unwrap();
    }));
    world.run_until_idle(MANY).unwrap();
    node.crash();
    assert!(send.send(()).is_err());
    let waker = kept.lock().unwrap().take().unwrap();
    waker.wake_by_ref();
    assert!(!world.step());
    drop(world);
    waker.wake();
}

#[test]
fn no_wake_is_lost_whatever_carries_it() {
    for seed in 0..200 {
        let world = StepRuntime::new(seed);
        let nodes = [world.node(), world.node(), world.node()];
        let (send, mut receive) = mpsc::channel::<u32>(2);
        let permits = Arc::new(Semaphore::new(2));
        let total = Arc::new(AsyncMutex::new(0_u32));
        let done = Arc::new(Notify::new());
        for node in &nodes {
            let (send, permits) = (send.clone(), Arc::clone(&permits));
            node.spawn(Box::pin(async move {
                for number in 0..10 {
                    let _permit = permits.acquire().await.unwrap();
                    send.send(number).await.unwrap();
                    give_way().await;
                }
            }));
        }
        drop(send);
        let (sum, finished) = (Arc::clone(&total), Arc::clone(&done));
        nodes[0].spawn(Box::pin(async move {
            while let Some(number) = receive.recv().await {
                *sum.lock().await += number;
            }
            finished.notify_one();
        }));
        world.block_on(done.notified(), MANY).unwrap();
        assert_eq!(*total.try_lock().unwrap(), 3 * 45, "seed {seed}");
        world.run_until_idle(MANY).unwrap();
        assert_eq!(world.tasks(), 0, "seed {seed}");
    }
}

#[test]
fn futures_within_one_task_are_woken_through_it() {
    for seed in 0..50 {
        let world = StepRuntime::new(seed);
        let node = world.node();
        let (change, seen) = watch::channel(0_u32);
        let own = Arc::clone(&node);
        node.spawn(Box::pin(async move {
            for number in 1..=5 {
                own.sleep(SECOND).await;
                change.send_replace(number);
            }
        }));
        let waits = (1..=5).map(|wanted| {
            let mut seen = seen.clone();
            async move { *seen.wait_for(|number| *number >= wanted).await.unwrap() }
        });
        let mut waits: FuturesUnordered<_> = waits.collect();
        let all = async {
            let mut numbers = Vec::new();
            while let Some(number) = waits.next().await {
                numbers.push(number);
            }
            numbers
        };
        assert_eq!(world.block_on(all, MANY).unwrap(), [1, 2, 3, 4, 5]);
        assert_eq!(world.elapsed(), SECOND * 5);
    }
}

#[test]
fn a_task_may_be_woken_by_another_and_by_itself_at_once() {
    let world = StepRuntime::new(9);
    let node = world.node();
    let gate = Arc::new(Notify::new());
    let (opener, waiter) = (Arc::clone(&gate), Arc::clone(&gate));
    node.spawn(Box::pin(async move {
        let ways = [give_way().boxed(), async move { waiter.notified().await }.boxed()];
        join_all(ways).await;
    }));
    node.spawn(Box::pin(async move { opener.notify_one() }));
    world.run_until_idle(MANY).unwrap();
    assert_eq!(world.tasks(), 0);
    assert!(world.steps() <= 4, "woken twice is polled once");
}

#[test]
fn a_task_that_is_woken_twice_is_polled_once() {
    let world = StepRuntime::new(9);
    let node = world.node();
    let kept: Arc<Mutex<Option<Waker>>> = Arc::default();
    let keep = Arc::clone(&kept);
    node.spawn(Box::pin(std::future::poll_fn(move |context| {
        *keep.lock().unwrap() = Some(context.waker().clone());
        Poll::Pending
    })));
    world.run_until_idle(MANY).unwrap();
    let waker = kept.lock().unwrap().clone().unwrap();
    waker.wake_by_ref();
    waker.wake();
    assert!(world.step());
    assert!(!world.step());
}
