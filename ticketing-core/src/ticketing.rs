//! The engine as an embedder sees it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::builder::Builder;
use crate::ports::event_bus::{EventStream, Subscription};
use crate::service::caller::Caller;
use crate::service::engine::Engine;
use crate::service::error::Error;
use crate::service::expiration::{ExpirationSubscriber, ExpirationWaker};
use crate::service::expiry_sweeper::ExpirySweeper;
use crate::service::operator::Operator;
use crate::service::orders::Orders;
use crate::service::outbox_relay::OutboxRelay;
use crate::service::payment_reconciler::PaymentReconciler;
use crate::service::payments::Payments;
use crate::service::refunds::Refunds;
use crate::service::shutdown::Stopper;
use crate::service::tickets::Tickets;
use crate::values::Timestamp;

/// An engine that sells tickets. Cheap to clone: every clone is the same engine.
#[derive(Clone)]
pub struct Ticketing {
    pub(crate) engine: Arc<Engine>,
    caller: Caller,
    stoppers: Arc<Mutex<Stoppers>>,
}

/// How long commands that were begun may take to end.
const COMMANDS_PATIENCE: Duration = Duration::from_secs(30);

/// Background tasks stop first, then the commands that go on without their callers, such as a
/// payment whose card is being charged; then the writer, which drains what they and others left.
#[derive(Debug)]
pub(crate) struct Stoppers {
    pub(crate) duties: Stopper,
    pub(crate) commands: Stopper,
    pub(crate) writer: Stopper,
}

impl fmt::Debug for Ticketing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticketing").field("store", &self.engine.store).finish_non_exhaustive()
    }
}

impl Ticketing {
    pub(crate) fn new(engine: Arc<Engine>, stoppers: Stoppers) -> Self {
        let stoppers = Arc::new(Mutex::new(stoppers));
        Self { engine, caller: Caller::default(), stoppers }
    }

    /// What an engine is made of, to be named piece by piece.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The same engine, for a caller that says more of itself: an idempotency key, a
    /// correlation id, another actor.
    #[must_use]
    pub fn caller(&self, caller: Caller) -> Self {
        Self { caller, ..self.clone() }
    }

    /// Listings.
    pub fn tickets(&self) -> Tickets {
        Tickets::new(Arc::clone(&self.engine), self.caller.clone())
    }

    /// Orders.
    pub fn orders(&self) -> Orders {
        Orders::new(Arc::clone(&self.engine), self.caller.clone())
    }

    /// Payments.
    pub fn payments(&self) -> Payments {
        Payments::new(Arc::clone(&self.engine), self.caller.clone())
    }

    /// Refunds.
    pub fn refunds(&self) -> Refunds {
        Refunds::new(Arc::clone(&self.engine), self.caller.clone())
    }

    /// What waits for a person, and how it goes on.
    pub fn operator(&self) -> Operator {
        Operator::new(Arc::clone(&self.engine), self.caller.clone())
    }

    /// Every event from now on, as a hint: some may be missing, repeated or out of order.
    ///
    /// # Errors
    /// The bus is unavailable.
    pub async fn events(&self) -> Result<Box<dyn EventStream>, Error> {
        Ok(self.engine.bus.subscribe(Subscription::Everyone).await?)
    }

    /// Publishes once more what was committed at or after `since`, for a bus that may have
    /// forgotten it. Answers how many events that were.
    ///
    /// # Errors
    /// Storage or bus are unavailable.
    pub async fn publish_again(&self, since: Timestamp) -> Result<usize, Error> {
        self.engine.publish_again(since).await
    }

    /// The relay, to be stepped or run by the caller: see [`Duties`](crate::Duties).
    pub fn outbox_relay(&self) -> OutboxRelay {
        OutboxRelay::new(Arc::clone(&self.engine))
    }

    /// The sweeper, to be stepped or run by the caller.
    pub fn expiry_sweeper(&self) -> ExpirySweeper {
        ExpirySweeper::new(Arc::clone(&self.engine))
    }

    /// The reconciler, to be stepped or run by the caller.
    pub fn payment_reconciler(&self) -> PaymentReconciler {
        PaymentReconciler::new(Arc::clone(&self.engine))
    }

    /// What arms a timer for every deadline, to be stepped or run by the caller.
    pub fn expiration_armer(&self) -> ExpirationSubscriber {
        ExpirationSubscriber::armer(Arc::clone(&self.engine))
    }

    /// What tells of timers that went off, to be stepped or run by the caller.
    pub fn expiration_waker(&self) -> ExpirationWaker {
        ExpirationWaker::new(Arc::clone(&self.engine))
    }

    /// What expires orders whose timer went off, to be stepped or run by the caller.
    pub fn expiration_listener(&self) -> ExpirationSubscriber {
        ExpirationSubscriber::listener(Arc::clone(&self.engine))
    }

    /// The storage's time, as this process knows it.
    pub fn now(&self) -> Timestamp {
        self.engine.now()
    }

    /// Whether the storage can be reached.
    ///
    /// # Errors
    /// It can't.
    pub async fn health(&self) -> Result<(), Error> {
        self.engine.storage.now().await?;
        Ok(())
    }

    /// Comes to an end: background work stops, payments that are being made get half a minute to
    /// hear from the gateway, and what waits for the writer is written.
    ///
    /// Commands that come later fail with [`Error::Unavailable`]. Calling it again waits for
    /// the same end.
    ///
    /// # Errors
    /// None today; a later engine may have something to flush.
    pub async fn shutdown(&self) -> Result<(), Error> {
        let mut stoppers = self.stoppers.lock().await;
        stoppers.duties.stop().await;
        tokio::select! {
            biased;
            () = stoppers.commands.stop() => {}
            () = self.engine.runtime.sleep(COMMANDS_PATIENCE) => {
                tracing::warn!("commands that did not end are left to the next start");
            }
        }
        stoppers.writer.stop().await;
        Ok(())
    }
}
