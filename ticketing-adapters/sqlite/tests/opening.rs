//! What can be opened, and what is said of what can't.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up must fail")]

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{ConnectOptions, SqliteConnection};
use tempfile::TempDir;
use ticketing_core::memory::MemoryGateway;
use ticketing_core::ports::{Storage, chain};
use ticketing_core::values::{Money, UserId};
use ticketing_core::{NewTicket, Ticketing};
use ticketing_sqlite::{OpenError, SqliteStorage};

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// A connection beside the storage's.
async fn raw(file: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(file).create_if_missing(true).connect().await.unwrap()
}

/// Why a file can't be opened: the error, and the whole chain of its causes in words.
async fn refused(file: &Path) -> (OpenError, String) {
    let error = SqliteStorage::open(file).await.unwrap_err();
    let words = chain(&error);
    (error, words)
}

#[tokio::test]
async fn a_file_is_opened_once_at_a_time() {
    let folder = folder();
    let file = folder.path().join("tickets.db");
    let storage = SqliteStorage::open(&file).await.unwrap();
    let clone = storage.clone();
    let id = storage.store_id().await.unwrap();
    let (error, words) = refused(&file).await;
    assert!(matches!(error, OpenError::InUse(_)), "{words}");
    drop(storage);
    let (error, words) = refused(&file).await;
    assert!(matches!(error, OpenError::InUse(_)), "a clone is a handle too: {words}");
    clone.close().await;
    drop(clone);
    let again = SqliteStorage::open(&file).await.unwrap();
    assert_eq!(again.store_id().await.unwrap(), id, "the id is the file's");
}

/// Two names of one file are one file: the lock is the file's.
#[cfg(unix)]
#[tokio::test]
async fn a_link_is_the_file_that_it_leads_to() {
    let folder = folder();
    let (file, link) = (folder.path().join("tickets.db"), folder.path().join("link.db"));
    let _storage = SqliteStorage::open(&file).await.unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let (error, words) = refused(&link).await;
    assert!(matches!(error, OpenError::InUse(_)), "{words}");
}

/// So is a link to a file that is not there yet, as it is made by the first who opens it.
#[cfg(unix)]
#[tokio::test]
async fn a_link_to_no_file_makes_the_file_and_locks_it() {
    let folder = folder();
    let (file, link) = (folder.path().join("tickets.db"), folder.path().join("link.db"));
    std::os::unix::fs::symlink("tickets.db", &link).unwrap();
    let _storage = SqliteStorage::open(&link).await.unwrap();
    assert!(file.exists());
    let (error, words) = refused(&file).await;
    assert!(matches!(error, OpenError::InUse(_)), "{words}");

    let circle = folder.path().join("circle.db");
    std::os::unix::fs::symlink("circle.db", &circle).unwrap();
    let (error, words) = refused(&circle).await;
    assert!(matches!(error, OpenError::Database { .. }), "{words}");
    assert!(words.contains("have no end"), "{words}");
}

/// Connections that are made later are to the same file, wherever the process has gone meanwhile.
#[tokio::test]
async fn a_relative_path_is_kept_when_the_process_goes_elsewhere() {
    let (folder, elsewhere) = (folder(), tempfile::tempdir().unwrap());
    std::env::set_current_dir(folder.path()).unwrap();
    let storage = SqliteStorage::open("tickets.db").await.unwrap();
    std::env::set_current_dir(elsewhere.path()).unwrap();
    let questions = (0..32).map(|_| {
        let storage = storage.clone();
        tokio::spawn(async move { storage.outbox_depth().await.map(|depth| depth.rows) })
    });
    for question in questions.collect::<Vec<_>>() {
        assert_eq!(question.await.unwrap().unwrap(), 0);
    }
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0, "nothing is made there");
}

/// What was written is in the file itself after it was closed, which people then copy.
#[tokio::test]
async fn a_closed_file_is_whole_without_its_log() {
    let folder = folder();
    let file = folder.path().join("tickets.db");
    let storage = SqliteStorage::open(&file).await.unwrap();
    let id = storage.store_id().await.unwrap();
    storage.outbox_depth().await.unwrap();
    storage.close().await;
    assert!(!folder.path().join("tickets.db-wal").exists(), "the log is in the file");
    let copy = folder.path().join("copy.db");
    std::fs::copy(&file, &copy).unwrap();
    assert_eq!(SqliteStorage::open(&copy).await.unwrap().store_id().await.unwrap(), id);
}

