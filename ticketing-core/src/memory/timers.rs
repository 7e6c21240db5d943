//! Wake-ups in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::ports::clock::{Clock, SystemClock};
use crate::ports::error::PortError;
use crate::ports::timers::{ClaimedWakeup, Timers, Wakeup};
use crate::values::{OrderId, Timestamp};

/// A [`Timers`] in memory. Clones are the same timers.
///
/// ```
/// use std::time::Duration;
/// use ticketing_core::memory::MemoryTimers;
/// use ticketing_core::ports::{Timers, Wakeup};
/// use ticketing_core::values::{OrderId, Timestamp, Version};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let timers = MemoryTimers::new();
/// # let order = OrderId::from_uuid(uuid::Uuid::from_u128(1));
/// timers.arm(Wakeup { order, version: Version::FIRST, at: Timestamp::EPOCH }).await?;
/// let due = timers.claim(10, Duration::from_secs(30)).await?;
/// assert_eq!(due.len(), 1);
/// # Ok::<(), ticketing_core::ports::PortError>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct MemoryTimers {
    clock: Arc<dyn Clock>,
    armed: Arc<Mutex<Armed>>,
}

#[derive(Default)]
struct Armed {
    wakeups: BTreeMap<OrderId, Row>,
    by_time: BTreeSet<(Timestamp, OrderId)>,
    /// Counts over all orders, so that a wake-up that is done and armed again never repeats one.
    epoch: u64,
}

struct Row {
    wakeup: Wakeup,
    epoch: u64,
    leased_until: Option<Timestamp>,
}

impl MemoryTimers {
    /// Timers by the system's clock.
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }

    /// Timers by this clock.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self { clock, armed: Arc::default() }
    }

    fn armed(&self) -> MutexGuard<'_, Armed> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryTimers {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryTimers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryTimers")
            .field("armed", &self.armed().wakeups.len())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Timers for MemoryTimers {
    async fn arm(&self, wakeup: Wakeup) -> Result<(), PortError> {
        self.armed().arm(wakeup);
        Ok(())
    }

    async fn claim(&self, limit: usize, lease: Duration) -> Result<Vec<ClaimedWakeup>, PortError> {
        let mut armed = self.armed();
        Ok(armed.claim(limit, lease, self.clock.now()))
    }

    async fn done(&self, claimed: ClaimedWakeup) -> Result<(), PortError> {
        self.armed().done(claimed);
        Ok(())
    }
}

impl Armed {
    fn arm(&mut self, wakeup: Wakeup) {
        let row = Row { wakeup, epoch: self.next_epoch(), leased_until: None };
        if let Some(before) = self.wakeups.insert(wakeup.order, row) {
            self.by_time.remove(&(before.wakeup.at, wakeup.order));
        }
        self.by_time.insert((wakeup.at, wakeup.order));
    }

    fn claim(&mut self, limit: usize, lease: Duration, now: Timestamp) -> Vec<ClaimedWakeup> {
        let due = self.by_time.iter().take_while(|(at, _)| *at <= now);
        let free = due.map(|(_, order)| *order).filter(|order| {
            let row = self.wakeups.get(order);
            row.is_some_and(|row| row.leased_until.is_none_or(|until| until <= now))
        });
        let free: Vec<OrderId> = free.take(limit).collect();
        free.into_iter().filter_map(|order| self.lease(order, now.plus(lease))).collect()
    }

    fn lease(&mut self, order: OrderId, until: Timestamp) -> Option<ClaimedWakeup> {
        let epoch = self.next_epoch();
        let row = self.wakeups.get_mut(&order)?;
        row.epoch = epoch;
        row.leased_until = Some(until);
        Some(ClaimedWakeup { wakeup: row.wakeup, epoch })
    }

    fn done(&mut self, claimed: ClaimedWakeup) {
        let order = claimed.wakeup.order;
        let row = self.wakeups.get(&order);
        if row.is_some_and(|row| row.epoch == claimed.epoch) {
            self.wakeups.remove(&order);
            self.by_time.remove(&(claimed.wakeup.at, order));
        }
    }

    fn next_epoch(&mut self) -> u64 {
        self.epoch = self.epoch.saturating_add(1);
        self.epoch
    }
}

#[cfg(test)]
mod tests;
