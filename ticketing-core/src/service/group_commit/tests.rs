//! The writer, with a storage that is held up, loses answers and breaks its contract.

mod ending;
mod observing;
mod outcomes;
mod shedding;

use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

use futures_util::FutureExt as _;
use futures_util::future::{join_all, ready};

use super::*;
use crate::domain::ticket::{NewTicket, Ticket};
use crate::memory::{Books, MemoryStorage};
use crate::ports::storage::Listing;
use crate::service::use_cases::watched_storage::{Answer, HeldUp, WatchedStorage};
use crate::testing::builders::{START, a_new_ticket, a_seller, user};
use crate::testing::{BatchFactory, SeededIds, StepRuntime};
use crate::values::BatchId;

const STEPS: u64 = 100_000;

type Outcome = Result<Result<Receipt, CommitError>, Error>;
type Call<'a> = Pin<Box<dyn Future<Output = Outcome> + 'a>>;

struct Fixture {
    world: StepRuntime,
    storage: WatchedStorage,
    writing: Writing,
    writer: GroupCommit,
    stopper: Stopper,
    make: BatchFactory,
    noted: Arc<Noted>,
}

impl Fixture {
    fn new() -> Self {
        Self::with(1, |_| {})
    }

    fn with(lanes: usize, change: impl FnOnce(&mut Settings)) -> Self {
        let world = StepRuntime::new(1);
        let clock = world.clock(START);
        let inner = MemoryStorage::with_clock(Arc::clone(&clock)).with_lanes(lanes);
        let storage = WatchedStorage::new(inner);
        let mut settings = Settings::default();
        change(&mut settings);
        let noted = Arc::new(Noted::default());
        let writing = Writing {
            storage: Arc::new(storage.clone()),
            runtime: world.node(),
            time: Arc::new(StorageTime::new(Arc::clone(&clock))),
            pools: Arc::default(),
            settings,
            observer: Arc::<Noted>::clone(&noted),
            outbox_bell: Arc::default(),
        };
        let stopper = Stopper::new();
        let writer = GroupCommit::start(&writing, &stopper);
        let make = BatchFactory::new(Arc::new(SeededIds::new(1, 1)), clock);
        Self { world, storage, writing, writer, stopper, make, noted }
    }

    /// A listing that is stored, and whose pool the writer has not seen.
    fn list(&self, new: NewTicket) -> Ticket {
        let planned = self.make.list(&a_seller(), new);
        let group = Group::of(vec![planned.batch]);
        let committed = self.settled(self.storage.inner.commit(group));
        assert!(committed.outcomes[0].is_ok());
        let Listing { ticket, .. } = planned.next;
        ticket
    }

    /// The same, and the writer has seen its pool.
    fn list_known(&self, new: NewTicket) -> Ticket {
        let ticket = self.list(new);
        self.writing.pools.note(&self.books().pools);
        ticket
    }

    fn reservation(&self, ticket: &Ticket, units: u32) -> WriteBatch {
        self.make.reserve(&user("buyer"), &[(ticket, units)]).batch
    }

    /// Puts a batch into its queue, or hears that it is not wanted there.
    fn submit(&self, batch: &WriteBatch, urgency: Urgency) -> Call<'_> {
        let mut call: Call<'_> = Box::pin(self.writer.submit(batch.clone(), urgency));
        match call.as_mut().now_or_never() {
            Some(outcome) => Box::pin(ready(outcome)),
            None => call,
        }
    }

    fn reserve(&self, batch: &WriteBatch) -> Call<'_> {
        self.submit(batch, Urgency::Reservation)
    }

    /// Lets everything run that can, without letting time pass.
    fn settle(&self) {
        self.world.run_until_idle(STEPS).unwrap();
    }

    fn settled<F: Future>(&self, future: F) -> F::Output {
        self.world.block_on(future, STEPS).unwrap()
    }

    fn all(&self, calls: Vec<Call<'_>>) -> Vec<Outcome> {
        self.settled(join_all(calls))
    }

    fn books(&self) -> Books {
        self.storage.inner.books()
    }

    fn holds_order_of(&self, batch: &WriteBatch) -> bool {
        let order = batch.changes()[0].state.aggregate().id;
        self.books().orders.iter().any(|stored| stored.id.as_uuid() == order)
    }
}

/// What the writer told.
#[derive(Debug, Default)]
struct Noted {
    reports: Mutex<Vec<GroupReport>>,
    overloaded: AtomicUsize,
}

