use std::future::Future;
use std::pin::Pin;

use futures_util::FutureExt as _;
use tempfile::TempDir;

use super::*;
use crate::auth::store::conformance;

async fn opened(folder: &TempDir) -> SqliteAccounts {
    SqliteAccounts::open(folder.path().join("accounts.db")).await.unwrap()
}

async fn run(
    case: impl for<'s> FnOnce(&'s dyn AccountStore) -> Pin<Box<dyn Future<Output = ()> + Send + 's>>,
) {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(&folder).await;
    case(&store).await;
    store.close().await;
}

macro_rules! conforms {
    ($($case:ident)*) => {
        $(#[tokio::test]
        async fn $case() {
            run(|store| Box::pin(conformance::$case(store))).await;
        })*
    };
}

conforms! {
    accounts_are_found
    addresses_are_taken_once
    a_changed_address_is_free
    a_new_password_ends_sessions
    a_better_hash_is_the_same_password
    a_removed_account_is_gone
    departures_are_kept_until_they_are_forgotten
    live_sessions_are_listed
    too_many_sessions_end_the_oldest
    a_session_ends_once
    the_others_end
    idle_sessions_end
    what_has_expired_is_forgotten
}

/// A thousand synced commits are slow on a slow disk, and these cases are not about the disk.
async fn opened_without_syncing(folder: &TempDir) -> SqliteAccounts {
    let store = opened(folder).await;
    sqlx::query("PRAGMA synchronous = OFF").execute(&store.writer).await.unwrap();
    store
}

#[tokio::test]
async fn revocations_are_read_from_a_mark_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened_without_syncing(&folder).await;
    conformance::revocations_are_read_from_a_mark_on(&store).await;
}

#[tokio::test]
async fn departures_are_read_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened_without_syncing(&folder).await;
    conformance::departures_are_read_page_by_page(&store).await;
}

#[tokio::test]
async fn a_file_is_opened_again_with_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(&folder).await;
    conformance::accounts_are_found(&store).await;
    store.close().await;
    let store = opened(&folder).await;
    let found = store.account_by_email(&"ada@example.org".parse().unwrap()).await.unwrap();
    assert_eq!(found.unwrap().id.as_str(), "ada");
}

#[tokio::test]
async fn a_file_of_a_later_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(&folder).await;
    sqlx::query(
        "INSERT INTO account_migrations (version, description, success, checksum, execution_time)
         VALUES (999, 'later', 1, x'00', 0)",
    )
    .execute(&store.writer)
    .await
    .unwrap();
    store.close().await;
    assert!(SqliteAccounts::open(folder.path().join("accounts.db")).await.is_err());
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let store = opened(&folder).await;
    conformance::accounts_are_found(&store).await;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?}", entry.path());
    }
}

#[tokio::test]
async fn what_is_answered_is_synced() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(&folder).await;
    let synchronous: i64 =
        sqlx::query_scalar("PRAGMA synchronous").fetch_one(&store.writer).await.unwrap();
    let journal: String =
        sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&store.writer).await.unwrap();
    assert_eq!((synchronous, journal.as_str()), (2, "wal"));
}

#[tokio::test]
async fn who_gave_up_waiting_for_the_file_leaves_nothing_of_it_open() {
    let folder = tempfile::tempdir().unwrap();
    for patience in (0..200).map(|step| Duration::from_micros(5 * step)) {
        let store = opened(&folder).await;
        let mut waiting: Vec<_> = (0..READERS).map(|_| Box::pin(store.readers.acquire())).collect();
        let begun = std::time::Instant::now();
        let mut got = Vec::new();
        while begun.elapsed() <= patience {
            waiting.retain_mut(|one| match one.now_or_never() {
                Some(conn) => {
                    got.push(conn.unwrap());
                    false
                }
                None => true,
            });
        }
        drop((waiting, got));
        store.close().await;
        assert!(!folder.path().join("accounts.db-wal").exists(), "after {patience:?}");
    }
}
