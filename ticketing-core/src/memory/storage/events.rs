//! The events, one for each version of an aggregate.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::envelope::Event;
use crate::domain::event::{AggregateKind, EventKey};

use super::growing::GrowingMap;

/// Every event that is kept, by key. Each kind of aggregate has a table of its own, so that the
/// keys of new ones grow in each.
#[derive(Debug, Clone, Default)]
pub(super) struct Events {
    kinds: BTreeMap<AggregateKind, GrowingMap<EventKey, Arc<Event>>>,
}

impl Events {
    pub(super) fn get(&self, key: EventKey) -> Option<&Event> {
        let events = self.kinds.get(&key.aggregate.kind)?;
        events.get(&key).map(Arc::as_ref)
    }

    pub(super) fn contains(&self, key: EventKey) -> bool {
        self.get(key).is_some()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Event> {
        let events = self.kinds.values().flat_map(GrowingMap::iter);
        events.map(|(_, event)| &**event)
    }

    pub(super) fn insert(&mut self, key: EventKey, event: Arc<Event>) {
        let events = self.kinds.entry(key.aggregate.kind).or_default();
        events.insert(key, event);
    }

    pub(super) fn remove(&mut self, key: EventKey) -> Option<Arc<Event>> {
        let events = self.kinds.get_mut(&key.aggregate.kind)?;
        events.remove(&key)
    }
}
