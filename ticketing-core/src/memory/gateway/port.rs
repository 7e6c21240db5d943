//! The port itself.

use async_trait::async_trait;

use crate::domain::settlement::IntentReport;
use crate::ports::payment_gateway::{
    FoundIntent, GatewayError, IntentPage, Notice, OpenIntent, OpenedIntent, PaymentGateway,
    PaymentMethod, RefundReport, SendRefund, WebhookError, WebhookRequest,
};
use crate::values::{GatewayName, IntentRef, Money, RefundRef, Timestamp};

use super::accounts::{Answer, Call};
use super::methods::Behaviour;
use super::{LedgerIntent, MemoryGateway, webhooks};

const NAME: GatewayName = GatewayName::from_static("memory");

#[async_trait]
impl PaymentGateway for MemoryGateway {
    fn name(&self) -> GatewayName {
        NAME
    }

    async fn open(&self, intent: &OpenIntent) -> Result<OpenedIntent, GatewayError> {
        let now = self.clock.now();
        let call = Call::Open(intent.clone());
        let answer = self
            .accounts()
            .once(&intent.key, call, |accounts| accounts.open(intent, now).map(Answer::Opened))?;
        answer.opened()
    }

    async fn confirm(
        &self,
        intent: &IntentRef,
        method: &PaymentMethod,
        key: &str,
    ) -> Result<IntentReport, GatewayError> {
        let now = self.clock.now();
        let behaviour = Behaviour::of(method);
        let call = Call::Confirm(intent.clone(), method.clone());
        let answer = self.accounts().once(key, call, |accounts| {
            accounts.confirm(intent, behaviour, now).map(Answer::Report)
        })?;
        behaviour.answer(answer.report()?)
    }

    async fn look_up(&self, intent: &IntentRef) -> Result<Option<FoundIntent>, GatewayError> {
        let accounts = self.accounts();
        Ok(accounts.intent(intent).map(LedgerIntent::found))
    }

    async fn capture(
        &self,
        intent: &IntentRef,
        amount: Money,
        key: &str,
    ) -> Result<IntentReport, GatewayError> {
        let now = self.clock.now();
        let call = Call::Capture(intent.clone(), amount);
        let answer = self.accounts().once(key, call, |accounts| {
            accounts.capture(intent, amount, now).map(Answer::Report)
        })?;
        answer.report()
    }

    async fn void(&self, intent: &IntentRef, key: &str) -> Result<IntentReport, GatewayError> {
        let now = self.clock.now();
        let call = Call::Void(intent.clone());
        let answer = self
            .accounts()
            .once(key, call, |accounts| accounts.void(intent, now).map(Answer::Report))?;
        answer.report()
    }

    async fn refund(&self, refund: &SendRefund) -> Result<RefundReport, GatewayError> {
        let now = self.clock.now();
        let call = Call::Refund(refund.clone());
        let answer = self.accounts().once(&refund.key, call, |accounts| {
            let key = Some(refund.key.clone());
            let report = accounts.refund(&refund.intent, refund.amount, key, now);
            report.map(Answer::Refund)
        })?;
        answer.refund()
    }

    async fn look_up_refund(&self, refund: &RefundRef) -> Result<RefundReport, GatewayError> {
        self.accounts().refund_report(refund)
    }

    async fn list_since(
        &self,
        since: Timestamp,
        after: Option<IntentRef>,
    ) -> Result<IntentPage, GatewayError> {
        self.accounts().page(since, after.as_ref())
    }

    fn read_webhook(
        &self,
        request: &WebhookRequest,
        now: Timestamp,
    ) -> Result<Notice, WebhookError> {
        webhooks::read(request, now)
    }
}
