//! Refunds: money of a complete order, on its way back.

use std::sync::Arc;

use tracing::instrument;

use crate::domain::event::{Actor, EventKey};
use crate::domain::order::OrderCommand;
use crate::domain::payment::PaymentCommand;
use crate::domain::refund::Refund;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::view::RefundView;
use crate::ports::batch::Cause;
use crate::service::caller::Caller;
use crate::service::engine::{Engine, Rounds};
use crate::service::error::Error;
use crate::service::group_commit::Urgency;
use crate::service::idempotency::{Halt, KeyUse};
use crate::service::refund_terms::{
    RefundRequest, Refunder, Viewer, check_authority, check_part, terms_of,
};
use crate::values::{OrderId, RefundId};

/// What can be done with refunds.
#[derive(Debug, Clone)]
pub struct Refunds {
    engine: Arc<Engine>,
    caller: Caller,
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
        let mut rounds = Rounds::default();
        while rounds.another() {
            let order = engine.order(id).await?;
            let state = order.state.name();
            let refused = |reason| Rejection::new(REFUND, state, reason);
            check_part(by, &order).map_err(refused)?;
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
                Err(missed) => rounds.again_or_halt(missed, REFUND)?,
            }
        }
        Err(rounds.over().into())
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
    /// There is none, or it is of an order that the viewer has no part in.
    pub async fn get(&self, by: &Viewer, id: RefundId) -> Result<RefundView, Error> {
        let refund = self.engine.refund(id).await?;
        let Viewer::User(user) = by else {
            return Ok(refund.view());
        };
        if let Some(order) = refund.order {
            let order = self.engine.order(order).await?;
            if order.buyer == *user || order.lines.iter().any(|line| line.seller_id == *user) {
                return Ok(refund.view());
            }
        }
        Err(Rejection::new("read the refund", "another's", Reason::NotOwner).into())
    }
}

const REFUND: &str = "refund the order";
