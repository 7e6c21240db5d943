//! The members of a group.
//!
//! ```text
//! consumer --pull--> driver --a few--> EventStream::next --> acknowledged
//!    ^  ^               |                      '-- dropped: comes again, later each time
//!    |  '-- made anew --'  after an interruption, an error, an acknowledgement that is not heard,
//!                          or silence while something waits
//! ```

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::{Consumer, pull};
use async_nats::jetstream::{AckKind, Message};
use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt};
use ticketing_core::domain::Event;
use ticketing_core::ports::{Delivery, EventStream, chain};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::backoff;
use crate::error::Failure;
use crate::link::{Link, Pulse};
use crate::receipt::{Answers, Returns};
use crate::topology::{Seen, Topology};

/// How many deliveries a member has asked for and not taken yet.
const AHEAD: usize = 32;
/// How often the server says that it is there while there is nothing to deliver.
/// Without two of them, the consumer is made anew.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How long a request for deliveries stands.
const EXPIRES: Duration = Duration::from_secs(30);
/// After how much silence the server is asked whether something waits.
const SILENCE: Duration = Duration::from_secs(15);
/// An event that nobody could deal with so many times is given up: the storage has what it tells.
const DELIVERIES_MAX: u32 = 100;
/// By then a consumer that was made anew has been at work.
const CALM: u64 = 1;

/// One member's events.
#[derive(Debug)]
pub(crate) struct Member {
    deliveries: mpsc::Receiver<Delivery>,
}

#[async_trait]
impl EventStream for Member {
    async fn next(&mut self) -> Option<Delivery> {
        self.deliveries.recv().await
    }
}

/// Fetches what the group's members get, for as long as this one listens.
struct Driver {
    link: Link,
    topology: Arc<Topology>,
    returns: Returns,
    group: String,
    deliveries: mpsc::Sender<Delivery>,
    pulse: watch::Receiver<Pulse>,
    seen: Seen,
    taken: u64,
}

/// Why a driver stops fetching.
enum Ended {
    /// Nobody listens any more, or the bus was shut down.
    ForGood,
    /// The consumer must be made anew.
    Stalled,
}

impl Member {
    /// Joins a group, which is remembered from now on.
    pub(crate) async fn join(
        link: &Link,
        topology: &Arc<Topology>,
        returns: &Returns,
        group: &str,
    ) -> Result<Self, Failure> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if group.is_empty() || group.len() > 64 || !group.bytes().all(fits) {
            return Err(Failure::Name(group.to_owned()));
        }
        let pulse = link.watch();
        let (consumer, stream_began) = topology.consumer(link, group, None).await?;
        let sequence = consumer.cached_info().delivered.stream_sequence;
        let (sender, deliveries) = mpsc::channel(AHEAD);
        let driver = Driver {
            link: link.clone(),
            topology: Arc::clone(topology),
            returns: returns.clone(),
            group: group.to_owned(),
            deliveries: sender,
            pulse,
            seen: Seen { stream_began, sequence },
            taken: 0,
        };
        tokio::spawn(driver.run(consumer));
        Ok(Self { deliveries })
    }
}

impl Driver {
    async fn run(mut self, consumer: Consumer<pull::Config>) {
        let mut consumer = Some(consumer);
        let mut failures: u32 = 0;
        loop {
            let taken = self.taken;
            let ended = match consumer.take() {
                Some(consumer) => self.fetch(&consumer).await,
                None => Ok(Ended::Stalled),
            };
            match ended {
                Ok(Ended::ForGood) => return,
                Ok(Ended::Stalled) => {}
                Err(error) => self.tell(&error),
            }
            failures = if self.taken.saturating_sub(taken) >= CALM { 0 } else { failures };
            failures = failures.saturating_add(1);
            if self.wait(backoff::after(failures)).await {
                return;
            }
            match self.topology.consumer(&self.link, &self.group, Some(self.seen)).await {
                Ok((anew, stream_began)) => {
                    if stream_began != self.seen.stream_began {
                        self.seen = Seen { stream_began, sequence: 0 };
                    }
                    consumer = Some(anew);
                }
                Err(error) => self.tell(&error),
            }
        }
    }

