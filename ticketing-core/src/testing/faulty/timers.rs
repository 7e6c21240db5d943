//! Timers that fail when they are told to.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::ports::{ClaimedWakeup, PortError, Timers, Wakeup};
use crate::testing::faulty::{Faults, Operation};

/// [`Timers`] that fail when their plan says so. Whatever fails is unavailable.
#[derive(Debug, Clone)]
pub struct FaultyTimers {
    inner: Arc<dyn Timers>,
    faults: Faults,
}

impl FaultyTimers {
    /// Stands before `inner`.
    pub fn new(inner: Arc<dyn Timers>, faults: &Faults) -> Self {
        let faults = faults.clone();
        Self { inner, faults }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Timers for FaultyTimers {
    async fn arm(&self, wakeup: Wakeup) -> Result<(), PortError> {
        let call = || self.inner.arm(wakeup);
        self.faults.around_port(Operation::ArmTimer, call).await
    }

    async fn claim(&self, limit: usize, lease: Duration) -> Result<Vec<ClaimedWakeup>, PortError> {
        let call = || self.inner.claim(limit, lease);
        self.faults.around_port(Operation::ClaimTimers, call).await
    }

    async fn done(&self, claimed: ClaimedWakeup) -> Result<(), PortError> {
        let call = || self.inner.done(claimed);
        self.faults.around_port(Operation::TimerDone, call).await
    }
}
