//! The port itself.

use async_trait::async_trait;
use ticketing_core::domain::settlement::{IntentReport, IntentStatus};
use ticketing_core::ports::{
    ClientSecret, FoundIntent, GatewayError, GatewayErrorKind, IntentPage, Notice, OpenIntent,
    OpenedIntent, PaymentGateway, PaymentMethod, RefundReport, SendRefund, WebhookError,
    WebhookRequest,
};
use ticketing_core::values::{GatewayName, IntentRef, Money, RefundRef, Timestamp};

use crate::answers::{Intent, Refund, Refusal};
use crate::gateway::{StripeGateway, is_name, refused, unreadable};
use crate::{amounts, calls, events, reports, signature};

const NAME: GatewayName = GatewayName::from_static("stripe");

#[async_trait]
impl PaymentGateway for StripeGateway {
    fn name(&self) -> GatewayName {
        NAME
    }

    async fn open(&self, intent: &OpenIntent) -> Result<OpenedIntent, GatewayError> {
        const OPEN: &str = "open";
        let call = calls::open(intent, written(OPEN, intent.amount)?);
        let opened = self.ask::<Intent>(OPEN, call, Some(&intent.key)).await?;
        let opened = opened.map_err(|refusal| refused(OPEN, refusal))?;
        let reference = opened.reference().map_err(|odd| unreadable(OPEN, odd))?;
        let client_secret = opened.client_secret.map(ClientSecret::new);
        Ok(OpenedIntent { intent: reference, client_secret })
    }

    async fn confirm(
        &self,
        intent: &IntentRef,
        method: &PaymentMethod,
        key: &str,
    ) -> Result<IntentReport, GatewayError> {
        const CONFIRM: &str = "confirm";
        check(CONFIRM, intent)?;
        let method = self.method(CONFIRM, method, key).await?;
        let call = calls::confirm(intent, &method);
        match self.ask::<Intent>(CONFIRM, call, Some(key)).await? {
            Ok(intent) => intent.report().map_err(|odd| unreadable(CONFIRM, odd)),
            // A decline is an answer; so is what was done to the intent before.
            Err(no) if no.is_decline() || no.is_about_the_state() => {
                let stands = self.stands(CONFIRM, intent).await;
                stands.map(|report| declined(report, &no)).map_err(|_unknown| after(CONFIRM, no))
            }
            Err(refusal) => Err(refused(CONFIRM, refusal)),
        }
    }

    async fn look_up(&self, intent: &IntentRef) -> Result<Option<FoundIntent>, GatewayError> {
        self.find("look up", intent).await
    }

    async fn capture(
        &self,
        intent: &IntentRef,
        amount: Money,
        key: &str,
    ) -> Result<IntentReport, GatewayError> {
        const CAPTURE: &str = "capture";
        check(CAPTURE, intent)?;
        let call = calls::capture(intent, written(CAPTURE, amount)?);
        self.change(CAPTURE, call, key).await
    }

    async fn void(&self, intent: &IntentRef, key: &str) -> Result<IntentReport, GatewayError> {
        const VOID: &str = "void";
        check(VOID, intent)?;
        match self.ask::<Intent>(VOID, calls::void(intent), Some(key)).await? {
            Ok(intent) => intent.report().map_err(|odd| unreadable(VOID, odd)),
            // It is over already, or its money is taken: how it stands tells.
            Err(no) if no.is_about_the_state() => {
                self.stands(VOID, intent).await.map_err(|_unknown| after(VOID, no))
            }
            Err(refusal) => Err(refused(VOID, refusal)),
        }
    }

    async fn refund(&self, refund: &SendRefund) -> Result<RefundReport, GatewayError> {
        const REFUND: &str = "refund";
        check(REFUND, &refund.intent)?;
        let call = calls::refund(&refund.intent, written(REFUND, refund.amount)?);
        let sent = self.ask::<Refund>(REFUND, call, Some(&refund.key)).await?;
        let sent = sent.map_err(|refusal| refused(REFUND, refusal))?;
        sent.report().map_err(|odd| unreadable(REFUND, odd))
    }

    async fn look_up_refund(&self, refund: &RefundRef) -> Result<RefundReport, GatewayError> {
        const LOOK_UP: &str = "look up refund";
        if !is_name(refund.as_str()) {
            return Err(GatewayError::new(GatewayErrorKind::Refused, LOOK_UP));
        }
        let found = self.ask::<Refund>(LOOK_UP, calls::look_up_refund(refund), None).await?;
        let found = found.map_err(|refusal| refused(LOOK_UP, refusal))?;
        found.report().map_err(|odd| unreadable(LOOK_UP, odd))
    }

    async fn list_since(
        &self,
        since: Timestamp,
        after: Option<IntentRef>,
    ) -> Result<IntentPage, GatewayError> {
        self.page_since(since, after).await
    }

    fn read_webhook(
        &self,
        request: &WebhookRequest,
        now: Timestamp,
    ) -> Result<Notice, WebhookError> {
        signature::check(request, &self.webhook_secrets, self.tolerance, now)?;
        events::read(&request.body, self.is_live)
    }
}

/// A sum as Stripe writes it; one that it has no way to write was certainly not sent.
fn written(operation: &'static str, amount: Money) -> Result<i64, GatewayError> {
    amounts::to_stripe(amount).map_err(|no_such| {
        GatewayError::new(GatewayErrorKind::Refused, operation).with_source(no_such)
    })
}

/// Whether that can be an intent of Stripe's.
fn check(operation: &'static str, intent: &IntentRef) -> Result<(), GatewayError> {
    if is_name(intent.as_str()) {
        return Ok(());
    }
    Err(GatewayError::new(GatewayErrorKind::Refused, operation).with_source("no such intent"))
}

/// What an intent says after a refusal. It tells itself why a card was declined, or the refusal did.
fn declined(report: IntentReport, no: &Refusal) -> IntentReport {
    let told = report.status == IntentStatus::NeedsMethod { declined: None } && no.is_decline();
    let declined = told.then(|| reports::decline(&no.failure()));
    match declined {
        Some(_) => IntentReport { status: IntentStatus::NeedsMethod { declined }, ..report },
        None => report,
    }
}

/// What is left to say when the intent could not be asked after a refusal: it may have changed.
fn after(operation: &'static str, refusal: Refusal) -> GatewayError {
    GatewayError::new(GatewayErrorKind::Unknown, operation).with_source(refusal)
}
