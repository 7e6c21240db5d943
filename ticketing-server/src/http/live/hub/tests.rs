//! Many streams over one engine, whose reads are counted and whose bus tells nothing.

use ticketing_core::domain::view::InventoryView;
use ticketing_core::memory::{MemoryGateway, MemoryStorage};
use ticketing_core::ports::TokioRuntime;
use ticketing_core::testing::{FaultKind, Faults, FaultyStorage, Operation};
use ticketing_core::values::{Money, UserId};
use ticketing_core::{Duties, NewTicket};

use super::*;

const SOON: Duration = Duration::from_secs(20);
const REFRESH: Duration = Duration::from_millis(50);
const NEVER: Duration = Duration::from_hours(1);

/// An engine and a hub. Nothing publishes what happens: it is as if the bus lost everything.
struct World {
    engine: Ticketing,
    faults: Faults,
    hub: LiveHub,
}

impl World {
    async fn new(refresh: Duration) -> Self {
        let faults = Faults::new(1, Arc::new(TokioRuntime::current().unwrap()));
        let storage = FaultyStorage::new(Arc::new(MemoryStorage::new()), &faults);
        let engine = Ticketing::builder().storage(storage).gateway(MemoryGateway::new());
        let engine = engine.duties(Duties::NONE).start().await.unwrap();
        let options = LiveOptions { refresh, ..LiveOptions::default() };
        let hub = LiveHub::start(engine.clone(), &options, CancellationToken::new());
        Self { engine, faults, hub }
    }

    async fn lists(&self) -> TicketId {
        let new = NewTicket::new("Front row", Money::usd(20_00)).quantity(5);
        self.engine.tickets().list_for_sale(user("seller"), new).await.unwrap().id
    }

    async fn reserves(&self, ticket: TicketId) -> OrderId {
        self.engine.orders().reserve(user("buyer"), [(ticket, 1)]).await.unwrap().id
    }

    fn watches(&self, tickets: &[TicketId]) -> WatchedTickets {
        self.hub.tickets(Some(tickets.iter().copied().collect())).unwrap()
    }

    fn watches_the_shelf(&self) -> WatchedTickets {
        self.hub.tickets(None).unwrap()
    }

    fn reads(&self, operation: Operation) -> u64 {
        self.faults.calls_of(operation)
    }

