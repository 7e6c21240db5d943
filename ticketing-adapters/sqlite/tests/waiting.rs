//! Somebody else writes to the file and does not end: what waits for its turn is told so in time.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up must fail")]

mod samples;

use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use ticketing_core::ports::{CommitError, Group, PortErrorKind, Storage};
use ticketing_sqlite::SqliteConfig;
use tokio::task::JoinSet;

use crate::samples::listing;

/// How long a call may wait for its turn to write.
const PATIENCE: Duration = Duration::from_millis(400);
/// How many wait at once. Were each to wait for the one before it, that would take eight seconds.
const CALLERS: usize = 20;
/// What they may take together on a machine that has much else to do.
const SOON: Duration = Duration::from_secs(4);

/// A connection of somebody else, who has begun to write.
async fn writing_elsewhere(file: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(file);
    let mut conn = options.connect().await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut conn).await.unwrap();
    conn
}

#[tokio::test]
async fn waiting_for_the_writer_ends() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tickets.db");
    let storage = SqliteConfig::new(&file).busy_timeout(PATIENCE).open().await.unwrap();
    let group = Group::of(vec![listing(&storage, "Front row").await]);
    assert!(storage.commit(group).await.outcomes.iter().all(Result::is_ok));
    let mut other = writing_elsewhere(&file).await;

    let began = Instant::now();
    let mut calls = JoinSet::new();
    for _ in 0..CALLERS {
        let (writer, group) =
            (storage.clone(), Group::of(vec![listing(&storage, "Front row").await]));
        calls.spawn(async move {
            match writer.commit(group).await.outcomes.remove(0) {
                Err(CommitError::NotApplied(error)) => error,
                other => panic!("{other:?}"),
            }
        });
        let relay = storage.clone();
        calls.spawn(async move {
            let claimed = relay.claim_outbox(Duration::from_mins(1), 1).await;
            claimed.map(|rows| rows.len()).unwrap_err()
        });
    }
    while let Some(error) = calls.join_next().await {
        let error = error.unwrap();
        assert_eq!(error.kind(), &PortErrorKind::Unavailable, "{error:?}");
    }
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());

    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    let group = Group::of(vec![listing(&storage, "Front row").await]);
    assert!(storage.commit(group).await.outcomes.iter().all(Result::is_ok), "it goes on");
    let claimed = storage.claim_outbox(Duration::from_mins(1), 10).await.unwrap();
    assert_eq!(claimed.len(), 2, "nothing was leased meanwhile, and nothing half written");
}

#[tokio::test]
async fn no_patience_is_needed_where_nobody_else_writes() {
    let folder = tempfile::tempdir().unwrap();
    let config = SqliteConfig::new(folder.path().join("tickets.db")).busy_timeout(Duration::ZERO);
    let storage = config.open().await.unwrap();
    for _ in 0..20 {
        let group = Group::of(vec![listing(&storage, "Front row").await]);
        let committed = storage.commit(group).await;
        assert!(committed.outcomes.iter().all(Result::is_ok), "{:?}", committed.outcomes);
    }
}
