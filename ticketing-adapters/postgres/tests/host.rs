//! A batch in a transaction of the host's: both happen, or neither.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up must fail")]

mod database;

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection, Postgres, Transaction};
use ticketing_core::domain::{Pool, Ticket};
use ticketing_core::ports::{
    CommitError, Group, PortErrorKind, RandomIds, Receipt, Storage, SystemClock, WriteBatch,
};
use ticketing_core::testing::BatchFactory;
use ticketing_core::testing::builders::{a_buyer, a_new_ticket, a_seller};
use ticketing_postgres::PostgresStorage;

use crate::database::Database;

/// How long nobody may be held up by a host that keeps its transaction open.
const HELD_UP_MAX: Duration = Duration::from_secs(5);

/// A shop whose host keeps seat plans beside what is sold.
struct Shop {
    database: Database,
    storage: PostgresStorage,
    make: BatchFactory,
    ticket: Ticket,
}

impl Shop {
    async fn open() -> Self {
        let database = Database::migrated(&ticketing_postgres::migrations()).await;
        let storage = PostgresStorage::from_url(database.url()).await.unwrap();
        let make = BatchFactory::new(Arc::new(RandomIds), Arc::new(SystemClock));
        let listed = make.list(&a_seller(), a_new_ticket());
        let mut conn = database.connect().await;
        for sql in ["DROP TABLE IF EXISTS seat_plans", "CREATE TABLE seat_plans (seat text)"] {
            sqlx::query(sql).execute(&mut conn).await.unwrap();
        }
        let shop = Self { database, storage, make, ticket: listed.next.ticket };
        shop.commits(listed.batch).await.unwrap();
        shop
    }

    /// Holds so many units, for somebody.
    fn reservation(&self, units: u32) -> WriteBatch {
        self.make.reserve(&a_buyer(), &[(&self.ticket, units)]).batch
    }

    /// Commits by itself.
    async fn commits(&self, batch: WriteBatch) -> Result<Receipt, CommitError> {
        self.storage.commit(Group::of(vec![batch])).await.outcomes.pop().unwrap()
    }

    async fn pool(&self) -> Pool {
        self.storage.listings(&[self.ticket.id]).await.unwrap().first().unwrap().pool
    }

    /// The seats that the host has written.
    async fn seats(&self) -> i64 {
        let mut conn = self.database.connect().await;
        sqlx::query_scalar("SELECT count(*) FROM seat_plans").fetch_one(&mut conn).await.unwrap()
    }
}

/// A transaction in which the host has written a seat.
async fn seat_in(conn: &mut PgConnection) -> Transaction<'_, Postgres> {
    let mut transaction = conn.begin().await.unwrap();
    let seat = sqlx::query("INSERT INTO seat_plans (seat) VALUES ('F7')");
    seat.execute(&mut *transaction).await.unwrap();
    transaction
}

#[tokio::test]
async fn both_are_committed_together() {
    let shop = Shop::open().await;
    let mut conn = shop.database.connect().await;
    let mut transaction = seat_in(&mut conn).await;
    let pending = shop.storage.commit_in(&mut transaction, &shop.reservation(2)).await.unwrap();
    assert_eq!((shop.pool().await.held, shop.seats().await), (0, 0), "nobody sees it yet");
    transaction.commit().await.unwrap();
    let receipt = pending.committed();
    assert_eq!(receipt.pools, [shop.pool().await], "what it is told is what is stored");
    assert_eq!((receipt.pools[0].held, shop.seats().await), (2, 1));
}

#[tokio::test]
async fn a_host_that_rolls_back_takes_both_back() {
    let shop = Shop::open().await;
    let depth = shop.storage.outbox_depth().await.unwrap().rows;
    let mut conn = shop.database.connect().await;
    let mut transaction = seat_in(&mut conn).await;
    let batch = shop.reservation(2);
    let pending = shop.storage.commit_in(&mut transaction, &batch).await.unwrap();
    drop(pending);
    transaction.rollback().await.unwrap();
    assert_eq!((shop.pool().await.held, shop.seats().await), (0, 0));
    assert_eq!(shop.storage.outbox_depth().await.unwrap().rows, depth, "nothing is published");
    shop.commits(batch).await.unwrap();
}

