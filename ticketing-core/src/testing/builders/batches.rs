//! The batches that the use cases make.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::event::{Actor, AggregateRef, EventKey};
use crate::domain::inventory::PoolCommand;
use crate::domain::order::{Canceller, HoldPolicy, NewOrder, Order, OrderCommand};
use crate::domain::ticket::{NewTicket, Ticket, TicketCommand, TicketDecision, TicketEdit};
use crate::ports::{
    BatchBuilder, Cause, Clock, Fingerprint, IdSource, KeyRecord, Listing, WebhookKey, WriteBatch,
};
use crate::testing::builders::{HOLD_POLICY, valid};
use crate::testing::clock::ManualClock;
use crate::values::{
    IdempotencyKey, OrderId, PoolId, Quantity, TicketId, TimeWindow, Timestamp, UserId, Version,
};

/// How long the orders made here wait for a gateway.
const PATIENCE: Duration = Duration::from_mins(10);

/// Makes the batches that the use cases make, without a storage to read from.
///
/// Every method decides with the real machines, at the clock's time, and gives back the batch
/// together with the state that it leads to: the next method takes that state. What holds for
/// some batches only, such as an idempotency key, is said with a factory for those:
///
/// ```
/// use std::sync::Arc;
/// use ticketing_core::testing::builders::{START, a_buyer, a_new_ticket, a_seller};
/// use ticketing_core::testing::{BatchFactory, ManualClock, SeededIds};
///
/// let clock = ManualClock::new(START);
/// let make = BatchFactory::new(Arc::new(SeededIds::new(7, 1)), Arc::new(clock));
/// let listed = make.list(&a_seller(), a_new_ticket());
/// let placed = make
///     .keyed(&a_buyer(), "key-1", "reserve two")
///     .reserve(&a_buyer(), &[(&listed.next.ticket, 2)]);
/// assert!(placed.batch.key().is_some());
/// assert!(make.cancel(&placed.next).batch.key().is_none());
/// ```
///
/// # Panics
/// Its methods panic where a machine refuses: what is asked for has to be possible.
#[derive(Debug, Clone)]
pub struct BatchFactory {
    pub(super) ids: Arc<dyn IdSource>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) policy: HoldPolicy,
    cause: Cause,
    key: Option<Keyed>,
    closes: Option<WebhookKey>,
    window: TimeWindow,
}

/// What an idempotency key is used for, but for the answer.
#[derive(Debug, Clone)]
struct Keyed {
    user: UserId,
    key: IdempotencyKey,
    fingerprint: Fingerprint,
}

/// A batch, and the state that it leads to once it is committed.
#[derive(Debug, Clone)]
#[must_use = "a batch that is not committed did not happen"]
pub struct Planned<T> {
    /// The batch.
    pub batch: WriteBatch,
    /// What is stored after it.
    pub next: T,
}

/// With other circumstances.
impl BatchFactory {
    /// A factory for what the engine itself does, with the usual hold.
    pub fn new(ids: Arc<dyn IdSource>, clock: Arc<dyn Clock>) -> Self {
        let cause = Cause { actor: Actor::Engine, correlation: None };
        Self {
            ids,
            clock,
            policy: HOLD_POLICY,
            cause,
            key: None,
            closes: None,
            window: TimeWindow::always(),
        }
    }

    /// The same, in the name of `actor`.
    #[must_use]
    pub fn by(&self, actor: Actor) -> Self {
        let correlation = self.cause.correlation;
        let cause = Cause { actor, correlation };
        Self { cause, ..self.clone() }
    }

    /// The same, deciding at `now` whatever the clock says.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Self {
        let clock = Arc::new(ManualClock::new(now));
        Self { clock, ..self.clone() }
    }

    /// The same, with another hold.
    #[must_use]
    pub fn with_policy(&self, policy: HoldPolicy) -> Self {
        Self { policy, ..self.clone() }
    }

    /// The same, under a user's idempotency key; commands in other words get other fingerprints.
    #[must_use]
    pub fn keyed(&self, user: &UserId, key: &str, command: &str) -> Self {
        let key = Some(Keyed {
            user: user.clone(),
            key: valid(IdempotencyKey::new(key)),
            fingerprint: Fingerprint::of(command.as_bytes()),
        });
        Self { key, ..self.clone() }
    }

    /// The same, dealing with a webhook.
    #[must_use]
    pub fn closing(&self, webhook: &WebhookKey) -> Self {
        let closes = Some(webhook.clone());
        Self { closes, ..self.clone() }
    }

    /// The same, only to be applied within `window`, beside what the batch itself demands.
    #[must_use]
    pub fn within(&self, window: TimeWindow) -> Self {
        Self { window, ..self.clone() }
    }
}

