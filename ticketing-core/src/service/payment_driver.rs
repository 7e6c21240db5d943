//! What must be done at the gateway, done: one step, then what the answer says, committed.
//!
//! Whoever starts it (the buyer's own request, a webhook, the reconciler) comes through here,
//! and several may at once: the versions of payment and order let one of them through, and the
//! others read again and find nothing left to do.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::decision::Decision;
use crate::domain::event::Actor;
use crate::domain::order::Order;
use crate::domain::payment::{GatewayStep, Payment, PaymentCommand, PaymentState, Trouble};
use crate::domain::refund::Refund;
use crate::domain::settlement::{
    IntentReport, IntentStatus, Settlement, capture_failed, settle as settle_purely,
};
use crate::ports::batch::{Cause, WebhookKey, WriteBatch};
use crate::ports::error::{PortError, chain};
use crate::ports::payment_gateway::{FoundIntent, GatewayError, GatewayErrorKind, OpenIntent};
use crate::service::engine::{Engine, Rounds};
use crate::service::error::Error;
use crate::service::group_commit::Urgency;
use crate::values::{IntentRef, Money, OrderId, PaymentId, RefundId, Timestamp};

/// How far before an attempt its intent may have been created, by the gateway's clock.
const CLOCKS_DIFFER: Duration = Duration::from_hours(1);
/// How long a buyer waits for what is still to be done at the gateway.
const SETTLE_WAIT: Duration = Duration::from_secs(5);
/// The most steps that one call takes before it leaves the rest to the reconciler.
const STEPS_MAX: usize = 6;

impl Engine {
    pub(crate) async fn payment(&self, id: PaymentId) -> Result<Payment, Error> {
        self.storage.payment(id).await?.ok_or(Error::NotFound("payment"))
    }

    /// The intent to open for an attempt: the same, under the same key, every time.
    pub(crate) fn intent_of(&self, payment: &Payment, order: OrderId) -> OpenIntent {
        OpenIntent {
            attempt: payment.id,
            order,
            store: self.store,
            amount: payment.amount,
            confirmed_by: payment.confirmed_by,
            key: format!("open:{}", payment.id),
        }
    }

    /// Takes a payment as far as it goes now.
    pub(crate) async fn settle_now(self: &Arc<Self>, id: PaymentId) -> Result<Payment, Error> {
        for _ in 0..STEPS_MAX {
            let payment = self.payment(id).await?;
            let Some(step) = payment.next_step(self.now()) else {
                return Ok(payment);
            };
            if !self.take_step(&payment, step).await? {
                break;
            }
        }
        self.payment(id).await
    }

    /// The same, while somebody waits. What takes the gateway longer than that goes on, and the
    /// payment is answered as it stands.
    pub(crate) async fn settle_for_a_while(
        self: &Arc<Self>,
        id: PaymentId,
    ) -> Result<Payment, Error> {
        let engine = Arc::clone(self);
        let settling = self.detached(async move { engine.settle_now(id).await });
        tokio::select! {
            biased;
            settled = settling => settled,
            () = self.runtime.sleep(SETTLE_WAIT) => self.payment(id).await,
        }
    }

    /// The same, without waiting for it.
    pub(crate) fn settle_soon(self: &Arc<Self>, id: PaymentId) {
        let engine = Arc::clone(self);
        self.soon(async move {
            if let Err(error) = engine.settle_now(id).await {
                tracing::debug!(error = chain(&error), payment.id = %id, "left to the reconciler");
            }
        });
    }

    /// Takes one step at the gateway. Answers whether the payment has changed.
    async fn take_step(
        self: &Arc<Self>,
        payment: &Payment,
        step: GatewayStep,
    ) -> Result<bool, Error> {
        match (step, &payment.intent) {
            (GatewayStep::Search, _) => self.search(payment).await,
            (GatewayStep::Open, _) | (_, None) => self.open_again(payment).await,
            (GatewayStep::LookUp, Some(intent)) => self.ask(payment, intent).await,
            (GatewayStep::Capture, Some(intent)) => self.capture(payment, intent).await,
            (GatewayStep::Void, Some(intent)) => self.void(payment, intent).await,
        }
    }

