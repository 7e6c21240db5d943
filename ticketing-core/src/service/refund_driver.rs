//! Refunds at the gateway: one step, then what the answer says, committed.

use std::sync::Arc;

use crate::domain::payment::{Payment, PaymentState};
use crate::domain::refund::{Refund, RefundCommand, RefundStep};
use crate::domain::settlement::{given_back_in, recount};
use crate::ports::batch::{Cause, WebhookKey};
use crate::ports::error::{PortError, chain};
use crate::ports::payment_gateway::{
    GatewayError, GatewayErrorKind, RefundReport, RefundStatus, SendRefund,
};
use crate::service::engine::{Engine, Rounds};
use crate::service::error::Error;
use crate::service::found_intents::unreachable_gateway;
use crate::service::group_commit::Urgency;
use crate::service::payment_driver::by_gateway;
use crate::values::{IntentRef, Money, PaymentId, RefundId, RefundRef, Version};

impl Engine {
    pub(crate) async fn refund(&self, id: RefundId) -> Result<Refund, Error> {
        self.storage.refund(id).await?.ok_or(Error::NotFound("refund"))
    }

    /// Takes a refund as far as it goes now, without waiting for it.
    pub(crate) fn refund_soon(self: &Arc<Self>, id: RefundId) {
        let engine = Arc::clone(self);
        self.soon(async move {
            if let Err(error) = engine.settle_refund(id).await {
                tracing::debug!(error = chain(&error), refund.id = %id, "left to the reconciler");
            }
        });
    }

    /// Takes the refund's next step at the gateway. Answers whether it has changed.
    pub(crate) async fn settle_refund(&self, id: RefundId) -> Result<bool, Error> {
        let refund = self.refund(id).await?;
        match (refund.next_step(self.now()), &refund.reference) {
            (Some(RefundStep::LookUp), Some(reference)) => {
                self.ask_about_refund(&refund, reference).await
            }
            (Some(RefundStep::Send | RefundStep::LookUp), _) => self.send_refund(&refund).await,
            (Some(RefundStep::GiveUp), _) => self.give_up(&refund).await,
            (None, _) => Ok(false),
        }
    }

    /// Nobody can tell any more whether the last try arrived, but for the sum that was given back.
    async fn give_up(&self, refund: &Refund) -> Result<bool, Error> {
        let failed = self.refund_failed(refund).await?;
        self.recount(refund.payment, None, None).await?;
        Ok(failed)
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
        if refund.attempt > 0 && !self.is_owed_still(refund).await? {
            return Ok(true);
        }
        let intent = self.payment(refund.payment).await?.intent;
        let intent = intent.ok_or_else(|| Error::bug("a captured payment without an intent"))?;
        let send = SendRefund { intent, amount: refund.amount, key: refund.key() };
        match self.gateway.refund(&send).await {
            Ok(report) => self.note_report(refund, report).await,
            Err(error) if error.kind() == GatewayErrorKind::Refused => {
                note(&error, refund);
                self.refund_failed(refund).await
            }
            Err(error) if error.kind() == GatewayErrorKind::ServerError => {
                note(&error, refund);
                self.go_on_under_the_next_key(refund).await
            }
            Err(error) => Ok(note(&error, refund)),
        }
    }

    /// An earlier try may have arrived late, or been sent by another process under its own key;
    /// somebody may have given the money back meanwhile.
    async fn is_owed_still(&self, refund: &Refund) -> Result<bool, Error> {
        self.recount(refund.payment, None, None).await?;
        Ok(self.refund(refund.id).await?.version == refund.version)
    }

