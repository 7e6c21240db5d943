use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use std::time::Duration;

use ticketing_core::ports::Storage;

use crate::config::SqliteConfig;
use crate::storage::SqliteStorage;

/// What SQLite calls a commit that is on disk with everything around it.
const EXTRA: i64 = 3;

#[tokio::test]
async fn a_commit_is_on_disk_however_careless_the_hosts_pool_is() {
    for journal in [SqliteJournalMode::Wal, SqliteJournalMode::Delete] {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new()
            .filename(folder.path().join("host.db"))
            .create_if_missing(true)
            .journal_mode(journal)
            .synchronous(SqliteSynchronous::Off);
        let pool = SqlitePoolOptions::new().connect_with(options).await.unwrap();
        let storage = SqliteStorage::from_pool(pool).await.unwrap();
        let mut conn = storage.shared.writers.acquire().await.unwrap();
        let synchronous: i64 =
            sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut *conn).await.unwrap();
        assert_eq!(synchronous, EXTRA, "{journal:?}");
    }
}

/// Searches that keep every reader busy are no reason not to end orders and publish events.
#[tokio::test]
async fn a_crowd_that_browses_does_not_hold_up_the_background() {
    let folder = tempfile::tempdir().unwrap();
    let storage = SqliteConfig::new(folder.path().join("tickets.db")).readers(2).open().await;
    let storage = storage.unwrap();
    let _first = storage.shared.readers.acquire().await.unwrap();
    let _second = storage.shared.readers.acquire().await.unwrap();
    let lease = Duration::from_mins(1);
    storage.due_orders(10).await.unwrap();
    storage.claim_outbox(lease, 10).await.unwrap();
    storage.unsettled_payments(lease, 10).await.unwrap();
    storage.unsettled_refunds(lease, 10).await.unwrap();
    storage.claim_webhooks(lease, 10).await.unwrap();
    storage.clearing_pools(10).await.unwrap();
    storage.outbox_depth().await.unwrap();
}
