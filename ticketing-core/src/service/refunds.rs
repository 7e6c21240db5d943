//! Refunds: money of a complete order, on its way back.

use std::sync::Arc;

use tracing::instrument;

use crate::domain::event::{Actor, EventKey};
use crate::domain::order::{Order, OrderCommand, OrderRefund, ReturnedLine};
use crate::domain::payment::{Payment, PaymentCommand};
use crate::domain::refund::{Refund, RefundCommand, RefundStep};
use crate::domain::rejection::{FieldError, Reason, Rejection};
use crate::domain::view::RefundView;
use crate::ports::batch::Cause;
use crate::ports::payment_gateway::{
    GatewayError, GatewayErrorKind, RefundReport, RefundStatus, SendRefund,
};
use crate::service::caller::Caller;
use crate::service::engine::{ATTEMPTS_MAX, Engine};
use crate::service::error::Error;
use crate::service::group_commit::Urgency;
use crate::service::idempotency::{Halt, KeyUse};
use crate::service::payment_driver::by_gateway;
use crate::values::{
    Money, MoneyError, Note, OrderId, Quantity, RefundId, RefundRef, TicketId, UserId,
};

/// What can be done with refunds.
#[derive(Debug, Clone)]
pub struct Refunds {
    engine: Arc<Engine>,
    caller: Caller,
}

/// Who gives money back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refunder {
    /// The seller of the lines that come back; of all lines, where none is named.
    Seller(UserId),
    /// An operator, who may give back anything.
    Operator(UserId),
}

/// What is to be given back.
///
/// Without lines and amount: everything that is left. With lines: their price, unless an
/// amount is named. With an amount alone: money, and no units.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct RefundRequest {
    /// The units that come back.
    pub lines: Vec<(TicketId, u32)>,
    /// The sum.
    pub amount: Option<Money>,
    /// Whether the units go back on sale.
    pub restock: bool,
    /// Why.
    pub reason: Option<String>,
}

impl RefundRequest {
    /// Everything that is left.
    pub fn everything() -> Self {
        Self::default()
    }

    /// These units, and their price.
    pub fn lines(lines: impl IntoIterator<Item = (TicketId, u32)>) -> Self {
        Self { lines: lines.into_iter().collect(), ..Self::default() }
    }

    /// This sum.
    #[must_use]
    pub fn amount(self, amount: Money) -> Self {
        Self { amount: Some(amount), ..self }
    }

    /// And put the units back on sale.
    #[must_use]
    pub fn restocking(self) -> Self {
        Self { restock: true, ..self }
    }

    /// For this reason.
    #[must_use]
    pub fn because(self, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..self }
    }
}

impl Refunds {
    pub(crate) fn new(engine: Arc<Engine>, caller: Caller) -> Self {
        Self { engine, caller }
    }

    /// Gives money of a complete order back. It is owed from the moment this answers; the
    /// gateway follows.
    ///
    /// # Errors
    /// The order does not exist, is not paid or was refunded; it is not the refunder's to give
    /// back; more is asked for than is left; the payment is disputed or still being captured.
    #[instrument(skip_all, fields(order.id = %order))]
    pub async fn request(
        &self,
        by: Refunder,
        order: OrderId,
        request: RefundRequest,
    ) -> Result<RefundView, Error> {
        let user = match &by {
            Refunder::Seller(user) | Refunder::Operator(user) => user.clone(),
        };
        let key = KeyUse::of(&self.caller, &user, "refund", &(order, &request))?;
        let fresh = self.request_fresh(&by, order, &request, key.clone());
        self.engine.once(key, Box::pin(fresh)).await
    }

    async fn request_fresh(
        &self,
        by: &Refunder,
        id: OrderId,
        request: &RefundRequest,
        key: Option<KeyUse>,
    ) -> Result<RefundView, Halt> {
        let engine = &self.engine;
        let refund = RefundId::from_uuid(engine.ids.next());
        for _ in 0..ATTEMPTS_MAX {
            let order = engine.order(id).await?;
            let asked = terms_of(&order, request).map_err(refused)?;
            check_authority(by, &order, &asked).map_err(refused)?;
            let Some(payment) = order.attempt() else {
                return Err(refused(Reason::NotPaid).into());
            };
            let now = engine.now();
            let (amount, reason) = (asked.amount, asked.reason.clone());
            let order = order.decide(OrderCommand::Refund(asked), now)?;
            let payment = engine.payment(payment).await?;
            let owner = payment.id;
            let payment = payment.decide(PaymentCommand::Refund(amount), now)?;
            let owed = Refund::request(refund, owner, Some(id), amount, reason, now);
            let view = owed.next().view();
            let answer = EventKey { aggregate: refund.into(), version: view.version };
            let batch = engine
                .batch(self.cause(by), now)
                .order(order)
                .payment(payment)
                .refund(owed)
                .keyed(key.as_ref().map(|key| key.record(answer, now)))
                .build();
            match engine.commit(batch, Urgency::Settling).await {
                Ok(()) => {
                    engine.refund_soon(refund);
                    return Ok(view);
                }
                Err(missed) => missed.again_or_halt(REFUND)?,
            }
        }
        Err(Error::Conflict.into())
    }

