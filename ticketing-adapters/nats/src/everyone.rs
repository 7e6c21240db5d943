//! Listeners to everything, from now on.

use async_nats::{Client, Subscriber};
use async_trait::async_trait;
use futures_util::StreamExt;
use ticketing_core::domain::Event;
use ticketing_core::ports::{Acknowledge, Delivery, EventStream, PortError, chain};

use crate::error::Failure;
use crate::link::Link;
use crate::topology::Topology;

/// What every listener gets: what passes on the subjects, of which nothing is kept. The driver
/// subscribes again after an interruption.
#[derive(Debug)]
pub(crate) struct Everyone {
    messages: Subscriber,
}

impl Everyone {
    /// Listens, from when this comes back.
    pub(crate) async fn open(link: &Link, topology: &Topology) -> Result<Self, Failure> {
        topology.prepare(link).await?;
        let messages = link.client.subscribe(topology.all()).await.map_err(Failure::server)?;
        heard(&link.client).await?;
        Ok(Self { messages })
    }
}

/// Waits until the server has heard all that it was told before: it answers in the same order.
async fn heard(client: &Client) -> Result<(), Failure> {
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.map_err(Failure::server)?;
    client.publish(inbox, "".into()).await.map_err(Failure::server)?;
    let waited = tokio::time::timeout(std::time::Duration::from_secs(5), answers.next()).await;
    waited.map(|_| ()).map_err(Failure::server)
}

#[async_trait]
impl EventStream for Everyone {
    async fn next(&mut self) -> Option<Delivery> {
        loop {
            let message = self.messages.next().await?;
            match Event::from_json(&message.payload) {
                Ok(event) => return Some(Delivery { event, receipt: Box::new(Nothing) }),
                Err(error) => tracing::debug!(error = chain(&error), "not an event of ours"),
            }
        }
    }
}

/// Nothing is kept for a listener, so there is nothing to be told.
#[derive(Debug)]
struct Nothing;

#[async_trait]
impl Acknowledge for Nothing {
    async fn acknowledge(self: Box<Self>) -> Result<(), PortError> {
        Ok(())
    }
}