    async fn open_again(&self, payment: &Payment) -> Result<bool, Error> {
        // Stray money has an intent from the start, so whatever is opened has an order.
        let order = payment.order.ok_or_else(|| Error::bug("stray money without an intent"))?;
        match self.gateway.open(&self.intent_of(payment, order)).await {
            Ok(opened) => {
                let command = PaymentCommand::Opened { intent: opened.intent, confirming: false };
                self.change_payment(payment.id, command).await.map(|_| true)
            }
            Err(error) => {
                note(&error, payment);
                self.open_again_failed(payment.id, error.kind()).await
            }
        }
    }

    /// What becomes of an attempt whose intent could not be opened at the first try. Answers
    /// whether it may be open all the same.
    pub(crate) async fn open_failed(
        &self,
        payment: &Payment,
        kind: GatewayErrorKind,
    ) -> Result<bool, Error> {
        match kind {
            GatewayErrorKind::ServerError => {
                self.change_payment(payment.id, PaymentCommand::OpenInDoubt).await.map(|_| false)
            }
            GatewayErrorKind::NotSent
            | GatewayErrorKind::Refused
            | GatewayErrorKind::Misconfigured => self.never_opened(payment).await.map(|_| false),
            GatewayErrorKind::Unknown => Ok(true),
        }
    }

    /// Ends an attempt that has no intent. Somebody else may have opened one meanwhile, under the
    /// same key: that one must be voided at the gateway, and is no matter of this call.
    async fn never_opened(&self, payment: &Payment) -> Result<bool, Error> {
        let report = gone(payment.amount);
        let end = |payment: Payment, order, now| {
            if payment.intent.is_some() {
                return Ok(Settlement::payment(Decision::unchanged(payment)));
            }
            settle_purely(payment, order, report, now)
        };
        self.commit_settlement(payment.id, None, end).await
    }

    /// The same at a later try: an earlier one may have opened it, whatever became of this one.
    async fn open_again_failed(
        &self,
        id: PaymentId,
        kind: GatewayErrorKind,
    ) -> Result<bool, Error> {
        match kind {
            GatewayErrorKind::ServerError
            | GatewayErrorKind::Refused
            | GatewayErrorKind::Misconfigured => {
                self.change_payment(id, PaymentCommand::OpenInDoubt).await.map(|_| false)
            }
            GatewayErrorKind::NotSent | GatewayErrorKind::Unknown => Ok(false),
        }
    }

    async fn search(self: &Arc<Self>, payment: &Payment) -> Result<bool, Error> {
        let since = payment.created_at.minus(CLOCKS_DIFFER);
        match self.find_intent(payment.id, since).await {
            Ok(Some(found)) => self.adopt(found, None).await,
            Ok(None) if self.now() < payment.created_at.plus(Payment::UNCONFIRMED_FOR) => Ok(false),
            Ok(None) => self.never_opened(payment).await,
            Err(error) => {
                note(&error, payment);
                Ok(false)
            }
        }
    }

    async fn find_intent(
        &self,
        attempt: PaymentId,
        since: Timestamp,
    ) -> Result<Option<FoundIntent>, GatewayError> {
        let mut after = None;
        loop {
            let page = self.gateway.list_since(since, after).await?;
            let ours = |found: &FoundIntent| {
                found.store == Some(self.store) && found.attempt == Some(attempt)
            };
            if let Some(found) = page.intents.into_iter().find(ours) {
                return Ok(Some(found));
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(None),
            }
        }
    }

    async fn ask(&self, payment: &Payment, intent: &IntentRef) -> Result<bool, Error> {
        match self.gateway.look_up(intent).await {
            Ok(Some(found)) => self.settle(payment.id, found.report, None).await,
            Ok(None) => self.settle(payment.id, gone(payment.amount), None).await,
            Err(error) => {
                note(&error, payment);
                Ok(false)
            }
        }
    }

