//! A consumer as the documentation wants it: it keeps the highest version that it saw of
//! everything, and drops the rest.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ticketing_core::domain::{AggregateRef, DomainEvent, Event};
use ticketing_core::memory::Books;
use ticketing_core::ports::{EventBus, Runtime, Subscription};
use ticketing_core::testing::NodeRuntime;
use ticketing_core::values::Version;

use crate::findings::Findings;
use crate::planted::Bug;
use crate::ports::SimBus;

/// What somebody who listens to every event shows. It never dies, as a page that stays open.
#[derive(Debug, Clone)]
pub(crate) struct Consumer {
    shown: Arc<Mutex<BTreeMap<AggregateRef, Version>>>,
    findings: Findings,
    takes_anything: bool,
}

impl Consumer {
    pub(crate) fn new(findings: &Findings, bug: Option<Bug>) -> Self {
        let takes_anything = bug == Some(Bug::OlderSnapshotWins);
        Self { shown: Arc::default(), findings: findings.clone(), takes_anything }
    }

    pub(crate) fn start(&self, node: &Arc<NodeRuntime>, bus: &SimBus) {
        let (consumer, bus) = (self.clone(), bus.clone());
        node.spawn(Box::pin(async move {
            let Ok(mut events) = bus.subscribe(Subscription::Everyone).await else { return };
            while let Some(delivery) = events.next().await {
                consumer.take(&delivery.event);
                // Nothing is kept for a listener to everything.
                delivery.receipt.acknowledge().await.ok();
            }
        }));
    }

    /// The database was put back: what was shown may never have happened.
    pub(crate) fn forget(&self) {
        self.lock().clear();
    }

    /// E6: what is shown never goes back.
    fn take(&self, event: &Event) {
        if matches!(event.data, DomainEvent::ExpirationCompleted(_)) {
            return;
        }
        let key = event.key();
        let mut shown = self.lock();
        let before = shown.get(&key.aggregate).copied();
        if before.is_none_or(|before| before < key.version) || self.takes_anything {
            shown.insert(key.aggregate, key.version);
        }
        let after = shown.get(&key.aggregate).copied();
        self.findings.check(before <= after, "E6", || {
            format!("{} was shown at {before:?}, and then at {after:?}", key.aggregate)
        });
    }

    /// E8: once everything was published again, everything is shown as it is stored.
    pub(crate) fn check(&self, books: &Books) {
        let mut stored: BTreeMap<AggregateRef, Version> = BTreeMap::new();
        for event in &books.events {
            let key = event.key();
            let last = stored.entry(key.aggregate).or_insert(key.version);
            *last = key.version.max(*last);
        }
        let shown = self.lock();
        for (aggregate, version) in stored {
            let seen = shown.get(&aggregate).copied();
            self.findings.check(seen >= Some(version), "E8", || {
                format!("{aggregate} is stored at {version}, and shown at {seen:?}")
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<AggregateRef, Version>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
