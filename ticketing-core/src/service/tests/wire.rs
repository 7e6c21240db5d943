//! The line between the engine and its gateway: slow, lossy and cut as a test says.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::settlement::IntentReport;
use crate::ports::payment_gateway::{
    FoundIntent, GatewayError, GatewayErrorKind, IntentPage, Notice, OpenIntent, OpenedIntent,
    PaymentGateway, PaymentMethod, RefundReport, SendRefund, WebhookError, WebhookRequest,
};
use crate::ports::runtime::Runtime;
use crate::values::{GatewayName, IntentRef, Money, RefundRef, Timestamp};

/// What happens to one call on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Twist {
    /// It fails like this and never arrives.
    Fails(GatewayErrorKind),
    /// It arrives only after so long.
    ArrivesAfter(Duration),
    /// It arrives at once; its answer takes so long.
    AnswersAfter(Duration),
    /// It is answered with a server error, and so is every other call under its key. Whether it
    /// took effect is another question.
    ErrorKept {
        /// It did.
        happened: bool,
    },
}

/// A gateway at the end of a bad line.
#[derive(Debug)]
pub(super) struct Wire {
    gateway: Arc<dyn PaymentGateway>,
    runtime: Arc<dyn Runtime>,
    plan: Arc<Plan>,
}

/// What the test wants of the line. Outlives the process that uses it.
#[derive(Debug, Default)]
pub(super) struct Plan(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    is_cut: bool,
    twists: BTreeMap<&'static str, VecDeque<Twist>>,
    kept_errors: Vec<String>,
    wrong_amount: Option<Money>,
    calls: Vec<String>,
}

impl Plan {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Cuts the line, or mends it.
    pub(super) fn cut(&self, is_cut: bool) {
        self.lock().is_cut = is_cut;
    }

    /// What happens to the next call of that operation; called again, to the one after it.
    pub(super) fn next(&self, operation: &'static str, twist: Twist) {
        self.lock().twists.entry(operation).or_default().push_back(twist);
    }

    /// From now on the gateway has this sum wherever it tells of an intent.
    pub(super) fn misreport(&self, amount: Option<Money>) {
        self.lock().wrong_amount = amount;
    }

    fn told(&self, report: IntentReport) -> IntentReport {
        let amount = self.lock().wrong_amount.unwrap_or(report.amount);
        IntentReport { amount, ..report }
    }

    /// The keys of every call of that operation so far.
    pub(super) fn calls_of(&self, operation: &str) -> Vec<String> {
        let state = self.lock();
        let calls = state.calls.iter().filter_map(|call| call.split_once(' '));
        let of = calls.filter(|(called, _)| *called == operation);
        of.map(|(_, key)| key.to_owned()).collect()
    }

    fn take(&self, operation: &'static str, key: &str) -> Option<Twist> {
        let mut state = self.lock();
        state.calls.push(format!("{operation} {key}"));
        if state.is_cut {
            return Some(Twist::Fails(GatewayErrorKind::NotSent));
        }
        if state.kept_errors.iter().any(|kept| kept == key) {
            return Some(Twist::Fails(GatewayErrorKind::ServerError));
        }
        let twist = state.twists.get_mut(operation)?.pop_front()?;
        if matches!(twist, Twist::ErrorKept { .. }) {
            state.kept_errors.push(key.to_owned());
        }
        Some(twist)
    }
}

impl Wire {
    pub(super) fn new(
        gateway: Arc<dyn PaymentGateway>,
        runtime: Arc<dyn Runtime>,
        plan: Arc<Plan>,
    ) -> Self {
        Self { gateway, runtime, plan }
    }

    async fn send<T>(
        &self,
        operation: &'static str,
        key: &str,
        call: impl Future<Output = Result<T, GatewayError>> + Send,
    ) -> Result<T, GatewayError> {
        let fails = |kind| Err(GatewayError::new(kind, operation));
        match self.plan.take(operation, key) {
            None => call.await,
            Some(Twist::Fails(kind)) => fails(kind),
            Some(Twist::ArrivesAfter(wait)) => {
                self.runtime.sleep(wait).await;
                call.await
            }
            Some(Twist::AnswersAfter(wait)) => {
                let answer = call.await;
                self.runtime.sleep(wait).await;
                answer
            }
            Some(Twist::ErrorKept { happened }) => {
                if happened {
                    drop(call.await);
                }
                fails(GatewayErrorKind::ServerError)
            }
        }
    }
}

#[async_trait]
impl PaymentGateway for Wire {
    fn name(&self) -> GatewayName {
        self.gateway.name()
    }

    async fn open(&self, intent: &OpenIntent) -> Result<OpenedIntent, GatewayError> {
        self.send("open", &intent.key, self.gateway.open(intent)).await
    }

    async fn confirm(
        &self,
        intent: &IntentRef,
        method: &PaymentMethod,
        key: &str,
    ) -> Result<IntentReport, GatewayError> {
        let call = self.gateway.confirm(intent, method, key);
        self.send("confirm", key, call).await.map(|report| self.plan.told(report))
    }

    async fn look_up(&self, intent: &IntentRef) -> Result<Option<FoundIntent>, GatewayError> {
        let call = self.gateway.look_up(intent);
        let mut found = self.send("look_up", intent.as_str(), call).await?;
        if let Some(found) = &mut found {
            found.report = self.plan.told(found.report);
        }
        Ok(found)
    }

    async fn capture(
        &self,
        intent: &IntentRef,
        amount: Money,
        key: &str,
    ) -> Result<IntentReport, GatewayError> {
        let call = self.gateway.capture(intent, amount, key);
        self.send("capture", key, call).await
    }

    async fn void(&self, intent: &IntentRef, key: &str) -> Result<IntentReport, GatewayError> {
        self.send("void", key, self.gateway.void(intent, key)).await
    }

    async fn refund(&self, refund: &SendRefund) -> Result<RefundReport, GatewayError> {
        let call = self.gateway.refund(refund);
        self.send("refund", &refund.key, call).await
    }

    async fn look_up_refund(&self, refund: &RefundRef) -> Result<RefundReport, GatewayError> {
        let call = self.gateway.look_up_refund(refund);
        self.send("look_up_refund", refund.as_str(), call).await
    }

    async fn list_since(
        &self,
        since: Timestamp,
        after: Option<IntentRef>,
    ) -> Result<IntentPage, GatewayError> {
        let call = self.gateway.list_since(since, after);
        self.send("list_since", "", call).await
    }

    fn read_webhook(
        &self,
        request: &WebhookRequest,
        now: Timestamp,
    ) -> Result<Notice, WebhookError> {
        self.gateway.read_webhook(request, now)
    }
}
