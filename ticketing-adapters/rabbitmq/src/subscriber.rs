//! The members of groups, and listeners to everything.
//!
//! ```text
//! queue --prefetch--> driver --a few--> EventStream::next --> acknowledged
//!   ^                    |                      '-- dropped: comes again, later each time
//!   '--- made anew ------'  after an interruption, or when the queue was deleted
//! ```

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt};
use lapin::message::Delivery as Message;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Consumer};
use ticketing_core::domain::Event;
use ticketing_core::ports::{Acknowledge, Delivery, EventStream, Subscription, chain};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::backoff;
use crate::error::Failure;
use crate::link::{Link, Pulse};
use crate::receipt::{Nothing, Receipt};
use crate::topology::Topology;

/// How many deliveries the server sends ahead.
const PREFETCH: u16 = 64;
/// How many of them wait here.
const AHEAD: usize = 32;

/// One subscriber's events.
#[derive(Debug)]
pub(crate) struct Subscriber {
    deliveries: mpsc::Receiver<Delivery>,
}

#[async_trait]
impl EventStream for Subscriber {
    async fn next(&mut self) -> Option<Delivery> {
        self.deliveries.recv().await
    }
}

/// A queue that is consumed.
struct Consumed {
    channel: Channel,
    consumer: Consumer,
}

/// Hands over what comes, for as long as somebody listens.
struct Driver {
    link: Link,
    topology: Arc<Topology>,
    subscription: Subscription,
    deliveries: mpsc::Sender<Delivery>,
    pulse: watch::Receiver<Pulse>,
}

impl Subscriber {
    /// Subscribes, from when this comes back.
    pub(crate) async fn open(
        link: &Link,
        topology: &Arc<Topology>,
        subscription: Subscription,
    ) -> Result<Self, Failure> {
        if let Subscription::Group(group) = &subscription {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            if group.is_empty() || group.len() > 64 || !group.bytes().all(fits) {
                return Err(Failure::Name(group.clone()));
            }
        }
        let (sender, deliveries) = mpsc::channel(AHEAD);
        let driver = Driver {
            link: link.clone(),
            topology: Arc::clone(topology),
            subscription,
            deliveries: sender,
            pulse: link.watch(),
        };
        let first = driver.consume().await?;
        tokio::spawn(driver.run(first));
        Ok(Self { deliveries })
    }
}

impl Driver {
    async fn run(mut self, first: Consumed) {
        let mut consumed = Some(first);
        let mut failures: u32 = 0;
        loop {
            if let Some(consumed) = consumed.take() {
                let any = self.hand_over_all(consumed).await;
                failures = if any { 0 } else { failures };
            }
            failures = failures.saturating_add(1);
            if self.wait_to_try_again(failures).await {
                return;
            }
            match self.consume().await {
                Ok(anew) => consumed = Some(anew),
                Err(Failure::Away) => {}
                Err(error) => tracing::warn!(
                    subscription = ?self.subscription,
                    error = chain(&error),
                    "no events come: trying again"
                ),
            }
        }
    }

    /// Waits before the next try, at most until there is another connection. Answers whether it is
    /// all over.
    async fn wait_to_try_again(&mut self, failures: u32) -> bool {
        let longest = backoff::after(failures);
        tokio::select! {
            biased;
            () = self.deliveries.closed() => return true,
            _changed = timeout(longest, self.pulse.changed()) => {}
        }
        self.pulse.borrow().is_over
    }

    /// Declares the queue and consumes it.
    async fn consume(&self) -> Result<Consumed, Failure> {
        let channel = self.link.connection()?.create_channel().await?;
        // Without a limit, a listener that falls behind would be sent more than it has room for.
        channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
        let queue = match &self.subscription {
            Subscription::Group(group) => self.topology.group(&channel, group).await?,
            Subscription::Everyone => self.topology.listener(&channel).await?,
        };
        let options = BasicConsumeOptions::default();
        let consuming = channel.basic_consume(queue, "".into(), options, FieldTable::default());
        let consumer = consuming.await?;
        Ok(Consumed { channel, consumer })
    }

    /// Hands over what comes, until nothing comes any more. Answers whether anything did.
    async fn hand_over_all(&mut self, consumed: Consumed) -> bool {
        let Consumed { channel, mut consumer } = consumed;
        let mut any = false;
        loop {
            let came = tokio::select! {
                biased;
                () = self.deliveries.closed() => {
                    give_back(&channel, consumer).await;
                    return any;
                }
                came = consumer.next() => came,
            };
            match came {
                Some(Ok(message)) => {
                    any = true;
                    self.hand_over(&channel, message).await;
                }
                Some(Err(error)) => {
                    tracing::debug!(error = chain(&error), "a queue is consumed no more");
                    return any;
                }
                None => return any,
            }
        }
    }

    async fn hand_over(&self, channel: &Channel, message: Message) {
        let receipt: Box<dyn Acknowledge> = match &self.subscription {
            Subscription::Group(_) => {
                let delivered = before(&message).saturating_add(1);
                Box::new(Receipt::new(message.acker, delivered, channel.clone()))
            }
            Subscription::Everyone => {
                // Nothing is kept for a listener: it need not say that it has dealt with an event.
                drop(message.acker.ack(BasicAckOptions::default()).await);
                Box::new(Nothing)
            }
        };
        match Event::from_json(&message.data) {
            // Whoever does not listen any more drops it, and it comes again.
            Ok(event) => drop(self.deliveries.send(Delivery { event, receipt }).await),
            // A later version may know it, so it comes again too, until the server puts it aside.
            Err(error) => tracing::warn!(
                subscription = ?self.subscription,
                error = chain(&error),
                "not an event of ours"
            ),
        }
    }
}

/// How often a message was delivered before, as a quorum queue counts.
fn before(message: &Message) -> u32 {
    let headers = message.properties.headers().as_ref();
    let count = headers.and_then(|headers| headers.inner().get("x-delivery-count"));
    let count = count.and_then(AMQPValue::as_long_long_int);
    count.and_then(|count| u32::try_from(count).ok()).unwrap_or(0)
}

/// What was sent ahead to one who is gone, another member gets at once. The channel stays open for
/// deliveries that are still in somebody's hands.
async fn give_back(channel: &Channel, mut consumer: Consumer) {
    let cancelled = channel.basic_cancel(consumer.tag(), BasicCancelOptions::default()).await;
    if cancelled.is_err() {
        return;
    }
    while let Some(Some(Ok(message))) = consumer.next().now_or_never() {
        let again = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
        if message.acker.nack(again).await.is_err() {
            return;
        }
    }
}
