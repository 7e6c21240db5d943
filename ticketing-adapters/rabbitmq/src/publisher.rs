//! Publishing with confirmations.

use std::time::Duration;

use futures_util::future::join_all;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation, PublisherConfirm};
use ticketing_core::domain::Event;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use crate::error::Failure;
use crate::link::Link;
use crate::topology::Topology;

/// How long a server may take over a batch. What it has not confirmed by then may have happened.
const TAKEN_WITHIN: Duration = Duration::from_secs(5);

/// The mark of a message that is written to disk.
const PERSISTENT: u8 = 2;

/// Publishes over a channel of its own.
#[derive(Debug, Default)]
pub(crate) struct Publisher {
    channel: Mutex<Option<Channel>>,
}

impl Publisher {
    /// Publishes events; one result for each. Whatever happens to a channel is the end of it: what
    /// it had not confirmed is published again by whoever wanted it. A server that has no room reads
    /// nothing more of us, so sending takes time as well as confirming.
    pub(crate) async fn publish(
        &self,
        link: &Link,
        topology: &Topology,
        events: &[Event],
    ) -> Vec<Result<(), Failure>> {
        let deadline = Instant::now() + TAKEN_WITHIN;
        let channel = match timeout_at(deadline, self.channel(link, topology)).await {
            Ok(Ok(channel)) => channel,
            Ok(Err(failure)) => {
                let mut results: Vec<_> = events.iter().map(|_| Err(Failure::Away)).collect();
                if let Some(first) = results.first_mut() {
                    *first = Err(failure);
                }
                return results;
            }
            Err(_) => return events.iter().map(|_| Err(Failure::Late)).collect(),
        };
        let mut sent = Vec::with_capacity(events.len());
        for event in events {
            let sending = timeout_at(deadline, send(&channel, topology, event)).await;
            sent.push(sending.unwrap_or(Err(Failure::Late)));
        }
        let results = join_all(sent.into_iter().map(|sent| confirmed(sent, deadline))).await;
        let is_whole = |result: &Result<(), Failure>| {
            matches!(result, Ok(()) | Err(Failure::Unwritable(_) | Failure::NotTaken))
        };
        if !results.iter().all(is_whole) {
            self.forget().await;
        }
        results
    }

    /// The channel, and what everybody needs declared in it.
    async fn channel(&self, link: &Link, topology: &Topology) -> Result<Channel, Failure> {
        let connection = link.connection()?;
        if connection.status().blocked() {
            return Err(Failure::NoRoom);
        }
        let mut held = self.channel.lock().await;
        if let Some(channel) = held.as_ref().filter(|channel| channel.status().connected()) {
            return Ok(channel.clone());
        }
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        topology.declare(&channel).await?;
        *held = Some(channel.clone());
        Ok(channel)
    }

    async fn forget(&self) {
        *self.channel.lock().await = None;
    }
}

async fn send(
    channel: &Channel,
    topology: &Topology,
    event: &Event,
) -> Result<PublisherConfirm, Failure> {
    let json = event.to_json().map_err(Failure::Unwritable)?;
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_message_id(event.header.id.to_string().into())
        .with_content_type("application/cloudevents+json".into());
    let key = Topology::key(event.data.event_type());
    Ok(channel.basic_publish(topology.events(), key, options, &json, properties).await?)
}

async fn confirmed(
    sent: Result<PublisherConfirm, Failure>,
    deadline: Instant,
) -> Result<(), Failure> {
    match timeout_at(deadline, sent?).await {
        Ok(Ok(Confirmation::Ack(None))) => Ok(()),
        // One that has nowhere to go is confirmed as well.
        Ok(Ok(Confirmation::Ack(Some(_)))) => Err(Failure::Returned),
        Ok(Ok(Confirmation::Nack(_) | Confirmation::NotRequested)) => Err(Failure::NotTaken),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(Failure::Late),
    }
}
