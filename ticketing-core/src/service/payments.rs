//! Payments: money for an order, and what the gateway has to say about it.

use std::sync::Arc;

use tracing::instrument;

use crate::domain::decision::Decision;
use crate::domain::event::EventKey;
use crate::domain::order::{Order, OrderCommand, OrderState};
use crate::domain::payment::{
    ConfirmedBy, DeclineCode, Payment, PaymentCommand, PaymentState, VoidReason,
};
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::view::{PaymentStatus, PaymentView};
use crate::ports::batch::{Cause, KeyRecord, WebhookKey};
use crate::ports::error::chain;
use crate::ports::payment_gateway::{
    GatewayErrorKind, PaymentMethod, WebhookError, WebhookRequest,
};
use crate::ports::storage::{Received, Webhook};
use crate::service::caller::Caller;
use crate::service::engine::{Engine, Rounds};
use crate::service::error::Error;
use crate::service::group_commit::Urgency;
use crate::service::idempotency::{Halt, KeyUse};
use crate::service::payment_receipt::{PaymentEntry, PaymentOutcome, PaymentReceipt};
use crate::values::{GatewayName, OrderId, PaymentId, TimeWindow, Timestamp, UserId};

/// What can be done with payments.
#[derive(Debug, Clone)]
pub struct Payments {
    engine: Arc<Engine>,
    caller: Caller,
}

