//! A bus that can forget what it has confirmed, and a witness of what is published.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use ticketing_core::domain::{DomainEvent, Event, EventKey};
use ticketing_core::memory::MemoryBus;
use ticketing_core::ports::{EventBus, EventStream, PortError, Storage, Subscription};

use crate::findings::Findings;

/// The bus as all processes of a world see it. Clones are the same bus.
#[derive(Debug, Clone)]
pub(crate) struct SimBus {
    inner: MemoryBus,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    storage: Mutex<Arc<dyn Storage>>,
    forgets: AtomicU32,
    /// A database that was put back has fewer events than the bus has seen.
    restored: AtomicBool,
    confirmed: Mutex<BTreeSet<EventKey>>,
    findings: Findings,
}

impl SimBus {
    pub(crate) fn new(inner: MemoryBus, storage: Arc<dyn Storage>, findings: &Findings) -> Self {
        let shared = Shared {
            storage: Mutex::new(storage),
            forgets: AtomicU32::new(0),
            restored: AtomicBool::new(false),
            confirmed: Mutex::default(),
            findings: findings.clone(),
        };
        Self { inner, shared: Arc::new(shared) }
    }

    /// So many publications are confirmed and lost from now on.
    pub(crate) fn forget_next(&self, publications: u32) {
        self.shared.forgets.store(publications, Ordering::SeqCst);
    }

    /// The storage was put back from a backup.
    pub(crate) fn restored(&self, storage: Arc<dyn Storage>) {
        *self.shared.storage.lock().unwrap_or_else(PoisonError::into_inner) = storage;
        self.shared.restored.store(true, Ordering::SeqCst);
    }

    /// The events whose publication was confirmed at least once.
    pub(crate) fn confirmed(&self) -> BTreeSet<EventKey> {
        self.shared.confirmed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// E3: what is published has been committed.
    async fn witness(&self, event: &Event) {
        if matches!(event.data, DomainEvent::ExpirationCompleted(_))
            || self.shared.restored.load(Ordering::SeqCst)
        {
            return;
        }
        let storage =
            Arc::clone(&self.shared.storage.lock().unwrap_or_else(PoisonError::into_inner));
        let stored = storage.event(event.key()).await;
        if !matches!(&stored, Ok(Some(stored)) if stored == event) {
            let key = event.key();
            self.shared.findings.add("E3", || {
                format!("{} at {} was published, but is not stored", key.aggregate, key.version)
            });
        }
    }

    fn is_forgotten(&self) -> bool {
        let less = |left: u32| left.checked_sub(1);
        self.shared.forgets.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok()
    }

    fn note_confirmed(&self, events: &[Event], results: &[Result<(), PortError>]) {
        let mut confirmed = self.shared.confirmed.lock().unwrap_or_else(PoisonError::into_inner);
        let published = events.iter().zip(results).filter(|(_, result)| result.is_ok());
        let stored = published
            .map(|(event, _)| event)
            .filter(|event| !matches!(event.data, DomainEvent::ExpirationCompleted(_)));
        confirmed.extend(stored.map(Event::key));
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl EventBus for SimBus {
    async fn publish(&self, events: &[Event]) -> Vec<Result<(), PortError>> {
        for event in events {
            self.witness(event).await;
        }
        let results = if self.is_forgotten() {
            events.iter().map(|_| Ok(())).collect()
        } else {
            self.inner.publish(events).await
        };
        self.note_confirmed(events, &results);
        results
    }

    async fn subscribe(
        &self,
        subscription: Subscription,
    ) -> Result<Box<dyn EventStream>, PortError> {
        self.inner.subscribe(subscription).await
    }

    /// Nobody tells that this bus forgets: what is lost without a word must do no harm either.
    fn interruptions(&self) -> u64 {
        0
    }
}