    fn tell(&self, error: &Failure) {
        tracing::warn!(group = self.group, error = chain(error), "no events come: trying again");
    }

    /// Waits before the next try, at most until there is a connection again. Answers whether it is
    /// all over.
    async fn wait(&mut self, longest: Duration) -> bool {
        let returned = async {
            // An end of the pulse is the end of the bus.
            while !self.pulse.borrow_and_update().is_over {
                if self.pulse.changed().await.is_err() {
                    break;
                }
                if !self.pulse.borrow().is_away {
                    return;
                }
            }
        };
        tokio::select! {
            biased;
            () = self.deliveries.closed() => true,
            _waited = timeout(longest, returned) => self.pulse.borrow().is_over,
        }
    }

    /// Hands over what comes, until nothing comes any more.
    async fn fetch(&mut self, consumer: &Consumer<pull::Config>) -> Result<Ended, Failure> {
        let stream = consumer
            .stream()
            .max_messages_per_batch(AHEAD)
            .heartbeat(HEARTBEAT)
            .expires(EXPIRES)
            .messages();
        let mut messages = stream.await.map_err(Failure::server)?;
        let answers = Answers::default();
        self.pulse.mark_unchanged();
        let before = self.link.pulse().interruptions;
        loop {
            let came = tokio::select! {
                biased;
                () = self.deliveries.closed() => {
                    self.give_back(&mut messages).await;
                    return Ok(Ended::ForGood);
                }
                _changed = self.pulse.changed() => {
                    let pulse = self.link.pulse();
                    if pulse.is_over {
                        return Ok(Ended::ForGood);
                    }
                    if pulse.interruptions != before {
                        return Ok(Ended::Stalled);
                    }
                    continue;
                }
                () = answers.missed() => {
                    // One that was deleted is told as an error.
                    consumer.get_info().await.map_err(Failure::server)?;
                    answers.expect_again();
                    continue;
                }
                came = timeout(SILENCE, messages.next()) => came,
            };
            match came {
                Ok(Some(Ok(message))) => self.hand_over(message, &answers).await,
                Ok(Some(Err(error))) => return Err(Failure::server(error)),
                Ok(None) => return Ok(Ended::Stalled),
                Err(_silence) => {
                    let info = consumer.get_info().await.map_err(Failure::server)?;
                    if info.num_pending > 0 {
                        tracing::warn!(group = self.group, waiting = info.num_pending, "a stall");
                        return Ok(Ended::Stalled);
                    }
                }
            }
        }
    }

    async fn hand_over(&mut self, message: Message, answers: &Answers) {
        let Ok(info) = message.info() else {
            return;
        };
        let delivered = u32::try_from(info.delivered).unwrap_or(u32::MAX);
        self.seen.sequence = self.seen.sequence.max(info.stream_sequence);
        self.taken = self.taken.saturating_add(1);
        let (message, acker) = message.split();
        if delivered > DELIVERIES_MAX {
            tracing::error!(group = self.group, delivered, "an event is given up");
            drop(acker.ack_with(AckKind::Term).await);
            return;
        }
        let receipt = Box::new(self.returns.receipt(acker, delivered, answers));
        match Event::from_json(&message.payload) {
            // Whoever does not listen any more drops it, and it comes again.
            Ok(event) => drop(self.deliveries.send(Delivery { event, receipt }).await),
            // A later version may know it, so it comes again too.
            Err(error) => {
                tracing::warn!(group = self.group, error = chain(&error), "not an event of ours");
            }
        }
    }

    /// What was fetched for one who is gone, another member gets at once.
    async fn give_back(&self, messages: &mut pull::Stream) {
        while let Some(Some(Ok(message))) = messages.next().now_or_never() {
            drop(message.ack_with(AckKind::Nak(None)).await);
        }
    }
}