/// A webhook that was not taken.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookFailure {
    /// It is not to be believed: the sender need not try again.
    #[error(transparent)]
    NotBelieved(#[from] WebhookError),
    /// It could not be kept: the sender must try again.
    #[error(transparent)]
    NotKept(#[from] Error),
}

/// Everything that a running `pay` command needs, detached from its caller.
struct Paying {
    engine: Arc<Engine>,
    cause: Cause,
    buyer: UserId,
    order: OrderId,
    /// The card token; without one, the buyer's browser confirms.
    method: Option<PaymentMethod>,
    key: Option<KeyUse>,
}

impl Payments {
    pub(crate) fn new(engine: Arc<Engine>, caller: Caller) -> Self {
        Self { engine, caller }
    }

    /// The gateway's name, as its webhooks' address has it.
    pub fn gateway(&self) -> GatewayName {
        self.engine.gateway.name()
    }

    /// Pays for an order with a card token.
    ///
    /// While an attempt runs, that attempt is answered, never a second one started; a token is
    /// tried on an attempt that the browser has not confirmed yet. A decline is an
    /// [outcome](PaymentReceipt::outcome): the order can be paid again until its deadline.
    ///
    /// The command runs to its end even if this future is dropped. Once the attempt is written
    /// down, whatever fails leaves it [pending](PaymentOutcome::Pending): it goes on by itself.
    ///
    /// # Errors
    /// The order does not exist or is another's; its time is up, it was cancelled, it is paid;
    /// the storage is unavailable: then the attempt may have been written down.
    #[instrument(skip_all, fields(order.id = %order))]
    pub async fn pay(
        &self,
        buyer: &UserId,
        order: OrderId,
        method: PaymentMethod,
    ) -> Result<PaymentReceipt, Error> {
        self.run(buyer, order, Some(method)).await
    }

    /// Opens an intent that the buyer's browser confirms.
    ///
    /// # Errors
    /// As [`pay`](Self::pay).
    #[instrument(skip_all, fields(order.id = %order))]
    pub async fn open(&self, buyer: &UserId, order: OrderId) -> Result<PaymentReceipt, Error> {
        self.run(buyer, order, None).await
    }

    async fn run(
        &self,
        buyer: &UserId,
        order: OrderId,
        method: Option<PaymentMethod>,
    ) -> Result<PaymentReceipt, Error> {
        let token = method.as_ref().map(PaymentMethod::expose);
        let key = KeyUse::of(&self.caller, buyer, "pay", &(order, token))?;
        let paying = Paying {
            engine: Arc::clone(&self.engine),
            cause: self.caller.cause(buyer),
            buyer: buyer.clone(),
            order,
            method,
            key,
        };
        self.engine.detached(paying.run()).await
    }

    /// A buyer's own payment.
    ///
    /// # Errors
    /// There is none, or it is another's.
    pub async fn get(&self, buyer: &UserId, id: PaymentId) -> Result<PaymentView, Error> {
        let payment = self.engine.payment(id).await?;
        if payment.buyer.as_ref() == Some(buyer) {
            return Ok(payment.view());
        }
        Err(Rejection::new("read the payment", "another's", Reason::NotOwner).into())
    }

    /// A buyer's attempts to pay for an order, the oldest first; none for an order that is another's.
    ///
    /// # Errors
    /// The storage is unavailable.
    pub async fn attempts(
        &self,
        buyer: &UserId,
        order: OrderId,
    ) -> Result<Vec<PaymentEntry>, Error> {
        let payments = self.engine.storage.payments_of(order).await?.into_iter();
        let own = payments.filter(|payment| payment.buyer.as_ref() == Some(buyer));
        let entry = |payment: Payment| PaymentEntry {
            begun_at: payment.created_at,
            payment: payment.view(),
        };
        Ok(own.map(entry).collect())
    }

    /// Takes a webhook of the gateway in: durable when it answers, dealt with right after.
    ///
    /// # Errors
    /// It is not authentic, or could not be kept.
    #[instrument(skip_all)]
    pub async fn webhook(&self, request: &WebhookRequest) -> Result<Received, WebhookFailure> {
        let engine = &self.engine;
        let now = engine.now();
        let notice = engine.gateway.read_webhook(request, now)?;
        let webhook = Webhook {
            key: WebhookKey { gateway: engine.gateway.name(), id: notice.id },
            intent: notice.intent,
            about: notice.about,
            received_at: now,
        };
        let received = engine.storage.receive(&webhook).await.map_err(Error::from)?;
        if received == Received::New {
            engine.webhook_soon(webhook);
        }
        Ok(received)
    }
}

const PAY: &str = "pay for the order";

impl Paying {
    async fn run(self) -> Result<PaymentReceipt, Error> {
        let attempt = self.engine.once(self.key.clone(), Box::pin(self.pay())).await?;
        self.show(attempt).await
    }

    /// Starts an attempt, or joins the one that runs, and takes it as far as it goes.
    async fn pay(&self) -> Result<PaymentId, Halt> {
        let mut rounds = Rounds::default();
        while rounds.another() {
            let order = self.engine.order_of(&self.buyer, self.order, PAY).await?;
            if let OrderState::AwaitingPayment { attempt } = order.state {
                if self.join(attempt, &order, &mut rounds).await? {
                    return Ok(attempt);
                }
                continue;
            }
            self.check_earlier_attempts(&order).await?;
            if let Some(payment) = self.start(order, &mut rounds).await? {
                let attempt = payment.id;
                told_by_the_attempt(attempt, self.open(payment).await);
                return Ok(attempt);
            }
        }
        Err(rounds.over().into())
    }

    /// Writes the attempt down; nothing if somebody was quicker.
    async fn start(&self, order: Order, rounds: &mut Rounds) -> Result<Option<Payment>, Halt> {
        let engine = &self.engine;
        let now = engine.now();
        let attempt = PaymentId::from_uuid(engine.ids.next());
        let confirmed_by =
            if self.method.is_some() { ConfirmedBy::Server } else { ConfirmedBy::Client };
        let owner = (order.id, order.buyer.clone());
        let payment = Payment::initiate(attempt, owner, order.total, confirmed_by, now);
        let in_time = TimeWindow::ending(order.deadline());
        let policy = engine.settings.holds;
        let order = order.decide(OrderCommand::StartPayment { attempt, policy }, now)?;
        let started = payment.next().clone();
        let batch = engine
            .batch(self.cause.clone(), now)
            .order(order)
            .payment(payment)
            .within(in_time)
            .keyed(self.record(&started, now))
            .build();
        match engine.commit(batch, Urgency::Settling).await {
            Ok(()) => Ok(Some(started)),
            Err(missed) => rounds.again_or_halt(missed, PAY).map(|()| None),
        }
    }

    /// Opens the intent, and confirms it where that is ours to do.
    async fn open(&self, payment: Payment) -> Result<(), Error> {
        let engine = &self.engine;
        match engine.gateway.open(&engine.intent_of(&payment, self.order)).await {
            Ok(opened) => {
                let confirming = self.method.is_some();
                let command = PaymentCommand::Opened { intent: opened.intent, confirming };
                let payment = engine.change_payment(payment.id, command).await?;
                self.confirm(payment).await
            }
            Err(error) => {
                tracing::warn!(error = chain(&error), payment.id = %payment.id, "the intent was not opened");
                if engine.open_failed(&payment, error.kind()).await? {
                    // The same key tells.
                    engine.settle_now(payment.id).await?;
                }
                Ok(())
            }
        }
    }

    /// Sends the one confirmation of an attempt that is written down as confirming.
    async fn confirm(&self, payment: Payment) -> Result<(), Error> {
        let engine = &self.engine;
        let (Some(method), Some(intent)) = (&self.method, &payment.intent) else {
            return Ok(());
        };
        if payment.state != PaymentState::Confirming {
            return Ok(());
        }
        let key = format!("confirm:{}:{}", payment.id, payment.version);
        match engine.gateway.confirm(intent, method, &key).await {
            Ok(report) => engine.settle(payment.id, report, None).await.map(|_| ())?,
            Err(error) => {
                tracing::warn!(error = chain(&error), payment.id = %payment.id, "no answer to the confirmation");
                self.confirm_failed(&payment, error.kind()).await?;
            }
        }
        self.follow_up(payment.id).await
    }

    async fn confirm_failed(&self, payment: &Payment, kind: GatewayErrorKind) -> Result<(), Error> {
        let command = match kind {
            GatewayErrorKind::Refused => PaymentCommand::Declined(DeclineCode::InvalidMethod),
            GatewayErrorKind::NotSent | GatewayErrorKind::Misconfigured => {
                match payment.confirmed_by {
                    // The browser may go on with the intent until the deadline.
                    ConfirmedBy::Client => PaymentCommand::ConfirmationLost,
                    ConfirmedBy::Server => PaymentCommand::Void(VoidReason::Abandoned),
                }
            }
            // Asked once more at once; else the reconciler asks.
            GatewayErrorKind::Unknown | GatewayErrorKind::ServerError => return Ok(()),
        };
        self.engine.change_payment(payment.id, command).await.map(|_| ())
    }

    /// Captures in the background. What is in doubt is asked, and what is declined is voided,
    /// while the buyer waits.
    async fn follow_up(&self, attempt: PaymentId) -> Result<(), Error> {
        match self.engine.payment(attempt).await?.state {
            PaymentState::Authorized => self.engine.settle_soon(attempt),
            PaymentState::Confirming | PaymentState::Voiding { .. } => {
                self.engine.settle_for_a_while(attempt).await?;
            }
            PaymentState::Initiated
            | PaymentState::Open
            | PaymentState::NeedsAction
            | PaymentState::Captured
            | PaymentState::Declined { .. }
            | PaymentState::Voided
            | PaymentState::NeedsOperator { .. } => {}
        }
        Ok(())
    }

    /// Joins the attempt that runs: our card token is confirmed on it where it still waits for the
    /// browser. `false` if order and attempt must be read again.
    async fn join(
        &self,
        attempt: PaymentId,
        order: &Order,
        rounds: &mut Rounds,
    ) -> Result<bool, Halt> {
        let engine = &self.engine;
        let payment = engine.payment(attempt).await?;
        if let PaymentState::Voiding { .. } = payment.state {
            // Nobody can join an attempt that ends.
            return self.see_off(attempt).await.map(|()| false);
        }
        let now = engine.now();
        let (decision, window) = if self.confirms(&payment) {
            if now >= order.deadline() {
                return Err(Rejection::new(PAY, order.state.name(), Reason::OrderExpired).into());
            }
            let in_time = TimeWindow::ending(order.deadline());
            (payment.decide(PaymentCommand::Confirm, now)?, in_time)
        } else {
            (Decision::unchanged(payment), TimeWindow::always())
        };
        let (joined, confirms) = (decision.next().clone(), decision.is_change());
        let batch = engine.batch(self.cause.clone(), now).payment(decision);
        let batch = batch.within(window).keyed(self.record(&joined, now)).build();
        match engine.commit(batch, Urgency::Settling).await {
            Ok(()) if confirms => told_by_the_attempt(attempt, self.confirm(joined).await),
            Ok(()) => {}
            // Another token was quicker, or the attempt is over.
            Err(missed) => return rounds.again_or_halt(missed, PAY).map(|()| false),
        }
        Ok(true)
    }

    /// Whether our card token is to be tried on a running attempt.
    fn confirms(&self, payment: &Payment) -> bool {
        let waits = matches!(payment.state, PaymentState::Open | PaymentState::NeedsAction);
        self.method.is_some() && waits && payment.confirmed_by == ConfirmedBy::Client
    }

    /// Takes an attempt that is being voided to its end, so that another can start.
    async fn see_off(&self, attempt: PaymentId) -> Result<(), Halt> {
        let payment = self.engine.settle_for_a_while(attempt).await?;
        if payment.is_live() {
            let state = payment.state.name();
            return Err(Rejection::new(PAY, state, Reason::PaymentRunning).into());
        }
        Ok(())
    }

    /// The intent of an earlier attempt may have turned up late, and be about to be voided.
    async fn check_earlier_attempts(&self, order: &Order) -> Result<(), Halt> {
        if order.state != OrderState::Created || order.pay_deadline.is_none() {
            return Ok(());
        }
        match self.engine.live_attempt(order.id).await? {
            Some(earlier) => self.see_off(earlier.id).await,
            None => Ok(()),
        }
    }

    /// The key's record: it names the attempt.
    fn record(&self, payment: &Payment, now: Timestamp) -> Option<KeyRecord> {
        let answer = EventKey { aggregate: payment.id.into(), version: payment.version };
        self.key.as_ref().map(|key| key.record(answer, now))
    }

    /// The attempt as it is now. The client's secret is asked for, never stored.
    async fn show(&self, attempt: PaymentId) -> Result<PaymentReceipt, Error> {
        let payment = self.engine.payment(attempt).await?;
        // Read after the payment: it shows what became of money that the payment tells of.
        let order = self.engine.order(self.order).await?;
        let view = payment.view();
        // A token is declined for good; the browser may go on with another card.
        let waits_again = self.method.is_some() && payment.state == PaymentState::Open;
        let token_declined = payment.last_decline.filter(|_| waits_again);
        let outcome = token_declined
            .map_or_else(|| PaymentOutcome::of(&view, &order), PaymentOutcome::Declined);
        let needs_secret = view.status == PaymentStatus::RequiresAction;
        let client_secret = match payment.intent.filter(|_| needs_secret) {
            Some(intent) => {
                let found = self.engine.gateway.look_up(&intent).await;
                found.ok().flatten().and_then(|found| found.client_secret)
            }
            None => None,
        };
        Ok(PaymentReceipt { payment: view, client_secret, outcome })
    }
}

/// What fails once an attempt is written down is no failure of the command: how the attempt
/// stands tells, and the reconciler takes it further.
fn told_by_the_attempt(attempt: PaymentId, done: Result<(), Error>) {
    if let Err(error) = done {
        tracing::warn!(error = chain(&error), payment.id = %attempt, "an attempt is left to the reconciler");
    }
}
