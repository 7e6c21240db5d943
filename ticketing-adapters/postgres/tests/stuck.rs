//! Somebody has locked a pool and does nothing with it: who wants its units is told so in time, and
//! everybody else gets theirs.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up must fail")]

mod database;

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::PgConnection;
use ticketing_core::domain::NewTicket;
use ticketing_core::memory::MemoryGateway;
use ticketing_core::ports::{Clock, CommitError, Group, Listing, RandomIds, Storage, SystemClock};
use ticketing_core::testing::BatchFactory;
use ticketing_core::values::{Money, UserId};
use ticketing_core::{Duties, Error, Ticketing};
use ticketing_postgres::{PostgresConfig, PostgresStorage};

use crate::database::Database;

/// Much longer than a group waits, and shorter than anybody would stand.
const SOON: Duration = Duration::from_secs(3);

/// Two listings, of which somebody has locked the pool of the first.
struct Shop {
    engine: Ticketing,
    storage: PostgresStorage,
    stuck: Listing,
    free: Listing,
    other: PgConnection,
    _database: Database,
}

impl Shop {
    async fn open() -> Self {
        let database = Database::migrated(&ticketing_postgres::migrations()).await;
        let config = PostgresConfig::new(database.options.clone());
        let storage = config.lanes(1).readers(2).background(1).open().await.unwrap();
        let engine = Ticketing::builder().storage(storage.clone()).gateway(MemoryGateway::new());
        let engine = engine.duties(Duties::NONE).start().await.unwrap();
        let list = async |title: &str| {
            let new = NewTicket::new(title, Money::usd(20_00)).quantity(100);
            let seller = UserId::new("seller").unwrap();
            let ticket = engine.tickets().list_for_sale(seller, new).await.unwrap().id;
            storage.listings(&[ticket]).await.unwrap().remove(0)
        };
        let (stuck, free) = (list("Front row").await, list("Back row").await);
        let mut other = database.connect().await;
        sqlx::raw_sql("BEGIN").execute(&mut other).await.unwrap();
        sqlx::query("SELECT FROM ticketing.pools WHERE id = $1 FOR UPDATE")
            .bind(stuck.pool.id.as_uuid())
            .execute(&mut other)
            .await
            .unwrap();
        Self { engine, storage, stuck, free, other, _database: database }
    }

    /// Reserves a unit of each, in one group. Answers whether they were had.
    async fn one_of_each(&self) -> [bool; 2] {
        let make = BatchFactory::new(Arc::new(RandomIds), Arc::new(SystemClock));
        let make = make.at(SystemClock.now());
        let buyer = UserId::new("buyer").unwrap();
        let batches = [&self.stuck, &self.free]
            .map(|listing| make.reserve(&buyer, &[(&listing.ticket, 1)]).batch);
        let committed = self.storage.commit(Group::of(batches.to_vec())).await;
        let had = committed.outcomes.iter().map(|outcome| match outcome {
            Ok(_) => true,
            Err(error) => {
                assert!(matches!(error, CommitError::NotApplied(_)), "{error:?}");
                false
            }
        });
        had.collect::<Vec<_>>().try_into().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stuck_pool_holds_up_nobody_else() {
    let mut shop = Shop::open().await;
    let began = Instant::now();
    assert_eq!(shop.one_of_each().await, [false, true]);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());

    // The engine knows both pools, and tries one statement first.
    let buyer = UserId::new("buyer").unwrap();
    let began = Instant::now();
    let (stuck, free) = (shop.stuck.ticket.id, shop.free.ticket.id);
    let orders = shop.engine.orders();
    let (refused, had) = tokio::join!(
        orders.reserve(buyer.clone(), [(stuck, 1)]),
        orders.reserve(buyer.clone(), [(free, 1)]),
    );
    assert!(matches!(refused, Err(Error::Unavailable { .. })), "{refused:?}");
    had.unwrap();
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());

    sqlx::raw_sql("ROLLBACK").execute(&mut shop.other).await.unwrap();
    orders.reserve(buyer, [(stuck, 1)]).await.unwrap();
    assert_eq!(shop.one_of_each().await, [true, true], "it goes on");
    shop.engine.shutdown().await.unwrap();
    shop.storage.close().await;
}
