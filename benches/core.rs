//! How many reservations of one hot ticket the core can decide, resolve and keep in memory.
//!
//! Everything runs on one thread. Ids are the real ones, two for each reservation; `id/random`
//! shows what one costs. Time stands still.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot be set up must stop"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures_util::future::FutureExt;
use ticketing_core::domain::event::Actor;
use ticketing_core::domain::order::{HoldPolicy, NewOrder, Order};
use ticketing_core::domain::{NewTicket, Pool, Ticket};
use ticketing_core::memory::MemoryStorage;
use ticketing_core::ports::{
    BatchBuilder, Cause, Clock, Committed, Footprint, Group, IdSource, RandomIds, Snapshot,
    Storage, WriteBatch, resolve,
};
use ticketing_core::values::{Money, OrderId, Quantity, TicketId, Timestamp, UserId};
use uuid::Uuid;

const NOW: Timestamp = Timestamp::from_millis(1_767_323_045_678);

/// How many groups one storage takes before the next one: memory must not grow without end.
const GROUPS_PER_STORAGE: u64 = 400;

#[derive(Debug)]
struct StoppedClock;

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// A ticket that never sells out, and buyers who want it.
struct Sale {
    ticket: Ticket,
    buyers: Vec<UserId>,
}

impl Sale {
    fn new() -> Self {
        let id = TicketId::from_uuid(Uuid::from_u128(1));
        let new = NewTicket::new("Front row", Money::usd(20_00)).quantity(10_000_000);
        let listed = Ticket::list(id, user("seller".to_owned()), new, NOW);
        let ticket = listed.expect("the listing is valid").ticket.into_next();
        let buyers = (0..1_000).map(|number| user(format!("user-{number:04}"))).collect();
        Self { ticket, buyers }
    }

    /// The batch of one new order of one unit.
    fn reserve(&self, buyer: usize) -> WriteBatch {
        let buyer = &self.buyers[buyer % self.buyers.len()];
        let new = NewOrder {
            id: OrderId::from_uuid(RandomIds.next()),
            buyer,
            lines: &[(&self.ticket, Quantity::ONE)],
            policy: HoldPolicy {
                hold: Duration::from_mins(15),
                grace: Duration::from_mins(5),
                cap: Duration::from_mins(35),
            },
        };
        let (decision, open) = Order::place(new, NOW).expect("the order is valid");
        let cause = Cause { actor: Actor::User(buyer.clone()), correlation: None };
        BatchBuilder::new(cause, &RandomIds, NOW).order(decision).within(open).build()
    }

    fn group(&self, size: usize) -> Vec<WriteBatch> {
        (0..size).map(|buyer| self.reserve(buyer)).collect()
    }

    /// What a storage reads for new orders: the pool, and that nothing else exists.
    fn snapshot(&self, pool: Pool) -> Snapshot {
        let mut snapshot = Snapshot::empty(NOW);
        snapshot.pools.insert(self.ticket.id, pool);
        snapshot
    }

    /// An empty storage with the ticket on sale, and its pool.
    fn storage(&self) -> (MemoryStorage, Pool) {
        let storage = MemoryStorage::with_clock(Arc::new(StoppedClock));
        let new = NewTicket::new("Front row", Money::usd(20_00)).quantity(10_000_000);
        let listed = Ticket::list(self.ticket.id, self.ticket.seller.clone(), new, NOW);
        let cause = Cause { actor: Actor::Engine, correlation: None };
        let batch = BatchBuilder::new(cause, &RandomIds, NOW)
            .ticket(listed.expect("the listing is valid"))
            .build();
        let committed = commit(&storage, vec![batch], None);
        (storage, pool_of(&committed))
    }
}

fn user(name: String) -> UserId {
    UserId::try_from(name).expect("the name is valid")
}

/// Commits to a storage that never waits.
fn commit(
    storage: &MemoryStorage,
    batches: Vec<WriteBatch>,
    predicted: Option<Snapshot>,
) -> Committed {
    let committed = storage.commit(Group { batches: batches.into(), predicted }).now_or_never();
    committed.expect("a commit to memory never waits")
}

fn pool_of(committed: &Committed) -> Pool {
    *committed.pools.first().expect("the group touched the pool")
}

fn decide(c: &mut Criterion) {
    let sale = Sale::new();
    let mut group = c.benchmark_group("decide");
    group.throughput(Throughput::Elements(1));
    let mut buyer = 0;
    group.bench_function("reserve", |b| {
        b.iter(|| {
            buyer += 1;
            sale.reserve(buyer)
        });
    });
    group.finish();
}

fn id(c: &mut Criterion) {
    c.bench_function("id/random", |b| b.iter(|| RandomIds.next()));
}

fn decide_and_resolve(c: &mut Criterion) {
    let sale = Sale::new();
    let (_storage, pool) = sale.storage();
    let mut group = c.benchmark_group("decide + resolve");
    for size in [1, 16, 256_usize] {
        group.throughput(Throughput::Elements(u64::try_from(size).unwrap_or(u64::MAX)));
        group.bench_with_input(BenchmarkId::from_parameter(size), &size, |b, size| {
            b.iter(|| {
                let batches = sale.group(*size);
                let resolution = resolve(sale.snapshot(pool), &batches);
                assert_eq!(resolution.writes.accepted.len(), *size);
                black_box(resolution.writes.rows.len())
            });
        });
    }
    group.finish();
}

/// Groups of 256, each read from the storage (`careful`) or predicted from the last one.
fn decide_and_commit(c: &mut Criterion) {
    const SIZE: usize = 256;
    let sale = Sale::new();
    let mut group = c.benchmark_group("decide + resolve + commit");
    group.throughput(Throughput::Elements(256));
    for (name, predicting) in [("256 careful", false), ("256 predicted", true)] {
        group.bench_function(name, |b| {
            b.iter_custom(|groups| {
                let mut taken = Duration::ZERO;
                for first in
                    (0..groups).step_by(usize::try_from(GROUPS_PER_STORAGE).unwrap_or(usize::MAX))
                {
                    let (storage, mut pool) = sale.storage();
                    let here = GROUPS_PER_STORAGE.min(groups - first);
                    let started = Instant::now();
                    for _ in 0..here {
                        let batches = sale.group(SIZE);
                        let predicted = predicting.then(|| sale.snapshot(pool));
                        let committed = commit(&storage, batches, predicted);
                        assert!(committed.outcomes.iter().all(Result::is_ok));
                        pool = pool_of(&committed);
                    }
                    taken += started.elapsed();
                }
                taken
            });
        });
    }
    group.finish();
}

fn footprint(c: &mut Criterion) {
    let sale = Sale::new();
    let batches = sale.group(256);
    let mut group = c.benchmark_group("footprint");
    group.throughput(Throughput::Elements(256));
    group.bench_function("256", |b| b.iter(|| Footprint::of(&batches)));
    group.finish();
}

criterion_group!(benches, id, decide, decide_and_resolve, footprint, decide_and_commit);
criterion_main!(benches);