    async fn capture(&self, payment: &Payment, intent: &IntentRef) -> Result<bool, Error> {
        let key = format!("capture:{}", payment.id);
        let mut answer = self.gateway.capture(intent, payment.amount, &key).await;
        if is_server_error(&answer) {
            if self.ask(payment, intent).await? {
                return Ok(true);
            }
            let key = self.other_key(&key, payment);
            answer = self.gateway.capture(intent, payment.amount, &key).await;
        }
        match answer {
            Ok(report) => self.settle(payment.id, report, None).await,
            Err(error) if error.kind() == GatewayErrorKind::Refused => {
                note(&error, payment);
                self.capture_refused(payment, intent).await
            }
            // Our keys or our account are wrong: trying again tells nobody.
            Err(error) if error.kind() == GatewayErrorKind::Misconfigured => {
                note(&error, payment);
                let park = PaymentCommand::Park(Trouble::Misconfigured);
                self.change_payment(payment.id, park).await.map(|_| true)
            }
            Err(error) => {
                note(&error, payment);
                Ok(false)
            }
        }
    }

    /// The gateway will not capture. How the intent stands tells why.
    async fn capture_refused(&self, payment: &Payment, intent: &IntentRef) -> Result<bool, Error> {
        let Ok(found) = self.gateway.look_up(intent).await else {
            return Ok(false);
        };
        let report = found.map_or_else(|| gone(payment.amount), |found| found.report);
        if report.status == IntentStatus::Authorized {
            return self.commit_settlement(payment.id, None, capture_failed).await;
        }
        self.settle(payment.id, report, None).await
    }

    async fn void(&self, payment: &Payment, intent: &IntentRef) -> Result<bool, Error> {
        let key = format!("void:{}", payment.id);
        let mut answer = self.gateway.void(intent, &key).await;
        if is_server_error(&answer) {
            if self.ask(payment, intent).await? {
                return Ok(true);
            }
            answer = self.gateway.void(intent, &self.other_key(&key, payment)).await;
        }
        match answer {
            Ok(report) => self.settle(payment.id, report, None).await,
            Err(error) if error.kind() == GatewayErrorKind::Refused => {
                note(&error, payment);
                self.ask(payment, intent).await
            }
            Err(error) => {
                note(&error, payment);
                Ok(false)
            }
        }
    }

    /// The key after a server error, which the gateway may repeat for the key before. Capturing
    /// or voiding an intent twice does no more than once, so another key does no harm.
    fn other_key(&self, key: &str, payment: &Payment) -> String {
        let minutes = self.now().since(payment.created_at).as_secs() / 60;
        format!("{key}:{minutes}")
    }

    /// Does to payment and order what the gateway said. Answers whether anything changed.
    pub(crate) async fn settle(
        &self,
        id: PaymentId,
        report: IntentReport,
        closes: Option<WebhookKey>,
    ) -> Result<bool, Error> {
        let settle = |payment, order, now| settle_purely(payment, order, report, now);
        if report.status != IntentStatus::Captured {
            return self.commit_settlement(id, closes, settle).await;
        }
        // A word that tells of the capture and of a refund made by hand is two steps: the first
        // must not close the webhook that tells of the second.
        let captured = self.commit_settlement(id, None, settle).await?;
        let recounted = self.recount(id, Some(report.refunded), closes).await?;
        Ok(captured || recounted)
    }

    async fn commit_settlement(
        &self,
        id: PaymentId,
        closes: Option<WebhookKey>,
        decide: impl Fn(
            Payment,
            Option<Order>,
            Timestamp,
        ) -> Result<Settlement, crate::domain::Rejection>
        + Send,
    ) -> Result<bool, Error> {
        let mut rounds = Rounds::default();
        while rounds.another() {
            let payment = self.payment(id).await?;
            let order = match payment.order {
                Some(order) => self.storage.order(order).await?,
                None => None,
            };
            let now = self.now();
            let (payment_id, order_id) = (payment.id, payment.order);
            let was_live = payment.is_live();
            let settlement = decide(payment, order, now)?;
            let changed = settlement.payment.is_change();
            let next = settlement.payment.next().clone();
            self.check_revival(was_live, &next).await?;
            let batch =
                self.settlement_batch((payment_id, order_id), settlement, closes.clone(), now);
            match self.commit(batch, Urgency::Settling).await {
                Ok(()) => {
                    tell_of_parking(&next, changed);
                    return Ok(changed);
                }
                Err(missed) => rounds.again_or_error(missed, "settle the payment")?,
            }
        }
        Err(rounds.over())
    }

