//! Orders: reserved, extended, cancelled, expired.

use std::sync::Arc;

use tracing::instrument;

use crate::domain::decision::Decision;
use crate::domain::event::EventKey;
use crate::domain::expiration::Expiration;
use crate::domain::inventory::Refusal;
use crate::domain::order::{Canceller, NewOrder, Order, OrderCommand};
use crate::domain::rejection::{FieldError, Reason, Rejection};
use crate::domain::ticket::Ticket;
use crate::domain::view::OrderView;
use crate::ports::storage::OrderDirection;
use crate::service::caller::Caller;
use crate::service::engine::{Engine, Missed, Rounds, claim_refused};
use crate::service::error::Error;
use crate::service::group_commit::Urgency;
use crate::service::idempotency::{Halt, KeyUse};
use crate::values::{OrderId, Page, Paged, Quantity, TicketId, TimeWindow, Timestamp, UserId};

/// What can be done with orders.
#[derive(Debug, Clone)]
pub struct Orders {
    engine: Arc<Engine>,
    caller: Caller,
}

/// An order that was decided, and when it may be committed.
type Placed = (Decision<Order>, TimeWindow);

impl Orders {
    pub(crate) fn new(engine: Arc<Engine>, caller: Caller) -> Self {
        Self { engine, caller }
    }

    /// Holds units of one ticket or of several for a limited time, all of them or none.
    ///
    /// # Errors
    /// A ticket does not exist, is not on sale or has not so many units left; a limit per order
    /// or buyer would be broken; the input is wrong; the engine is overloaded or unavailable.
    #[instrument(skip_all)]
    pub async fn reserve(
        &self,
        buyer: UserId,
        lines: impl IntoIterator<Item = (TicketId, u32)> + Send,
    ) -> Result<OrderView, Error> {
        let lines: Vec<(TicketId, u32)> = lines.into_iter().take(Order::MAX_LINES + 1).collect();
        let key = KeyUse::of(&self.caller, &buyer, "reserve", &lines)?;
        let fresh = self.reserve_fresh(&buyer, &lines, key.clone());
        self.engine.once(key, Box::pin(fresh)).await
    }

    async fn reserve_fresh(
        &self,
        buyer: &UserId,
        lines: &[(TicketId, u32)],
        key: Option<KeyUse>,
    ) -> Result<OrderView, Halt> {
        let engine = &self.engine;
        let quantities = quantities_of(lines)?;
        let ids: Vec<TicketId> = lines.iter().map(|(id, _)| *id).collect();
        let mut reclaimed = Vec::new();
        let mut is_fresh = false;
        let mut rounds = Rounds::default();
        while rounds.another() {
            self.refuse_if_sold_out(lines)?;
            let found = engine.listings.get(&ids, engine.storage.as_ref(), &engine.pools).await?;
            let tickets = all_found(found)?;
            let wanted: Vec<(&Ticket, Quantity)> =
                tickets.iter().map(AsRef::as_ref).zip(quantities.iter().copied()).collect();
            let now = engine.now();
            let placed = match self.place(buyer, &wanted, now) {
                Ok(placed) => placed,
                Err(rejection) if is_fresh => return Err(rejection.into()),
                // What is remembered may be out of date: nobody is refused for that alone.
                Err(_) => {
                    is_fresh = true;
                    self.read_anew(&ids).await?;
                    continue;
                }
            };
            match self.hold(buyer, placed, key.as_ref(), now).await {
                Ok(view) => return Ok(view),
                Err(Missed::Refused { pool, refusal: Refusal::ListingChanged }) => {
                    engine.listings.forget(pool);
                    engine.pools.forget(pool);
                }
                // What nobody pays for in time is available, whether or not it was swept.
                Err(Missed::Refused {
                    pool,
                    refusal: Refusal::SoldOut { .. } | Refusal::OverBuyerLimit { .. },
                }) if !reclaimed.contains(&pool) => {
                    reclaimed.push(pool);
                    engine.reclaim(pool).await?;
                }
                Err(missed) => self.give_up(missed, &mut rounds)?,
            }
        }
        Err(rounds.over().into())
    }

    /// Decides a reservation of listings as they were read, all of whose sales must be open.
    fn place(
        &self,
        buyer: &UserId,
        wanted: &[(&Ticket, Quantity)],
        now: Timestamp,
    ) -> Result<Placed, Rejection> {
        let id = OrderId::from_uuid(self.engine.ids.next());
        let policy = self.engine.settings.holds;
        Order::place(NewOrder { id, buyer, lines: wanted, policy }, now)
    }

    async fn hold(
        &self,
        buyer: &UserId,
        (decision, open): Placed,
        key: Option<&KeyUse>,
        now: Timestamp,
    ) -> Result<OrderView, Missed> {
        let view = decision.next().view();
        let batch = self
            .engine
            .batch(self.caller.cause(buyer), now)
            .order(decision)
            .within(open)
            .keyed(key.map(|key| key.record(answer(&view), now)))
            .build();
        self.engine.commit(batch, Urgency::Reservation).await.map(|()| view)
    }

    /// Forgets what is remembered of these listings, and asks for the storage's time.
    async fn read_anew(&self, ids: &[TicketId]) -> Result<(), Error> {
        for id in ids {
            self.engine.listings.forget(*id);
        }
        let asked = self.engine.time.ask();
        self.engine.time.observe(asked, self.engine.storage.now().await?);
        Ok(())
    }

