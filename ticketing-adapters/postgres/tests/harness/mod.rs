//! A database for each case, whose clock the case moves.
//!
//! The storage goes by the database's clock, which is a function. Here the database has another one
//! of that name, which is found first: it tells a time that stands in a table.

#![expect(clippy::expect_used, reason = "a case that can't be opened must fail")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::{AssertSqlSafe, PgConnection};
use ticketing_core::ports::{BoxFuture, Storage};
use ticketing_core::testing::builders::START;
use ticketing_core::testing::conformance::storage::{StorageHarness, StorageNamespace};
use ticketing_core::values::OrderId;
use ticketing_postgres::{PostgresConfig, PostgresStorage};

use crate::database::Database;

/// Opens a storage in a database of its own.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PostgresHarness;

#[derive(Debug)]
struct Open {
    storage: PostgresStorage,
    database: Database,
}

async fn open(database: &Database) -> PostgresStorage {
    let config = PostgresConfig::new(database.options.clone()).readers(2).background(2);
    config.open().await.expect("a database can be opened")
}

#[async_trait]
impl StorageHarness for PostgresHarness {
    async fn open(&self) -> Box<dyn StorageNamespace> {
        let database = Database::migrated(&ticketing_postgres::migrations()).await;
        set_clock(&database).await;
        let storage = open(&database).await;
        Box::new(Open { storage, database })
    }
}

#[async_trait]
impl StorageNamespace for Open {
    fn storage(&self) -> Arc<dyn Storage> {
        Arc::new(self.storage.clone())
    }

    /// What another process has: connections of its own.
    async fn second(&self) -> Arc<dyn Storage> {
        let config = PostgresConfig::new(self.database.options.clone());
        let config = config.lanes(1).readers(1).background(1);
        Arc::new(config.open().await.expect("a database can be opened twice"))
    }

    async fn reopen(&mut self) {
        self.storage.close().await;
        self.storage = open(&self.database).await;
    }

    async fn spoil(&self, order: OrderId) -> Option<BoxFuture> {
        let mut conn = self.database.connect().await;
        let buyer = replace_buyer(&mut conn, order, "").await;
        Some(Box::pin(async move {
            replace_buyer(&mut conn, order, &buyer).await;
        }))
    }

    async fn close(&mut self) {
        self.storage.close().await;
    }

    async fn pass(&self, duration: Duration) {
        let micros = i64::try_from(duration.as_micros()).expect("a duration that is not endless");
        sqlx::query("UPDATE clocked.clock SET at = at + $1 * interval '1 microsecond'")
            .bind(micros)
            .execute(&mut self.database.connect().await)
            .await
            .expect("the clock can be moved");
    }

    fn time_stands(&self) -> bool {
        true
    }
}

/// Gives the database a clock that stands. Whoever connects from now on goes by it.
async fn set_clock(database: &Database) {
    let name = database.options.get_database().expect("a database with a name");
    let sql = format!(
        "DROP SCHEMA IF EXISTS clocked CASCADE;
         CREATE SCHEMA clocked;
         CREATE TABLE clocked.clock AS
             SELECT timestamptz 'epoch' + {} * interval '1 microsecond' AS at;
         CREATE FUNCTION clocked.clock_timestamp() RETURNS timestamptz
             LANGUAGE sql VOLATILE AS 'SELECT at FROM clocked.clock';
         ALTER DATABASE {name} SET search_path = clocked, pg_catalog",
        START.as_micros()
    );
    let mut conn = database.connect().await;
    let set = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await;
    set.expect("the clock can be set");
}

/// Writes behind the storage's back. Answers what was there before.
async fn replace_buyer(conn: &mut PgConnection, order: OrderId, buyer: &str) -> String {
    let before = sqlx::query_scalar("SELECT buyer FROM ticketing.orders WHERE id = $1")
        .bind(order.as_uuid())
        .fetch_one(&mut *conn)
        .await
        .expect("the order is there");
    sqlx::query("UPDATE ticketing.orders SET buyer = $2 WHERE id = $1")
        .bind(order.as_uuid())
        .bind(buyer)
        .execute(conn)
        .await
        .expect("the order can be changed");
    before
}
