//! An event bus that fails when it is told to.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::envelope::Event;
use crate::ports::{Acknowledge, Delivery, EventBus, EventStream, PortError, Subscription};
use crate::testing::faulty::{FaultKind, Faults, Operation, unavailable};

/// An [`EventBus`] that fails when its plan says so. Whatever fails is unavailable; its streams
/// lose deliveries on the way instead, and its receipts may not arrive.
#[derive(Debug, Clone)]
pub struct FaultyBus {
    inner: Arc<dyn EventBus>,
    faults: Faults,
}

impl FaultyBus {
    /// Stands before `inner`.
    pub fn new(inner: Arc<dyn EventBus>, faults: &Faults) -> Self {
        let faults = faults.clone();
        Self { inner, faults }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl EventBus for FaultyBus {
    async fn publish(&self, events: &[Event]) -> Vec<Result<(), PortError>> {
        let call = || self.inner.publish(events);
        let failed = |_told| vec![Err(unavailable(Operation::Publish)); events.len()];
        self.faults.around(Operation::Publish, call, failed).await
    }

    async fn subscribe(
        &self,
        subscription: Subscription,
    ) -> Result<Box<dyn EventStream>, PortError> {
        let call = || self.inner.subscribe(subscription.clone());
        let inner = self.faults.around_port(Operation::Subscribe, call).await?;
        Ok(Box::new(FaultyStream { inner, faults: self.faults.clone(), kept: None }))
    }

    fn interruptions(&self) -> u64 {
        self.inner.interruptions()
    }
}

/// A stream between the bus and its subscriber.
#[derive(Debug)]
struct FaultyStream {
    inner: Box<dyn EventStream>,
    faults: Faults,
    /// What was received and is still to be handed over.
    kept: Option<Delivery>,
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl EventStream for FaultyStream {
    /// A lost delivery is dropped unacknowledged, as if the connection had broken: it comes again
    /// to a group, and to nobody else.
    async fn next(&mut self) -> Option<Delivery> {
        loop {
            if self.kept.is_some() {
                return self.kept.take();
            }
            let received = self.inner.next().await?;
            let begun = self.faults.begin(Operation::Deliver);
            self.kept = Some(self.with_receipt(received));
            if let Some(delay) = begun.delay {
                self.faults.sleep(delay).await;
            }
            match begun.fault {
                None | Some(FaultKind::Delay) => {}
                Some(FaultKind::Duplicate) => return self.kept.as_ref().map(copy),
                Some(FaultKind::CrashBefore | FaultKind::CrashAfter) => {
                    return self.faults.crash().await;
                }
                Some(
                    FaultKind::Before
                    | FaultKind::RequestLost
                    | FaultKind::ReplyLost
                    | FaultKind::ServerErrorBefore
                    | FaultKind::ServerErrorAfter,
                ) => self.kept = None,
            }
        }
    }
}

impl FaultyStream {
    fn with_receipt(&self, delivery: Delivery) -> Delivery {
        let receipt =
            Box::new(FaultyReceipt { inner: Some(delivery.receipt), faults: self.faults.clone() });
        Delivery { event: delivery.event, receipt }
    }
}

/// The same event once more. Its receipt does nothing: the original follows.
fn copy(delivery: &Delivery) -> Delivery {
    Delivery { event: delivery.event.clone(), receipt: Box::new(NoReceipt) }
}

/// A receipt between the subscriber and the bus.
#[derive(Debug)]
struct FaultyReceipt {
    inner: Option<Box<dyn Acknowledge>>,
    faults: Faults,
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Acknowledge for FaultyReceipt {
    async fn acknowledge(self: Box<Self>) -> Result<(), PortError> {
        let Self { mut inner, faults } = *self;
        // A receipt is used up by its use: the second of two calls has nothing left to tell.
        let call = || {
            let receipt: Box<dyn Acknowledge> = inner.take().unwrap_or_else(|| Box::new(NoReceipt));
            receipt.acknowledge()
        };
        faults.around_port(Operation::Acknowledge, call).await
    }
}

/// A receipt for a delivery that the bus knows nothing of.
#[derive(Debug)]
struct NoReceipt;

#[async_trait]
impl Acknowledge for NoReceipt {
    async fn acknowledge(self: Box<Self>) -> Result<(), PortError> {
        Ok(())
    }
}