#[tokio::test]
async fn what_it_caused_is_published_like_everything_else() {
    let shop = Shop::open().await;
    let depth = shop.storage.outbox_depth().await.unwrap().rows;
    let mut conn = shop.database.connect().await;
    let mut transaction = seat_in(&mut conn).await;
    let batch = shop.reservation(1);
    let pending = shop.storage.commit_in(&mut transaction, &batch).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(pending.committed().receipt.batch, batch.id());
    assert_eq!(shop.storage.outbox_depth().await.unwrap().rows, depth + 1);
}

#[tokio::test]
async fn a_batch_that_is_refused_leaves_the_rest_of_the_transaction() {
    let shop = Shop::open().await;
    let all = shop.pool().await.available();
    let too_many = shop.reservation(all);
    shop.commits(shop.reservation(1)).await.unwrap();
    let mut conn = shop.database.connect().await;
    let mut transaction = seat_in(&mut conn).await;
    let refused = shop.storage.commit_in(&mut transaction, &too_many).await.unwrap_err();
    assert!(matches!(refused, CommitError::ClaimRefused { .. }), "{refused:?}");
    let pending = shop.storage.commit_in(&mut transaction, &shop.reservation(1)).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(pending.committed().pools[0].held, 2);
    assert_eq!((shop.pool().await.held, shop.seats().await), (2, 1));
}

#[tokio::test]
async fn who_wants_the_same_units_meanwhile_is_told_to_try_again() {
    let shop = Shop::open().await;
    let mut conn = shop.database.connect().await;
    let mut transaction = seat_in(&mut conn).await;
    let pending = shop.storage.commit_in(&mut transaction, &shop.reservation(1)).await.unwrap();
    let (asked, wanted) = (Instant::now(), shop.reservation(1));
    let held_up = shop.commits(wanted.clone()).await.unwrap_err();
    assert!(
        matches!(&held_up, CommitError::NotApplied(why) if why.kind() == &PortErrorKind::Unavailable),
        "{held_up:?}"
    );
    assert!(asked.elapsed() < HELD_UP_MAX, "{:?}", asked.elapsed());
    transaction.commit().await.unwrap();
    assert_eq!(pending.committed().pools[0].held, 1);
    shop.commits(wanted).await.unwrap();
    assert_eq!(shop.pool().await.held, 2);
}

#[tokio::test]
async fn a_batch_that_was_committed_is_known_when_it_comes_again() {
    let shop = Shop::open().await;
    let batch = shop.reservation(1);
    let receipt = shop.commits(batch.clone()).await.unwrap();
    let mut conn = shop.database.connect().await;
    let mut transaction = seat_in(&mut conn).await;
    let again = shop.storage.commit_in(&mut transaction, &batch).await.unwrap_err();
    transaction.commit().await.unwrap();
    assert!(matches!(again, CommitError::Duplicate(known) if known == receipt), "{again:?}");
    assert_eq!((shop.pool().await.held, shop.seats().await), (1, 1));
}

/// In a snapshot of before, a batch would be decided on what is no longer true.
#[tokio::test]
async fn another_isolation_level_is_refused() {
    let shop = Shop::open().await;
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        let mut conn = shop.database.connect().await;
        let begin = match level {
            "SERIALIZABLE" => "BEGIN ISOLATION LEVEL SERIALIZABLE",
            _ => "BEGIN ISOLATION LEVEL REPEATABLE READ",
        };
        let mut transaction = conn.begin_with(begin).await.unwrap();
        let batch = shop.reservation(1);
        let refused = shop.storage.commit_in(&mut transaction, &batch).await.unwrap_err();
        assert!(misconfigured(&refused), "{level}: {refused:?}");
        transaction.commit().await.unwrap();
    }
    assert_eq!(shop.pool().await.held, 0);
}

#[tokio::test]
async fn a_connection_without_a_transaction_is_refused() {
    let shop = Shop::open().await;
    let mut conn = shop.database.connect().await;
    let refused = shop.storage.commit_in(&mut conn, &shop.reservation(1)).await.unwrap_err();
    assert!(misconfigured(&refused), "{refused:?}");
    assert_eq!(shop.pool().await.held, 0);
}

/// Whether it is for a person to mend.
fn misconfigured(refused: &CommitError) -> bool {
    matches!(refused, CommitError::NotApplied(why) if why.kind() == &PortErrorKind::Misconfigured)
}