    /// Waits until what is shown was read again so often.
    async fn refreshed(&self, operation: Operation, times: u64) {
        let wanted = self.reads(operation) + times;
        let reading = async {
            while self.reads(operation) < wanted {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(SOON, reading).await.expect("nothing is read again");
    }

    fn end(self) {
        self.hub.closing.cancel();
    }
}

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

async fn next(tickets: &mut WatchedTickets) -> Vec<InventoryView> {
    match tokio::time::timeout(SOON, tickets.next()).await.unwrap() {
        TicketNews::All(units) => units,
        TicketNews::Changed(units) => units.to_vec(),
    }
}

/// What is left of a ticket, once it is so much.
async fn until_left(tickets: &mut WatchedTickets, ticket: TicketId, left: u32) {
    while !next(tickets).await.iter().any(|it| it.ticket_id == ticket && it.available == left) {}
}

#[tokio::test]
async fn many_streams_of_a_ticket_cost_one_reading_and_hear_what_the_bus_lost() {
    let world = World::new(REFRESH).await;
    let (ticket, other) = (world.lists().await, world.lists().await);
    let mut streams: Vec<_> = (0..100).map(|_| world.watches(&[ticket])).collect();
    streams.extend((0..100).map(|_| world.watches_the_shelf()));
    streams.extend((0..100).map(|_| world.watches(&[ticket, other])));
    for stream in &mut streams {
        assert!(!next(stream).await.is_empty());
    }
    let begun = [Operation::Listings, Operation::Search].map(|it| world.reads(it));
    world.refreshed(Operation::Listings, 10).await;
    let [listings, searches] = [Operation::Listings, Operation::Search].map(|it| world.reads(it));
    // One of each for a look, and what another look has begun meanwhile.
    assert!(listings - begun[0] <= 12, "{listings} after {}", begun[0]);
    assert!(searches - begun[1] <= 12, "{searches} after {}", begun[1]);

    world.reserves(ticket).await;
    for stream in &mut streams {
        until_left(stream, ticket, 4).await;
    }
    world.end();
}

#[tokio::test]
async fn many_who_come_at_once_are_answered_by_a_few_readings() {
    let world = World::new(NEVER).await;
    world.lists().await;
    world.faults.set_rate_of(Operation::Search, FaultKind::Delay, 1_000);
    world.faults.set_longest_delay(Duration::from_millis(100));
    let mut first = world.watches_the_shelf();
    let reading = async {
        while world.reads(Operation::Search) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, reading).await.unwrap();
    let mut streams: Vec<_> = (0..200).map(|_| world.watches_the_shelf()).collect();
    for stream in std::iter::once(&mut first).chain(&mut streams) {
        assert_eq!(next(stream).await.len(), 1);
    }
    assert_eq!(world.reads(Operation::Search), 2, "one for the first, one for all the others");
    world.end();
}

#[tokio::test]
async fn who_comes_sees_what_was_done_before() {
    let world = World::new(NEVER).await;
    let mut early = world.watches_the_shelf();
    assert_eq!(next(&mut early).await, vec![]);
    let ticket = world.lists().await;
    let mut late = world.watches_the_shelf();
    assert_eq!(next(&mut late).await[0].ticket_id, ticket);
    // What is read for one is told to all.
    assert_eq!(next(&mut early).await[0].ticket_id, ticket);
    world.end();
}

#[tokio::test]
async fn the_shelf_shows_what_is_listed_later_and_what_sold_out() {
    let world = World::new(REFRESH).await;
    let mut shelf = world.watches_the_shelf();
    assert_eq!(next(&mut shelf).await, vec![]);
    let ticket = world.lists().await;
    until_left(&mut shelf, ticket, 5).await;
    for left in (0..5).rev() {
        world.reserves(ticket).await;
        until_left(&mut shelf, ticket, left).await;
    }
    let mut late = world.watches_the_shelf();
    assert_eq!(next(&mut late).await, vec![], "it can't be bought");
    world.end();
}

#[tokio::test]
async fn what_does_not_exist_is_looked_for_once() {
    let world = World::new(REFRESH).await;
    let nothing = "00000000-0000-7000-8000-000000000000".parse().unwrap();
    let ticket = world.lists().await;
    let mut stream = world.watches(&[nothing]);
    assert_eq!(next(&mut stream).await, vec![]);
    assert_eq!(world.hub.tickets.kept(), 0);
    let mut other = world.watches(&[nothing, ticket]);
    assert_eq!(next(&mut other).await.len(), 1);
    assert_eq!(world.hub.tickets.kept(), 1);
    world.end();
}

#[tokio::test]
async fn a_storage_that_fails_only_delays_the_beginning() {
    let world = World::new(NEVER).await;
    let ticket = world.lists().await;
    for operation in [Operation::Search, Operation::Listings] {
        world.faults.set_rate_of(operation, FaultKind::Before, 1_000);
    }
    let (mut named, mut shelf) = (world.watches(&[ticket]), world.watches_the_shelf());
    let early = tokio::time::timeout(Duration::from_millis(100), named.next()).await;
    assert!(early.is_err(), "{early:?}");
    world.faults.off();
    assert_eq!(next(&mut named).await.len(), 1);
    assert_eq!(next(&mut shelf).await.len(), 1);
    world.end();
}

#[tokio::test]
async fn a_search_that_fails_keeps_no_named_ticket_from_being_shown() {
    let world = World::new(REFRESH).await;
    let ticket = world.lists().await;
    world.faults.set_rate_of(Operation::Search, FaultKind::Before, 1_000);
    let mut shelf = world.watches_the_shelf();
    let mut named = world.watches(&[ticket]);
    assert_eq!(next(&mut named).await[0].available, 5);
    world.reserves(ticket).await;
    until_left(&mut named, ticket, 4).await;
    let early = tokio::time::timeout(Duration::ZERO, shelf.next()).await;
    assert!(early.is_err(), "{early:?}");
    world.faults.off();
    assert_eq!(next(&mut shelf).await.len(), 1);
    world.end();
}

#[tokio::test]
async fn who_falls_behind_starts_over() {
    let world = World::new(NEVER).await;
    let ticket = world.lists().await;
    let mut stream = world.watches(&[ticket]);
    assert_eq!(next(&mut stream).await[0].available, 5);
    let mut units = world.engine.tickets().get(ticket).await.unwrap().inventory;
    for _ in 0..100 {
        units.version = units.version.next();
        world.hub.tickets.tell(&[units]);
    }
    assert_eq!(next(&mut stream).await, vec![units]);
    world.end();
}

#[tokio::test]
async fn nothing_is_kept_of_what_nobody_shows() {
    let world = World::new(REFRESH).await;
    let (one, other) = (world.lists().await, world.lists().await);
    let mut streams = vec![world.watches(&[one]), world.watches(&[one, other])];
    streams.extend([world.watches_the_shelf(), world.watches_the_shelf()]);
    for stream in &mut streams {
        next(stream).await;
    }
    assert_eq!(world.hub.tickets.kept(), 2);
    streams.truncate(1);
    assert_eq!(world.hub.tickets.kept(), 1);
    streams.clear();
    // One that goes before it was told anything.
    drop((world.watches(&[one]), world.watches_the_shelf()));
    assert_eq!(world.hub.tickets.kept(), 0);
    let searches = world.reads(Operation::Search);
    tokio::time::sleep(REFRESH * 4).await;
    assert!(world.reads(Operation::Search) <= searches + 1, "nobody looks at the shelf");

    let order = world.hub.order(world.reserves(one).await);
    assert_eq!(world.hub.orders.kept(), 1);
    drop(order);
    assert_eq!(world.hub.orders.kept(), 0);
    world.end();
}

#[tokio::test]
async fn many_streams_of_an_order_cost_one_reading_and_hear_what_the_bus_lost() {
    let world = World::new(REFRESH).await;
    let order = world.reserves(world.lists().await).await;
    let buyer = user("buyer");
    // Somebody else's stream, which is refused once it has read.
    let refused = world.hub.order(order);
    let mut streams: Vec<_> = (0..100).map(|_| world.hub.order(order)).collect();
    let read = world.engine.orders().get(&buyer, order).await.unwrap();
    for stream in &mut streams {
        stream.begin(read.clone());
    }
    let begun = world.reads(Operation::Order);
    world.refreshed(Operation::Order, 10).await;
    let reads = world.reads(Operation::Order) - begun;
    assert!(reads <= 12, "{reads}");

    let cancelled = world.engine.orders().cancel(&buyer, order).await.unwrap();
    for stream in &mut streams {
        let told = async {
            while stream.known().is_none_or(|it| it.version < cancelled.version) {
                stream.changed().await;
            }
        };
        tokio::time::timeout(SOON, told).await.unwrap();
    }
    drop(refused);
    world.end();
}

#[tokio::test]
async fn an_order_is_read_for_those_alone_who_may() {
    let world = World::new(REFRESH).await;
    let ticket = world.lists().await;
    let order = world.reserves(ticket).await;
    let mut strangers = world.hub.order(order);
    let reads = world.reads(Operation::Order);
    let _shelf = world.watches_the_shelf();
    world.refreshed(Operation::Search, 3).await;
    assert_eq!(world.reads(Operation::Order), reads);
    assert_eq!(strangers.known(), None);
    world.end();
}