/// Listings.
impl BatchFactory {
    /// Puts a ticket on sale.
    pub fn list(&self, seller: &UserId, new: NewTicket) -> Planned<Listing> {
        let id = TicketId::from_uuid(self.ids.next());
        let decision = valid(Ticket::list(id, seller.clone(), new, self.clock.now()));
        let pool = match decision.pool {
            Some(PoolCommand::Open(pool)) => Ok(pool),
            Some(_) | None => Err("a new listing opens its pool"),
        };
        let pool = valid(pool);
        let Planned { batch, next } = self.listing(decision);
        let next = Listing { ticket: next, pool };
        Planned { batch, next }
    }

    /// Puts other terms in place of a listing's.
    pub fn edit(&self, listing: &Listing, terms: NewTicket) -> Planned<Ticket> {
        let command = TicketCommand::Edit(TicketEdit {
            terms,
            seen: Some(listing.ticket.version),
            pool: listing.pool,
        });
        self.listing(valid(listing.ticket.clone().decide(command)))
    }

    /// Takes a listing off sale.
    pub fn withdraw(&self, listing: &Listing, cancel_holds: bool) -> Planned<Ticket> {
        let pool = listing.pool;
        let command = TicketCommand::Withdraw { pool, cancel_holds };
        self.listing(valid(listing.ticket.clone().decide(command)))
    }

    /// Ends the clearing of a withdrawn listing.
    pub fn cleared(&self, pool: PoolId) -> WriteBatch {
        let answer = EventKey { aggregate: AggregateRef::pool(pool), version: Version::FIRST };
        self.build(answer, |batch| batch.cleared(pool))
    }

    fn listing(&self, decision: TicketDecision) -> Planned<Ticket> {
        let next = decision.ticket.next().clone();
        let batch = self.build(key_of(next.id, next.version), |batch| batch.ticket(decision));
        Planned { batch, next }
    }
}

/// Orders.
impl BatchFactory {
    /// Holds so many units of these listings.
    pub fn reserve(&self, buyer: &UserId, lines: &[(&Ticket, u32)]) -> Planned<Order> {
        let lines: Vec<(&Ticket, Quantity)> =
            lines.iter().map(|(ticket, units)| (*ticket, valid(Quantity::new(*units)))).collect();
        let new = NewOrder {
            id: OrderId::from_uuid(self.ids.next()),
            buyer,
            lines: &lines,
            policy: self.policy,
        };
        let (decision, sale) = valid(Order::place(new, self.clock.now()));
        let next = decision.next().clone();
        let batch =
            self.build(key_of(next.id, next.version), |batch| batch.order(decision).within(sale));
        Planned { batch, next }
    }

    /// Holds the units for longer.
    pub fn extend(&self, order: &Order) -> Planned<Order> {
        self.order(order, OrderCommand::Extend(self.policy))
    }

    /// Cancels in the buyer's name.
    pub fn cancel(&self, order: &Order) -> Planned<Order> {
        self.order(order, OrderCommand::Cancel { by: Canceller::Buyer, patience: PATIENCE })
    }

    /// Ends the order because its time is up.
    pub fn expire(&self, order: &Order) -> Planned<Order> {
        self.order(order, OrderCommand::Expire { patience: PATIENCE })
    }

    /// Gives any command to an order, which is all that it changes.
    pub fn order(&self, order: &Order, command: OrderCommand) -> Planned<Order> {
        let window = window_of(order, &command);
        let decision = valid(order.clone().decide(command, self.clock.now()));
        let next = decision.next().clone();
        let batch =
            self.build(key_of(next.id, next.version), |batch| batch.order(decision).within(window));
        Planned { batch, next }
    }
}

impl BatchFactory {
    pub(super) fn build(
        &self,
        answer: EventKey,
        fill: impl for<'a> FnOnce(BatchBuilder<'a>) -> BatchBuilder<'a>,
    ) -> WriteBatch {
        let now = self.clock.now();
        let record = self.key.clone().map(|keyed| KeyRecord {
            user: keyed.user,
            key: keyed.key,
            fingerprint: keyed.fingerprint,
            answer,
            used_at: now,
        });
        let batch = BatchBuilder::new(self.cause.clone(), &*self.ids, now);
        fill(batch).within(self.window).keyed(record).closing(self.closes.clone()).build()
    }
}

/// When a command may take effect, beside what the machine said at the clock's time: the storage
/// decides that once more, by its own.
pub(super) fn window_of(order: &Order, command: &OrderCommand) -> TimeWindow {
    match command {
        OrderCommand::Extend(_) | OrderCommand::StartPayment { .. } => {
            TimeWindow::ending(order.deadline())
        }
        OrderCommand::Expire { .. } | OrderCommand::ReleaseUnpaid => {
            order.due_at().map_or_else(TimeWindow::always, TimeWindow::starting)
        }
        OrderCommand::MoneyArrived { .. }
        | OrderCommand::PaymentEnded { .. }
        | OrderCommand::CaptureFailed { .. }
        | OrderCommand::Cancel { .. }
        | OrderCommand::Refund(_) => TimeWindow::always(),
    }
}

pub(super) fn key_of(aggregate: impl Into<AggregateRef>, version: Version) -> EventKey {
    EventKey { aggregate: aggregate.into(), version }
}
