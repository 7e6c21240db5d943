//! Who has a wake-up in hand, and for how long.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::scene::Scene;
use crate::ports::{ClaimedWakeup, Wakeup};
use crate::testing::conformance::parallel::parallel;
use crate::testing::conformance::verdict::worked;
use crate::values::{OrderId, Version};

/// A claimed wake-up is not given out again while its lease runs, and again after it, to one who
/// counts the claim.
pub async fn a_claim_is_a_lease(scene: &Scene) {
    let wakeup = scene.arm_at(scene.now().await).await;
    let first = scene.claim_one().await;
    scene.nothing_is_due().await;
    scene.pass(2).await;
    let second = scene.claim_one().await;
    assert_eq!((first.wakeup, second.wakeup), (wakeup, wakeup));
    assert!(second.epoch > first.epoch, "the claim is counted: {first:?}, {second:?}");
}

/// A wake-up that was dealt with never comes again, and dealing with it twice is no error.
pub async fn what_is_done_never_comes_again(scene: &Scene) {
    scene.arm_at(scene.now().await).await;
    let claimed = scene.claim_one().await;
    scene.done_with(&[claimed, claimed]).await;
    scene.pass(2).await;
    scene.nothing_is_due().await;
}

/// Whoever lost the lease can't finish the wake-up for the one who has it.
pub async fn a_late_claimer_finishes_nothing(scene: &Scene) {
    scene.arm_at(scene.now().await).await;
    let slow = scene.claim_one().await;
    scene.pass(2).await;
    let quick = scene.claim_one().await;
    scene.done_with(&[slow]).await;
    scene.pass(2).await;
    let again = scene.claim_one().await;
    assert_eq!(again.wakeup, quick.wakeup, "it was not finished");
    scene.done_with(&[slow, quick, again]).await;
    scene.pass(2).await;
    scene.nothing_is_due().await;
}

/// A wake-up that was armed anew since it was claimed is another one: the claimer of the old one
/// can't finish it, and it comes at its own time, whatever the lease.
pub async fn arming_anew_ends_the_claim(scene: &Scene) {
    let old = scene.arm_at(scene.now().await).await;
    let claimed = scene.claim_one().await;
    let at = scene.now().await;
    let new = Wakeup { version: Version::new(1), at, ..old };
    scene.arm(new).await;
    scene.done_with(&[claimed]).await;
    assert_eq!(scene.claim_one().await.wakeup, new, "due although the old lease runs");
}

/// Nobody finishes what was never armed.
pub async fn an_unknown_wakeup_cannot_be_finished(scene: &Scene) {
    let wakeup = scene.wakeup(scene.now().await);
    scene.done_with(&[ClaimedWakeup { wakeup, epoch: 1 }]).await;
    scene.nothing_is_due().await;
}

/// Claimers that come at the same time get wake-ups that no other one gets, and all of them.
pub async fn wakeups_are_leased_to_one_claimer_each(scene: &Scene) {
    let now = scene.now().await;
    let mut armed = BTreeSet::new();
    for _ in 0..40 {
        armed.insert(scene.arm_at(now).await.order);
    }
    let mut claimers = Vec::new();
    let lease = scene.tick().saturating_mul(1000);
    for number in 0..8 {
        let timers = match number % 2 {
            0 => scene.timers(),
            _ => scene.namespace().second().await,
        };
        claimers.push(async move {
            let mut claimed = Vec::new();
            loop {
                let more = worked(Arc::clone(&timers).claim(3, lease).await, "claim");
                if more.is_empty() {
                    return claimed;
                }
                claimed.extend(more);
            }
        });
    }
    let claimed = parallel(claimers).await.concat();
    let distinct: BTreeSet<OrderId> = claimed.iter().map(|it| it.wakeup.order).collect();
    assert_eq!(distinct.len(), claimed.len(), "no wake-up is leased twice");
    assert_eq!(distinct, armed, "every one is leased");
    scene.done_with(&claimed).await;
}