    pub(crate) fn settlement_batch(
        &self,
        (payment, order): (PaymentId, Option<OrderId>),
        settlement: Settlement,
        closes: Option<WebhookKey>,
        now: Timestamp,
    ) -> WriteBatch {
        let refund_id = || RefundId::from_uuid(self.ids.next());
        let mut batch = self.batch(by_gateway(), now).payment(settlement.payment).closing(closes);
        if let Some(decision) = settlement.order {
            batch = batch.order(decision);
        }
        for decision in settlement.refunds {
            batch = batch.refund(decision);
        }
        if let Some(owed) = settlement.owed {
            batch = batch.refund(Refund::request(refund_id(), payment, order, owed, None, now));
        }
        if let Some(noted) = settlement.noted {
            batch = batch.refund(Refund::noted(refund_id(), payment, order, noted, now));
        }
        batch.build()
    }

    /// Commits one command to a payment; unchanged if it has no meaning any more.
    pub(crate) async fn change_payment(
        &self,
        id: PaymentId,
        command: PaymentCommand,
    ) -> Result<Payment, Error> {
        self.change_payment_as(by_gateway(), id, command, None).await
    }

    /// The same, for that cause, and perhaps dealing with a webhook.
    pub(crate) async fn change_payment_as(
        &self,
        cause: Cause,
        id: PaymentId,
        command: PaymentCommand,
        closes: Option<WebhookKey>,
    ) -> Result<Payment, Error> {
        let mut rounds = Rounds::default();
        while rounds.another() {
            let now = self.now();
            let payment = self.payment(id).await?;
            let was_live = payment.is_live();
            let decision = payment.decide(command.clone(), now)?;
            let (next, changed) = (decision.next().clone(), decision.is_change());
            self.check_revival(was_live, &next).await?;
            let batch = self.batch(cause.clone(), now).payment(decision);
            let batch = batch.closing(closes.clone()).build();
            match self.commit(batch, Urgency::Settling).await {
                Ok(()) => {
                    tell_of_parking(&next, changed);
                    return Ok(next);
                }
                Err(missed) => rounds.again_or_error(missed, "change the payment")?,
            }
        }
        Err(rounds.over())
    }

    /// An attempt that was over comes back to life when its intent turns up late, only to be
    /// voided. An order never has two live attempts, so it waits for the one that runs.
    async fn check_revival(&self, was_live: bool, next: &Payment) -> Result<(), Error> {
        let Some(order) = next.order.filter(|_| !was_live && next.is_live()) else {
            return Ok(());
        };
        match self.live_attempt(order).await? {
            Some(_) => Err(PortError::unavailable("void an intent beside a live attempt").into()),
            None => Ok(()),
        }
    }

    /// The attempt at an order that may still take money, if there is one.
    pub(crate) async fn live_attempt(&self, order: OrderId) -> Result<Option<Payment>, Error> {
        let attempts = self.storage.payments_of(order).await?;
        Ok(attempts.into_iter().find(Payment::is_live))
    }
}

/// The cause of what the gateway said.
pub(crate) fn by_gateway() -> Cause {
    Cause { actor: Actor::Gateway, correlation: None }
}

fn is_server_error(answer: &Result<IntentReport, GatewayError>) -> bool {
    matches!(answer, Err(error) if error.kind() == GatewayErrorKind::ServerError)
}

/// What is known of an intent that the gateway does not have.
fn gone(amount: Money) -> IntentReport {
    IntentReport { status: IntentStatus::Gone, amount, refunded: Money::zero(amount.currency()) }
}

/// What no machine can settle is told where somebody looks; [`Operator::stuck`] lists it.
///
/// [`Operator::stuck`]: crate::service::Operator::stuck
fn tell_of_parking(payment: &Payment, changed: bool) {
    if let PaymentState::NeedsOperator { why } = payment.state
        && changed
    {
        tracing::error!(payment.id = %payment.id, %why, "a payment waits for an operator");
    }
}

/// A call without an answer is tried again by the reconciler; it is told once, here.
fn note(error: &GatewayError, payment: &Payment) {
    tracing::warn!(error = chain(error), payment.id = %payment.id, "the gateway gave no answer");
}
