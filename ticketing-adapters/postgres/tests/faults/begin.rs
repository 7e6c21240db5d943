//! Calls that are given up in the middle. Whatever a connection was doing then, nobody who borrows
//! one later works inside of a transaction that was left open in it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use ticketing_core::ports::{
    Clock, CommitError, Committed, Group, Listing, RandomIds, Storage, SystemClock, WriteBatch,
};
use ticketing_core::testing::BatchFactory;
use ticketing_core::testing::conformance::parallel::polled;
use ticketing_core::values::{OrderId, UserId};
use ticketing_postgres::PostgresStorage;
use tokio::task::JoinSet;

use crate::books;
use crate::buyers::{Buyers, Known, engine, storage, two_tickets};
use crate::connections::{in_state, none_is_in_a_transaction};
use crate::database::Database;

/// How many calls are given up.
const CALLS: usize = 1_000;
/// How many at a time.
const AT_ONCE: usize = 40;
/// What is leased here is given back at once: others wait for it.
const NO_LEASE: Duration = Duration::from_micros(1);
/// Calls of every kind afterwards, more than there are connections.
const AFTERWARDS: usize = 30;
const SOON: Duration = Duration::from_secs(20);

/// The trap, so that it is known to be seen: `begin` of a plain pool is given up, and its connection
/// is in a transaction that the pool knows nothing of. Should this fail with a later sqlx, the trap
/// is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_pool_is_poisoned() {
    let database = Database::empty().await;
    let server: PgConnectOptions = database.options.clone().application_name("ticketing");
    let pool = PgPoolOptions::new().max_connections(4).test_before_acquire(false);
    let pool = pool.connect_with(server).await.unwrap();
    let mut direct = database.connect().await;
    let mut poisoned = false;
    for number in 0..400 {
        drop(polled(1 + number % 8, pool.begin()).await);
        poisoned |= in_state(&mut direct, "idle in transaction%").await > 0;
        if poisoned {
            break;
        }
    }
    assert!(poisoned, "an interrupted `begin` leaves a transaction open");
    pool.close().await;
}

/// A call that is going to be given up.
struct Call {
    number: usize,
    storage: PostgresStorage,
    listings: Vec<Listing>,
    batch: WriteBatch,
}

impl Call {
    /// Begins it, and gives it up where it happens to be.
    async fn give_up(self) {
        let Self { number, .. } = self;
        let call = self.make();
        if number.is_multiple_of(2) {
            polled(1 + number % 5, call).await;
        } else {
            let task = tokio::spawn(call);
            tokio::time::sleep(Duration::from_micros(37 * u64::try_from(number % 97).unwrap()))
                .await;
            task.abort();
            drop(task.await);
        }
    }

    /// What a call answers is nobody's business here.
    async fn make(self) {
        let Self { number, storage, listings, batch } = self;
        let first = listings.first().unwrap();
        match number % 8 {
            0..3 => drop(storage.commit(Group::of(vec![batch])).await),
            3 => drop(storage.claim_outbox(NO_LEASE, 4).await),
            4 => drop(storage.due_orders(10).await),
            5 => drop(storage.listings(&[first.ticket.id]).await),
            6 => drop(storage.unsettled_payments(NO_LEASE, 4).await),
            _ => drop(storage.live_orders(first.pool.id, None, 10).await),
        }
    }
}

fn outcome(committed: Committed) -> Result<(), CommitError> {
    committed.outcomes.into_iter().next().unwrap().map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_calls_that_are_given_up_poison_nothing() {
    let database = Database::migrated(&ticketing_postgres::migrations()).await;
    let storage = storage(&database.options).await;
    let engine = engine(storage.clone()).await;
    let tickets = two_tickets(&engine).await;
    let listings = storage.listings(&tickets).await.unwrap();
    let mut buyers = Buyers::begin(&engine, tickets, "buyer");
    buyers.go_on_within(SOON).await;

    let make = BatchFactory::new(Arc::new(RandomIds), Arc::new(SystemClock));
    let (mut sent, mut calls) = (Vec::new(), JoinSet::new());
    for number in 0..CALLS {
        let buyer = UserId::new(format!("gone-{number}")).unwrap();
        let placed =
            make.at(SystemClock.now()).reserve(&buyer, &[(&listings[number % 2].ticket, 1)]);
        let (storage, listings) = (storage.clone(), listings.clone());
        let call = Call { number, storage, listings, batch: placed.batch.clone() };
        calls.spawn(call.give_up());
        if number % 8 < 3 {
            sent.push(placed);
        }
        if calls.len() >= AT_ONCE {
            calls.join_next().await.unwrap().unwrap();
        }
    }
    while let Some(ended) = calls.join_next().await {
        ended.unwrap();
    }
    buyers.go_on_within(SOON).await;
    let mut told = buyers.end().await;
    let mut direct = database.connect().await;
    none_is_in_a_transaction(&mut direct).await;

    // Each of them happened or not, and not by halves: the same batch again is a duplicate, or late.
    let (mut happened, mut not) = (0, 0);
    for placed in sent {
        match outcome(storage.commit(Group::of(vec![placed.batch])).await) {
            Err(CommitError::Duplicate(_)) => happened += 1,
            Ok(()) => not += 1,
            Err(CommitError::OutOfTime { .. }) => {
                not += 1;
                continue;
            }
            Err(other) => panic!("{other:?}"),
        }
        told.orders.insert(placed.next.id, Known::Held);
    }
    println!("of {} interrupted commits {happened} happened and {not} did not", happened + not);
    every_connection_works(&storage, &listings).await.into_iter().for_each(|id| {
        told.orders.insert(id, Known::Held);
    });
    engine.shutdown().await.unwrap();
    none_is_in_a_transaction(&mut direct).await;
    storage.close().await;
    told.report();
    books::agree(&database.options, &[&told]).await;
}

/// What is committed now is seen by whoever reads next, by whichever connection.
async fn every_connection_works(storage: &PostgresStorage, listings: &[Listing]) -> Vec<OrderId> {
    let make = BatchFactory::new(Arc::new(RandomIds), Arc::new(SystemClock));
    let calls = (0..AFTERWARDS).map(|number| {
        let make = make.clone();
        async move {
            let buyer = UserId::new(format!("after-{number}")).unwrap();
            let make = make.at(storage.now().await.unwrap());
            let placed = make.reserve(&buyer, &[(&listings[number % 2].ticket, 1)]);
            outcome(storage.commit(Group::of(vec![placed.batch])).await).unwrap();
            let seen = storage.order(placed.next.id).await.unwrap();
            assert_eq!(
                seen.map(|order| order.id),
                Some(placed.next.id),
                "what was committed is seen"
            );
            storage.claim_webhooks(NO_LEASE, 1).await.unwrap();
            storage.due_orders(1).await.unwrap();
            placed.next.id
        }
    });
    tokio::time::timeout(SOON, join_all(calls)).await.expect("no pool is exhausted")
}
