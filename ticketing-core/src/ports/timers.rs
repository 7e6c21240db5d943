//! Wake-ups for deadlines.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::ports::error::PortError;
use crate::values::{OrderId, Timestamp, Version};

/// A set of wake-ups, shared by every process of a deployment.
///
/// # Contract
/// A **hint**. Wake-ups may be lost, repeated, early and late; the deadline is a column of the
/// order, and a sweep over the storage finds whatever was never woken. Losing all of them costs
/// seconds, never correctness.
///
/// A claimed wake-up belongs to its claimer until the lease ends; then another may claim it. If
/// a future is dropped, its call may have happened or not.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use ticketing_core::memory::MemoryTimers;
/// use ticketing_core::ports::{Timers, Wakeup};
/// use ticketing_core::testing::ManualClock;
/// use ticketing_core::values::{OrderId, Timestamp, Version};
/// # use uuid::Uuid;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), ticketing_core::ports::PortError> {
/// # let order = OrderId::from_uuid(Uuid::from_u128(1));
/// let clock = ManualClock::new(Timestamp::EPOCH);
/// let timers = MemoryTimers::with_clock(Arc::new(clock.clone()));
/// let lease = Duration::from_secs(10);
///
/// let deadline = Timestamp::EPOCH.plus(Duration::from_mins(15));
/// timers.arm(Wakeup { order, version: Version::FIRST, at: deadline }).await?;
/// assert!(timers.claim(256, lease).await?.is_empty(), "too early");
///
/// clock.advance(Duration::from_mins(15));
/// let claimed = timers.claim(256, lease).await?;
/// assert_eq!(claimed.len(), 1);
/// assert!(timers.claim(256, lease).await?.is_empty(), "somebody has it");
/// for wakeup in claimed {
///     timers.done(wakeup).await?;
/// }
/// # Ok(())
/// # }
/// ```
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Timers: fmt::Debug + Send + Sync + 'static {
    /// Wakes for `wakeup.order` at `wakeup.at`. Arming the same order again moves its wake-up.
    async fn arm(&self, wakeup: Wakeup) -> Result<(), PortError>;

    /// Up to `limit` wake-ups whose time has come, earliest first, leased to the caller.
    async fn claim(&self, limit: usize, lease: Duration) -> Result<Vec<ClaimedWakeup>, PortError>;

    /// The wake-up is dealt with. Nothing happens if it was armed or claimed anew since.
    async fn done(&self, claimed: ClaimedWakeup) -> Result<(), PortError>;
}

/// An order's deadline, as of a version of the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wakeup {
    /// Whose.
    pub order: OrderId,
    /// The version that set the deadline.
    pub version: Version,
    /// When.
    pub at: Timestamp,
}

/// A wake-up in the hands of one claimer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimedWakeup {
    /// What to wake.
    pub wakeup: Wakeup,
    /// Counts the claims, so that a late claimer can't finish another's.
    pub epoch: u64,
}
