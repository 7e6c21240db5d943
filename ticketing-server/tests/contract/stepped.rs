//! A payment gateway whose calls wait where a test wants them to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ticketing_core::domain::settlement::IntentReport;
use ticketing_core::ports::{
    FoundIntent, GatewayError, IntentPage, Notice, OpenIntent, OpenedIntent, PaymentGateway,
    PaymentMethod, RefundReport, SendRefund, WebhookError, WebhookRequest,
};
use ticketing_core::values::{GatewayName, IntentRef, Money, RefundRef, Timestamp};
use ticketing_local::SandboxGateway;

use crate::gate::{Gate, Held};

/// Where a call can be made to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// The card is not tried yet.
    BeforeConfirm,
    /// The card was tried, and nobody knows the answer yet.
    AfterConfirm,
    BeforeCapture,
    BeforeVoid,
}

/// The sandbox, with a gate at each step. Clones are the same gateway.
#[derive(Debug, Clone)]
pub(crate) struct SteppedGateway {
    sandbox: SandboxGateway,
    gates: Arc<Mutex<BTreeMap<Step, Gate>>>,
}

impl SteppedGateway {
    pub(crate) fn over(sandbox: SandboxGateway) -> Self {
        Self { sandbox, gates: Arc::default() }
    }

    /// Calls wait at this step from now on.
    pub(crate) fn hold(&self, step: Step) -> Held {
        self.gate(step).hold()
    }

    async fn pass(&self, step: Step) {
        self.gate(step).pass().await;
    }

    fn gate(&self, step: Step) -> Gate {
        self.gates.lock().unwrap().entry(step).or_default().clone()
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl PaymentGateway for SteppedGateway {
    fn name(&self) -> GatewayName {
        self.sandbox.name()
    }

    async fn open(&self, intent: &OpenIntent) -> Result<OpenedIntent, GatewayError> {
        self.sandbox.open(intent).await
    }

    async fn confirm(
        &self,
        intent: &IntentRef,
        method: &PaymentMethod,
        key: &str,
    ) -> Result<IntentReport, GatewayError> {
        self.pass(Step::BeforeConfirm).await;
        let answer = self.sandbox.confirm(intent, method, key).await;
        self.pass(Step::AfterConfirm).await;
        answer
    }

    async fn look_up(&self, intent: &IntentRef) -> Result<Option<FoundIntent>, GatewayError> {
        self.sandbox.look_up(intent).await
    }

    async fn capture(
        &self,
        intent: &IntentRef,
        amount: Money,
        key: &str,
    ) -> Result<IntentReport, GatewayError> {
        self.pass(Step::BeforeCapture).await;
        self.sandbox.capture(intent, amount, key).await
    }

    async fn void(&self, intent: &IntentRef, key: &str) -> Result<IntentReport, GatewayError> {
        self.pass(Step::BeforeVoid).await;
        self.sandbox.void(intent, key).await
    }

    async fn refund(&self, refund: &SendRefund) -> Result<RefundReport, GatewayError> {
        self.sandbox.refund(refund).await
    }

    async fn look_up_refund(&self, refund: &RefundRef) -> Result<RefundReport, GatewayError> {
        self.sandbox.look_up_refund(refund).await
    }

    async fn list_since(
        &self,
        since: Timestamp,
        after: Option<IntentRef>,
    ) -> Result<IntentPage, GatewayError> {
        self.sandbox.list_since(since, after).await
    }

    fn read_webhook(
        &self,
        request: &WebhookRequest,
        now: Timestamp,
    ) -> Result<Notice, WebhookError> {
        self.sandbox.read_webhook(request, now)
    }
}
