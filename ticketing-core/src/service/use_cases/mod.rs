//! The use cases, each against adapters in memory and in virtual time.

mod clearing;
mod expiry;
mod holds;
mod idempotency;
mod lifecycle;
mod listings;
mod relay;
mod reservations;
pub(crate) mod watched_storage;

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use self::watched_storage::WatchedStorage;
use crate::builder::Duties;
use crate::domain::event::EventType;
use crate::domain::inventory::{Pool, Refusal};
use crate::domain::order::Order;
use crate::domain::rejection::Reason;
use crate::domain::ticket::NewTicket;
use crate::domain::view::{OrderView, TicketView};
use crate::memory::{Books, MemoryBus, MemoryGateway, MemoryStorage, MemoryTimers};
use crate::ports::PaymentMethod;
use crate::ports::clock::Clock;
use crate::service::duty::{Duty, Progress};
use crate::service::error::Error;
use crate::service::expiry_sweeper::ExpirySweeper;
use crate::service::settings::Settings;
use crate::testing::builders::{START, a_new_ticket, a_seller, user};
use crate::testing::{SeededIds, StepRuntime};
use crate::ticketing::Ticketing;
use crate::values::{OrderId, TicketId, Timestamp};

/// Far more steps than any of these tests needs.
pub(crate) const STEPS: u64 = 2_000_000;
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_mins(1);
/// How long the engine holds units unless told otherwise.
pub(crate) const HOLD: Duration = Duration::from_mins(15);

/// One engine, or several, over ports in memory.
pub(crate) struct Market {
    pub(crate) world: StepRuntime,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) storage: WatchedStorage,
    pub(crate) bus: MemoryBus,
    pub(crate) timers: MemoryTimers,
    pub(crate) gateway: MemoryGateway,
    pub(crate) engine: Ticketing,
}

impl Market {
    /// An engine that does nothing by itself.
    pub(crate) fn new() -> Self {
        Self::with(Duties::NONE, |_| {})
    }

    pub(crate) fn with(duties: Duties, change: impl FnOnce(&mut Settings)) -> Self {
        Self::seeded(1, duties, change)
    }

    pub(crate) fn seeded(seed: u64, duties: Duties, change: impl FnOnce(&mut Settings)) -> Self {
        let world = StepRuntime::new(seed);
        let clock = world.clock(START);
        let storage = WatchedStorage::new(MemoryStorage::with_clock(Arc::clone(&clock)));
        let bus = MemoryBus::new();
        let timers = MemoryTimers::with_clock(Arc::clone(&clock));
        let gateway = MemoryGateway::with_clock(Arc::clone(&clock));
        let parts = Parts { world: &world, storage: &storage, bus: &bus, timers: &timers };
        let engine = parts.start(&gateway, Arc::clone(&clock), duties, change);
        storage.take_calls();
        Self { world, clock, storage, bus, timers, gateway, engine }
    }

    /// Another process over the same storage, by its own clock.
    pub(crate) fn another_engine(&self, clock: Arc<dyn Clock>) -> Ticketing {
        let Self { world, storage, bus, timers, .. } = self;
        let parts = Parts { world, storage, bus, timers };
        parts.start(&self.gateway, clock, Duties::NONE, |_| {})
    }

    /// Runs until the future is done, in as much virtual time as that takes.
    pub(crate) fn run<F: Future>(&self, future: F) -> F::Output {
        self.world.block_on(future, STEPS).unwrap()
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, duration: Duration) {
        self.world.run_for(duration, STEPS).unwrap();
    }

    /// Lets everything run that can, without letting time pass.
    pub(crate) fn settle(&self) {
        self.world.run_until_idle(STEPS).unwrap();
    }

    pub(crate) fn step(&self, duty: &mut impl Duty) -> Result<Progress, Error> {
        self.run(duty.step())
    }

    pub(crate) fn sweeper(&self) -> ExpirySweeper {
        ExpirySweeper::new(Arc::clone(&self.engine.engine))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn list(&self, new: NewTicket) -> TicketView {
        self.run(self.engine.tickets().list_for_sale(a_seller(), new)).unwrap()
    }

    pub(crate) fn reserve(
        &self,
        buyer: &str,
        lines: &[(TicketId, u32)],
    ) -> Result<OrderView, Error> {
        self.run(self.engine.orders().reserve(user(buyer), lines.to_vec()))
    }

    /// An order of one ticket that is known to succeed.
    pub(crate) fn reserved(&self, buyer: &str, ticket: TicketId, units: u32) -> OrderView {
        self.reserve(buyer, &[(ticket, units)]).unwrap()
    }

    /// An order of two units of a ticket that nobody else wants.
    pub(crate) fn an_order(&self) -> OrderView {
        let ticket = self.list(a_new_ticket()).id;
        self.reserved("buyer", ticket, 2)
    }

    pub(crate) fn pay(&self, buyer: &str, order: OrderId, token: &str) {
        let method = PaymentMethod::card_token(token);
        let paying = self.run(self.engine.payments().pay(&user(buyer), order, method));
        let _outcome = paying.unwrap().outcome();
        self.settle();
    }

    pub(crate) fn books(&self) -> Books {
        self.storage.inner.books()
    }

    pub(crate) fn pool(&self, ticket: TicketId) -> Pool {
        *self.books().pools.iter().find(|pool| pool.id == ticket).unwrap()
    }

    /// Units held and sold.
    pub(crate) fn claimed(&self, ticket: TicketId) -> (u32, u32) {
        let pool = self.pool(ticket);
        (pool.held, pool.sold)
    }

    pub(crate) fn order(&self, id: OrderId) -> Order {
        self.books().orders.into_iter().find(|order| order.id == id).unwrap()
    }

    /// The types of an order's events, by version.
    pub(crate) fn story(&self, id: OrderId) -> Vec<EventType> {
        let events = self.books().events;
        let own = events.iter().filter(|event| event.key().aggregate == id.into());
        own.map(|event| event.data.event_type()).collect()
    }
}

/// What an engine is started over.
struct Parts<'a> {
    world: &'a StepRuntime,
    storage: &'a WatchedStorage,
    bus: &'a MemoryBus,
    timers: &'a MemoryTimers,
}

impl Parts<'_> {
    fn start(
        &self,
        gateway: &MemoryGateway,
        clock: Arc<dyn Clock>,
        duties: Duties,
        change: impl FnOnce(&mut Settings),
    ) -> Ticketing {
        let node = self.world.node();
        let ids = SeededIds::new(self.world.seed(), node.id());
        let builder = Ticketing::builder()
            .storage(self.storage.clone())
            .gateway(gateway.clone())
            .bus(Arc::new(self.bus.clone()))
            .timers(Arc::new(self.timers.clone()))
            .clock(clock)
            .ids(Arc::new(ids))
            .runtime(node)
            .settings(change)
            .duties(duties);
        self.world.block_on(builder.start(), STEPS).unwrap().unwrap()
    }
}

/// The stable word of a refusal.
#[track_caller]
pub(crate) fn code<T: Debug>(outcome: Result<T, Error>) -> &'static str {
    outcome.unwrap_err().code()
}

/// Why a claim was refused.
#[track_caller]
pub(crate) fn refusal<T: Debug>(outcome: Result<T, Error>) -> (TicketId, Refusal) {
    let error = outcome.unwrap_err();
    if let Error::Rejected(rejection) = &error
        && let Reason::Claim { ticket, refusal } = rejection.reason
    {
        return (ticket, refusal);
    }
    panic!("not a refused claim: {error}");
}