impl Observer for Noted {
    fn group_committed(&self, report: &GroupReport) {
        self.reports.lock().unwrap().push(*report);
    }

    fn overloaded(&self) {
        self.overloaded.fetch_add(1, Ordering::Relaxed);
    }
}

/// The ids of the batches of each group.
fn ids(groups: &[Group]) -> Vec<Vec<BatchId>> {
    groups.iter().map(|group| group.batches.iter().map(WriteBatch::id).collect()).collect()
}

fn sizes(groups: &[Group]) -> Vec<usize> {
    groups.iter().map(|group| group.batches.len()).collect()
}

fn is_applied(outcome: &Outcome) -> bool {
    matches!(outcome, Ok(Ok(_)))
}

fn is_overloaded(outcome: &Outcome) -> bool {
    matches!(outcome, Err(Error::Overloaded { .. }))
}

fn is_closed(outcome: &Outcome) -> bool {
    let closed = |source: &PortError| *source.kind() == PortErrorKind::Closed;
    matches!(outcome, Err(Error::Unavailable { source, .. }) if closed(source))
}

#[test]
fn an_idle_lane_commits_at_once_and_alone() {
    let fixture = Fixture::new();
    let ticket = fixture.list(a_new_ticket());
    for _ in 0..3 {
        let batch = fixture.reservation(&ticket, 1);
        let outcome = fixture.settled(fixture.reserve(&batch)).unwrap();
        assert_eq!(outcome.unwrap(), batch.receipt());
    }
    assert_eq!(sizes(&fixture.storage.take_groups()), [1, 1, 1]);
    assert_eq!(fixture.world.elapsed(), Duration::ZERO, "nobody waits for a timer");
}

#[test]
fn what_comes_during_a_commit_shares_the_next_ones() {
    let fixture = Fixture::new();
    let ticket = fixture.list(a_new_ticket().quantity(1_000));
    let batches: Vec<WriteBatch> = (0..301).map(|_| fixture.reservation(&ticket, 1)).collect();
    fixture.storage.hold_up(HeldUp::All);
    let first = fixture.reserve(&batches[0]);
    fixture.settle();
    let others: Vec<Call<'_>> = batches[1..].iter().map(|one| fixture.reserve(one)).collect();
    fixture.settle();
    assert_eq!(sizes(&fixture.storage.take_groups()), [1], "one group in flight");
    assert!(fixture.books().orders.is_empty());
    fixture.storage.hold_up(HeldUp::None);
    let outcomes = fixture.all(std::iter::once(first).chain(others).collect());
    assert_eq!(sizes(&fixture.storage.take_groups()), [256, 44], "up to group_max, in order");
    for (outcome, batch) in outcomes.into_iter().zip(&batches) {
        assert_eq!(outcome.unwrap().unwrap(), batch.receipt());
    }
    assert_eq!(fixture.books().pools[0].held, 301);
}

#[test]
fn each_caller_hears_its_own_outcome_and_a_refusal_fails_no_neighbour() {
    let fixture = Fixture::new();
    let ticket = fixture.list(a_new_ticket().quantity(10));
    fixture.storage.hold_up(HeldUp::All);
    let blocker = fixture.reserve(&fixture.reservation(&ticket, 1));
    fixture.settle();
    // Every third asks for more than there ever was.
    let batches: Vec<WriteBatch> = (0..12)
        .map(|index| fixture.reservation(&ticket, if index % 3 == 1 { 11 } else { 1 }))
        .collect();
    let calls: Vec<Call<'_>> = batches.iter().map(|one| fixture.reserve(one)).collect();
    fixture.storage.hold_up(HeldUp::None);
    let outcomes = fixture.all(calls);
    assert!(is_applied(&fixture.settled(blocker)));
    assert_eq!(sizes(&fixture.storage.take_groups()), [1, 12], "all in one group");
    for (index, (outcome, batch)) in outcomes.into_iter().zip(&batches).enumerate() {
        match outcome.unwrap() {
            Ok(receipt) => assert_eq!(receipt, batch.receipt(), "{index}"),
            Err(CommitError::ClaimRefused { pool, .. }) => {
                assert_eq!((pool, index % 3), (ticket.id, 1), "{index}");
            }
            Err(other) => panic!("{index}: {other}"),
        }
    }
    assert_eq!(fixture.books().pools[0].held, 9);
}