    /// Refuses what the storage refused a moment ago, without asking it again.
    fn refuse_if_sold_out(&self, lines: &[(TicketId, u32)]) -> Result<(), Halt> {
        let elapsed = self.engine.runtime.elapsed();
        for (pool, units) in lines {
            if let Some(left) = self.engine.pools.sold_out(*pool, *units, elapsed) {
                let refusal = Refusal::SoldOut { left };
                return Err(claim_refused(RESERVE, *pool, refusal).into());
            }
        }
        Ok(())
    }

    fn give_up(&self, missed: Missed, rounds: &mut Rounds) -> Result<(), Halt> {
        if let Missed::Refused { pool, refusal: Refusal::SoldOut { .. } } = &missed {
            self.engine.pools.note_sold_out(*pool, self.engine.runtime.elapsed());
        }
        rounds.again_or_halt(missed, RESERVE)
    }

    /// Holds an order's units for one more hold time, once.
    ///
    /// # Errors
    /// The order does not exist or is another's; its time is up; it is being paid, was paid or
    /// cancelled; it was extended before.
    #[instrument(skip_all, fields(order.id = %id))]
    pub async fn extend(&self, buyer: &UserId, id: OrderId) -> Result<OrderView, Error> {
        let key = KeyUse::of(&self.caller, buyer, "extend", &id)?;
        let fresh = self.extend_fresh(buyer, id, key.clone());
        self.engine.once(key, Box::pin(fresh)).await
    }

    async fn extend_fresh(
        &self,
        buyer: &UserId,
        id: OrderId,
        key: Option<KeyUse>,
    ) -> Result<OrderView, Halt> {
        let command = OrderCommand::Extend(self.engine.settings.holds);
        let mut rounds = Rounds::default();
        while rounds.another() {
            let order = self.engine.order_of(buyer, id, command.name()).await?;
            let now = self.engine.now();
            let in_time = TimeWindow::ending(order.deadline());
            let decision = order.decide(command.clone(), now)?;
            let view = decision.next().view();
            let batch = self
                .engine
                .batch(self.caller.cause(buyer), now)
                .order(decision)
                .within(in_time)
                .keyed(key.as_ref().map(|key| key.record(answer(&view), now)))
                .build();
            match self.engine.commit(batch, Urgency::Settling).await {
                Ok(()) => return Ok(view),
                Err(missed) => rounds.again_or_halt(missed, command.name())?,
            }
        }
        Err(rounds.over().into())
    }

    /// Cancels a buyer's own order; its units go back on sale. Cancelling it again changes
    /// nothing.
    ///
    /// While a payment runs, the gateway is told to void it and its units stay held until it
    /// has: the answer then still reads as awaiting payment, with the reason.
    ///
    /// # Errors
    /// The order does not exist or is another's; it is paid: ask for a refund.
    #[instrument(skip_all, fields(order.id = %id))]
    pub async fn cancel(&self, buyer: &UserId, id: OrderId) -> Result<OrderView, Error> {
        let key = KeyUse::of(&self.caller, buyer, "cancel", &id)?;
        let fresh = async {
            self.engine.order_of(buyer, id, "cancel the order").await?;
            let cause = self.caller.cause(buyer);
            let command = OrderCommand::Cancel {
                by: Canceller::Buyer,
                patience: self.engine.settings.gateway_patience,
            };
            self.engine.end_order(id, command, cause, key.clone()).await
        };
        let cancelled = self.engine.once(key.clone(), Box::pin(fresh)).await?;
        // Outside of what the key stands for, so that a repeated command hears of the same end.
        Ok(self.engine.await_void(cancelled).await)
    }

    /// A buyer's own order.
    ///
    /// # Errors
    /// There is none, or it is another's.
    pub async fn get(&self, buyer: &UserId, id: OrderId) -> Result<OrderView, Error> {
        Ok(self.engine.order_of(buyer, id, "read the order").await?.view())
    }

    /// A buyer's own orders.
    ///
    /// # Errors
    /// The engine is unavailable.
    pub async fn list(
        &self,
        buyer: &UserId,
        direction: OrderDirection,
        page: Page,
    ) -> Result<Paged<OrderView>, Error> {
        let orders = self.engine.storage.orders_of(buyer, direction, page).await?;
        Ok(orders.map(|order| order.view()))
    }

    /// Expires an order whose time is up. Early, late and repeated calls do no harm: what is to
    /// be done follows from the order and the storage's time alone.
    ///
    /// # Errors
    /// The engine is unavailable.
    #[instrument(skip_all, fields(order.id = %id))]
    pub async fn expire(&self, id: OrderId) -> Result<Expiration, Error> {
        self.engine.expire(id).await
    }
}

const RESERVE: &str = "reserve";

fn answer(view: &OrderView) -> EventKey {
    EventKey { aggregate: view.id.into(), version: view.version }
}

fn quantities_of(lines: &[(TicketId, u32)]) -> Result<Vec<Quantity>, Rejection> {
    let checked = lines.iter().map(|(_, units)| Quantity::new(*units));
    checked.collect::<Result<_, _>>().map_err(|error| {
        let wrong = FieldError::new("quantity", error.code(), error.to_string());
        Rejection::new(RESERVE, "new", Reason::Invalid(vec![wrong]))
    })
}

fn all_found(listings: Vec<Option<Arc<Ticket>>>) -> Result<Vec<Arc<Ticket>>, Error> {
    listings.into_iter().collect::<Option<_>>().ok_or(Error::NotFound("ticket"))
}
