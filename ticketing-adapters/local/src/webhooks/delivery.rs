//! The task that delivers webhooks, until each of them was acknowledged.

use std::sync::{Arc, Weak};
use std::time::Duration;

use ticketing_core::ports::{Runtime, chain};
use tokio::sync::{oneshot, watch};

use crate::bank::Bank;
use crate::ledger::mailbox::Posted;
use crate::webhooks::sink::{SinkError, WebhookSink};
use crate::webhooks::{body, signature};

/// How many webhooks are taken from the ledger at once.
const BATCH: usize = 64;

/// How long the sink may take for one.
const PATIENCE: Duration = Duration::from_secs(30);

/// The pause before what was not taken is tried again; it doubles each time.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
/// The longest such pause.
const PAUSE_MAX: Duration = Duration::from_mins(1);

/// Webhooks that are being delivered. They stop when this is dropped.
#[derive(Debug)]
#[must_use = "webhooks are delivered for as long as this is held"]
pub struct Deliveries {
    /// Never sent: the task hears that it is gone.
    stop: watch::Sender<()>,
    ended: oneshot::Receiver<()>,
}

impl Deliveries {
    /// Starts the task.
    pub(crate) fn start(
        bank: &Arc<Bank>,
        sink: Arc<dyn WebhookSink>,
        runtime: &Arc<dyn Runtime>,
    ) -> Self {
        let (stop, stopped) = watch::channel(());
        let (end, ended) = oneshot::channel();
        let courier = Courier {
            bank: Arc::downgrade(bank),
            sink,
            runtime: Arc::clone(runtime),
            lines: bank.lines(),
            round: Round::default(),
            pause: PAUSE_FIRST,
        };
        runtime.spawn(Box::pin(async move {
            courier.run(stopped).await;
            drop(end);
        }));
        Self { stop, ended }
    }

    /// Stops, and waits until the sink is left alone. What was not acknowledged stays in the
    /// ledger for whoever delivers next.
    pub async fn stop(self) {
        drop(self.stop);
        // Nothing is ever sent.
        self.ended.await.ok();
    }
}

struct Courier {
    /// Not held: a task must not keep a gateway alive that everyone else has dropped.
    bank: Weak<Bank>,
    sink: Arc<dyn WebhookSink>,
    runtime: Arc<dyn Runtime>,
    lines: watch::Receiver<u64>,
    round: Round,
    pause: Duration,
}

/// One walk over all that waits, oldest first.
#[derive(Debug, Default)]
struct Round {
    /// The last webhook that was tried.
    tried: u64,
    /// When the next round begins, if this one has left something.
    again_at: Option<Duration>,
}

impl Courier {
    async fn run(mut self, mut stopped: watch::Receiver<()>) {
        tokio::select! {
            biased;
            // An error: the other side is gone.
            _ = stopped.changed() => {}
            () = self.work() => {}
        }
    }

    /// Delivers until the gateway is gone, closed, or can't be used any more.
    async fn work(&mut self) {
        loop {
            self.begin_anew_in_time();
            // Seen before the look, so that what is posted after it rings.
            self.lines.mark_unchanged();
            let Some(bank) = self.bank.upgrade().filter(|bank| !bank.is_over()) else { return };
            match bank.waiting(self.round.tried, BATCH).await {
                Ok(waiting) if waiting.is_empty() => {
                    drop(bank);
                    if !self.idle().await {
                        return;
                    }
                }
                Ok(waiting) => self.deliver(&bank, waiting).await,
                Err(error) => {
                    tracing::warn!(
                        error = chain(&error),
                        "webhooks of the sandbox are no longer delivered"
                    );
                    return;
                }
            }
        }
    }

    /// Waits for more webhooks, or until it is time to try again. `false` if the gateway is gone.
    async fn idle(&mut self) -> bool {
        let Some(at) = self.round.again_at else {
            self.pause = PAUSE_FIRST;
            return self.lines.changed().await.is_ok();
        };
        let left = at.saturating_sub(self.runtime.elapsed());
        tokio::select! {
            biased;
            changed = self.lines.changed() => changed.is_ok(),
            () = self.runtime.sleep(left) => true,
        }
    }

    /// Begins the next round when it is time to, also where more and more comes meanwhile.
    fn begin_anew_in_time(&mut self) {
        if self.round.again_at.is_some_and(|at| at <= self.runtime.elapsed()) {
            self.round = Round::default();
            self.pause = self.pause.saturating_mul(2).min(PAUSE_MAX);
        }
    }

    async fn deliver(&mut self, bank: &Bank, waiting: Vec<Posted>) {
        for posted in waiting {
            let number = posted.number;
            self.round.tried = number;
            let taken = self.hand_over(bank, posted).await;
            let noted = taken.and_then(|()| Ok(bank.delivered(vec![number])?));
            if let Err(error) = noted {
                tracing::warn!(
                    error = chain(error.as_ref()),
                    number,
                    "a webhook of the sandbox was not delivered"
                );
                let again = self.runtime.elapsed().saturating_add(self.pause);
                self.round.again_at.get_or_insert(again);
            }
        }
    }

    async fn hand_over(&self, bank: &Bank, posted: Posted) -> Result<(), SinkError> {
        let body = body::write(posted, bank.header.ledger)?;
        let webhook = signature::sign(body, &bank.header.secret, bank.clock.now());
        tokio::select! {
            biased;
            taken = self.sink.deliver(webhook) => taken,
            () = self.runtime.sleep(PATIENCE) => Err("it was not answered in time".into()),
        }
    }
}