#[test]
fn lanes_work_side_by_side_and_a_stuck_one_delays_only_its_own() {
    let fixture = Fixture::with(2, |_| {});
    let stuck = fixture.list(a_new_ticket());
    let lane = |ticket: &Ticket| {
        let batch = fixture.reservation(ticket, 1);
        fixture.writer.lanes.iter().position(|lane| {
            fixture.writer.lane_of(&batch).is_some_and(|other| lane.same_channel(other))
        })
    };
    let others: Vec<Ticket> = (0..20).map(|_| fixture.list(a_new_ticket())).collect();
    let free = others.iter().find(|other| lane(other) != lane(&stuck)).unwrap();
    let neighbour = others.iter().find(|other| lane(other) == lane(&stuck)).unwrap();

    fixture.storage.hold_up(HeldUp::Pool(stuck.id));
    let waits = fixture.reserve(&fixture.reservation(&stuck, 1));
    fixture.settle();
    let waits_behind = fixture.reserve(&fixture.reservation(neighbour, 1));
    for _ in 0..3 {
        let batch = fixture.reservation(free, 1);
        assert!(is_applied(&fixture.settled(fixture.reserve(&batch))));
    }
    assert_eq!(fixture.books().orders.len(), 3, "only the other lane went on");
    fixture.storage.hold_up(HeldUp::None);
    assert!(fixture.all(vec![waits, waits_behind]).iter().all(is_applied));
}

#[test]
fn batches_of_one_pool_share_a_lane_whatever_they_do_with_it() {
    let fixture = Fixture::with(8, |_| {});
    let ticket = fixture.list(a_new_ticket());
    let placed = fixture.make.reserve(&user("buyer"), &[(&ticket, 1)]);
    let cancelled = fixture.make.cancel(&placed.next);
    let [one, other] =
        [&placed.batch, &cancelled.batch].map(|batch| fixture.writer.lane_of(batch).unwrap());
    assert!(one.same_channel(other));
}

#[test]
fn a_prediction_is_made_for_plain_holds_of_known_pools_alone() {
    let fixture = Fixture::new();
    let known = fixture.list_known(a_new_ticket());
    let limited = fixture.list_known(a_new_ticket().max_per_buyer(4));
    let unknown = fixture.list(a_new_ticket());
    let held = fixture.make.reserve(&user("buyer"), &[(&known, 1)]);
    let predicted = |batch: &WriteBatch| {
        assert!(is_applied(&fixture.settled(fixture.submit(batch, Urgency::Settling))));
        fixture.storage.take_groups().remove(0).predicted
    };

    let pool = fixture.writing.pools.get(known.id).unwrap();
    let snapshot = predicted(&held.batch).expect("a hold of a known pool");
    assert_eq!(snapshot.pools.get(&known.id), Some(&pool));
    assert_eq!(snapshot.now, fixture.writing.time.now());

    assert_eq!(predicted(&fixture.make.cancel(&held.next).batch), None, "a release");
    assert_eq!(predicted(&fixture.reservation(&limited, 1)), None, "a limit per buyer");
    assert_eq!(predicted(&fixture.reservation(&unknown, 1)), None, "an unknown pool");
    let now_known = predicted(&fixture.reservation(&unknown, 1));
    assert!(now_known.is_some(), "its pool came back with the commit");
    let listing = fixture.make.list(&a_seller(), a_new_ticket());
    assert_eq!(predicted(&listing.batch), None, "a new listing");
    assert_eq!(fixture.storage.inner.commit_counts().missed, 0, "what is predicted is true");
}

#[test]
fn one_batch_that_is_no_plain_hold_spoils_the_prediction_of_its_group() {
    let fixture = Fixture::new();
    let ticket = fixture.list_known(a_new_ticket());
    let placed = fixture.make.reserve(&user("buyer"), &[(&ticket, 1)]);
    assert!(is_applied(&fixture.settled(fixture.reserve(&placed.batch))));
    fixture.storage.hold_up(HeldUp::All);
    let blocker = fixture.reserve(&fixture.reservation(&ticket, 1));
    fixture.settle();
    let hold = fixture.reserve(&fixture.reservation(&ticket, 1));
    let release = fixture.submit(&fixture.make.cancel(&placed.next).batch, Urgency::Settling);
    fixture.storage.hold_up(HeldUp::None);
    assert!(fixture.all(vec![blocker, hold, release]).iter().all(is_applied));
    let groups = fixture.storage.take_groups();
    let shapes: Vec<(usize, bool)> =
        groups.iter().map(|group| (group.batches.len(), group.predicted.is_some())).collect();
    assert_eq!(shapes, [(1, true), (1, true), (2, false)]);
}
