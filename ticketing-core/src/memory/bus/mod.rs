//! A bus within one process: bounded, and as unreliable as it is told to be.
//!
//! ```text
//! publish -> [mischief] -> the queue of each group  -> one of its members -> acknowledged
//!                     |                 ^------------------- dropped ---------'
//!                     '-> the queue of each listener -> that listener
//! ```
//!
//! A real bus loses, repeats and reorders now and then, and what was tested on a perfect one
//! breaks there. [`MemoryBus::set_mischief`] makes this one do so all the time, by a seed.

mod mischief;
mod queue;
mod stream;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::Notify;

pub use mischief::{Mischief, MischiefDone};

use self::mischief::Chance;
use self::queue::Queue;
use self::stream::{Source, Stream};
use crate::domain::envelope::Event;
use crate::ports::error::{PortError, PortErrorKind};
use crate::ports::event_bus::{EventBus, EventStream, Subscription};

/// An [`EventBus`] in memory. Clones are the same bus.
///
/// A group is remembered from its first subscription on: what is published while no member
/// listens waits for one, up to the bus's capacity. When a group is full, an event is refused as
/// unavailable and no group gets it, so that the publisher tries again later. A delivery that is
/// dropped goes to the end of its group's queue, at once: whoever can't deal with an event waits
/// before dropping it. A listener to everything that falls behind loses the oldest.
///
/// ```
/// use ticketing_core::memory::MemoryBus;
/// use ticketing_core::ports::{EventBus, Subscription};
/// # use ticketing_core::testing::builders::an_event;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let bus = MemoryBus::new();
/// let mut orders = bus.subscribe(Subscription::Group("orders".to_owned())).await?;
/// let event = an_event();
/// bus.publish(&[event.clone()]).await;
/// let delivery = orders.next().await.expect("the bus is open");
/// assert_eq!(delivery.event, event);
/// delivery.receipt.acknowledge().await?;
/// # Ok::<(), ticketing_core::ports::PortError>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct MemoryBus {
    shared: Arc<Shared>,
}

struct Shared {
    capacity: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    closed: bool,
    groups: BTreeMap<String, Queue>,
    listeners: BTreeMap<u64, Queue>,
    last_listener: u64,
    chance: Option<Chance>,
}

impl MemoryBus {
    /// How many events each group and each listener may leave waiting, unless told otherwise.
    pub const CAPACITY: usize = 16_384;

    /// A bus without subscribers, which does what it should.
    pub fn new() -> Self {
        Self::with_capacity(Self::CAPACITY)
    }

    /// A bus whose groups and listeners may leave so many events waiting each, at least one.
    pub fn with_capacity(capacity: usize) -> Self {
        let shared = Shared { capacity: capacity.max(1), state: Mutex::default() };
        Self { shared: Arc::new(shared) }
    }

    /// From now on the bus misbehaves like that, or no more. The same seed does the same to the
    /// same calls.
    pub fn set_mischief(&self, mischief: Option<Mischief>) {
        self.shared.state().chance = mischief.map(Chance::new);
    }

    /// What came of the mischief that was set last.
    pub fn mischief_done(&self) -> MischiefDone {
        self.shared.state().chance.as_ref().map(Chance::done).unwrap_or_default()
    }

    /// Ends every stream, now and in future. What waits is lost with the bus.
    pub fn shutdown(&self) {
        let mut state = self.shared.state();
        state.closed = true;
        for queue in state.groups.values().chain(state.listeners.values()) {
            queue.wake();
        }
    }
}

impl Default for MemoryBus {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state();
        f.debug_struct("MemoryBus")
            .field("closed", &state.closed)
            .field("groups", &state.groups)
            .field("listeners", &state.listeners.len())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl EventBus for MemoryBus {
    async fn publish(&self, events: &[Event]) -> Vec<Result<(), PortError>> {
        let mut state = self.shared.state();
        let published = events.iter().map(|event| state.publish(event));
        published.collect()
    }

    async fn subscribe(
        &self,
        subscription: Subscription,
    ) -> Result<Box<dyn EventStream>, PortError> {
        let mut state = self.shared.state();
        if state.closed {
            return Err(PortError::new(PortErrorKind::Closed, "subscribe"));
        }
        let (source, arrived) = state.subscribe(subscription, self.shared.capacity);
        Ok(Box::new(Stream { shared: Arc::clone(&self.shared), source, arrived }))
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn publish(&mut self, event: &Event) -> Result<(), PortError> {
        if self.closed {
            return Err(PortError::new(PortErrorKind::Closed, "publish"));
        }
        if self.groups.values().any(Queue::is_full) {
            return Err(PortError::unavailable("publish"));
        }
        if self.groups.is_empty() && self.listeners.is_empty() {
            return Ok(());
        }
        let event = Arc::new(event.clone());
        let Self { groups, listeners, chance, .. } = self;
        for queue in groups.values_mut() {
            queue.offer(&event, chance.as_mut());
        }
        for queue in listeners.values_mut() {
            queue.make_room();
            queue.offer(&event, chance.as_mut());
        }
        Ok(())
    }

    fn subscribe(&mut self, subscription: Subscription, capacity: usize) -> (Source, Arc<Notify>) {
        match subscription {
            Subscription::Group(name) => {
                let queue = self.groups.entry(name.clone());
                let arrived = queue.or_insert_with(|| Queue::new(capacity)).arrived();
                (Source::Group(name), arrived)
            }
            Subscription::Everyone => {
                self.last_listener = self.last_listener.saturating_add(1);
                let queue = Queue::new(capacity);
                let arrived = queue.arrived();
                self.listeners.insert(self.last_listener, queue);
                (Source::Listener(self.last_listener), arrived)
            }
        }
    }
}
