//! Saying that an event was dealt with, or letting it come again.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use lapin::options::{BasicAckOptions, BasicNackOptions};
use lapin::{Acker, Channel};
use ticketing_core::ports::{Acknowledge, PortError, chain};
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use crate::backoff;
use crate::error::Failure;

/// How long it may take until an acknowledgement is on its way.
const SENT_WITHIN: Duration = Duration::from_secs(5);

/// A delivery of a group that is out.
pub(crate) struct Held {
    acker: Acker,
    delivered: u32,
    /// Stays open for as long as one of its deliveries is out.
    channel: Channel,
}

/// A delivery of a group, which comes again unless it is acknowledged.
pub(crate) struct Receipt {
    held: Option<Held>,
    /// Gives back what is dropped, since a drop can't wait.
    runtime: Handle,
}

impl Receipt {
    pub(crate) fn new(acker: Acker, delivered: u32, channel: Channel) -> Self {
        let held = Some(Held { acker, delivered, channel });
        Self { held, runtime: Handle::current() }
    }
}

#[async_trait]
impl Acknowledge for Receipt {
    async fn acknowledge(mut self: Box<Self>) -> Result<(), PortError> {
        let Some(held) = self.held.take() else {
            return Ok(());
        };
        match timeout(SENT_WITHIN, held.acker.ack(BasicAckOptions::default())).await {
            Ok(Ok(true)) if held.channel.status().connected() => Ok(()),
            Ok(Ok(_)) => Err(Failure::Away.of("acknowledge")),
            Ok(Err(error)) => Err(Failure::Server(error).of("acknowledge")),
            Err(_) => Err(Failure::Late.of("acknowledge")),
        }
    }
}

impl Held {
    /// Lets it come again, later each time: the server itself would bring it back at once.
    async fn give_back(self) {
        sleep(backoff::after(self.delivered)).await;
        let again = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
        // With its channel, it has gone back already.
        if let Err(error) = self.acker.nack(again).await {
            tracing::debug!(error = chain(&error), "a delivery can't be given back");
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            drop(self.runtime.spawn(held.give_back()));
        }
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let delivered = self.held.as_ref().map(|held| held.delivered);
        f.debug_struct("Receipt").field("delivered", &delivered).finish_non_exhaustive()
    }
}

/// Nothing is kept for a listener, so there is nothing to be told.
#[derive(Debug)]
pub(crate) struct Nothing;

#[async_trait]
impl Acknowledge for Nothing {
    async fn acknowledge(self: Box<Self>) -> Result<(), PortError> {
        Ok(())
    }
}
