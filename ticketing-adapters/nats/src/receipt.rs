//! Saying that an event was dealt with, or letting it come again.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::jetstream::AckKind;
use async_nats::jetstream::message::Acker;
use async_trait::async_trait;
use ticketing_core::ports::{Acknowledge, PortError, chain};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use crate::backoff;
use crate::error::Failure;

/// How long the server may take to say that it has heard an acknowledgement.
const HEARD_WITHIN: Duration = Duration::from_secs(3);

/// A delivery that was dropped.
pub(crate) struct Dropped {
    acker: Acker,
    delivered: u32,
}

/// Whether the consumer that made a delivery answers. One that was deleted answers nothing, and
/// whoever waited for each of its deliveries would stand still for minutes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answers {
    silence: Arc<Silence>,
}

#[derive(Debug, Default)]
struct Silence {
    is_there: AtomicBool,
    began: Notify,
}

impl Answers {
    /// Waits until an answer is missed.
    pub(crate) async fn missed(&self) {
        self.silence.began.notified().await;
    }

    /// The consumer is there: its answers are worth waiting for again.
    pub(crate) fn expect_again(&self) {
        self.silence.is_there.store(false, Ordering::Relaxed);
    }

    fn are_missed(&self) -> bool {
        self.silence.is_there.load(Ordering::Relaxed)
    }

    fn miss(&self) {
        self.silence.is_there.store(true, Ordering::Relaxed);
        self.silence.began.notify_one();
    }
}

/// Tells the server of deliveries that were dropped, since a drop can't wait.
#[derive(Debug, Clone)]
pub(crate) struct Returns {
    dropped: mpsc::UnboundedSender<Dropped>,
}

impl Returns {
    /// Takes deliveries back for as long as somebody holds some.
    pub(crate) fn open() -> Self {
        let (dropped, mut returned) = mpsc::unbounded_channel::<Dropped>();
        tokio::spawn(async move {
            while let Some(Dropped { acker, delivered }) = returned.recv().await {
                let again = AckKind::Nak(Some(backoff::after(delivered)));
                // What it is not told, the server finds out when the delivery takes too long.
                if let Err(error) = acker.ack_with(again).await {
                    tracing::debug!(error = chain(&*error), "a delivery can't be given back");
                }
            }
        });
        Self { dropped }
    }

    pub(crate) fn receipt(&self, acker: Acker, delivered: u32, answers: &Answers) -> Receipt {
        let (held, answers) = (Some(Dropped { acker, delivered }), answers.clone());
        Receipt { held, answers, returns: self.clone() }
    }
}

/// A delivery of a group, which comes again unless it is acknowledged.
pub(crate) struct Receipt {
    held: Option<Dropped>,
    answers: Answers,
    returns: Returns,
}

#[async_trait]
impl Acknowledge for Receipt {
    async fn acknowledge(mut self: Box<Self>) -> Result<(), PortError> {
        let Some(held) = self.held.take() else {
            return Ok(());
        };
        if self.answers.are_missed() {
            // It may be heard all the same. If it is not, the delivery comes again.
            drop(held.acker.ack().await);
            return Err(Failure::Unheard.of("acknowledge"));
        }
        // The server confirms: otherwise it may bring back what was dealt with.
        match timeout(HEARD_WITHIN, held.acker.double_ack()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Failure::Server(error).of("acknowledge")),
            Err(_) => {
                self.answers.miss();
                Err(Failure::Unheard.of("acknowledge"))
            }
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            // Nobody takes them back any more only when the runtime ends.
            drop(self.returns.dropped.send(held));
        }
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let delivered = self.held.as_ref().map(|held| held.delivered);
        f.debug_struct("Receipt").field("delivered", &delivered).finish_non_exhaustive()
    }
}
