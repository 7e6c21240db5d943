//! The stream and its consumers: made where they are missing, and changed where they differ in what
//! is ours to say. What an operator has set beside that stays.

use std::time::Duration;

use async_nats::datetime::DateTime;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, pull};
use async_nats::jetstream::context::{CreateStreamErrorKind, GetStreamErrorKind};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType, Stream};
use ticketing_core::domain::EventType;
use tokio::sync::Mutex;
use tokio::time::sleep;

use crate::config::NatsConfig;
use crate::error::Failure;
use crate::link::Link;

/// How long events stay for groups that do not listen. What is older is the storage's to tell.
const MAX_AGE: Duration = Duration::from_hours(72);

/// How long the server knows an event that is published again.
const DUPLICATE_WINDOW: Duration = Duration::from_mins(2);

/// How long a stream that was deleted is not made anew. Its files may be removed still, and NATS 2.9
/// was seen to remove those of the new one with them.
const REMOVED_AFTER: Duration = Duration::from_secs(1);

/// How many deliveries of a group may be out at once.
const IN_HAND_MAX: i64 = 1024;

/// What wire names of events begin with, in whose place the prefix stands.
const OURS: &str = "ticketing.";

/// The stream of a bus.
#[derive(Debug)]
pub(crate) struct Topology {
    prefix: String,
    replicas: Option<usize>,
    ack_wait: Duration,
    prepared: Mutex<Prepared>,
}

/// What is known of the stream.
#[derive(Debug, Default)]
struct Prepared {
    /// After how many interruptions it was last seen to be as it must be.
    after: Option<u64>,
    /// Whether it was ever seen.
    once: bool,
}

impl Topology {
    pub(crate) fn new(config: &NatsConfig) -> Self {
        Self {
            prefix: config.prefix.clone(),
            replicas: config.replicas,
            ack_wait: config.ack_wait,
            prepared: Mutex::default(),
        }
    }

    /// The subject of events of a type.
    pub(crate) fn subject(&self, event_type: EventType) -> String {
        let name = event_type.wire_name();
        format!("{}.{}", self.prefix, name.strip_prefix(OURS).unwrap_or(name))
    }

    /// The subject of all events.
    pub(crate) fn all(&self) -> String {
        format!("{}.>", self.prefix)
    }

    /// The stream must be looked at again before it is used.
    pub(crate) async fn forget(&self) {
        self.prepared.lock().await.after = None;
    }

    /// Sees to it that there is a stream. After an interruption there may be none any more.
    pub(crate) async fn prepare(&self, link: &Link) -> Result<(), Failure> {
        if !link.is_up() {
            return Err(Failure::Away);
        }
        let mut prepared = self.prepared.lock().await;
        let now = link.pulse().interruptions;
        if prepared.after == Some(now) {
            return Ok(());
        }
        let was_there = self.see_to_stream(link, prepared.once).await?;
        let now = if was_there { now } else { link.note_loss() };
        *prepared = Prepared { after: Some(now), once: true };
        Ok(())
    }

    /// Answers whether there was a stream before. If one `was_seen` earlier, it was deleted.
    async fn see_to_stream(&self, link: &Link, was_seen: bool) -> Result<bool, Failure> {
        match link.jetstream.get_stream(&self.prefix).await {
            Ok(stream) => {
                let found = &stream.cached_info().config;
                let wanted = self.amended(found);
                if wanted != *found {
                    link.jetstream.update_stream(wanted).await.map_err(Failure::server)?;
                }
                Ok(true)
            }
            Err(error) if matches!(error.kind(), GetStreamErrorKind::JetStream(_)) => {
                if was_seen {
                    sleep(REMOVED_AFTER).await;
                }
                let made = link.jetstream.create_stream(self.amended(&Config::default())).await;
                match made {
                    Ok(_) => Ok(false),
                    // Another process was quicker.
                    Err(error) if matches!(error.kind(), CreateStreamErrorKind::JetStream(_)) => {
                        match link.jetstream.get_stream(&self.prefix).await {
                            Ok(_) => Ok(true),
                            Err(_is_not_there) => Err(Failure::server(error)),
                        }
                    }
                    Err(error) => Err(Failure::server(error)),
                }
            }
            Err(error) => Err(Failure::server(error)),
        }
    }

    /// What must be so, over what is there.
    fn amended(&self, found: &Config) -> Config {
        let is_new = found.name.is_empty();
        let max_age = if is_new { MAX_AGE } else { found.max_age };
        let replicas = if is_new { 1 } else { found.num_replicas };
        Config {
            name: self.prefix.clone(),
            subjects: vec![self.all()],
            retention: RetentionPolicy::Limits,
            discard: DiscardPolicy::Old,
            storage: StorageType::File,
            duplicate_window: DUPLICATE_WINDOW,
            max_age,
            num_replicas: self.replicas.unwrap_or(replicas),
            ..found.clone()
        }
    }

    /// The consumer of a group, which is made if there is none, and the stream's beginning.
    pub(crate) async fn consumer(
        &self,
        link: &Link,
        group: &str,
        seen: Option<Seen>,
    ) -> Result<(Consumer<pull::Config>, DateTime), Failure> {
        self.prepare(link).await?;
        let stream = match link.jetstream.get_stream(&self.prefix).await {
            Ok(stream) => stream,
            Err(error) => {
                self.forget().await;
                return Err(Failure::server(error));
            }
        };
        let began = stream.cached_info().created;
        let consumer = self.see_to_consumer(&stream, group, start_after(began, seen)).await?;
        Ok((consumer, began))
    }

    async fn see_to_consumer(
        &self,
        stream: &Stream,
        group: &str,
        deliver_policy: DeliverPolicy,
    ) -> Result<Consumer<pull::Config>, Failure> {
        let Ok(found) = stream.get_consumer::<pull::Config>(group).await else {
            let fresh = pull::Config {
                durable_name: Some(group.to_owned()),
                deliver_policy,
                ..pull::Config::default()
            };
            let made = stream.create_consumer(self.amended_consumer(&fresh)).await;
            return made.map_err(Failure::server);
        };
        let config = &found.cached_info().config;
        let is_as_wanted = config.ack_wait == self.ack_wait
            && config.filter_subject == self.all()
            && config.max_ack_pending == IN_HAND_MAX;
        if is_as_wanted {
            return Ok(found);
        }
        let present = pull::Config {
            durable_name: Some(group.to_owned()),
            deliver_policy: config.deliver_policy,
            ..pull::Config::default()
        };
        let changed = stream.create_consumer(self.amended_consumer(&present)).await;
        changed.map_err(Failure::server)
    }

    fn amended_consumer(&self, config: &pull::Config) -> pull::Config {
        pull::Config {
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.ack_wait,
            filter_subject: self.all(),
            max_ack_pending: IN_HAND_MAX,
            ..config.clone()
        }
    }
}

/// The last event of a group that a member has seen, in a stream that began then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) stream_began: DateTime,
    pub(crate) sequence: u64,
}

/// Where a group begins that the server does not know: with what is published from now on, if it
/// never was there, or else with what it may not have dealt with when it was lost.
fn start_after(stream_began: DateTime, seen: Option<Seen>) -> DeliverPolicy {
    let in_hand = u64::try_from(IN_HAND_MAX).unwrap_or(u64::MAX);
    match seen {
        None => DeliverPolicy::New,
        Some(seen) if seen.stream_began != stream_began => DeliverPolicy::All,
        Some(seen) => {
            let start_sequence = seen.sequence.saturating_sub(in_hand).max(1);
            DeliverPolicy::ByStartSequence { start_sequence }
        }
    }
}
