//! The relay: from the outbox to the bus, past buses that fail and processes that die.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use async_trait::async_trait;
use futures_util::FutureExt as _;
use tokio::sync::watch;

use super::*;
use crate::domain::envelope::Event;
use crate::domain::event::EventKey;
use crate::ports::error::{PortError, PortErrorKind};
use crate::ports::event_bus::{EventBus, EventStream, Subscription};
use crate::ports::runtime::Runtime as _;
use crate::ports::storage::Storage as _;
use crate::service::outbox_relay::OutboxRelay;
use crate::testing::NodeRuntime;
use crate::testing::builders::{a_buyer, a_new_ticket};

/// A bus that writes down what it takes over, and refuses what it is told to.
#[derive(Debug, Clone, Default)]
struct Wire(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    taken: Mutex<Vec<EventKey>>,
    /// All events, while the bus itself is in trouble.
    trouble: Mutex<Option<PortErrorKind>>,
    /// These events, for ever.
    hopeless: Mutex<BTreeSet<EventKey>>,
    /// These events, for now.
    stuck: Mutex<BTreeSet<EventKey>>,
    /// How often it was given something.
    asked: AtomicUsize,
    /// How long it takes, by whose time.
    takes: Mutex<Option<(Arc<NodeRuntime>, Duration)>>,
    /// How many results it answers at most.
    answers: Mutex<usize>,
    is_open: watch::Sender<bool>,
    interruptions: AtomicU64,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            taken: Mutex::default(),
            trouble: Mutex::default(),
            hopeless: Mutex::default(),
            stuck: Mutex::default(),
            asked: AtomicUsize::new(0),
            takes: Mutex::default(),
            answers: Mutex::new(usize::MAX),
            is_open: watch::channel(true).0,
            interruptions: AtomicU64::new(0),
        }
    }
}

#[async_trait]
impl EventBus for Wire {
    async fn publish(&self, events: &[Event]) -> Vec<Result<(), PortError>> {
        self.0.asked.fetch_add(1, Ordering::Relaxed);
        let takes = self.0.takes.lock().unwrap().clone();
        if let Some((node, takes)) = takes {
            node.sleep(takes).await;
        }
        self.0.is_open.subscribe().wait_for(|open| *open).await.unwrap();
        let most = *self.0.answers.lock().unwrap();
        events.iter().take(most).map(|event| self.take(event.key())).collect()
    }

    async fn subscribe(&self, _: Subscription) -> Result<Box<dyn EventStream>, PortError> {
        Err(PortError::unavailable("subscribe"))
    }

    fn interruptions(&self) -> u64 {
        self.0.interruptions.load(Ordering::Relaxed)
    }
}

impl Wire {
    fn take(&self, event: EventKey) -> Result<(), PortError> {
        if let Some(kind) = self.0.trouble.lock().unwrap().clone() {
            return Err(PortError::new(kind, "publish"));
        }
        if self.0.hopeless.lock().unwrap().contains(&event) {
            return Err(PortError::new(PortErrorKind::Refused, "publish"));
        }
        if self.0.stuck.lock().unwrap().contains(&event) {
            return Err(PortError::unavailable("publish"));
        }
        self.0.taken.lock().unwrap().push(event);
        Ok(())
    }

    fn asked(&self) -> usize {
        self.0.asked.load(Ordering::Relaxed)
    }

    fn taken(&self) -> Vec<EventKey> {
        self.0.taken.lock().unwrap().clone()
    }

    /// How often each event was taken over.
    fn counts(&self) -> BTreeMap<EventKey, usize> {
        let mut counts = BTreeMap::new();
        for event in self.taken() {
            *counts.entry(event).or_default() += 1;
        }
        counts
    }

    fn trouble(&self, kind: Option<PortErrorKind>) {
        *self.0.trouble.lock().unwrap() = kind;
    }
}

/// A market whose engine publishes to a wire, and a relay that is stepped.
struct Relayed {
    market: Market,
    wire: Wire,
    relay: OutboxRelay,
}

impl std::ops::Deref for Relayed {
    type Target = Market;

    fn deref(&self) -> &Market {
        &self.market
    }
}

