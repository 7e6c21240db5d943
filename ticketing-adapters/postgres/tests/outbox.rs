//! What a long outbox costs, and what a clock that was put back does to it.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up must fail")]

mod database;

use sqlx::PgConnection;
use ticketing_core::ports::{OutboxRowId, Storage};
use ticketing_core::values::Timestamp;
use ticketing_postgres::PostgresStorage;

use crate::database::Database;

async fn opened() -> (Database, PostgresStorage, PgConnection) {
    let database = Database::migrated(&ticketing_postgres::migrations()).await;
    let storage = PostgresStorage::from_url(database.url()).await.unwrap();
    let conn = database.connect().await;
    (database, storage, conn)
}

#[tokio::test]
async fn a_very_long_outbox_is_not_counted_to_its_end() {
    let (_database, storage, mut conn) = opened().await;
    sqlx::query(
        "INSERT INTO ticketing.outbox (committed_at, events) \
         SELECT n, '' FROM generate_series(7, 100506) AS n",
    )
    .execute(&mut conn)
    .await
    .unwrap();
    let depth = storage.outbox_depth().await.unwrap();
    assert_eq!((depth.rows, depth.oldest), (100_000, Some(Timestamp::from_micros(7))));
}

#[tokio::test]
async fn rows_are_found_by_age_after_the_clock_was_put_back() {
    let (_database, storage, mut conn) = opened().await;
    // The fourth row was committed after the clock had been put back by some seconds.
    for committed_at in [10, 20, 30, 26, 40] {
        sqlx::query(
            "INSERT INTO ticketing.outbox (committed_at, events, published) VALUES ($1, '', true)",
        )
        .bind(i64::from(committed_at))
        .execute(&mut conn)
        .await
        .unwrap();
    }
    let found = async |since, after: Option<i64>, limit| {
        let (since, after) = (Timestamp::from_micros(since), after.map(OutboxRowId));
        let rows = storage.published_since(since, after, limit).await.unwrap();
        rows.iter().map(|row| row.id.0).collect::<Vec<_>>()
    };
    assert_eq!(found(25, None, 10).await, [3, 4, 5]);
    assert_eq!(found(28, None, 10).await, [3, 5]);
    assert_eq!(found(25, None, 2).await, [3, 4]);
    assert_eq!(found(25, Some(4), 2).await, [5]);
    assert_eq!(found(28, Some(2), 10).await, [3, 5]);
    assert_eq!(found(41, None, 10).await, [0_i64; 0]);
    assert_eq!(found(0, Some(i64::MAX), 10).await, [0_i64; 0]);
}
