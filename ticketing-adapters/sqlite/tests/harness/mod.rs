//! A file for each case, on a clock that the case moves.

#![expect(clippy::expect_used, reason = "a case that can't be opened must fail")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use ticketing_core::ports::{BoxFuture, Storage};
use ticketing_core::testing::ManualClock;
use ticketing_core::testing::builders::START;
use ticketing_core::testing::conformance::storage::{StorageHarness, StorageNamespace};
use ticketing_core::values::OrderId;
use ticketing_sqlite::{SqliteConfig, SqliteStorage};

/// Opens a storage in a folder of its own.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SqliteHarness;

#[derive(Debug)]
struct OpenFile {
    clock: ManualClock,
    storage: SqliteStorage,
    folder: TempDir,
}

async fn open(folder: &TempDir, clock: &ManualClock) -> SqliteStorage {
    let config = SqliteConfig::new(file_in(folder)).clock(Arc::new(clock.clone()));
    config.open().await.expect("a new file can be opened")
}

fn file_in(folder: &TempDir) -> PathBuf {
    folder.path().join("tickets.db")
}

#[async_trait]
impl StorageHarness for SqliteHarness {
    async fn open(&self) -> Box<dyn StorageNamespace> {
        let folder = tempfile::tempdir().expect("a folder for the file");
        let clock = ManualClock::new(START);
        let storage = open(&folder, &clock).await;
        Box::new(OpenFile { clock, storage, folder })
    }
}

#[async_trait]
impl StorageNamespace for OpenFile {
    fn storage(&self) -> Arc<dyn Storage> {
        Arc::new(self.storage.clone())
    }

    async fn reopen(&mut self) {
        self.storage.close().await;
        // The lock goes with the last handle, so another file takes its place for a moment.
        let other = SqliteConfig::new(self.folder.path().join("other.db")).open().await;
        self.storage = other.expect("another file can be opened");
        self.storage = open(&self.folder, &self.clock).await;
    }

    async fn spoil(&self, order: OrderId) -> Option<BoxFuture> {
        let file = file_in(&self.folder);
        let buyer = replace_buyer(&file, order, "").await;
        Some(Box::pin(async move {
            replace_buyer(&file, order, &buyer).await;
        }))
    }

    async fn close(&mut self) {
        self.storage.close().await;
    }

    async fn pass(&self, duration: Duration) {
        self.clock.advance(duration);
    }

    fn time_stands(&self) -> bool {
        true
    }
}

/// Writes into the file behind the storage's back. Answers what was there before.
async fn replace_buyer(file: &PathBuf, order: OrderId, buyer: &str) -> String {
    let options = SqliteConnectOptions::new().filename(file);
    let mut conn: SqliteConnection = options.connect().await.expect("the file is there");
    let before = sqlx::query_scalar("SELECT buyer FROM ticketing_orders WHERE id = ?")
        .bind(order.as_uuid())
        .fetch_one(&mut conn)
        .await
        .expect("the order is there");
    sqlx::query("UPDATE ticketing_orders SET buyer = ? WHERE id = ?")
        .bind(buyer.to_owned())
        .bind(order.as_uuid())
        .execute(&mut conn)
        .await
        .expect("the order can be changed");
    before
}
