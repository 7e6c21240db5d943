//! Refunds at the gateway: one step, then what the answer says, committed.

use std::sync::Arc;

use crate::domain::payment::Payment;
use crate::domain::refund::{Refund, RefundCommand, RefundStep};
use crate::ports::batch::Cause;
use crate::ports::payment_gateway::{
    GatewayError, GatewayErrorKind, RefundReport, RefundStatus, SendRefund,
};
use crate::service::engine::{ATTEMPTS_MAX, Engine};
use crate::service::error::Error;
use crate::service::group_commit::Urgency;
use crate::service::payment_driver::by_gateway;
use crate::values::{RefundId, RefundRef};

impl Engine {
    pub(crate) async fn refund(&self, id: RefundId) -> Result<Refund, Error> {
        self.storage.refund(id).await?.ok_or(Error::NotFound("refund"))
    }

    /// Takes a refund as far as it goes now, without waiting for it.
    pub(crate) fn refund_soon(self: &Arc<Self>, id: RefundId) {
        let engine = Arc::clone(self);
        self.runtime.spawn(Box::pin(async move {
            if let Err(error) = engine.settle_refund(id).await {
                tracing::debug!(%error, refund.id = %id, "left to the reconciler");
            }
        }));
    }

    /// Takes the refund's next step at the gateway. Answers whether it has changed.
    pub(crate) async fn settle_refund(&self, id: RefundId) -> Result<bool, Error> {
        let refund = self.refund(id).await?;
        match (refund.next_step(), &refund.reference) {
            (Some(RefundStep::LookUp), Some(reference)) => {
                self.ask_about_refund(&refund, reference).await
            }
            (Some(RefundStep::Send | RefundStep::LookUp), _) => self.send_refund(&refund).await,
            (None, _) => Ok(false),
        }
    }

    pub(crate) async fn ask_about_refund(
        &self,
        refund: &Refund,
        reference: &RefundRef,
    ) -> Result<bool, Error> {
        match self.gateway.look_up_refund(reference).await {
            Ok(report) => self.note_report(refund, report).await,
            Err(error) => Ok(note(&error, refund)),
        }
    }

    async fn send_refund(&self, refund: &Refund) -> Result<bool, Error> {
        let intent = self.payment(refund.payment).await?.intent;
        let intent = intent.ok_or_else(|| Error::bug("a captured payment without an intent"))?;
        let send = SendRefund { intent, amount: refund.amount, key: refund.key() };
        if refund.attempt == 0 && self.now() >= refund.created_at.plus(Payment::KEY_LASTS) {
            // Sent again, it might be given back twice: an operator sees whether it was.
            return self.refund_failed(refund).await;
        }
        match self.gateway.refund(&send).await {
            Ok(report) => self.note_report(refund, report).await,
            Err(error) if error.kind() == GatewayErrorKind::Refused => {
                note(&error, refund);
                self.refund_failed(refund).await
            }
            Err(error) => Ok(note(&error, refund)),
        }
    }

    async fn note_report(&self, refund: &Refund, report: RefundReport) -> Result<bool, Error> {
        let command = match report.status {
            RefundStatus::Pending => RefundCommand::Pending(report.reference),
            RefundStatus::Succeeded => RefundCommand::Succeeded(report.reference),
            RefundStatus::Failed => return self.refund_failed(refund).await,
        };
        let always = |_: &Refund| true;
        self.change_refund(refund.id, command, by_gateway(), always).await.map(|_| true)
    }

    /// What became of one try says nothing about a later one.
    async fn refund_failed(&self, tried: &Refund) -> Result<bool, Error> {
        let same_try = |refund: &Refund| refund.attempt == tried.attempt;
        let failed = RefundCommand::Failed;
        self.change_refund(tried.id, failed, by_gateway(), same_try).await.map(|_| true)
    }

    /// Commits a command to a refund, if it still concerns the refund as it is then.
    pub(crate) async fn change_refund(
        &self,
        id: RefundId,
        command: RefundCommand,
        cause: Cause,
        concerns: impl Fn(&Refund) -> bool + Send,
    ) -> Result<Refund, Error> {
        for _ in 0..ATTEMPTS_MAX {
            let now = self.now();
            let refund = self.refund(id).await?;
            if !concerns(&refund) {
                return Ok(refund);
            }
            let decision = refund.decide(command.clone(), now);
            let next = decision.next().clone();
            let batch = self.batch(cause.clone(), now).refund(decision).build();
            match self.commit(batch, Urgency::Settling).await {
                Ok(()) => return Ok(next),
                Err(missed) => missed.again_or_error("change the refund")?,
            }
        }
        Err(Error::Conflict)
    }
}

/// A call without an answer is tried again by the reconciler; it is told once, here.
fn note(error: &GatewayError, refund: &Refund) -> bool {
    tracing::warn!(%error, refund.id = %refund.id, "the gateway gave no answer to a refund");
    false
}
