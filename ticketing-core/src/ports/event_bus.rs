//! How services tell each other what happened.

use std::fmt;

use async_trait::async_trait;

use crate::domain::envelope::Event;
use crate::ports::error::PortError;

/// A bus for events.
///
/// # Contract
/// A **hint**. At least once where it can be, but it may lose, repeat and reorder: the storage
/// is the truth, consumers keep the highest version they saw of an aggregate, and what they do
/// may be done twice.
///
/// Publishing is confirmed one by one: `Ok` means that the bus has taken the event over. If a
/// future is dropped, its call may have happened or not.
///
/// ```
/// use ticketing_core::memory::MemoryBus;
/// use ticketing_core::ports::{EventBus, Subscription};
/// # use ticketing_core::testing::builders::an_event;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), ticketing_core::ports::PortError> {
/// let bus = MemoryBus::new();
/// let mut mails = bus.subscribe(Subscription::Group("mails".to_owned())).await?;
/// # let event = an_event();
///
/// for taken_over in bus.publish(&[event.clone()]).await {
///     taken_over?;
/// }
/// let delivery = mails.next().await.expect("the bus was not shut down");
/// assert_eq!(delivery.event, event);
/// drop(delivery);
///
/// let again = mails.next().await.expect("the bus was not shut down");
/// assert_eq!(again.event, event, "nobody had acknowledged it");
/// again.receipt.acknowledge().await?;
/// # Ok(())
/// # }
/// ```
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait EventBus: fmt::Debug + Send + Sync + 'static {
    /// Publishes `events` in this order; one result for each, in the same order.
    ///
    /// An error with [`Retry::Never`](crate::ports::Retry::Never) means that this event will
    /// never be taken: it is put aside as a dead letter and blocks nothing else.
    async fn publish(&self, events: &[Event]) -> Vec<Result<(), PortError>>;

    /// Subscribes. The stream reconnects by itself for as long as it is held.
    async fn subscribe(
        &self,
        subscription: Subscription,
    ) -> Result<Box<dyn EventStream>, PortError>;

    /// How often, since it was opened, the bus may have forgotten what it had confirmed: its server
    /// was away and is back, or began anew. When the number has grown, the relay publishes the last
    /// minutes again.
    ///
    /// A bus that never leaves its process forgets nothing that anybody still waits for.
    fn interruptions(&self) -> u64 {
        0
    }
}

/// Who gets an event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subscription {
    /// One member of the group gets it, and the group is remembered while no member listens.
    Group(String),
    /// Every subscriber gets it, from now on; nothing is kept for one that is away.
    Everyone,
}

/// The events of one subscription.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait EventStream: fmt::Debug + Send {
    /// The next event. `None` when the bus was shut down.
    ///
    /// Dropping the future loses nothing: an event that was not handed over comes again.
    async fn next(&mut self) -> Option<Delivery>;
}

/// An event, and the means to say that it was dealt with.
#[derive(Debug)]
pub struct Delivery {
    /// The event.
    pub event: Event,
    /// Tells the bus. A delivery that is dropped instead comes again to its group.
    pub receipt: Box<dyn Acknowledge>,
}

/// Tells the bus that an event was dealt with.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Acknowledge: fmt::Debug + Send + Sync {
    /// The effect is durable: this group need not see the event again.
    async fn acknowledge(self: Box<Self>) -> Result<(), PortError>;
}
