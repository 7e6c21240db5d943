//! What an adapter gives to the suite: a bus for each case.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::envelope::Event;
use crate::ports::EventBus;

/// Opens buses for the suite.
#[async_trait]
pub trait BusHarness: fmt::Debug + Send + Sync {
    /// Opens a bus that no other case sees: with streams, exchanges and groups of its own.
    async fn open(&self) -> Box<dyn BusNamespace>;
}

/// One case's bus. Whatever it keeps goes away with it.
#[async_trait]
pub trait BusNamespace: fmt::Debug + Send + Sync {
    /// The bus.
    fn bus(&self) -> Arc<dyn EventBus>;

    /// Another connection to the same bus, as another process has one; the same handle where
    /// the bus lives within one process.
    async fn second(&self) -> Arc<dyn EventBus> {
        self.bus()
    }

    /// Removes what the case kept, after it has passed. What a failed case kept goes when this is
    /// dropped, or stays to be looked at.
    async fn close(&mut self) {}

    /// How long a delivery may take, also one that comes again after it was dropped. A case that
    /// waits in vain for so long fails; none waits so long in a good run.
    fn patience(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// How long nothing must come until a case believes that nothing will: longer than this bus
    /// takes to repeat a delivery that was not acknowledged. The suite waits for it a few times.
    fn quiet(&self) -> Duration {
        Duration::from_millis(100)
    }

    /// An event that this bus will never take, such as one that is too large, if there is one.
    fn unpublishable(&self) -> Option<Event> {
        None
    }
}
