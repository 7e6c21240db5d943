//! When a wake-up comes.

use std::time::Duration;

use super::scene::Scene;
use crate::ports::Wakeup;
use crate::testing::conformance::verdict::{only, worked};
use crate::values::{Timestamp, Version};

/// A wake-up is not given out before its time, and as it was armed after it.
pub async fn a_wakeup_comes_at_its_time(scene: &Scene) {
    let at = scene.now().await.plus(scene.tick());
    let mut wakeup = scene.wakeup(at);
    wakeup.version = Version::new(7);
    scene.arm(wakeup).await;
    scene.nothing_is_due().await;
    scene.pass(1).await;
    assert_eq!(scene.claim_one().await.wakeup, wakeup);
}

/// A wake-up for a time that has passed is due at once; one for the end of time never is.
pub async fn the_past_is_due_and_the_end_of_time_is_not(scene: &Scene) {
    let long_ago = scene.arm_at(Timestamp::EPOCH).await;
    scene.arm_at(Timestamp::MAX).await;
    let just_now = scene.arm_at(scene.now().await).await;
    let due: Vec<Wakeup> = scene.claim(10).await.iter().map(|it| it.wakeup).collect();
    assert_eq!(due, [long_ago, just_now]);
    scene.pass(2).await;
    assert_eq!(scene.claim(10).await.len(), 2, "after the lease, and not the third");
}

/// Earliest first, exact to the microsecond, whatever the order in which they were armed; no more
/// than were asked for.
pub async fn wakeups_come_earliest_first(scene: &Scene) {
    let now = scene.now().await;
    let mut armed = Vec::new();
    for age in [5, 2, 9, 1, 7, 3, 8, 4, 6] {
        armed.push(scene.arm_at(now.minus(Duration::from_micros(age))).await);
    }
    armed.sort_by_key(|wakeup| wakeup.at);
    let mut due = Vec::new();
    for limit in [2, 3, 100] {
        due.extend(scene.claim(limit).await.iter().map(|claimed| claimed.wakeup));
    }
    assert_eq!(due, armed);
}

/// Arming an order again moves its wake-up, later or earlier, and it is one wake-up.
pub async fn arming_again_moves_it(scene: &Scene) {
    let now = scene.now().await;
    let first = scene.arm_at(now).await;
    let later = Wakeup { version: Version::new(1), at: now.plus(scene.tick()), ..first };
    scene.arm(later).await;
    scene.nothing_is_due().await;
    let sooner = Wakeup { version: Version::new(2), at: now, ..first };
    scene.arm(sooner).await;
    let claimed = scene.claim_one().await;
    assert_eq!(claimed.wakeup, sooner);
    scene.done_with(&[claimed]).await;
    scene.pass(2).await;
    scene.nothing_is_due().await;
}

/// A wake-up that was dealt with can be armed again.
pub async fn a_finished_wakeup_can_be_armed_again(scene: &Scene) {
    let wakeup = scene.arm_at(scene.now().await).await;
    let claimed = scene.claim_one().await;
    scene.done_with(&[claimed]).await;
    scene.arm(wakeup).await;
    let again = scene.claim_one().await;
    assert_eq!(again.wakeup, wakeup);
    // Whoever still holds the first claim has no say in the second.
    scene.done_with(&[claimed]).await;
    scene.pass(2).await;
    assert_eq!(scene.claim_one().await.wakeup, wakeup);
}

/// What one connection arms, another claims, and the first sees that it did.
pub async fn connections_share_the_wakeups(scene: &Scene) {
    let other = scene.namespace().second().await;
    let here = scene.arm_at(scene.now().await).await;
    let claimed = worked(other.claim(10, scene.tick()).await, "claim");
    let claimed = only(claimed, "the wake-up of the other connection");
    assert_eq!(claimed.wakeup, here);
    scene.nothing_is_due().await;
    worked(other.done(claimed).await, "done");
    scene.pass(2).await;
    scene.nothing_is_due().await;
}
