//! A bus under load, while something goes wrong with it.
//!
//! Publishers on one connection go on until they are told to stop, members of a group on another
//! take what comes. Whoever writes a bus kills its server meanwhile, and asks here how soon events
//! came again, and whether everything that was confirmed has come:
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use ticketing_core::memory::MemoryBus;
//! use ticketing_core::ports::EventBus;
//! use ticketing_core::testing::traffic::Traffic;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let bus: Arc<dyn EventBus> = Arc::new(MemoryBus::new());
//! let traffic = Traffic::begin(&bus, &bus).await;
//! traffic.goes_on(50, Duration::from_secs(30)).await;
//! assert!(traffic.end().await >= 50);
//! # });
//! ```

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::domain::envelope::Event;
use crate::domain::event::{Actor, DomainEvent, EventHeader, ExpirationNotice};
use crate::ports::{
    Delivery, EventBus, EventStream, IdSource, RandomIds, Runtime, Subscription, TokioRuntime,
};
use crate::testing::builders::START;
use crate::testing::conformance::verdict::{fail, found, worked};
use crate::values::{EventId, OrderId, Version};

/// How many publish at once, how many events together, and how many take them.
const PUBLISHERS: usize = 4;
const BATCH: usize = 5;
const MEMBERS: usize = 2;
/// How long a publisher waits between batches: a bus that does nothing else has no rest.
const PAUSE: Duration = Duration::from_millis(5);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long it may take until what was confirmed has come.
const TO_THE_END: Duration = Duration::from_mins(2);

/// Publishers and members at work.
#[derive(Debug)]
pub struct Traffic {
    shared: Arc<Shared>,
    publishers: watch::Receiver<()>,
}

#[derive(Debug)]
struct Shared {
    runtime: TokioRuntime,
    is_over: AtomicBool,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    confirmed: BTreeSet<EventId>,
    taken: BTreeSet<EventId>,
}

/// An event of an order that nobody has heard of.
pub fn an_event_of_nobodys() -> Event {
    let order_id = OrderId::from_uuid(RandomIds.next());
    let header = EventHeader {
        id: EventId::from_uuid(RandomIds.next()),
        occurred_at: START,
        actor: Actor::Timer,
        correlation: None,
        causation: None,
    };
    let notice = ExpirationNotice { order_id, version: Version::FIRST };
    Event { header, data: DomainEvent::ExpirationCompleted(notice) }
}

impl Traffic {
    /// Lets them begin: publishers on the one bus, members of a group on the other.
    pub async fn begin(here: &Arc<dyn EventBus>, there: &Arc<dyn EventBus>) -> Self {
        let runtime = found(TokioRuntime::current(), "the tokio runtime of the test");
        let shared = Shared { runtime, is_over: AtomicBool::new(false), seen: Mutex::default() };
        let shared = Arc::new(shared);
        for _ in 0..MEMBERS {
            let group = Subscription::Group("traffic".to_owned());
            let events = worked(there.subscribe(group).await, "subscribe");
            shared.runtime.spawn(Box::pin(Arc::clone(&shared).take(events)));
        }
        let (working, publishers) = watch::channel(());
        let working = Arc::new(working);
        for _ in 0..PUBLISHERS {
            let (publisher, bus) = (Arc::clone(&shared), Arc::clone(here));
            let working = Arc::clone(&working);
            shared.runtime.spawn(Box::pin(async move {
                while !publisher.is_over.load(Ordering::Relaxed) {
                    publisher.publish(&*bus).await;
                }
                drop(working);
            }));
        }
        Self { shared, publishers }
    }

    /// Waits until so many more events have come; how long that took.
    pub async fn goes_on(&self, events: usize, longest: Duration) -> Duration {
        let runtime = &self.shared.runtime;
        let began = runtime.elapsed();
        let wanted = self.shared.seen().taken.len().saturating_add(events);
        loop {
            let (taken, confirmed) = {
                let seen = self.shared.seen();
                (seen.taken.len(), seen.confirmed.len())
            };
            let took = runtime.elapsed().saturating_sub(began);
            if taken >= wanted {
                return took;
            }
            if took > longest {
                fail(&format!("{taken} came of {confirmed}, wanted {wanted}"));
            }
            runtime.sleep(LOOK_EVERY).await;
        }
    }

    /// Stops publishing, and waits until everything that was confirmed has come; how many that are.
    pub async fn end(mut self) -> usize {
        self.shared.is_over.store(true, Ordering::Relaxed);
        while self.publishers.changed().await.is_ok() {}
        let runtime = &self.shared.runtime;
        let began = runtime.elapsed();
        loop {
            let (missing, all) = {
                let seen = self.shared.seen();
                (seen.confirmed.difference(&seen.taken).count(), seen.confirmed.len())
            };
            if missing == 0 {
                return all;
            }
            if runtime.elapsed().saturating_sub(began) > TO_THE_END {
                fail(&format!("{missing} of {all} that were confirmed have not come"));
            }
            runtime.sleep(LOOK_EVERY).await;
        }
    }
}

impl Shared {
    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn publish(&self, bus: &dyn EventBus) {
        let events: Vec<Event> = (0..BATCH).map(|_| an_event_of_nobodys()).collect();
        let results = bus.publish(&events).await;
        let confirmed = events.iter().zip(results).filter(|(_, result)| result.is_ok());
        self.seen().confirmed.extend(confirmed.map(|(event, _)| event.header.id));
        self.runtime.sleep(PAUSE).await;
    }

    fn note_taken(&self, event: EventId) {
        self.seen().taken.insert(event);
    }

    async fn take(self: Arc<Self>, mut events: Box<dyn EventStream>) {
        while let Some(Delivery { event, receipt }) = events.next().await {
            self.note_taken(event.header.id);
            // What is not heard comes again.
            drop(receipt.acknowledge().await);
        }
    }
}
