//! The reconciler: everything about money that nobody is waiting for.
//!
//! It deals with webhooks that were kept, asks the gateway about payments and refunds that are
//! not settled, and at times reads the gateway's own list, so that money which arrived without
//! any word reaching us (a crash, a database restored from a backup) is found all the same.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt};

use crate::domain::payment::Payment;
use crate::domain::refund::Refund;
use crate::ports::error::{PortError, chain};
use crate::service::duty::{Duty, Progress};
use crate::service::engine::Engine;
use crate::service::error::Error;
use crate::values::{IntentRef, Timestamp};

/// How long a claimed payment, refund or webhook is left to its claimer.
const LEASE: Duration = Duration::from_secs(30);
/// The most of each that one step deals with.
const ITEMS_MAX: usize = 32;
/// How many calls to the gateway it makes at a time. One that takes long keeps no other waiting
/// until its lease is over.
const CALLS_MAX: usize = 8;
/// How often a page of the gateway's list may fail before the reading begins anew: the place where
/// it stands may be known to the gateway no more.
const PAGE_FAILURES_MAX: u32 = 5;
/// How long the reconciler sleeps when nothing is left.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How far a listing reaches back before the one before: clocks differ, and lists lag.
const OVERLAP: Duration = Duration::from_hours(1);

/// Settles what is not settled.
#[derive(Debug)]
pub struct PaymentReconciler {
    engine: Arc<Engine>,
    list: GatewayList,
}

/// Where the reading of the gateway's list stands.
#[derive(Debug)]
struct GatewayList {
    /// From where the next reading starts.
    since: Timestamp,
    /// When this reading began, and its next page; nothing between readings.
    reading: Option<(Timestamp, Option<IntentRef>)>,
    /// How often its page failed in a row.
    failures: u32,
    /// Whether everything that this reading has seen is dealt with.
    is_complete: bool,
    /// When the next reading starts, by the runtime's time.
    next_at: Duration,
}

impl PaymentReconciler {
    pub(crate) fn new(engine: Arc<Engine>) -> Self {
        let since = engine.now().minus(engine.settings.reconcile_back);
        let next_at = engine.runtime.elapsed();
        let list = GatewayList { since, reading: None, failures: 0, is_complete: true, next_at };
        Self { engine, list }
    }

    async fn webhooks(&self) -> Result<bool, Error> {
        let webhooks = self.engine.storage.claim_webhooks(LEASE, ITEMS_MAX).await?;
        let any = !webhooks.is_empty();
        for webhook in webhooks {
            // One that fails must not keep the others waiting; its lease brings it back.
            if let Err(error) = self.engine.handle_webhook(webhook).await {
                tracing::warn!(error = chain(&error), "a webhook could not be dealt with");
            }
        }
        Ok(any)
    }

    async fn payments(&self) -> Result<bool, Error> {
        let due = self.engine.storage.unsettled_payments(LEASE, ITEMS_MAX).await?;
        let any = !due.items.is_empty();
        let settle = |payment: Payment| async move {
            if let Err(error) = self.engine.settle_now(payment.id).await {
                tracing::warn!(error = chain(&error), payment.id = %payment.id, "a payment is not settled");
            }
        };
        stream::iter(due.items).for_each_concurrent(CALLS_MAX, settle).await;
        Ok(any)
    }

    async fn refunds(&self) -> Result<bool, Error> {
        let due = self.engine.storage.unsettled_refunds(LEASE, ITEMS_MAX).await?;
        let any = !due.items.is_empty();
        let settle = |refund: Refund| async move {
            if let Err(error) = self.engine.settle_refund(refund.id).await {
                tracing::warn!(error = chain(&error), refund.id = %refund.id, "a refund is not settled");
            }
        };
        stream::iter(due.items).for_each_concurrent(CALLS_MAX, settle).await;
        Ok(any)
    }

    /// Reads one page of the gateway's list, if it is time.
    async fn read_list(&mut self) -> Result<bool, Error> {
        let engine = Arc::clone(&self.engine);
        let elapsed = engine.runtime.elapsed();
        if self.list.reading.is_none() && elapsed < self.list.next_at {
            return Ok(false);
        }
        let (began, after) = self.list.reading.take().unwrap_or_else(|| (engine.now(), None));
        // Kept until the page is through, so that a failure reads the same page again.
        self.list.reading = Some((began, after.clone()));
        let page = match engine.gateway.list_since(self.list.since, after).await {
            Ok(page) => page,
            Err(error) => {
                self.note_failed_page();
                let unavailable = PortError::unavailable("list the gateway's intents");
                return Err(unavailable.with_source(error).into());
            }
        };
        self.list.failures = 0;
        for found in page.intents {
            // One that fails must not hide those behind it; the next reading sees it again.
            if let Err(error) = engine.adopt(found, None).await {
                tracing::warn!(
                    error = chain(&error),
                    "an intent of the gateway's list is not settled"
                );
                self.list.is_complete = false;
            }
        }
        match page.next {
            Some(next) => self.list.reading = Some((began, Some(next))),
            None => self.end_reading(began, elapsed),
        }
        Ok(true)
    }

    fn note_failed_page(&mut self) {
        self.list.failures = self.list.failures.saturating_add(1);
        if self.list.failures >= PAGE_FAILURES_MAX {
            self.list.failures = 0;
            self.list.reading = None;
        }
    }

    /// The next reading starts where this one did, if anything of this one is still to be done.
    fn end_reading(&mut self, began: Timestamp, elapsed: Duration) {
        let since = self.list.since;
        let longest = self.engine.settings.reconcile_back;
        let reach = if self.list.is_complete { OVERLAP } else { longest };
        self.list = GatewayList {
            since: since.max(began.minus(reach)),
            reading: None,
            failures: 0,
            is_complete: true,
            next_at: elapsed.saturating_add(self.engine.settings.reconcile_every),
        };
    }
}

#[async_trait]
impl Duty for PaymentReconciler {
    fn name(&self) -> &'static str {
        "payment reconciler"
    }

    async fn step(&mut self) -> Result<Progress, Error> {
        let webhooks = self.webhooks().await?;
        let payments = self.payments().await?;
        let refunds = self.refunds().await?;
        let listed = self.read_list().await?;
        let any = webhooks || payments || refunds || listed;
        Ok(if any { Progress::Busy } else { Progress::Idle })
    }

    async fn idle(&mut self) {
        self.engine.runtime.sleep(LOOK_EVERY).await;
    }
}