    /// The gateway may repeat its error for the key for ever, whether or not the money is back:
    /// only the intent's sum tells.
    ///
    /// The key is given up first. Where several refunds are on their way, the sum waits for one under
    /// its first key, which would be this one for ever; under the next key nothing is sent before
    /// the sum was asked.
    async fn go_on_under_the_next_key(&self, tried: &Refund) -> Result<bool, Error> {
        let same_try = |refund: &Refund| refund.attempt == tried.attempt;
        let next_key = RefundCommand::NextKey;
        self.change_refund(tried.id, next_key, by_gateway(), same_try).await?;
        self.recount(tried.payment, None, None).await.map(|_| true)
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
        let mut rounds = Rounds::default();
        while rounds.another() {
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
                Err(missed) => rounds.again_or_error(missed, "change the refund")?,
            }
        }
        Err(rounds.over())
    }

    /// Compares what the gateway gave back of a captured payment with our refunds, and writes
    /// down what differs; `told` is what it said a moment ago. Answers whether anything changed.
    pub(crate) async fn recount(
        &self,
        id: PaymentId,
        told: Option<Money>,
        closes: Option<WebhookKey>,
    ) -> Result<bool, Error> {
        let mut rounds = Rounds::default();
        while rounds.another() {
            let payment = self.payment(id).await?;
            let refunds = self.storage.refunds_of(id).await?;
            let captured = payment.state == PaymentState::Captured;
            let Some(intent) = payment.intent.clone().filter(|_| captured) else {
                return self.close(closes).await.map(|()| false);
            };
            if told.is_some() && given_back_in(&payment, &refunds).ok() == told {
                return self.close(closes).await.map(|()| false);
            }
            let Some(refunded) = self.given_back_since((id, &intent), &refunds).await? else {
                continue;
            };
            let books = (payment, refunds);
            let counted = self.commit_recount(books, refunded, closes.as_ref(), &mut rounds);
            if let Some(changed) = counted.await? {
                return Ok(changed);
            }
        }
        Err(rounds.over())
    }

    /// What the gateway gave back of an intent; nothing if our refunds are not the same any more.
    ///
    /// Asked after the books were read, and used only if nothing moved since: an older word would
    /// take one of our own refunds for another.
    async fn given_back_since(
        &self,
        (payment, intent): (PaymentId, &IntentRef),
        refunds: &[Refund],
    ) -> Result<Option<Money>, Error> {
        let found = self.gateway.look_up(intent).await.map_err(unreachable_gateway)?;
        let found =
            found.ok_or_else(|| Error::bug("a captured payment whose intent is not known"))?;
        let now = self.storage.refunds_of(payment).await?;
        Ok((versions_of(&now) == versions_of(refunds)).then_some(found.report.refunded))
    }

    /// Nothing if somebody was quicker.
    async fn commit_recount(
        &self,
        (payment, refunds): (Payment, Vec<Refund>),
        refunded: Money,
        closes: Option<&WebhookKey>,
        rounds: &mut Rounds,
    ) -> Result<Option<bool>, Error> {
        let order = match payment.order {
            Some(order) => self.storage.order(order).await?,
            None => None,
        };
        let (ids, now) = ((payment.id, payment.order), self.now());
        let Some(settlement) = recount(payment, order, refunds, refunded, now)? else {
            let busy = PortError::unavailable("tell refunds apart that are under way");
            return Err(busy.into());
        };
        let changed = settlement.payment.is_change() || !settlement.refunds.is_empty();
        let batch = self.settlement_batch(ids, settlement, closes.cloned(), now);
        match self.commit(batch, Urgency::Settling).await {
            Ok(()) => Ok(Some(changed)),
            Err(missed) => {
                rounds.again_or_error(missed, "count what was given back").map(|()| None)
            }
        }
    }
}

fn versions_of(refunds: &[Refund]) -> Vec<(RefundId, Version)> {
    refunds.iter().map(|refund| (refund.id, refund.version)).collect()
}

/// A call without an answer is tried again by the reconciler; it is told once, here.
fn note(error: &GatewayError, refund: &Refund) -> bool {
    tracing::warn!(error = chain(error), refund.id = %refund.id, "the gateway gave no answer to a refund");
    false
}
