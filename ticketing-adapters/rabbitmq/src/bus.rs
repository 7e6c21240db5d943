//! The port.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ticketing_core::domain::Event;
use ticketing_core::ports::{EventBus, EventStream, PortError, PortErrorKind, Subscription};

use crate::config::RabbitConfig;
use crate::error::{Failure, OpenError};
use crate::link::Link;
use crate::publisher::Publisher;
use crate::subscriber::Subscriber;
use crate::topology::Topology;

/// How long a publisher waits for a server that was lost while it had events to confirm. The relay's
/// lease is longer.
const BACK_WITHIN: Duration = Duration::from_secs(10);

/// An [`EventBus`] on RabbitMQ. Clones share its two connections: a server that has no room reads
/// nothing more of one that publishes, and must hear acknowledgements all the same, which make room.
#[derive(Clone)]
pub struct RabbitBus {
    shared: Arc<Shared>,
}

struct Shared {
    place: String,
    publishing: Link,
    consuming: Link,
    topology: Arc<Topology>,
    publisher: Publisher,
}

impl RabbitBus {
    /// Opens what a URL says, see [`RabbitConfig::from_url`].
    ///
    /// # Errors
    /// An [`OpenError`] that says what is in the way.
    pub async fn from_url(url: &str) -> Result<Self, OpenError> {
        RabbitConfig::from_url(url)?.open().await
    }

    pub(crate) async fn open(config: RabbitConfig) -> Result<Self, OpenError> {
        let shared = Shared {
            place: config.place(),
            publishing: Link::open(&config).await?,
            consuming: Link::open(&config).await?,
            topology: Arc::new(Topology::new(&config.prefix)),
            publisher: Publisher::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Ends every stream and the connections, for all clones.
    pub async fn close(&self) {
        self.shared.consuming.close().await;
        self.shared.publishing.close().await;
    }
}

#[async_trait]
impl EventBus for RabbitBus {
    async fn publish(&self, events: &[Event]) -> Vec<Result<(), PortError>> {
        let Shared { publishing: link, topology, publisher, .. } = &*self.shared;
        let was_up = link.connection().is_ok();
        let mut results = publisher.publish(link, topology, events).await;
        // What was declared has been deleted, or the connection was lost: once more, after a short
        // wait. What had been taken comes twice then.
        let is_lost = |it: &Result<(), Failure>| {
            matches!(it, Err(Failure::Returned | Failure::Server(_) | Failure::Away))
        };
        if was_up && results.iter().any(is_lost) {
            link.comes_back_within(BACK_WITHIN).await;
            results = publisher.publish(link, topology, events).await;
        }
        let results = results.into_iter().map(|it| it.map_err(|why| why.of("publish")));
        results.collect()
    }

    async fn subscribe(
        &self,
        subscription: Subscription,
    ) -> Result<Box<dyn EventStream>, PortError> {
        let Shared { consuming: link, topology, .. } = &*self.shared;
        if link.is_over() {
            return Err(PortError::new(PortErrorKind::Closed, "subscribe"));
        }
        match Subscriber::open(link, topology, subscription).await {
            Ok(subscriber) => Ok(Box::new(subscriber)),
            Err(failure) => Err(failure.of("subscribe")),
        }
    }

    fn interruptions(&self) -> u64 {
        self.shared.publishing.interruptions()
    }
}

impl fmt::Debug for RabbitBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitBus")
            .field("place", &self.shared.place)
            .field("interruptions", &self.shared.publishing.interruptions())
            .finish_non_exhaustive()
    }
}