impl Relayed {
    fn new(change: impl FnOnce(&mut Settings)) -> Self {
        let mut market = Market::new();
        let wire = Wire::default();
        market.engine = Self::engine(&market, &wire, change);
        let relay = OutboxRelay::new(Arc::clone(&market.engine.engine));
        Self { market, wire, relay }
    }

    fn engine(market: &Market, wire: &Wire, change: impl FnOnce(&mut Settings)) -> Ticketing {
        let node = market.world.node();
        let builder = Ticketing::builder()
            .storage(market.storage.clone())
            .gateway(market.gateway.clone())
            .bus(Arc::new(wire.clone()))
            .clock(Arc::clone(&market.clock))
            .ids(Arc::new(SeededIds::new(1, node.id())))
            .runtime(node)
            .settings(change)
            .duties(Duties::NONE);
        market.run(builder.start()).unwrap()
    }

    fn relay(&mut self) -> Result<Progress, Error> {
        self.market.run(self.relay.step())
    }

    fn unpublished(&self) -> usize {
        self.books().unpublished
    }

    fn all_events(&self) -> BTreeSet<EventKey> {
        self.books().events.iter().map(Event::key).collect()
    }
}

const LEASE: Duration = Duration::from_secs(30);

#[test]
fn what_was_committed_is_published_once_and_marked() {
    let mut relayed = Relayed::new(|_| {});
    let ticket = relayed.list(a_new_ticket()).id;
    relayed.reserved("buyer", ticket, 1);
    assert_eq!(relayed.unpublished(), 2);
    assert_eq!(relayed.relay().unwrap(), Progress::Busy);
    assert_eq!(relayed.unpublished(), 0);
    let once: Vec<usize> = relayed.wire.counts().into_values().collect();
    assert_eq!(once, [1; 4], "two of the listing, two of the order");
    assert_eq!(relayed.all_events(), relayed.wire.counts().into_keys().collect());
    assert_eq!(relayed.relay().unwrap(), Progress::Idle);
    assert_eq!(relayed.wire.taken().len(), 4);
}

#[test]
fn a_bus_in_trouble_gets_everything_later_and_nothing_is_given_up() {
    for kind in [PortErrorKind::Unavailable, PortErrorKind::Misconfigured, PortErrorKind::Closed] {
        let mut relayed = Relayed::new(|_| {});
        relayed.list(a_new_ticket());
        relayed.wire.trouble(Some(kind));
        assert_eq!(relayed.relay().unwrap(), Progress::Idle);
        assert_eq!(relayed.unpublished(), 1);
        relayed.wire.trouble(None);
        relayed.pass(SECOND);
        assert_eq!(relayed.relay().unwrap(), Progress::Busy, "another lease is not needed");
        assert_eq!((relayed.unpublished(), relayed.wire.taken().len()), (0, 2));
        assert!(relayed.books().dead_letters.is_empty());
    }
}

#[test]
fn an_event_that_is_never_taken_blocks_nothing_else() {
    let mut relayed = Relayed::new(|_| {});
    let ticket = relayed.list(a_new_ticket());
    let poison = EventKey { aggregate: ticket.id.into(), version: ticket.version };
    relayed.wire.0.hopeless.lock().unwrap().insert(poison);
    relayed.reserved("buyer", ticket.id, 1);
    assert_eq!(relayed.relay().unwrap(), Progress::Busy);
    assert_eq!(relayed.unpublished(), 0);
    let mut published = relayed.all_events();
    assert!(published.remove(&poison));
    assert_eq!(published, relayed.wire.counts().into_keys().collect());
    let dead = relayed.books().dead_letters;
    assert_eq!(dead.len(), 1);
    assert_eq!((dead[0].event, dead[0].at), (poison, START));
    assert_eq!(dead[0].reason, "publish: refused");
}

