//! Expiration by timers, over the bus: quick where it works, and never needed.
//!
//! ```text
//! order.created --bus--> armer --> Timers --> waker --bus--> expiration.completed --> listener
//!                                                                                       |
//!                                                              the order, if it is due <-'
//! ```
//!
//! Losing any of these messages costs the seconds until the next sweep.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::envelope::Event;
use crate::domain::event::{Actor, DomainEvent, EventHeader, ExpirationNotice};
use crate::domain::expiration::Expiration;
use crate::domain::view::{OrderStatus, OrderView};
use crate::ports::error::chain;
use crate::ports::event_bus::{Delivery, EventStream, Subscription};
use crate::ports::timers::{ClaimedWakeup, Wakeup};
use crate::service::duty::{Duty, Progress};
use crate::service::engine::Engine;
use crate::service::error::Error;
use crate::service::observer::ExpiryFound;
use crate::values::EventId;

/// How long a claimed wake-up is ours.
const LEASE: Duration = Duration::from_secs(10);
/// The most wake-ups of one step.
const WAKEUPS_MAX: usize = 256;
/// How often timers are asked.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What a subscriber does with each event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Arms a timer for every deadline.
    Armer,
    /// Expires orders whose time is up.
    Listener,
}

/// Does something with every event of a group's subscription.
#[derive(Debug)]
pub struct ExpirationSubscriber {
    engine: Arc<Engine>,
    role: Role,
    events: Option<Box<dyn EventStream>>,
    delivery: Option<Delivery>,
    is_over: bool,
}

impl ExpirationSubscriber {
    /// Arms a timer for the deadline of every order.
    pub(crate) fn armer(engine: Arc<Engine>) -> Self {
        Self::new(engine, Role::Armer)
    }

    /// Expires orders whose timer went off.
    pub(crate) fn listener(engine: Arc<Engine>) -> Self {
        Self::new(engine, Role::Listener)
    }

    fn new(engine: Arc<Engine>, role: Role) -> Self {
        Self { engine, role, events: None, delivery: None, is_over: false }
    }

    async fn subscribe(&mut self) -> Result<(), Error> {
        if self.events.is_some() {
            return Ok(());
        }
        let group = match self.role {
            Role::Armer => "expiration",
            Role::Listener => "orders",
        };
        let subscription = Subscription::Group(group.to_owned());
        self.events = Some(self.engine.bus.subscribe(subscription).await?);
        Ok(())
    }
}

/// Does what a subscriber in that role does with an event.
async fn handle(engine: &Arc<Engine>, role: Role, event: &Event) -> Result<(), Error> {
    match (role, &event.data) {
        (Role::Armer, DomainEvent::OrderCreated(order) | DomainEvent::OrderUpdated(order)) => {
            engine.arm(order).await
        }
        (Role::Listener, DomainEvent::ExpirationCompleted(notice)) => {
            if engine.expire(notice.order_id).await? == Expiration::Due {
                engine.observer.order_expired(ExpiryFound::ByTimer);
            }
            Ok(())
        }
        (_, _) => Ok(()),
    }
}

#[async_trait]
impl Duty for ExpirationSubscriber {
    fn name(&self) -> &'static str {
        match self.role {
            Role::Armer => "expiration armer",
            Role::Listener => "expiration listener",
        }
    }

    async fn step(&mut self) -> Result<Progress, Error> {
        self.subscribe().await?;
        let Some(delivery) = self.delivery.take() else {
            return Ok(if self.is_over { Progress::Over } else { Progress::Idle });
        };
        // What fails here is found by the sweeper; bringing the event back would only delay
        // those behind it.
        if let Err(error) = handle(&self.engine, self.role, &delivery.event).await {
            tracing::warn!(error = chain(&error), event.id = %delivery.event.header.id, "left to the sweeper");
        }
        // One that is not heard comes again, and does no harm; those behind it need not wait.
        if let Err(error) = delivery.receipt.acknowledge().await {
            tracing::warn!(error = chain(&error), event.id = %delivery.event.header.id, "will come again");
        }
        Ok(Progress::Busy)
    }

    async fn idle(&mut self) {
        if let Some(events) = &mut self.events {
            self.delivery = events.next().await;
            self.is_over = self.delivery.is_none();
        }
    }
}

/// Tells everybody about deadlines that have come.
#[derive(Debug)]
pub struct ExpirationWaker {
    engine: Arc<Engine>,
}

impl ExpirationWaker {
    pub(crate) fn new(engine: Arc<Engine>) -> Self {
        Self { engine }
    }

    async fn wake(&self, claimed: ClaimedWakeup) -> Result<(), Error> {
        let engine = &self.engine;
        let Wakeup { order, version, .. } = claimed.wakeup;
        let header = EventHeader {
            id: EventId::from_uuid(engine.ids.next()),
            occurred_at: engine.now(),
            actor: Actor::Timer,
            correlation: None,
            causation: None,
        };
        let notice = ExpirationNotice { order_id: order, version };
        let event = Event { header, data: DomainEvent::ExpirationCompleted(notice) };
        for published in engine.bus.publish(&[event]).await {
            published?;
        }
        Ok(engine.timers.done(claimed).await?)
    }
}

#[async_trait]
impl Duty for ExpirationWaker {
    fn name(&self) -> &'static str {
        "expiration waker"
    }

    async fn step(&mut self) -> Result<Progress, Error> {
        let claimed = self.engine.timers.claim(WAKEUPS_MAX, LEASE).await?;
        let any = !claimed.is_empty();
        for wakeup in claimed {
            self.wake(wakeup).await?;
        }
        Ok(if any { Progress::Busy } else { Progress::Idle })
    }

    async fn idle(&mut self) {
        self.engine.runtime.sleep(LOOK_EVERY).await;
    }
}

impl Engine {
    async fn arm(&self, order: &OrderView) -> Result<(), Error> {
        match order.status {
            OrderStatus::Created | OrderStatus::AwaitingPayment => {
                let at = order.expires_at;
                let wakeup = Wakeup { order: order.id, version: order.version, at };
                Ok(self.timers.arm(wakeup).await?)
            }
            OrderStatus::Complete | OrderStatus::Cancelled | OrderStatus::Refunded => Ok(()),
        }
    }
}
