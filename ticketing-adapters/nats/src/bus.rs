//! The port.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::context::{PublishAckFuture, PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_trait::async_trait;
use ticketing_core::domain::Event;
use ticketing_core::ports::{EventBus, EventStream, PortError, PortErrorKind, Subscription};
use tokio::time::{Instant, timeout_at};

use crate::config::NatsConfig;
use crate::error::{Failure, OpenError, not_published};
use crate::everyone::Everyone;
use crate::group::Member;
use crate::link::Link;
use crate::receipt::Returns;
use crate::topology::Topology;

/// An [`EventBus`] on NATS `JetStream`. Clones share a connection.
#[derive(Clone)]
pub struct NatsBus {
    shared: Arc<Shared>,
}

struct Shared {
    place: String,
    link: Link,
    topology: Arc<Topology>,
    returns: Returns,
}

/// How long a publisher waits for a server that was lost while it had events to confirm. The relay's
/// lease is longer.
const BACK_WITHIN: Duration = Duration::from_secs(5);

/// How long a server may take over a batch. What it has not confirmed by then may have happened.
const TAKEN_WITHIN: Duration = Duration::from_secs(5);

/// Why an event was not taken.
enum NotTaken {
    /// There is no stream any more.
    NoStream(PublishError),
    /// The connection was lost before an answer came.
    Lost,
    /// Anything else.
    Told(PortError),
}

impl NotTaken {
    fn late() -> Self {
        Self::Told(Failure::Late.of("publish"))
    }
}

impl From<PublishError> for NotTaken {
    fn from(error: PublishError) -> Self {
        match error.kind() {
            PublishErrorKind::StreamNotFound => Self::NoStream(error),
            PublishErrorKind::WrongLastMessageId
            | PublishErrorKind::WrongLastSequence
            | PublishErrorKind::TimedOut
            | PublishErrorKind::BrokenPipe
            | PublishErrorKind::MaxAckPending
            | PublishErrorKind::MaxPayloadExceeded
            | PublishErrorKind::Other => Self::Told(not_published(error)),
        }
    }
}

impl From<NotTaken> for PortError {
    fn from(not_taken: NotTaken) -> Self {
        match not_taken {
            NotTaken::NoStream(error) => not_published(error),
            NotTaken::Lost => Failure::Away.of("publish"),
            NotTaken::Told(error) => error,
        }
    }
}

impl NatsBus {
    /// Opens what a URL says, see [`NatsConfig::from_url`].
    ///
    /// # Errors
    /// An [`OpenError`] that says what is in the way.
    pub async fn from_url(url: &str) -> Result<Self, OpenError> {
        NatsConfig::from_url(url)?.open().await
    }

    pub(crate) async fn open(config: NatsConfig) -> Result<Self, OpenError> {
        let shared = Shared {
            place: config.place(),
            link: Link::open(&config).await?,
            topology: Arc::new(Topology::new(&config)),
            returns: Returns::open(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Ends every stream and the connection, for all clones, after what was published was sent.
    pub async fn close(&self) {
        self.shared.link.close().await;
    }
}

impl Shared {
    /// Sends events, then waits for the answers, so that a batch takes one journey, and one that
    /// nobody answers one time-out. When the connection is lost, no answer comes any more.
    async fn send(&self, events: &[Event]) -> Vec<Result<(), NotTaken>> {
        let deadline = Instant::now() + TAKEN_WITHIN;
        let before = self.link.pulse().interruptions;
        let place = self.link.last_place();
        let mut pulse = self.link.watch();
        let mut sent = Vec::with_capacity(events.len());
        for event in events {
            let sending = timeout_at(deadline, self.send_one(event)).await;
            sent.push(sending.unwrap_or_else(|_| Err(NotTaken::late())));
        }
        let mut results = Vec::with_capacity(sent.len());
        for sent in sent {
            results.push(match sent {
                Ok(answer) => tokio::select! {
                    biased;
                    answer = timeout_at(deadline, answer.into_future()) => match answer {
                        Ok(answer) => answer.map_err(NotTaken::from).map(|taken| {
                            self.link.note_taken(&taken, place);
                        }),
                        Err(_) => Err(NotTaken::late()),
                    },
                    _lost = pulse.wait_for(|it| it.is_away || it.interruptions != before) => {
                        Err(NotTaken::Lost)
                    }
                },
                Err(why) => Err(why),
            });
        }
        results
    }

    async fn send_one(&self, event: &Event) -> Result<PublishAckFuture, NotTaken> {
        let json = event
            .to_json()
            .map_err(|why| NotTaken::Told(Failure::Unwritable(why.into()).of("publish")))?;
        let message = PublishMessage::build()
            .message_id(event.header.id.to_string())
            .header("Content-Type", "application/cloudevents+json")
            .payload(json.into());
        let subject = self.topology.subject(event.data.event_type());
        Ok(self.link.jetstream.send_publish(subject, message).await?)
    }

    async fn publish(&self, events: &[Event]) -> Vec<Result<(), NotTaken>> {
        if let Err(failure) = self.topology.prepare(&self.link).await {
            let error = failure.of("publish");
            return events.iter().map(|_| Err(NotTaken::Told(error.clone()))).collect();
        }
        self.send(events).await
    }
}

#[async_trait]
impl EventBus for NatsBus {
    async fn publish(&self, events: &[Event]) -> Vec<Result<(), PortError>> {
        if events.is_empty() {
            return Vec::new();
        }
        let mut results = self.shared.publish(events).await;
        let is_lost =
            |it: &Result<(), NotTaken>| matches!(it, Err(NotTaken::NoStream(_) | NotTaken::Lost));
        // The stream was deleted, or the connection lost: once more, after a short wait. The server
        // knows those that it did take.
        if results.iter().any(is_lost) {
            self.shared.topology.forget().await;
            self.shared.link.comes_back_within(BACK_WITHIN).await;
            results = self.shared.publish(events).await;
        }
        results.into_iter().map(|result| result.map_err(PortError::from)).collect()
    }

    async fn subscribe(
        &self,
        subscription: Subscription,
    ) -> Result<Box<dyn EventStream>, PortError> {
        let Shared { link, topology, returns, .. } = &*self.shared;
        if link.pulse().is_over {
            return Err(PortError::new(PortErrorKind::Closed, "subscribe"));
        }
        let failed = |failure: Failure| failure.of("subscribe");
        Ok(match subscription {
            Subscription::Group(group) => {
                Box::new(Member::join(link, topology, returns, &group).await.map_err(failed)?)
            }
            Subscription::Everyone => {
                Box::new(Everyone::open(link, topology).await.map_err(failed)?)
            }
        })
    }

    fn interruptions(&self) -> u64 {
        self.shared.link.pulse().interruptions
    }
}

impl fmt::Debug for NatsBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsBus")
            .field("place", &self.shared.place)
            .field("pulse", &self.shared.link.pulse())
            .finish_non_exhaustive()
    }
}
