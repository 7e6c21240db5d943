//! A payment gateway that fails when it is told to.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::settlement::IntentReport;
use crate::ports::{
    FoundIntent, GatewayError, GatewayErrorKind, IntentPage, Notice, OpenIntent, OpenedIntent,
    PaymentGateway, PaymentMethod, RefundReport, SendRefund, WebhookError, WebhookRequest,
};
use crate::testing::faulty::{Faults, Operation, Told};
use crate::values::{GatewayName, IntentRef, Money, RefundRef, Timestamp};

/// A [`PaymentGateway`] that fails when its plan says so, in the words of [`GatewayErrorKind`].
/// A call that is made twice is made under the same key.
#[derive(Debug, Clone)]
pub struct FaultyGateway {
    inner: Arc<dyn PaymentGateway>,
    faults: Faults,
}

impl FaultyGateway {
    /// Stands before `inner`.
    pub fn new(inner: Arc<dyn PaymentGateway>, faults: &Faults) -> Self {
        let faults = faults.clone();
        Self { inner, faults }
    }

    async fn around<T, F>(
        &self,
        operation: Operation,
        call: impl FnMut() -> F + Send,
    ) -> Result<T, GatewayError>
    where
        T: Send,
        F: Future<Output = Result<T, GatewayError>> + Send,
    {
        let failed = |told| Err(GatewayError::new(kind_of(told), operation.name()));
        self.faults.around(operation, call, failed).await
    }
}

fn kind_of(told: Told) -> GatewayErrorKind {
    match told {
        Told::NoEffect => GatewayErrorKind::NotSent,
        Told::Nothing => GatewayErrorKind::Unknown,
        Told::ServerError => GatewayErrorKind::ServerError,
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl PaymentGateway for FaultyGateway {
    /// Asks nobody.
    fn name(&self) -> GatewayName {
        self.inner.name()
    }

    async fn open(&self, intent: &OpenIntent) -> Result<OpenedIntent, GatewayError> {
        let call = || self.inner.open(intent);
        self.around(Operation::OpenIntent, call).await
    }

    async fn confirm(
        &self,
        intent: &IntentRef,
        method: &PaymentMethod,
        key: &str,
    ) -> Result<IntentReport, GatewayError> {
        let call = || self.inner.confirm(intent, method, key);
        self.around(Operation::Confirm, call).await
    }

    async fn look_up(&self, intent: &IntentRef) -> Result<Option<FoundIntent>, GatewayError> {
        let call = || self.inner.look_up(intent);
        self.around(Operation::LookUp, call).await
    }

    async fn capture(
        &self,
        intent: &IntentRef,
        amount: Money,
        key: &str,
    ) -> Result<IntentReport, GatewayError> {
        let call = || self.inner.capture(intent, amount, key);
        self.around(Operation::Capture, call).await
    }

    async fn void(&self, intent: &IntentRef, key: &str) -> Result<IntentReport, GatewayError> {
        let call = || self.inner.void(intent, key);
        self.around(Operation::Void, call).await
    }

    async fn refund(&self, refund: &SendRefund) -> Result<RefundReport, GatewayError> {
        let call = || self.inner.refund(refund);
        self.around(Operation::SendRefund, call).await
    }

    async fn look_up_refund(&self, refund: &RefundRef) -> Result<RefundReport, GatewayError> {
        let call = || self.inner.look_up_refund(refund);
        self.around(Operation::LookUpRefund, call).await
    }

    async fn list_since(
        &self,
        since: Timestamp,
        after: Option<IntentRef>,
    ) -> Result<IntentPage, GatewayError> {
        let call = || self.inner.list_since(since, after.clone());
        self.around(Operation::ListIntents, call).await
    }

    /// Touches neither network nor storage, so that nothing can go wrong with it.
    fn read_webhook(
        &self,
        request: &WebhookRequest,
        now: Timestamp,
    ) -> Result<Notice, WebhookError> {
        self.inner.read_webhook(request, now)
    }
}
