use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

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
