//! How orders end: cancelled, expired, released. One way for all of them.

use std::sync::Arc;

use crate::domain::decision::Decision;
use crate::domain::event::{Actor, EventKey};
use crate::domain::expiration::Expiration;
use crate::domain::order::{Order, OrderCommand, OrderState};
use crate::domain::payment::{Payment, PaymentCommand, VoidReason};
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::view::OrderView;
use crate::ports::batch::Cause;
use crate::ports::error::chain;
use crate::service::engine::{Engine, Missed, Rounds};
use crate::service::error::Error;
use crate::service::group_commit::Urgency;
use crate::service::idempotency::{Halt, KeyUse};
use crate::values::{OrderId, PaymentId, PoolId, TimeWindow, Timestamp, UserId};

/// The most overdue orders that a refused reservation expires at a time.
const RECLAIM_MAX: usize = 64;
/// How often it does so, before it leaves the rest to the sweeper.
const RECLAIM_ROUNDS: usize = 16;
/// A pool that lacks the units which an order holds.
const UNITS_LOST: &str = "a pool does not hold the units of a live order";
/// Among how many orders of a full pool the next deadline is looked for.
const LOOK_AHEAD_MAX: usize = 16;

/// What an order's end does to the attempt that it was waiting for.
enum AttemptOfEnded {
    /// Nothing.
    Stays,
    /// This.
    Changes(Box<Decision<Payment>>),
    /// The payment was settled since the order was read: read both again.
    MovedOn,
}

impl Engine {
    pub(crate) async fn order(&self, id: OrderId) -> Result<Order, Error> {
        self.storage.order(id).await?.ok_or(Error::NotFound("order"))
    }

    /// The order, if it is that buyer's.
    pub(crate) async fn order_of(
        &self,
        buyer: &UserId,
        id: OrderId,
        command: &'static str,
    ) -> Result<Order, Error> {
        let order = self.order(id).await?;
        if order.buyer == *buyer {
            return Ok(order);
        }
        Err(Rejection::new(command, "another's", Reason::NotOwner).into())
    }

    /// Cancels or expires an order. A payment that runs is voided in the same commit.
    pub(crate) async fn end_order(
        &self,
        id: OrderId,
        command: OrderCommand,
        cause: Cause,
        key: Option<KeyUse>,
    ) -> Result<OrderView, Halt> {
        let by_time = match command {
            OrderCommand::Expire { .. } | OrderCommand::ReleaseUnpaid => true,
            OrderCommand::Cancel { .. }
            | OrderCommand::Extend(_)
            | OrderCommand::StartPayment { .. }
            | OrderCommand::MoneyArrived { .. }
            | OrderCommand::PaymentEnded { .. }
            | OrderCommand::CaptureFailed { .. }
            | OrderCommand::Refund(_) => false,
        };
        let mut rounds = Rounds::default();
        while rounds.another() {
            let order = self.order(id).await?;
            let now = self.now();
            let window = order.due_at().filter(|_| by_time).map(TimeWindow::starting);
            let attempt = order.attempt();
            let decision = order.decide(command.clone(), now)?;
            let view = decision.next().view();
            let payment = self.attempt_of_ended(attempt, &decision, now).await?;
            let batch = self.batch(cause.clone(), now).order(decision);
            let batch = match payment {
                AttemptOfEnded::Stays => batch,
                AttemptOfEnded::Changes(payment) => batch.payment(*payment),
                AttemptOfEnded::MovedOn => continue,
            };
            let record = key.as_ref().map(|key| {
                key.record(EventKey { aggregate: view.id.into(), version: view.version }, now)
            });
            let window = window.unwrap_or_else(TimeWindow::always);
            let batch = batch.within(window).keyed(record).build();
            match self.commit(batch, Urgency::Settling).await {
                Ok(()) => return Ok(view),
                // An order that holds units can always give them back.
                Err(Missed::Refused { .. }) => return Err(Error::bug(UNITS_LOST).into()),
                Err(missed) => rounds.again_or_halt(missed, command.name())?,
            }
        }
        Err(rounds.over().into())
    }

    /// What becomes of the attempt that an ended order was waiting for.
    async fn attempt_of_ended(
        &self,
        attempt: Option<PaymentId>,
        ended: &Decision<Order>,
        now: Timestamp,
    ) -> Result<AttemptOfEnded, Halt> {
        let command = match ended.next().state {
            OrderState::Cancelling { .. } => PaymentCommand::Void(VoidReason::OrderOver),
            OrderState::Cancelled { .. } => PaymentCommand::MarkLate,
            OrderState::Created
            | OrderState::AwaitingPayment { .. }
            | OrderState::Complete { .. }
            | OrderState::Refunded { .. } => return Ok(AttemptOfEnded::Stays),
        };
        let Some(attempt) = attempt.filter(|_| ended.is_change()) else {
            return Ok(AttemptOfEnded::Stays);
        };
        match self.payment(attempt).await?.decide(command, now) {
            Ok(decision) => Ok(AttemptOfEnded::Changes(Box::new(decision))),
            // An operator has it; the order ends all the same.
            Err(Rejection { reason: Reason::NeedsOperator, .. }) => Ok(AttemptOfEnded::Stays),
            Err(_) => Ok(AttemptOfEnded::MovedOn),
        }
    }

