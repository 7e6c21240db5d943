//! A gateway that keeps some of its errors, and a witness of what is asked of it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use ticketing_core::domain::settlement::IntentReport;
use ticketing_core::memory::MemoryGateway;
use ticketing_core::ports::{
    FoundIntent, GatewayError, GatewayErrorKind, IntentPage, Notice, OpenIntent, OpenedIntent,
    PaymentGateway, PaymentMethod, RefundReport, SendRefund, Storage, WebhookError, WebhookRequest,
};
use ticketing_core::testing::SeededRng;
use ticketing_core::values::{GatewayName, IntentRef, Money, RefundRef, Timestamp};

use crate::findings::Findings;
use crate::tally::Tally;

/// The gateway as all processes of a world see it. Clones are the same gateway.
#[derive(Debug, Clone)]
pub(crate) struct SimGateway {
    inner: MemoryGateway,
    state: Arc<Mutex<State>>,
    findings: Findings,
}

#[derive(Debug)]
struct State {
    storage: Arc<dyn Storage>,
    /// Whether the storage was put back from a backup, and may have forgotten what it knew.
    restored: bool,
    rng: SeededRng,
    keeps_per_1000: u32,
    kept: BTreeSet<String>,
    tally: Tally,
}

/// What becomes of a call under a key.
enum Luck {
    Good,
    /// It is answered with an error; whether it takes effect first is another question.
    Error {
        happens: bool,
    },
}

impl SimGateway {
    pub(crate) fn new(
        inner: MemoryGateway,
        storage: Arc<dyn Storage>,
        (seed, keeps_per_1000): (u64, u32),
        findings: &Findings,
        tally: &Tally,
    ) -> Self {
        let rng = SeededRng::new(seed).fork("gateway");
        let (kept, restored) = (BTreeSet::new(), false);
        let state = State { storage, restored, rng, keeps_per_1000, kept, tally: tally.clone() };
        Self { inner, state: Arc::new(Mutex::new(state)), findings: findings.clone() }
    }

    /// From now on it keeps so many of a thousand errors; those that it has are repeated for their
    /// key.
    pub(crate) fn keep_errors(&self, per_1000: u32) {
        self.state().keeps_per_1000 = per_1000;
    }

    /// The storage was put back from a backup.
    pub(crate) fn restored(&self, storage: Arc<dyn Storage>) {
        let mut state = self.state();
        state.storage = storage;
        state.restored = true;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The storage, unless it may have forgotten what it knew.
    fn honest_storage(&self) -> Option<Arc<dyn Storage>> {
        let state = self.state();
        (!state.restored).then(|| Arc::clone(&state.storage))
    }

    fn luck(&self, key: &str) -> Luck {
        let mut state = self.state();
        let rate = state.keeps_per_1000;
        let (spoilt, happens) = (state.rng.chance(rate), state.rng.chance(500));
        if state.kept.contains(key) {
            state.tally.note("gateway: kept error repeated");
            return Luck::Error { happens: false };
        }
        if !spoilt {
            return Luck::Good;
        }
        state.kept.insert(key.to_owned());
        state.tally.note("gateway: error kept for its key");
        Luck::Error { happens }
    }

    async fn keyed<T: Send>(
        &self,
        operation: &'static str,
        key: &str,
        call: impl Future<Output = Result<T, GatewayError>> + Send,
    ) -> Result<T, GatewayError> {
        match self.luck(key) {
            Luck::Good => return call.await,
            Luck::Error { happens: true } => drop(call.await),
            Luck::Error { happens: false } => {}
        }
        Err(GatewayError::new(GatewayErrorKind::ServerError, operation))
    }

    /// M6: an attempt is written down before anything is opened for it, for its exact sum.
    async fn witness_open(&self, intent: &OpenIntent) {
        let Some(storage) = self.honest_storage() else { return };
        let stored = storage.payment(intent.attempt).await.ok().flatten();
        let told = stored.map(|payment| payment.amount);
        if told != Some(intent.amount) {
            let attempt = intent.attempt;
            let code = if told.is_some() { "M5" } else { "M6" };
            self.findings.add(code, || {
                format!(
                    "{} was opened for attempt {attempt}, stored is {told:?}",
                    intent.amount.to_major()
                )
            });
        }
    }

    /// M6: the intent that money is asked from, or given back to, is one of a stored payment.
    async fn witness_money(&self, operation: &str, intent: &IntentRef) {
        let Some(storage) = self.honest_storage() else { return };
        let stored = storage.payment_by_intent(intent).await.ok().flatten();
        if stored.is_none() {
            self.findings.add("M6", || format!("{operation} of {intent}, which no payment names"));
        }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl PaymentGateway for SimGateway {
    fn name(&self) -> GatewayName {
        self.inner.name()
    }

    async fn open(&self, intent: &OpenIntent) -> Result<OpenedIntent, GatewayError> {
        self.witness_open(intent).await;
        self.keyed("open", &intent.key, self.inner.open(intent)).await
    }

    async fn confirm(
        &self,
        intent: &IntentRef,
        method: &PaymentMethod,
        key: &str,
    ) -> Result<IntentReport, GatewayError> {
        self.witness_money("confirm", intent).await;
        self.keyed("confirm", key, self.inner.confirm(intent, method, key)).await
    }

    async fn look_up(&self, intent: &IntentRef) -> Result<Option<FoundIntent>, GatewayError> {
        self.inner.look_up(intent).await
    }

    async fn capture(
        &self,
        intent: &IntentRef,
        amount: Money,
        key: &str,
    ) -> Result<IntentReport, GatewayError> {
        self.witness_money("capture", intent).await;
        self.keyed("capture", key, self.inner.capture(intent, amount, key)).await
    }

    async fn void(&self, intent: &IntentRef, key: &str) -> Result<IntentReport, GatewayError> {
        self.keyed("void", key, self.inner.void(intent, key)).await
    }

    async fn refund(&self, refund: &SendRefund) -> Result<RefundReport, GatewayError> {
        self.witness_money("refund", &refund.intent).await;
        self.keyed("refund", &refund.key, self.inner.refund(refund)).await
    }

    async fn look_up_refund(&self, refund: &RefundRef) -> Result<RefundReport, GatewayError> {
        self.inner.look_up_refund(refund).await
    }

    async fn list_since(
        &self,
        since: Timestamp,
        after: Option<IntentRef>,
    ) -> Result<IntentPage, GatewayError> {
        self.inner.list_since(since, after).await
    }

    fn read_webhook(
        &self,
        request: &WebhookRequest,
        now: Timestamp,
    ) -> Result<Notice, WebhookError> {
        self.inner.read_webhook(request, now)
    }
}
