//! What a case works on: a bus that nobody uses yet.

use std::sync::Arc;
use std::time::Duration;

use super::harness::{BusHarness, BusNamespace};
use super::listener::Listener;
use crate::domain::envelope::Event;
use crate::ports::{EventBus, Subscription};
use crate::testing::conformance::unordered_ids::UnorderedIds;
use crate::testing::conformance::verdict::worked;

/// One case's bus.
#[derive(Debug)]
pub struct Scene {
    namespace: Box<dyn BusNamespace>,
    ids: Arc<UnorderedIds>,
}

impl Scene {
    /// A bus that nobody uses yet.
    pub async fn open(harness: &dyn BusHarness) -> Self {
        Self { namespace: harness.open().await, ids: Arc::default() }
    }

    /// Ends the case. A bus has nothing that could be left over: what no group is remembered for
    /// is forgotten.
    pub async fn close(mut self) {
        self.namespace.close().await;
    }

    /// What the harness gave.
    pub fn namespace(&self) -> &dyn BusNamespace {
        self.namespace.as_ref()
    }

    pub(super) fn bus(&self) -> Arc<dyn EventBus> {
        self.namespace.bus()
    }

    pub(super) fn ids(&self) -> Arc<UnorderedIds> {
        Arc::clone(&self.ids)
    }

    /// How long nothing must come until a case believes that nothing will.
    pub(super) fn quiet(&self) -> Duration {
        self.namespace.quiet()
    }

    /// A member of a group.
    pub(super) async fn member(&self, group: &str) -> Listener {
        self.listener(&*self.bus(), Subscription::Group(group.to_owned())).await
    }

    /// A listener to everything.
    pub(super) async fn everyone(&self) -> Listener {
        self.listener(&*self.bus(), Subscription::Everyone).await
    }

    /// A subscriber on that connection.
    pub(super) async fn listener(
        &self,
        bus: &dyn EventBus,
        subscription: Subscription,
    ) -> Listener {
        let stream = worked(bus.subscribe(subscription).await, "subscribe");
        Listener::new(stream, self.namespace.patience())
    }

    /// Publishes events, all of which must be taken over.
    pub(super) async fn publish(&self, events: &[Event]) {
        publish(&*self.bus(), events).await;
    }
}

/// Publishes events, all of which must be taken over.
pub(super) async fn publish(bus: &dyn EventBus, events: &[Event]) {
    let published = bus.publish(events).await;
    assert_eq!(published.len(), events.len(), "one result for each event");
    for result in published {
        worked(result, "publish");
    }
}
