//! The sweeper: ends what is overdue, whether or not a timer woke anybody.
//!
//! The storage lists orders whose deadline has passed by its own clock, and pools whose holds
//! are to be cancelled because their listing was withdrawn. Timers only make it quicker.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::event::Actor;
use crate::domain::expiration::Expiration;
use crate::domain::order::{Canceller, Order, OrderCommand, OrderState};
use crate::ports::batch::Cause;
use crate::ports::error::chain;
use crate::ports::storage::DuePlace;
use crate::service::duty::{Duty, Progress};
use crate::service::engine::{Engine, Missed, Rounds};
use crate::service::error::Error;
use crate::service::group_commit::Urgency;
use crate::service::idempotency::Halt;
use crate::service::observer::ExpiryFound;
use crate::service::put_off::PutOff;
use crate::values::{OrderId, PoolId};

/// The most orders of one step: they share a commit.
const ORDERS_MAX: usize = 256;
/// The most withdrawn pools of one step.
const POOLS_MAX: usize = 16;

/// How long an order that could not be ended is left alone while others wait behind it.
const STUCK_FOR: Duration = Duration::from_secs(10);
/// How long a listing that could not be cleared is left alone while others wait behind it.
const UNCLEAR_FOR: Duration = Duration::from_secs(2);

/// Many attempts, of which some may fail: a failure keeps no other waiting.
#[derive(Debug, Default)]
struct Tally {
    any: bool,
    failed: Option<Error>,
}

impl Tally {
    fn count(&mut self, outcome: Result<bool, Error>) {
        match outcome {
            Ok(changed) => self.any |= changed,
            Err(error) => {
                tracing::warn!(error = chain(&error), "a withdrawn listing is not cleared yet");
                self.failed = Some(error);
            }
        }
    }

    /// Whether anything changed; a failure if nothing did.
    fn into_any(self) -> Result<bool, Error> {
        self.failed.filter(|_| !self.any).map_or(Ok(self.any), Err)
    }
}

/// Ends what is overdue.
#[derive(Debug)]
pub struct ExpirySweeper {
    engine: Arc<Engine>,
    /// Orders that could not be ended.
    stuck: PutOff<OrderId>,
    /// Withdrawn listings that could not be cleared: most wait for the gateway.
    unclear: PutOff<PoolId>,
}

impl ExpirySweeper {
    pub(crate) fn new(engine: Arc<Engine>) -> Self {
        Self { engine, stuck: PutOff::by(STUCK_FOR), unclear: PutOff::by(UNCLEAR_FOR) }
    }

    async fn sweep(&mut self) -> Result<bool, Error> {
        let engine = &self.engine;
        let limit = ORDERS_MAX.saturating_add(self.stuck.begin(engine.runtime.elapsed()));
        let asked = engine.time.ask();
        let due = engine.storage.due_orders(limit).await?;
        engine.time.observe(asked, due.now);
        let others_wait = due.items.len() >= limit;
        let orders = due.items.iter().map(|order| order.id);
        let orders: Vec<OrderId> = orders.filter(|id| !self.stuck.contains(*id)).collect();
        let (mut any, mut failed) = (false, None);
        for (id, expired) in engine.expire_each(&orders).await {
            match expired {
                Ok(Expiration::Due) => {
                    engine.observer.order_expired(ExpiryFound::BySweep);
                    any = true;
                }
                Ok(Expiration::Rearm(_) | Expiration::Nothing) => {}
                Err(error) => {
                    if others_wait {
                        self.stuck.add(id, engine.runtime.elapsed());
                    }
                    failed = Some(error);
                }
            }
        }
        failed.filter(|_| !any).map_or(Ok(any), Err)
    }

    async fn clear(&mut self) -> Result<bool, Error> {
        let engine = &self.engine;
        let limit = POOLS_MAX.saturating_add(self.unclear.begin(engine.runtime.elapsed()));
        let pools = engine.storage.clearing_pools(limit).await?;
        let others_wait = pools.len() >= limit;
        let mut tally = Tally::default();
        for pool in pools {
            if self.unclear.contains(pool) {
                continue;
            }
            let cleared = engine.clear_pool(pool).await;
            if others_wait && !matches!(cleared, Ok(true)) {
                self.unclear.add(pool, engine.runtime.elapsed());
            }
            tally.count(cleared);
        }
        tally.into_any()
    }
}

#[async_trait]
impl Duty for ExpirySweeper {
    fn name(&self) -> &'static str {
        "expiry sweeper"
    }

    async fn step(&mut self) -> Result<Progress, Error> {
        // Trouble with the one must not keep the other waiting.
        let (swept, cleared) = (self.sweep().await, self.clear().await);
        Ok(if swept? | cleared? { Progress::Busy } else { Progress::Idle })
    }

    async fn idle(&mut self) {
        self.engine.runtime.sleep(self.engine.settings.sweep_every).await;
    }
}

impl Engine {
    /// Cancels the live orders of a withdrawn listing, a group at a time. Orders that wait for
    /// the gateway stay; the pool is cleared when the last of them is gone. Answers whether
    /// anything changed.
    async fn clear_pool(self: &Arc<Self>, pool: PoolId) -> Result<bool, Error> {
        let mut after = None;
        let mut tally = Tally::default();
        loop {
            let orders = self.storage.live_orders(pool, after, ORDERS_MAX).await?;
            let Some(last) = orders.last() else { break };
            after = DuePlace::of(last);
            let waits = |order: &&Order| matches!(order.state, OrderState::Cancelling { .. });
            let told = orders.iter().filter(|order| !waits(order));
            let cancelled = told.map(|order| self.cancel_for_seller(order.id));
            for outcome in futures_util::future::join_all(cancelled).await {
                tally.count(outcome);
            }
        }
        tally.count(self.finish_clearing(pool).await);
        tally.into_any()
    }

    /// Answers whether the order was cancelled.
    async fn cancel_for_seller(self: &Arc<Self>, id: OrderId) -> Result<bool, Error> {
        let patience = self.settings.gateway_patience;
        let command = OrderCommand::Cancel { by: Canceller::Seller, patience };
        let cause = Cause { actor: Actor::Engine, correlation: None };
        match self.end_order(id, command, cause, None).await {
            Ok(view) => {
                self.void_soon(&view);
                Ok(true)
            }
            // Paid a moment ago: sold units stay sold.
            Err(Halt::Error(Error::Rejected(_))) => Ok(false),
            Err(Halt::Error(error)) => Err(error),
            Err(Halt::KeyTaken(_)) => Err(Error::bug("a key was taken that nobody used")),
        }
    }

    /// Answers whether no live order was left.
    async fn finish_clearing(&self, pool: PoolId) -> Result<bool, Error> {
        let mut rounds = Rounds::default();
        while rounds.another() {
            let cause = Cause { actor: Actor::Engine, correlation: None };
            let batch = self.batch(cause, self.now()).cleared(pool).build();
            match self.commit(batch, Urgency::Settling).await {
                Ok(()) => return Ok(true),
                // Units are still held by orders that wait for the gateway: later.
                Err(Missed::Refused { .. }) => return Ok(false),
                Err(missed) => rounds.again_or_error(missed, "clear the pool")?,
            }
        }
        Err(rounds.over())
    }
}