    /// Tries to void the payment of an order that is being cancelled, for a while.
    pub(crate) async fn await_void(self: &Arc<Self>, view: OrderView) -> OrderView {
        let Some(attempt) = view.payment_id.filter(|_| view.cancel_reason.is_some()) else {
            return view;
        };
        if self.settle_for_a_while(attempt).await.is_err() {
            return view;
        }
        // What it has become is told if it can be read; what was committed is told otherwise.
        self.order(view.id).await.map_or(view, |order| order.view())
    }

    /// Expires an order whose time is up.
    pub(crate) async fn expire(self: &Arc<Self>, id: OrderId) -> Result<Expiration, Error> {
        let Some(order) = self.storage.order(id).await? else {
            return Ok(Expiration::Nothing);
        };
        let expiration = Expiration::of(&order, self.now());
        if expiration != Expiration::Due {
            return Ok(expiration);
        }
        let cause = Cause { actor: Actor::Timer, correlation: None };
        let command = Expiration::command(&order, self.settings.gateway_patience);
        match self.end_order(id, command, cause, None).await {
            Ok(view) => {
                self.void_soon(&view);
                Ok(Expiration::Due)
            }
            // Paid or extended a moment ago.
            Err(Halt::Error(Error::Rejected(_))) => Ok(Expiration::Nothing),
            Err(Halt::Error(error)) => Err(error),
            Err(Halt::KeyTaken(_)) => Err(Error::bug("a key was taken that nobody used")),
        }
    }

    /// Voids the payment of an order that is being cancelled, without waiting for it.
    pub(crate) fn void_soon(self: &Arc<Self>, view: &OrderView) {
        if view.cancel_reason.is_none() {
            return;
        }
        let Some(attempt): Option<PaymentId> = view.payment_id else {
            return;
        };
        let engine = Arc::clone(self);
        self.soon(async move {
            if let Err(error) = engine.settle_now(attempt).await {
                tracing::debug!(error = chain(&error), payment.id = %attempt, "voiding is left to the reconciler");
            }
        });
    }

    /// Expires what is overdue in a pool; others who want the same wait for it.
    pub(crate) async fn reclaim(self: &Arc<Self>, pool: PoolId) -> Result<(), Error> {
        let flight = self.reclaims.run(pool, self.expire_overdue_of(pool));
        flight.await.unwrap_or(Ok(()))
    }

    async fn expire_overdue_of(self: &Arc<Self>, pool: PoolId) -> Result<(), Error> {
        for _ in 0..RECLAIM_ROUNDS {
            let asked = self.time.ask();
            let due = self.storage.due_orders_of(pool, RECLAIM_MAX).await?;
            self.time.observe(asked, due.now);
            let ids: Vec<OrderId> = due.items.iter().map(|order| order.id).collect();
            // An order that can't be ended is the sweeper's trouble, not this buyer's.
            if self.expire_all(&ids).await.is_err() || ids.len() < RECLAIM_MAX {
                break;
            }
        }
        self.look_ahead(pool).await;
        Ok(())
    }

    /// Notes when the next hold of a pool ends. Those whose time is up come before it: what a short
    /// look misses is found when the refusal fades.
    async fn look_ahead(&self, pool: PoolId) {
        let Ok(soonest) = self.storage.live_orders(pool, None, LOOK_AHEAD_MAX).await else {
            return;
        };
        let now = self.now();
        let ends = soonest.iter().filter_map(Order::due_at).filter(|due| now < *due).min();
        let elapsed = self.runtime.elapsed();
        let ends = ends.map(|due| elapsed.saturating_add(due.since(now)));
        self.pools.note_hold_ends(pool, ends);
    }

    /// Expires these orders side by side, so that they share commits. Answers how many were due.
    ///
    /// One that can't be ended keeps no other waiting; it is an error only if none could be.
    pub(crate) async fn expire_all(self: &Arc<Self>, ids: &[OrderId]) -> Result<usize, Error> {
        let (mut due, mut failed) = (0, None);
        for (_, expired) in self.expire_each(ids).await {
            match expired {
                Ok(expiration) => due += usize::from(expiration == Expiration::Due),
                Err(error) => failed = Some(error),
            }
        }
        failed.filter(|_| due == 0).map_or(Ok(due), Err)
    }

    /// The same, with what became of each.
    pub(crate) async fn expire_each(
        self: &Arc<Self>,
        ids: &[OrderId],
    ) -> Vec<(OrderId, Result<Expiration, Error>)> {
        let expirations = ids.iter().map(|id| self.expire(*id));
        let expired = futures_util::future::join_all(expirations).await;
        for (id, error) in
            ids.iter().zip(&expired).filter_map(|(id, it)| Some((id, it.as_ref().err()?)))
        {
            tracing::warn!(error = chain(error), order.id = %id, "an overdue order was not ended");
        }
        ids.iter().copied().zip(expired).collect()
    }
}