#[test]
fn a_bus_that_answers_for_too_few_has_not_taken_the_rest() {
    let mut relayed = Relayed::new(|_| {});
    relayed.list(a_new_ticket());
    *relayed.wire.0.answers.lock().unwrap() = 1;
    assert_eq!(relayed.relay().unwrap(), Progress::Idle);
    assert_eq!(relayed.unpublished(), 1);
    *relayed.wire.0.answers.lock().unwrap() = usize::MAX;
    relayed.pass(SECOND);
    relayed.relay().unwrap();
    assert_eq!(relayed.unpublished(), 0);
    let counts: Vec<usize> = relayed.wire.counts().into_values().collect();
    assert_eq!(counts, [2, 1]);
}

#[test]
fn a_crash_between_publishing_and_marking_publishes_again() {
    let mut relayed = Relayed::new(|_| {});
    relayed.list(a_new_ticket());
    relayed.storage.fail("outbox_done");
    assert_eq!(code(relayed.relay()), "unavailable");
    assert_eq!((relayed.wire.taken().len(), relayed.unpublished()), (2, 1));
    relayed.storage.mend();
    let mut after_restart = OutboxRelay::new(Arc::clone(&relayed.engine.engine));
    relayed.pass(LEASE);
    assert_eq!(relayed.step(&mut after_restart).unwrap(), Progress::Busy);
    assert_eq!(relayed.unpublished(), 0);
    let counts: Vec<usize> = relayed.wire.counts().into_values().collect();
    assert_eq!(counts, [2, 2], "twice, which consumers don't mind");
}

#[test]
fn a_relay_that_slept_through_its_lease_does_no_harm() {
    let mut relayed = Relayed::new(|_| {});
    relayed.list(a_new_ticket());
    let mut slow = OutboxRelay::new(Arc::clone(&relayed.engine.engine));
    relayed.wire.0.is_open.send_replace(false);
    let mut sleeping = Box::pin(slow.step());
    assert!(sleeping.as_mut().now_or_never().is_none(), "it has claimed, and publishes");
    relayed.market.pass(LEASE);
    relayed.wire.0.is_open.send_replace(true);
    assert_eq!(relayed.relay().unwrap(), Progress::Busy);
    assert_eq!(relayed.unpublished(), 0);
    assert_eq!(relayed.market.run(sleeping).unwrap(), Progress::Busy);
    assert_eq!(relayed.unpublished(), 0);
    let counts: Vec<usize> = relayed.wire.counts().into_values().collect();
    assert_eq!(counts, [2, 2]);
}

/// A silent bus takes its time for each try. Whoever asked it for every row would not look for
/// minutes how much waits.
#[test]
fn a_bus_that_takes_nothing_is_asked_once_a_step() {
    let mut relayed = Relayed::new(|settings| settings.outbox_max = 3);
    let ticket = relayed.list(a_new_ticket()).id;
    for buyer in ["first", "second", "third"] {
        relayed.reserved(buyer, ticket, 1);
    }
    relayed.wire.trouble(Some(PortErrorKind::Unavailable));
    assert_eq!(relayed.relay().unwrap(), Progress::Idle);
    assert_eq!(relayed.wire.asked(), 1);
    assert_eq!(code(relayed.reserve("fourth", &[(ticket, 1)])), "overloaded");
    assert_eq!(relayed.relay().unwrap(), Progress::Idle);
    assert_eq!(relayed.wire.asked(), 2);
}

/// Neither the rows behind it, nor what is published once more, nor what is old enough to go.
#[test]
fn a_row_that_is_not_taken_keeps_nothing_else_waiting() {
    let mut relayed = Relayed::new(|_| {});
    let retention = relayed.engine.engine.settings.event_retention;
    relayed.list(a_new_ticket());
    relayed.relay().unwrap();
    relayed.pass(retention + MINUTE);
    let stuck = relayed.list(a_new_ticket());
    let stuck = EventKey { aggregate: stuck.id.into(), version: stuck.version };
    relayed.wire.0.stuck.lock().unwrap().insert(stuck);
    for _ in 0..200 {
        relayed.list(a_new_ticket());
    }
    relayed.wire.0.interruptions.store(1, Ordering::Relaxed);
    assert_eq!(relayed.relay().unwrap(), Progress::Idle, "tried first, and in vain");
    let mut steps = 0;
    while relayed.relay().unwrap() == Progress::Busy {
        steps += 1;
    }
    assert!(steps < 30, "{steps} steps");
    assert_eq!(relayed.unpublished(), 1);
    let events = relayed.books().events;
    assert_eq!(events.len(), 2 * 201, "those of the first listing are forgotten");
    let counts = relayed.wire.counts();
    let twice = counts.values().filter(|count| **count == 2).count();
    assert_eq!(twice, 2 * 200, "published once more: all that were published of late");
    assert!(!counts.contains_key(&stuck));
}

