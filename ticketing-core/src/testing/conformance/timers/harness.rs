//! What an adapter gives to the suite: timers for each case, and a hand on their time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::ports::Timers;
use crate::values::Timestamp;

/// Opens timers for the suite.
#[async_trait]
pub trait TimersHarness: fmt::Debug + Send + Sync {
    /// Opens timers that no other case sees, with none armed.
    async fn open(&self) -> Box<dyn TimersNamespace>;
}

/// One case's timers. Whatever they keep goes away with this.
#[async_trait]
pub trait TimersNamespace: fmt::Debug + Send + Sync {
    /// The timers.
    fn timers(&self) -> Arc<dyn Timers>;

    /// Another connection to the same timers, as another process has one; the same handle where
    /// they live within one process.
    async fn second(&self) -> Arc<dyn Timers> {
        self.timers()
    }

    /// Removes what the case kept, after it has passed. What a failed case kept goes when this is
    /// dropped, or stays to be looked at.
    async fn close(&mut self) {}

    /// The time that the timers go by.
    async fn now(&self) -> Timestamp;

    /// Lets at least `duration` of that time go by: moves the clock that the timers were given,
    /// or really waits.
    async fn pass(&self, duration: Duration);

    /// A time so long that a few calls in a row surely take less. Cases lease for one tick, and
    /// let two pass to end a lease. A harness that really waits wants it short.
    fn tick(&self) -> Duration {
        Duration::from_secs(10)
    }
}
