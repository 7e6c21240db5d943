//! Buyers want the same, over a file. It belongs to one process, so both engines share its storage.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up must fail")]

use std::sync::Arc;

use ticketing_core::ports::Storage;
use ticketing_core::testing::races;
use ticketing_sqlite::SqliteStorage;

/// Runs a race in a file of its own.
async fn over_a_file(race: impl AsyncFn(&[Arc<dyn Storage>])) {
    let folder = tempfile::tempdir().unwrap();
    let storage = SqliteStorage::open(folder.path().join("tickets.db")).await.unwrap();
    let engines: [Arc<dyn Storage>; 2] = [Arc::new(storage.clone()), Arc::new(storage.clone())];
    race(&engines).await;
    storage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_gets_what_there_is() {
    over_a_file(races::a_crowd_gets_what_there_is).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_per_buyer_holds() {
    over_a_file(races::a_limit_per_buyer_holds).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_overdue_holds_one_is_bought() {
    over_a_file(races::of_two_overdue_holds_one_is_bought).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_buyer_with_two_overdue_holds_buys_once() {
    over_a_file(races::a_buyer_with_two_overdue_holds_buys_once).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_late_payments_one_completes() {
    over_a_file(races::of_two_late_payments_one_completes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_is_one_order() {
    over_a_file(races::one_key_is_one_order).await;
}
