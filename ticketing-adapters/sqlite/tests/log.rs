//! The write-ahead log: how long it gets while others read.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up must fail")]

mod samples;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use ticketing_core::ports::{Group, ListingQuery, Storage};
use ticketing_sqlite::SqliteStorage;
use tokio::task::JoinSet;

use crate::samples::listing;

const MIB: u64 = 1024 * 1024;
/// From where on it is cut, as the README says.
const LIMIT: u64 = 16 * MIB;

fn log_of(file: &Path) -> u64 {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(PathBuf::from(log)).map_or(0, |log| log.len())
}

/// How many tickets a group lists.
const GROUP: usize = 64;

/// Lists tickets in so many groups.
async fn list(storage: &SqliteStorage, groups: usize) {
    for _ in 0..groups {
        let mut batches = Vec::new();
        for _ in 0..GROUP {
            batches.push(listing(storage, "Front row").await);
        }
        let committed = storage.commit(Group::of(batches)).await;
        assert!(committed.outcomes.iter().all(Result::is_ok), "{:?}", committed.outcomes);
    }
}

/// Somebody looked at one moment for so long that the log grew far. It is short again afterwards.
#[tokio::test]
async fn a_log_that_grew_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tickets.db");
    let storage = SqliteStorage::open(&file).await.unwrap();
    list(&storage, 1).await;
    let options = SqliteConnectOptions::new().filename(&file);
    let (mut reader, mut writer) =
        (options.connect().await.unwrap(), options.connect().await.unwrap());
    let mut moment = reader.begin().await.unwrap();
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM ticketing_tickets")
        .fetch_one(&mut *moment)
        .await
        .unwrap();
    assert_eq!(usize::try_from(seen).unwrap(), GROUP);
    sqlx::raw_sql("CREATE TABLE much (of_it BLOB); INSERT INTO much VALUES (randomblob(33554432))")
        .execute(&mut writer)
        .await
        .unwrap();
    assert!(log_of(&file) > 2 * LIMIT, "{} bytes", log_of(&file));
    moment.rollback().await.unwrap();
    list(&storage, 3).await;
    assert!(log_of(&file) <= LIMIT, "{} bytes", log_of(&file));
}

/// There is always somebody who reads, and it is put into the file all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_that_reads_does_not_let_the_log_grow() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tickets.db");
    let storage = SqliteStorage::open(&file).await.unwrap();
    let (over, reads) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut crowd = JoinSet::new();
    for _ in 0..4 {
        let (storage, over, reads) = (storage.clone(), Arc::clone(&over), Arc::clone(&reads));
        crowd.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                storage.search(&ListingQuery::default()).await.unwrap();
                reads.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let mut longest = 0;
    for _ in 0..160 {
        list(&storage, 1).await;
        longest = longest.max(log_of(&file));
    }
    over.store(true, Ordering::Relaxed);
    crowd.join_all().await;
    println!("{} reads, {longest} bytes", reads.load(Ordering::Relaxed));
    // It may go on to grow for a second where those who read take long.
    assert!(longest <= 2 * LIMIT, "{longest} bytes");
}