/// A bus that takes everything, and its time.
#[test]
fn a_slow_bus_is_given_nothing_past_a_lease() {
    let mut relayed = Relayed::new(|settings| settings.outbox_max = 3);
    let ticket = relayed.list(a_new_ticket().quantity(50)).id;
    for buyer in 0..20 {
        relayed.reserved(&format!("buyer-{buyer}"), ticket, 1);
    }
    *relayed.wire.0.takes.lock().unwrap() = Some((relayed.world.node(), 4 * SECOND));
    assert_eq!(relayed.relay().unwrap(), Progress::Busy);
    assert_eq!(relayed.wire.asked(), 2, "then it is time to look how much waits");
    assert_eq!(code(relayed.reserve("late", &[(ticket, 1)])), "overloaded");
    while relayed.unpublished() > 0 {
        relayed.relay().unwrap();
        relayed.pass(SECOND);
    }
    assert!(relayed.wire.counts().into_values().all(|count| count == 1), "nothing twice");
}

#[test]
fn what_is_in_hand_is_not_kept_past_its_lease() {
    let mut relayed = Relayed::new(|_| {});
    relayed.list(a_new_ticket());
    relayed.wire.trouble(Some(PortErrorKind::Unavailable));
    relayed.relay().unwrap();
    relayed.pass(LEASE);
    relayed.wire.trouble(None);
    let mut other = OutboxRelay::new(Arc::clone(&relayed.engine.engine));
    assert_eq!(relayed.step(&mut other).unwrap(), Progress::Busy);
    assert_eq!(relayed.relay().unwrap(), Progress::Idle);
    let once: Vec<usize> = relayed.wire.counts().into_values().collect();
    assert_eq!(once, [1, 1]);
}

#[test]
fn what_could_not_be_marked_is_marked_with_the_next_step() {
    let mut relayed = Relayed::new(|_| {});
    relayed.list(a_new_ticket());
    relayed.storage.fail("outbox_done");
    assert_eq!(code(relayed.relay()), "unavailable");
    relayed.storage.mend();
    relayed.pass(SECOND);
    assert_eq!(relayed.relay().unwrap(), Progress::Busy);
    assert_eq!(relayed.unpublished(), 0);
}

#[test]
fn a_full_outbox_sheds_reservations_until_it_is_published() {
    let mut relayed = Relayed::new(|settings| settings.outbox_max = 3);
    let ticket = relayed.list(a_new_ticket()).id;
    let order = relayed.reserved("buyer", ticket, 1);
    relayed.reserved("another", ticket, 1);
    relayed.wire.trouble(Some(PortErrorKind::Unavailable));
    relayed.relay().unwrap();
    relayed.reserved("third", ticket, 1);
    relayed.relay().unwrap();
    assert_eq!(code(relayed.reserve("fourth", &[(ticket, 1)])), "overloaded");
    // Every row is leased now. That nothing can be claimed does not mean that nothing waits.
    relayed.relay().unwrap();
    assert_eq!(code(relayed.reserve("fourth", &[(ticket, 1)])), "overloaded");
    let orders = relayed.engine.orders();
    assert!(relayed.run(orders.cancel(&a_buyer(), order.id)).is_ok(), "what ends an order passes");
    relayed.wire.trouble(None);
    relayed.pass(SECOND);
    relayed.relay().unwrap();
    assert_eq!(relayed.unpublished(), 0);
    relayed.reserved("fourth", ticket, 1);
}

