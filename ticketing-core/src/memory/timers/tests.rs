use uuid::Uuid;

use super::*;
use crate::testing::ManualClock;
use crate::testing::builders::START;
use crate::values::Version;

const SECOND: Duration = Duration::from_secs(1);
const LEASE: Duration = Duration::from_secs(30);

fn timers() -> (ManualClock, MemoryTimers) {
    let clock = ManualClock::new(START);
    let timers = MemoryTimers::with_clock(Arc::new(clock.clone()));
    (clock, timers)
}

fn wakeup(order: u128, at: Timestamp) -> Wakeup {
    Wakeup { order: OrderId::from_uuid(Uuid::from_u128(order)), version: Version::FIRST, at }
}

async fn claim(timers: &MemoryTimers) -> Vec<Wakeup> {
    let claimed = timers.claim(10, LEASE).await.unwrap();
    claimed.into_iter().map(|claimed| claimed.wakeup).collect()
}

#[tokio::test]
async fn what_is_due_comes_earliest_first() {
    let (clock, timers) = timers();
    let (early, late) = (wakeup(2, START.plus(SECOND)), wakeup(1, START.plus(2 * SECOND)));
    for wakeup in [late, early] {
        timers.arm(wakeup).await.unwrap();
    }
    assert_eq!(claim(&timers).await, []);
    clock.advance(SECOND);
    assert_eq!(claim(&timers).await, [early]);
    clock.advance(LEASE);
    let one = timers.claim(1, LEASE).await.unwrap();
    assert_eq!(one[0].wakeup, early);
    assert_eq!(claim(&timers).await, [late]);
}

#[tokio::test]
async fn a_claim_lasts_as_long_as_its_lease() {
    let (clock, timers) = timers();
    timers.arm(wakeup(1, START)).await.unwrap();
    let first = timers.claim(1, LEASE).await.unwrap().remove(0);
    clock.set(START.plus(LEASE).minus(SECOND));
    assert_eq!(claim(&timers).await, []);
    clock.advance(SECOND);
    let second = timers.claim(1, LEASE).await.unwrap().remove(0);
    assert_ne!(first.epoch, second.epoch);
    timers.done(first).await.unwrap();
    clock.advance(LEASE);
    assert_eq!(claim(&timers).await, [wakeup(1, START)]);
}

#[tokio::test]
async fn what_is_done_does_not_wake_again() {
    let (clock, timers) = timers();
    timers.arm(wakeup(1, START)).await.unwrap();
    let claimed = timers.claim(1, LEASE).await.unwrap().remove(0);
    timers.done(claimed).await.unwrap();
    clock.advance(2 * LEASE);
    assert_eq!(claim(&timers).await, []);
    // Armed again under another claim, the old one must not end it.
    timers.arm(wakeup(1, START)).await.unwrap();
    timers.claim(1, LEASE).await.unwrap();
    timers.done(claimed).await.unwrap();
    clock.advance(LEASE);
    assert_eq!(claim(&timers).await, [wakeup(1, START)]);
}

#[tokio::test]
async fn arming_again_moves_the_wakeup_and_ends_the_claim() {
    let (clock, timers) = timers();
    timers.arm(wakeup(1, START)).await.unwrap();
    let claimed = timers.claim(1, LEASE).await.unwrap().remove(0);
    let moved = wakeup(1, START.plus(SECOND));
    timers.arm(moved).await.unwrap();
    timers.done(claimed).await.unwrap();
    assert_eq!(claim(&timers).await, []);
    clock.advance(SECOND);
    assert_eq!(claim(&timers).await, [moved]);
}
