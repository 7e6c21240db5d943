//! What a case works on: timers of which none is armed.

use std::sync::Arc;
use std::time::Duration;

use super::harness::{TimersHarness, TimersNamespace};
use crate::ports::{ClaimedWakeup, IdSource, Timers, Wakeup};
use crate::testing::conformance::unordered_ids::UnorderedIds;
use crate::testing::conformance::verdict::{fail, only, worked};
use crate::values::{OrderId, Timestamp, Version};

/// One case's timers.
#[derive(Debug)]
pub struct Scene {
    namespace: Box<dyn TimersNamespace>,
    ids: UnorderedIds,
}

impl Scene {
    /// Timers of which none is armed.
    pub async fn open(harness: &dyn TimersHarness) -> Self {
        Self { namespace: harness.open().await, ids: UnorderedIds::default() }
    }

    /// Ends the case: whatever is due can be claimed once every lease is over, and is gone when
    /// it is dealt with.
    pub async fn close(mut self) {
        // More rounds than any case needs: timers that never rest must not hang it.
        for _ in 0..100 {
            let claimed = self.claim(1000).await;
            if claimed.is_empty() {
                self.pass(2).await;
                let last = self.claim(1000).await;
                self.done_with(&last).await;
                if last.is_empty() {
                    return self.namespace.close().await;
                }
            }
            self.done_with(&claimed).await;
        }
        fail("what was dealt with comes again and again")
    }

    /// What the harness gave.
    pub fn namespace(&self) -> &dyn TimersNamespace {
        self.namespace.as_ref()
    }

    pub(super) fn timers(&self) -> Arc<dyn Timers> {
        self.namespace.timers()
    }

    pub(super) async fn now(&self) -> Timestamp {
        self.namespace.now().await
    }

    pub(super) fn tick(&self) -> Duration {
        self.namespace.tick()
    }

    /// Lets so many ticks pass.
    pub(super) async fn pass(&self, ticks: u32) {
        self.namespace.pass(self.tick().saturating_mul(ticks)).await;
    }

    /// A wake-up of an order that has no other.
    pub(super) fn wakeup(&self, at: Timestamp) -> Wakeup {
        let order = OrderId::from_uuid(self.ids.next());
        Wakeup { order, version: Version::FIRST, at }
    }

    pub(super) async fn arm(&self, wakeup: Wakeup) {
        worked(self.timers().arm(wakeup).await, "arm");
    }

    /// Arms a new wake-up for then.
    pub(super) async fn arm_at(&self, at: Timestamp) -> Wakeup {
        let wakeup = self.wakeup(at);
        self.arm(wakeup).await;
        wakeup
    }

    /// Claims what is due, for one tick.
    pub(super) async fn claim(&self, limit: usize) -> Vec<ClaimedWakeup> {
        let claimed = worked(self.timers().claim(limit, self.tick()).await, "claim");
        assert!(claimed.len() <= limit, "no more than {limit}: {claimed:?}");
        claimed
    }

    /// Claims the one that is due.
    pub(super) async fn claim_one(&self) -> ClaimedWakeup {
        only(self.claim(10).await, "the wake-up that is due")
    }

    pub(super) async fn nothing_is_due(&self) {
        assert_eq!(self.claim(10).await, [], "nothing is due");
    }

    pub(super) async fn done_with(&self, claimed: &[ClaimedWakeup]) {
        for wakeup in claimed {
            worked(self.timers().done(*wakeup).await, "done");
        }
    }
}