#[test]
fn what_is_published_and_old_is_forgotten() {
    let mut relayed = Relayed::new(|_| {});
    let retention = relayed.engine.engine.settings.event_retention;
    let ticket = relayed.list(a_new_ticket()).id;
    relayed.relay().unwrap();
    relayed.pass(retention);
    relayed.reserved("buyer", ticket, 1);
    relayed.relay().unwrap();
    assert_eq!(relayed.books().events.len(), 4, "not older than that, only as old");
    relayed.pass(MINUTE);
    relayed.relay().unwrap();
    assert_eq!(relayed.books().events.len(), 2, "the order's are kept");
    assert_eq!(relayed.books().tickets.len(), 1, "the listing itself stays");
    let again = relayed.run(relayed.engine.publish_again(START)).unwrap();
    assert_eq!(again, 2);
}

#[test]
fn what_is_not_published_is_never_forgotten() {
    let mut relayed = Relayed::new(|_| {});
    let retention = relayed.engine.engine.settings.event_retention;
    relayed.list(a_new_ticket());
    relayed.wire.trouble(Some(PortErrorKind::Unavailable));
    relayed.pass(retention + MINUTE);
    relayed.relay().unwrap();
    relayed.pass(MINUTE);
    relayed.relay().unwrap();
    assert_eq!(relayed.books().events.len(), 2);
}

#[test]
fn what_a_bus_forgot_can_be_published_again() {
    let mut relayed = Relayed::new(|_| {});
    let ticket = relayed.list(a_new_ticket());
    let poison = EventKey { aggregate: ticket.id.into(), version: ticket.version };
    relayed.wire.0.hopeless.lock().unwrap().insert(poison);
    relayed.pass(SECOND);
    let since = relayed.now();
    for buyer in 0..150 {
        relayed.reserved(&format!("buyer-{buyer}"), relayed.list(a_new_ticket()).id, 1);
    }
    while relayed.relay().unwrap() == Progress::Busy {}
    let before = relayed.wire.taken().len();
    assert_eq!(before, 601);
    assert_eq!(relayed.run(relayed.engine.publish_again(since)).unwrap(), 600);
    assert_eq!(relayed.run(relayed.engine.publish_again(START)).unwrap(), 601, "but the poison");
    assert_eq!(relayed.wire.taken().len(), before + 600 + 601);
    relayed.wire.trouble(Some(PortErrorKind::Unavailable));
    assert_eq!(code(relayed.run(relayed.engine.publish_again(since))), "unavailable");
}

/// It need not be told: the relay asks the bus, and goes back for some minutes, a page at a time.
#[test]
fn after_an_interruption_the_last_minutes_are_published_again() {
    let mut relayed = Relayed::new(|_| {});
    relayed.list(a_new_ticket());
    relayed.relay().unwrap();
    relayed.pass(6 * MINUTE);
    for _ in 0..70 {
        relayed.list(a_new_ticket());
    }
    while relayed.relay().unwrap() == Progress::Busy {}
    let before = relayed.wire.taken().len();
    assert_eq!(before, 142);
    relayed.wire.0.interruptions.store(1, Ordering::Relaxed);
    relayed.wire.trouble(Some(PortErrorKind::Unavailable));
    assert_eq!(code(relayed.relay()), "unavailable");
    relayed.wire.trouble(None);
    while relayed.relay().unwrap() == Progress::Busy {}
    assert_eq!(relayed.wire.taken().len(), before + 140, "all but the first listing");
    assert_eq!(relayed.relay().unwrap(), Progress::Idle);
    assert_eq!(relayed.wire.taken().len(), before + 140, "once");
}

#[test]
fn a_commit_rings_for_the_relay() {
    let mut relayed = Relayed::new(|_| {});
    relayed.run(relayed.storage.inner.now()).unwrap();
    let ticket = relayed.list(a_new_ticket()).id;
    relayed.relay().unwrap();
    let before = relayed.world.elapsed();
    relayed.market.run(relayed.relay.idle());
    assert_eq!(relayed.world.elapsed(), before, "the listing had rung");
    relayed.market.run(relayed.relay.idle());
    assert!(relayed.world.elapsed() > before, "nobody rings, so it looks by itself");
    let before = relayed.world.elapsed();
    relayed.reserved("buyer", ticket, 1);
    relayed.market.run(relayed.relay.idle());
    assert_eq!(relayed.world.elapsed(), before);
}