#[tokio::test]
async fn what_is_kept_in_memory_is_no_file() {
    for path in [":memory:", ""] {
        let error = SqliteStorage::open(path).await.unwrap_err();
        assert!(matches!(error, OpenError::NotAUrl(_)), "{path:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_url_names_a_file() {
    let folder = folder();
    let url = format!("sqlite://{}?readers=2", folder.path().join("tickets.db").display());
    let storage = SqliteStorage::from_url(&url).await.unwrap();
    assert!(folder.path().join("tickets.db").exists());
    storage.close().await;
    let other = SqliteStorage::from_url("postgres://ada:secret@localhost/tickets").await;
    let error = other.unwrap_err();
    assert_eq!(
        error.to_string(),
        r#""postgres:..." is not the URL of a SQLite file, such as sqlite:tickets.db"#
    );
}

#[tokio::test]
async fn a_host_keeps_its_tables_beside() {
    let folder = folder();
    let options =
        SqliteConnectOptions::new().filename(folder.path().join("host.db")).create_if_missing(true);
    let pool = SqlitePoolOptions::new().max_connections(3).connect_with(options).await.unwrap();
    sqlx::raw_sql("CREATE TABLE tickets (mine TEXT); CREATE TABLE _sqlx_migrations (theirs TEXT)")
        .execute(&pool)
        .await
        .unwrap();
    let storage = SqliteStorage::from_pool(pool.clone()).await.unwrap();
    let engine = Ticketing::builder()
        .storage(storage.clone())
        .gateway(MemoryGateway::new())
        .start()
        .await
        .unwrap();
    let (seller, buyer) = (UserId::new("ada").unwrap(), UserId::new("ben").unwrap());
    let new = NewTicket::new("Front row", Money::usd(20_00));
    let ticket = engine.tickets().list_for_sale(seller, new).await.unwrap();
    engine.orders().reserve(buyer, [(ticket.id, 1)]).await.unwrap();
    engine.shutdown().await.unwrap();
    storage.close().await;
    let held: i64 =
        sqlx::query_scalar("SELECT held FROM ticketing_pools").fetch_one(&pool).await.unwrap();
    assert_eq!(held, 1);
    let tables: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'ticketing\\_%' \
         ESCAPE '\\' AND name NOT LIKE 'sqlite%'",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(tables, 2, "every other table is the host's");
}

#[tokio::test]
async fn a_file_of_a_later_version_is_refused() {
    let folder = folder();
    let file = folder.path().join("tickets.db");
    SqliteStorage::open(&file).await.unwrap().close().await;
    let mut conn = raw(&file).await;
    sqlx::query(
        "INSERT INTO ticketing_migrations (version, description, success, checksum, execution_time) \
         VALUES (99, 'from the future', 1, x'00', 0)",
    )
    .execute(&mut conn)
    .await
    .unwrap();
    let (error, words) = refused(&file).await;
    assert!(matches!(error, OpenError::FromLaterVersion { found: 99, .. }), "{words}");
    assert_eq!(words, "the file was written by a later version: it has migration 99, known is 1");
}

#[tokio::test]
async fn a_file_whose_migrations_were_changed_is_refused() {
    let folder = folder();
    let file = folder.path().join("tickets.db");
    SqliteStorage::open(&file).await.unwrap().close().await;
    let mut conn = raw(&file).await;
    sqlx::query("UPDATE ticketing_migrations SET checksum = x'00'")
        .execute(&mut conn)
        .await
        .unwrap();
    let (error, words) = refused(&file).await;
    assert!(matches!(error, OpenError::Migration(_)), "{words}");
    assert!(words.contains("modified"), "{words}");
}

#[tokio::test]
async fn what_is_no_database_is_refused_and_left_alone() {
    let folder = folder();
    let file = folder.path().join("letter.txt");
    let text = "Dear reader, this is a letter and no database at all. ".repeat(100);
    std::fs::write(&file, &text).unwrap();
    let (_, words) = refused(&file).await;
    assert!(words.contains("not a database"), "{words}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[tokio::test]
async fn a_file_that_can_only_be_read_is_refused() {
    let folder = folder();
    let file = folder.path().join("tickets.db");
    drop(raw(&file).await);
    // Opened for reading only, since the mode of a file stops nobody who tests as root.
    let options = SqliteConnectOptions::new().filename(&file).read_only(true);
    let pool = SqlitePoolOptions::new().connect_with(options).await.unwrap();
    let error = SqliteStorage::from_pool(pool).await.unwrap_err();
    assert!(matches!(error, OpenError::ReadOnly(_)), "{error:?}");
    assert!(error.to_string().ends_with("tickets.db can only be read"), "{error}");
}

/// A journal in memory is lost with the process, and half of a transaction may be in the file then.
#[tokio::test]
async fn a_pool_whose_journal_dies_with_the_process_is_refused() {
    for (journal, name) in [(SqliteJournalMode::Memory, "memory"), (SqliteJournalMode::Off, "off")]
    {
        let folder = folder();
        let options = SqliteConnectOptions::new()
            .filename(folder.path().join("host.db"))
            .create_if_missing(true)
            .journal_mode(journal);
        let pool = SqlitePoolOptions::new().connect_with(options).await.unwrap();
        let error = SqliteStorage::from_pool(pool).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "a crash would spoil the database: its journal_mode is {name}, and must be wal, which \
             SqliteConnectOptions::journal_mode sets"
            )
        );
    }
}

#[tokio::test]
async fn a_pool_in_memory_is_refused() {
    let pool =
        SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap();
    let error = SqliteStorage::from_pool(pool).await.unwrap_err();
    assert!(matches!(error, OpenError::InMemory), "{error:?}");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_named() {
    let folder = folder();
    let file = folder.path().join("nowhere").join("tickets.db");
    let (error, words) = refused(&file).await;
    assert!(matches!(error, OpenError::Database { .. }), "{words}");
    assert!(words.contains("nowhere") && words.contains("No such file"), "{words}");
}

#[tokio::test]
async fn a_half_written_migration_leaves_nothing() {
    let folder = folder();
    let file = folder.path().join("tickets.db");
    let mut conn = raw(&file).await;
    sqlx::query("CREATE TABLE ticketing_outbox (in_the_way INTEGER)")
        .execute(&mut conn)
        .await
        .unwrap();
    let (error, words) = refused(&file).await;
    assert!(matches!(error, OpenError::Migration(_)), "{words}");
    assert!(words.contains("ticketing_outbox already exists"), "{words}");
    sqlx::query("DROP TABLE ticketing_outbox").execute(&mut conn).await.unwrap();
    SqliteStorage::open(&file).await.unwrap();
}
