//! The operators' door: what no machine can settle, listed, and set going again.

use std::sync::Arc;

use tracing::instrument;

use crate::domain::event::Actor;
use crate::domain::payment::{Payment, PaymentCommand, PaymentState};
use crate::domain::refund::{Refund, RefundCommand, RefundState};
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::view::{PaymentView, RefundView};
use crate::ports::batch::Cause;
use crate::ports::storage::{DeadLetter, LiveHolds, OutboxDepth};
use crate::service::caller::Caller;
use crate::service::engine::Engine;
use crate::service::error::Error;
use crate::values::{PageLimit, PaymentId, RefundId, UserId};

/// What an operator can do.
#[derive(Debug, Clone)]
pub struct Operator {
    engine: Arc<Engine>,
    caller: Caller,
}

/// What waits for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stuck {
    /// Payments that no machine can settle, the oldest first.
    pub payments: Vec<PaymentView>,
    /// Refunds that failed and are owed still, the oldest first.
    pub refunds: Vec<RefundView>,
    /// Events that will never be published, the newest first.
    pub dead_letters: Vec<DeadLetter>,
}

const RETRY: &str = "retry the refund";

impl Operator {
    pub(crate) fn new(engine: Arc<Engine>, caller: Caller) -> Self {
        Self { engine, caller }
    }

    /// What waits for a person: of each kind as many as the limit says.
    ///
    /// # Errors
    /// The storage is unavailable.
    pub async fn stuck(&self, limit: PageLimit) -> Result<Stuck, Error> {
        let (storage, limit) = (&self.engine.storage, limit.get());
        let payments = storage.parked_payments(limit).await?;
        let refunds = storage.failed_refunds(limit).await?;
        Ok(Stuck {
            payments: payments.iter().map(Payment::view).collect(),
            refunds: refunds.iter().map(Refund::view).collect(),
            dead_letters: storage.dead_letters(limit).await?,
        })
    }

    /// What waits to be published.
    ///
    /// # Errors
    /// The storage is unavailable.
    pub async fn outbox(&self) -> Result<OutboxDepth, Error> {
        Ok(self.engine.storage.outbox_depth().await?)
    }

    /// What is held now by orders that are not paid for. It is counted: ask seldom.
    ///
    /// # Errors
    /// The storage is unavailable.
    pub async fn holds(&self) -> Result<LiveHolds, Error> {
        Ok(self.engine.storage.live_holds().await?)
    }

    /// Sends a payment back to be settled, once what was wrong is mended: the gateway is asked how
    /// it stands, and that decides. One that does not wait for an operator stays as it is.
    ///
    /// # Errors
    /// There is none; another attempt runs at its order; the storage is unavailable.
    #[instrument(skip_all, fields(payment.id = %id))]
    pub async fn resume(&self, operator: &UserId, id: PaymentId) -> Result<PaymentView, Error> {
        let cause = self.cause(operator);
        let resume = PaymentCommand::Resume;
        let payment = self.engine.change_payment_as(cause, id, resume, None).await?;
        self.engine.settle_soon(id);
        Ok(payment.view())
    }

    /// Sends a failed refund once more, under a new key, unless the gateway's books say that the
    /// money was given back meanwhile: then it is done.
    ///
    /// # Errors
    /// There is none; its payment is with an operator; gateway or storage are unavailable.
    #[instrument(skip_all, fields(refund.id = %id))]
    pub async fn retry_refund(&self, operator: &UserId, id: RefundId) -> Result<RefundView, Error> {
        let failed = self.engine.refund(id).await?;
        if failed.state == RefundState::Failed {
            self.look_first(&failed).await?;
        }
        let cause = self.cause(operator);
        let same_try = |refund: &Refund| refund.attempt == failed.attempt;
        let refund = self.engine.change_refund(id, RefundCommand::Retry, cause, same_try).await?;
        self.engine.refund_soon(id);
        Ok(refund.view())
    }

    async fn look_first(&self, refund: &Refund) -> Result<(), Error> {
        let payment = self.engine.payment(refund.payment).await?;
        if payment.state != PaymentState::Captured {
            let state = payment.state.name();
            return Err(Rejection::new(RETRY, state, Reason::NeedsOperator).into());
        }
        self.engine.recount(payment.id, None, None).await.map(|_| ())
    }

    fn cause(&self, operator: &UserId) -> Cause {
        let actor = Actor::Operator(operator.clone());
        Cause { actor, correlation: self.caller.correlation }
    }
}
