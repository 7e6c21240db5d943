//! What can be opened, and what is said of what can't.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up must fail")]

mod database;

use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgConnection};
use ticketing_core::Ticketing;
use ticketing_core::domain::NewTicket;
use ticketing_core::memory::MemoryGateway;
use ticketing_core::ports::Storage;
use ticketing_core::values::{Money, UserId};
use ticketing_postgres::{OpenError, PostgresConfig, PostgresStorage, migrations};
use tokio::task::JoinSet;

use crate::database::Database;

async fn run(conn: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(conn).await.unwrap();
}

/// Why a database can't be opened: the error, and the whole chain of its causes in words.
async fn refused(config: PostgresConfig) -> (OpenError, String) {
    let error = config.open().await.unwrap_err();
    let mut words = error.to_string();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(&error);
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    (error, words)
}

fn config(database: &Database) -> PostgresConfig {
    PostgresConfig::new(database.options.clone())
}

/// Sells a unit, from listing to order.
async fn sell(storage: &PostgresStorage) {
    let builder = Ticketing::builder().storage(storage.clone()).gateway(MemoryGateway::new());
    let engine = builder.start().await.unwrap();
    let (seller, buyer) = (UserId::new("ada").unwrap(), UserId::new("ben").unwrap());
    let new = NewTicket::new("Front row", Money::usd(20_00));
    let ticket = engine.tickets().list_for_sale(seller, new).await.unwrap();
    engine.orders().reserve(buyer, [(ticket.id, 1)]).await.unwrap();
    engine.shutdown().await.unwrap();
}

/// Processes that start at the same time make the tables once, and open the same store.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_may_open_a_new_database_at_once() {
    let database = Database::empty().await;
    let mut processes = JoinSet::new();
    for _ in 0..8 {
        let config = config(&database);
        processes.spawn(async move { config.open().await.unwrap().store_id().await.unwrap() });
    }
    let ids = processes.join_all().await;
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let again = config(&database).open().await.unwrap();
    assert_eq!(again.store_id().await.unwrap(), ids[0], "the id is the database's");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told() {
    // Nobody listens at a port that was given out and back.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = format!("postgres://ada:secret@127.0.0.1:{port}/tickets?sslmode=disable");
    let (error, words) = refused(PostgresConfig::from_url(&url).unwrap()).await;
    assert!(matches!(error, OpenError::Database(_)), "{words}");
    assert!(words.starts_with("the database can't be used: "), "{words}");
    assert!(!words.contains("secret"), "{words}");
}

#[tokio::test]
async fn a_host_keeps_its_tables_beside() {
    let database = Database::empty().await;
    let options = PgPoolOptions::new().max_connections(3);
    let pool = options.connect_with(database.options.clone()).await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    run(&mut conn, "CREATE TABLE tickets (mine text); CREATE TABLE _sqlx_migrations (theirs text)")
        .await;
    drop(conn);
    let storage = PostgresStorage::from_pool(pool.clone()).await.unwrap();
    sell(&storage).await;
    storage.close().await;
    let held: i64 =
        sqlx::query_scalar("SELECT held FROM ticketing.pools").fetch_one(&pool).await.unwrap();
    assert_eq!(held, 1, "the host's pool stays open");
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    let tables: i64 = sqlx::query_scalar(tables).fetch_one(&pool).await.unwrap();
    assert_eq!(tables, 2, "every other table is the host's");
}

/// Locks and guards are made for one isolation level; a database that has another one by default
/// changes nothing.
#[tokio::test]
async fn the_databases_own_settings_do_no_harm() {
    let database = Database::empty().await;
    let name = database.options.get_database().unwrap();
    for (setting, value) in [
        ("default_transaction_isolation", "serializable"),
        ("synchronous_commit", "off"),
        ("search_path", "nowhere"),
        ("timezone", "Asia/Kathmandu"),
        ("default_transaction_deferrable", "on"),
    ] {
        let sql = format!("ALTER DATABASE {name} SET {setting} = '{value}'");
        run(&mut database.connect().await, &sql).await;
    }
    let storage = config(&database).open().await.unwrap();
    sell(&storage).await;
    storage.close().await;
}

#[tokio::test]
async fn a_database_of_a_later_version_is_refused() {
    let database = Database::empty().await;
    config(&database).open().await.unwrap().close().await;
    run(
        &mut database.connect().await,
        "INSERT INTO ticketing.migrations \
         (version, description, success, checksum, execution_time) \
         VALUES (99, 'from the future', true, '', 0)",
    )
    .await;
    let (error, words) = refused(config(&database)).await;
    assert!(matches!(error, OpenError::FromLaterVersion { found: 99, .. }), "{words}");
    assert_eq!(
        words,
        "the database was written by a later version: it has migration 99, known is 1"
    );
}

/// Tables that others than our migrations made can't be trusted.
#[tokio::test]
async fn a_migration_that_was_changed_is_told() {
    let database = Database::empty().await;
    config(&database).open().await.unwrap().close().await;
    let mut conn = database.connect().await;
    run(&mut conn, "UPDATE ticketing.migrations SET checksum = '\\x00' WHERE version = 1").await;
    let (error, words) = refused(config(&database)).await;
    assert!(matches!(error, OpenError::Migration(_)), "{words}");
    assert!(words.contains("migration 1 was previously applied but has been modified"), "{words}");
}

#[tokio::test]
async fn a_half_made_migration_leaves_nothing() {
    let database = Database::empty().await;
    let mut conn = database.connect().await;
    run(&mut conn, "CREATE SCHEMA ticketing; CREATE TABLE ticketing.outbox (in_the_way text)")
        .await;
    let (error, words) = refused(config(&database)).await;
    assert!(matches!(error, OpenError::Migration(_)), "{words}");
    assert!(words.contains("\"outbox\" already exists"), "{words}");
    run(&mut conn, "DROP TABLE ticketing.outbox").await;
    sell(&config(&database).open().await.unwrap()).await;
}

/// A user for each test, who is gone with what was granted when the test is over, be it by failing.
async fn with_user(database: &Database, grants: &str, test: impl AsyncFnOnce(PostgresConfig)) {
    let name = format!("{}_seller", database.options.get_database().unwrap());
    let mut conn = database.connect().await;
    let forget = format!(
        "DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') THEN \
         DROP OWNED BY {name}; DROP ROLE {name}; END IF; END $$"
    );
    // One that failed has left its user behind.
    run(&mut conn, &forget).await;
    run(&mut conn, &format!("CREATE ROLE {name} LOGIN PASSWORD 'secret'")).await;
    run(&mut conn, &grants.replace("seller", &name)).await;
    test(PostgresConfig::new(database.options.clone().username(&name).password("secret"))).await;
    run(&mut conn, &forget).await;
}

const TO_SELL: &str = "GRANT USAGE ON SCHEMA ticketing TO seller; \
     GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ticketing TO seller";

/// Selling needs no right to make tables, where somebody else has made them.
#[tokio::test]
async fn a_user_who_may_only_write_rows_can_sell() {
    let database = Database::migrated(&migrations()).await;
    with_user(&database, TO_SELL, async |config| {
        let storage = config.open().await.unwrap();
        sell(&storage).await;
        storage.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_user_who_may_not_make_the_tables_is_told() {
    let database = Database::empty().await;
    with_user(&database, "", async |config| {
        let (error, words) = refused(config).await;
        assert!(matches!(error, OpenError::Migration(_)), "{words}");
        assert!(words.contains("permission denied"), "{words}");
    })
    .await;
}
