//! What a long outbox costs, and what a clock that was put back does to it.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up must fail")]

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use tempfile::TempDir;
use ticketing_core::ports::{OutboxRowId, Storage};
use ticketing_core::values::Timestamp;
use ticketing_sqlite::SqliteStorage;

async fn file() -> (TempDir, SqliteStorage, SqliteConnection) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tickets.db");
    let storage = SqliteStorage::open(&file).await.unwrap();
    let conn = SqliteConnectOptions::new().filename(&file).connect().await.unwrap();
    (folder, storage, conn)
}

#[tokio::test]
async fn a_very_long_outbox_is_not_counted_to_its_end() {
    let (_folder, storage, mut conn) = file().await;
    sqlx::query(
        "INSERT INTO ticketing_outbox (committed_at, events) \
         WITH RECURSIVE n (n) AS (VALUES (7) UNION ALL SELECT n + 1 FROM n LIMIT 100500) \
         SELECT n, x'' FROM n",
    )
    .execute(&mut conn)
    .await
    .unwrap();
    let depth = storage.outbox_depth().await.unwrap();
    assert_eq!((depth.rows, depth.oldest), (100_000, Some(Timestamp::from_micros(7))));
}

#[tokio::test]
async fn rows_are_found_by_age_after_the_clock_was_put_back() {
    let (_folder, storage, mut conn) = file().await;
    // The fourth row was committed after the clock had been put back by some seconds.
    for committed_at in [10, 20, 30, 26, 40] {
        sqlx::query(
            "INSERT INTO ticketing_outbox (committed_at, events, published) VALUES (?, x'', 1)",
        )
        .bind(committed_at)
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

/// A published row of so many events, which are there.
async fn published(conn: &mut SqliteConnection, row: u8, events: u64) {
    let mut keys = Vec::new();
    for version in 0..events {
        let id = [row; 16];
        keys.push(b'o');
        keys.extend(id);
        keys.extend(version.to_be_bytes());
        sqlx::query(
            "INSERT INTO ticketing_events (kind, id, version, event, type, occurred_at, actor, first, \
             data) VALUES ('order', ?1, ?2, ?1, 'type', 0, 'actor', 0, '')",
        )
        .bind(id.to_vec())
        .bind(i64::try_from(version).unwrap())
        .execute(&mut *conn)
        .await
        .unwrap();
    }
    insert_published(conn, keys).await;
}

async fn insert_published(conn: &mut SqliteConnection, keys: Vec<u8>) {
    sqlx::query("INSERT INTO ticketing_outbox (committed_at, events, published) VALUES (7, ?, 1)")
        .bind(keys)
        .execute(conn)
        .await
        .unwrap();
}

async fn count(conn: &mut SqliteConnection, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(conn).await.unwrap()
}

#[tokio::test]
async fn rows_of_many_events_are_forgotten_with_all_of_them() {
    let (_folder, storage, mut conn) = file().await;
    sqlx::query("BEGIN").execute(&mut conn).await.unwrap();
    for (row, events) in [(1, 700), (2, 3_000), (3, 1), (4, 700)] {
        published(&mut conn, row, events).await;
    }
    sqlx::query("COMMIT").execute(&mut conn).await.unwrap();
    let before = Timestamp::from_micros(8);
    assert_eq!(storage.prune(before, 3).await.unwrap(), 3);
    assert_eq!(count(&mut conn, "SELECT count(*) FROM ticketing_events").await, 700);
    assert_eq!(count(&mut conn, "SELECT min(id) FROM ticketing_outbox").await, 4);
    assert_eq!(storage.prune(before, 3).await.unwrap(), 1);
    assert_eq!(count(&mut conn, "SELECT count(*) FROM ticketing_events").await, 0);
    assert_eq!(storage.prune(before, 3).await.unwrap(), 0);
}

#[tokio::test]
async fn a_row_that_cant_be_read_is_forgotten_like_any_other() {
    let (_folder, storage, mut conn) = file().await;
    insert_published(&mut conn, b"no key".to_vec()).await;
    published(&mut conn, 1, 2).await;
    assert_eq!(storage.prune(Timestamp::from_micros(8), 10).await.unwrap(), 2);
    assert_eq!(count(&mut conn, "SELECT count(*) FROM ticketing_events").await, 0);
    assert_eq!(count(&mut conn, "SELECT count(*) FROM ticketing_outbox").await, 0);
}
