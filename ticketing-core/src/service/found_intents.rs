//! Intents that the gateway tells us of, and webhooks: matched with our payments.

use std::sync::Arc;

use uuid::Uuid;

use crate::domain::event::AggregateKind;
use crate::domain::payment::{Dispute, Payment, PaymentCommand};
use crate::domain::refund::Refund;
use crate::domain::settlement::{IntentReport, IntentStatus, given_back};
use crate::ports::batch::WebhookKey;
use crate::ports::error::chain;
use crate::ports::payment_gateway::{FoundIntent, NoticeAbout};
use crate::ports::storage::Webhook;
use crate::service::engine::Engine;
use crate::service::error::Error;
use crate::service::group_commit::Urgency;
use crate::service::payment_driver::by_gateway;
use crate::values::{IntentRef, PaymentId, RefundId, RefundRef};

impl Engine {
    /// Matches an intent with its payment, and settles what it says. Answers whether anything
    /// changed.
    pub(crate) async fn adopt(
        self: &Arc<Self>,
        found: FoundIntent,
        closes: Option<WebhookKey>,
    ) -> Result<bool, Error> {
        if found.store != Some(self.store) {
            // Another storage's intent, or nobody's: not ours to touch.
            return self.close(closes).await.map(|()| false);
        }
        if let Some(known) = self.storage.payment_by_intent(&found.intent).await? {
            return self.settle(known.id, found.report, closes).await;
        }
        let attempt = match found.attempt {
            Some(attempt) => self.storage.payment(attempt).await?,
            None => None,
        };
        match attempt.filter(|payment| payment.intent.is_none()) {
            Some(payment) if found.report.status == IntentStatus::Gone && !payment.is_live() => {
                self.close(closes).await.map(|()| false)
            }
            Some(payment) => {
                let intent = found.intent.clone();
                let opened = PaymentCommand::Opened { intent, confirming: false };
                self.change_payment(payment.id, opened).await?;
                self.settle(payment.id, found.report, closes).await.map(|_| true)
            }
            None => self.write_stray(found, closes).await,
        }
    }

    /// Writes down money in our name without a row of ours: it is voided or given back.
    async fn write_stray(
        self: &Arc<Self>,
        found: FoundIntent,
        closes: Option<WebhookKey>,
    ) -> Result<bool, Error> {
        if found.report.status == IntentStatus::Gone {
            return self.close(closes).await.map(|()| false);
        }
        let now = self.now();
        let id = stray_id(&found.intent);
        let IntentReport { status, amount, refunded } = found.report;
        let captured = status == IntentStatus::Captured;
        let payment = Payment::stray(id, found.intent, amount, captured, now);
        let mut batch = self.batch(by_gateway(), now).payment(payment).closing(closes);
        let (owed, noted) = if captured { given_back(amount, refunded) } else { (None, None) };
        let refund = || RefundId::from_uuid(self.ids.next());
        if let Some(owed) = owed {
            batch = batch.refund(Refund::request(refund(), id, None, owed, None, now));
        }
        if let Some(noted) = noted {
            batch = batch.refund(Refund::noted(refund(), id, None, noted, now));
        }
        match self.commit(batch.build(), Urgency::Settling).await {
            Ok(()) => Ok(true),
            // Somebody else wrote the same row; the webhook comes again and finds it.
            Err(missed) => missed.again_or_error("note stray money").map(|()| false),
        }
    }

    /// Deals with a webhook. Its payload is a hint: how things stand is asked for.
    pub(crate) async fn handle_webhook(self: &Arc<Self>, webhook: Webhook) -> Result<(), Error> {
        let closes = Some(webhook.key);
        let Some(intent) = webhook.intent else {
            return self.close(closes).await;
        };
        match webhook.about {
            NoticeAbout::Intent => self.look_up_and_adopt(&intent, closes).await,
            NoticeAbout::Dispute(dispute) => self.note_dispute(&intent, dispute, closes).await,
            NoticeAbout::Refund(reference) => {
                self.note_refund(&intent, &reference).await?;
                self.look_up_and_adopt(&intent, closes).await
            }
            NoticeAbout::Other => self.close(closes).await,
        }
    }

    /// The same, without waiting for it: what fails is claimed again later.
    pub(crate) fn webhook_soon(self: &Arc<Self>, webhook: Webhook) {
        let engine = Arc::clone(self);
        self.soon(async move {
            if let Err(error) = engine.handle_webhook(webhook).await {
                tracing::warn!(error = chain(&error), "a webhook is left to the reconciler");
            }
        });
    }

    async fn look_up_and_adopt(
        self: &Arc<Self>,
        intent: &IntentRef,
        closes: Option<WebhookKey>,
    ) -> Result<(), Error> {
        let found = self.gateway.look_up(intent).await.map_err(unreachable_gateway)?;
        let Some(found) = found else {
            return self.close(closes).await;
        };
        let payment = found.intent.clone();
        self.adopt(found, closes).await?;
        if let Some(payment) = self.storage.payment_by_intent(&payment).await? {
            self.settle_soon(payment.id);
        }
        Ok(())
    }

    async fn note_dispute(
        self: &Arc<Self>,
        intent: &IntentRef,
        dispute: Dispute,
        closes: Option<WebhookKey>,
    ) -> Result<(), Error> {
        let mut known = self.storage.payment_by_intent(intent).await?;
        if known.is_none() {
            // Money that is disputed is money of ours, whether or not anything told of it before.
            self.look_up_and_adopt(intent, None).await?;
            known = self.storage.payment_by_intent(intent).await?;
        }
        let Some(payment) = known else { return self.close(closes).await };
        let command = PaymentCommand::Dispute(dispute);
        self.change_payment_as(by_gateway(), payment.id, command, closes).await.map(|_| ())
    }

    async fn note_refund(
        self: &Arc<Self>,
        intent: &IntentRef,
        reference: &RefundRef,
    ) -> Result<(), Error> {
        let Some(payment) = self.storage.payment_by_intent(intent).await? else {
            return Ok(());
        };
        let refunds = self.storage.refunds_of(payment.id).await?;
        match refunds.into_iter().find(|refund| refund.reference.as_ref() == Some(reference)) {
            Some(refund) => self.ask_about_refund(&refund, reference).await.map(|_| ()),
            None => Ok(()),
        }
    }

    pub(crate) async fn close(&self, webhook: Option<WebhookKey>) -> Result<(), Error> {
        let batch = self.batch(by_gateway(), self.now()).closing(webhook).build();
        match self.commit(batch, Urgency::Settling).await {
            Ok(()) => Ok(()),
            Err(missed) => missed.again_or_error("close the webhook"),
        }
    }
}

/// Stray money of one intent has one row, whoever notices it first.
fn stray_id(intent: &IntentRef) -> PaymentId {
    let space = Uuid::new_v5(&Uuid::NAMESPACE_OID, AggregateKind::Payment.word().as_bytes());
    PaymentId::from_uuid(Uuid::new_v5(&space, intent.as_str().as_bytes()))
}

/// The gateway could not be asked.
pub(crate) fn unreachable_gateway(error: crate::ports::payment_gateway::GatewayError) -> Error {
    crate::ports::error::PortError::unavailable("ask the gateway").with_source(error).into()
}