    fn cause(&self, by: &Refunder) -> Cause {
        match by {
            Refunder::Seller(user) => self.caller.cause(user),
            Refunder::Operator(user) => {
                Cause { actor: Actor::Operator(user.clone()), correlation: self.caller.correlation }
            }
        }
    }

    /// A refund as it is now.
    ///
    /// # Errors
    /// There is none.
    pub async fn get(&self, id: RefundId) -> Result<RefundView, Error> {
        Ok(self.engine.refund(id).await?.view())
    }

    /// Sends a failed refund once more, under a new key.
    ///
    /// # Errors
    /// There is none; or the engine is unavailable.
    #[instrument(skip_all, fields(refund.id = %id))]
    pub async fn retry(&self, operator: &UserId, id: RefundId) -> Result<RefundView, Error> {
        let actor = Actor::Operator(operator.clone());
        let cause = Cause { actor, correlation: self.caller.correlation };
        let always = |_: &Refund| true;
        let refund = self.engine.change_refund(id, RefundCommand::Retry, cause, always).await?;
        self.engine.refund_soon(id);
        Ok(refund.view())
    }
}

const REFUND: &str = "refund the order";

fn refused(reason: Reason) -> Rejection {
    Rejection::new(REFUND, "complete", reason)
}

fn invalid(field: &'static str, code: &'static str, message: impl Into<String>) -> Reason {
    Reason::Invalid(vec![FieldError::new(field, code, message)])
}

/// What a request means for this order.
fn terms_of(order: &Order, request: &RefundRequest) -> Result<OrderRefund, Reason> {
    let everything = request.lines.is_empty() && request.amount.is_none();
    let lines = if everything { kept_lines(order)? } else { returned_lines(&request.lines)? };
    let left = order.left_to_refund().map_err(too_much)?;
    let amount = match request.amount {
        Some(amount) if amount.currency() != left.currency() => {
            return Err(invalid("amount", "wrong_currency", "The order is in another currency"));
        }
        Some(amount) => amount,
        None if everything => left,
        None => price_of(order, &lines)?,
    };
    let reason = request.reason.as_deref().map(Note::new).transpose();
    let reason = reason.map_err(|error| invalid("reason", error.code(), error.to_string()))?;
    Ok(OrderRefund { amount, lines, restock: request.restock, reason })
}

fn too_much(error: MoneyError) -> Reason {
    invalid("amount", error.code(), error.to_string())
}

fn kept_lines(order: &Order) -> Result<Vec<ReturnedLine>, Reason> {
    let kept = order.lines.iter().filter(|line| line.kept() > 0);
    returned_lines(&kept.map(|line| (line.ticket_id, line.kept())).collect::<Vec<_>>())
}

fn returned_lines(lines: &[(TicketId, u32)]) -> Result<Vec<ReturnedLine>, Reason> {
    let checked = lines.iter().map(|(ticket, units)| {
        Ok(ReturnedLine { ticket: *ticket, quantity: Quantity::new(*units)? })
    });
    let checked: Result<_, crate::values::InvalidQuantity> = checked.collect();
    checked.map_err(|error| invalid("quantity", error.code(), error.to_string()))
}

fn price_of(order: &Order, lines: &[ReturnedLine]) -> Result<Money, Reason> {
    let mut sum = Money::zero(order.total.currency());
    for returned in lines {
        let line = order.lines.iter().find(|line| line.ticket_id == returned.ticket);
        let line = line.ok_or(Reason::ReturnTooLarge { ticket: returned.ticket })?;
        let price = line.price.times(returned.quantity.get()).map_err(too_much)?;
        sum = sum.checked_add(price).map_err(too_much)?;
    }
    Ok(sum)
}

/// A seller may give back what is its own: the lines named, or all of them.
fn check_authority(by: &Refunder, order: &Order, asked: &OrderRefund) -> Result<(), Reason> {
    let Refunder::Seller(seller) = by else {
        return Ok(());
    };
    let named = |id: TicketId| asked.lines.iter().any(|line| line.ticket == id);
    let mut concerned =
        order.lines.iter().filter(|line| asked.lines.is_empty() || named(line.ticket_id));
    if concerned.all(|line| line.seller_id == *seller) { Ok(()) } else { Err(Reason::NotOwner) }
}

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
    async fn change_refund(
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
