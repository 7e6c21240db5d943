//! Buyers of two processes want the same, whatever isolation the database has by default.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up must fail")]
#![expect(clippy::print_stdout, reason = "tells at which level a race was lost")]

mod database;

use std::sync::Arc;

use sqlx::AssertSqlSafe;
use ticketing_core::ports::Storage;
use ticketing_core::testing::races;
use ticketing_postgres::{PostgresConfig, PostgresStorage};

use crate::database::Database;

/// What a database may say of transactions that say nothing themselves.
const ISOLATION_LEVELS: [&str; 3] = ["read committed", "repeatable read", "serializable"];

/// A database with that default, which everybody who connects to it gets.
async fn isolated(level: &str) -> Database {
    let database = Database::migrated(&ticketing_postgres::migrations()).await;
    let mut conn = database.connect().await;
    let name = database.options.get_database().unwrap();
    let set = format!("ALTER DATABASE {name} SET default_transaction_isolation TO '{level}'");
    sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut conn).await.unwrap();
    let mut another = database.connect().await;
    let show = "SHOW transaction_isolation";
    let given: String = sqlx::query_scalar(show).fetch_one(&mut another).await.unwrap();
    assert_eq!(given, level);
    database
}

async fn process(database: &Database) -> PostgresStorage {
    let config = PostgresConfig::new(database.options.clone());
    config.lanes(2).readers(4).background(2).open().await.unwrap()
}

/// Runs a race in a database of each isolation level, between two processes.
async fn at_every_level(race: impl AsyncFn(&[Arc<dyn Storage>])) {
    for level in ISOLATION_LEVELS {
        println!("{level}");
        let database = isolated(level).await;
        let processes = [process(&database).await, process(&database).await];
        let storages = processes.clone().map(|storage| -> Arc<dyn Storage> { Arc::new(storage) });
        race(&storages).await;
        for process in processes {
            process.close().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_gets_what_there_is() {
    at_every_level(races::a_crowd_gets_what_there_is).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_per_buyer_holds() {
    at_every_level(races::a_limit_per_buyer_holds).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_overdue_holds_one_is_bought() {
    at_every_level(races::of_two_overdue_holds_one_is_bought).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_buyer_with_two_overdue_holds_buys_once() {
    at_every_level(races::a_buyer_with_two_overdue_holds_buys_once).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_late_payments_one_completes() {
    at_every_level(races::of_two_late_payments_one_completes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_is_one_order() {
    at_every_level(races::one_key_is_one_order).await;
}
