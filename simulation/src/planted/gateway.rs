//! Bugs between an engine and its gateway.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use ticketing_core::domain::settlement::{IntentReport, IntentStatus};
use ticketing_core::ports::{
    FoundIntent, GatewayError, IntentPage, Notice, OpenIntent, OpenedIntent, PaymentGateway,
    PaymentMethod, RefundReport, SendRefund, WebhookError, WebhookRequest,
};
use ticketing_core::values::{GatewayName, IntentRef, Money, RefundRef, Timestamp};

use super::Bug;

/// A gateway as a process with a bug uses it.
#[derive(Debug)]
pub(super) struct PlantedGateway {
    bug: Bug,
    inner: Arc<dyn PaymentGateway>,
    tries: AtomicU64,
}

impl PlantedGateway {
    pub(super) fn new(bug: Bug, inner: Arc<dyn PaymentGateway>) -> Self {
        Self { bug, inner, tries: AtomicU64::new(0) }
    }

    fn key(&self, key: &str) -> String {
        if self.bug != Bug::FreshKeys {
            return key.to_owned();
        }
        let number = self.tries.fetch_add(1, Ordering::SeqCst);
        format!("{key}#{number}")
    }

    fn amount(&self, amount: Money) -> Money {
        if self.bug != Bug::AmountFromClient {
            return amount;
        }
        amount.checked_sub(Money::usd(1)).unwrap_or(amount)
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl PaymentGateway for PlantedGateway {
    fn name(&self) -> GatewayName {
        self.inner.name()
    }

    async fn open(&self, intent: &OpenIntent) -> Result<OpenedIntent, GatewayError> {
        let (key, amount) = (self.key(&intent.key), self.amount(intent.amount));
        self.inner.open(&OpenIntent { key, amount, ..intent.clone() }).await
    }

    async fn confirm(
        &self,
        intent: &IntentRef,
        method: &PaymentMethod,
        key: &str,
    ) -> Result<IntentReport, GatewayError> {
        self.inner.confirm(intent, method, &self.key(key)).await
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
        self.inner.capture(intent, amount, &self.key(key)).await
    }

    async fn void(&self, intent: &IntentRef, key: &str) -> Result<IntentReport, GatewayError> {
        if self.bug != Bug::VoidsWithoutAsking {
            return self.inner.void(intent, &self.key(key)).await;
        }
        let found = self.inner.look_up(intent).await?;
        match found {
            Some(found) => Ok(IntentReport { status: IntentStatus::Gone, ..found.report }),
            None => self.inner.void(intent, key).await,
        }
    }

    async fn refund(&self, refund: &SendRefund) -> Result<RefundReport, GatewayError> {
        let key = self.key(&refund.key);
        self.inner.refund(&SendRefund { key, ..refund.clone() }).await
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
