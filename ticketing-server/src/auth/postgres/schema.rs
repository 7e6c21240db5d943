//! The tables, and how a schema gets them while other processes want the same.
//!
//! Whoever changes tables locks a row of a table of its own, and does everything in one transaction:
//! a process that dies in the middle leaves nothing behind, not even the lock. The driver's own way
//! is an advisory lock. That is one lock for everything in the database, it outlives its transaction,
//! and what only speaks like Postgres may not have it.

use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool, SqlSafeStr as _};

use super::PostgresAccountsConfig;
use super::command::has_code;

/// Where is written which migrations were made.
const TABLE: &str = "account_migrations";

/// Every migration, oldest first: its number, what it does, and how.
const MIGRATIONS: [(i64, &str, &str); 1] = [(
    1,
    "the accounts",
    include_str!("../../../migrations/accounts_postgres/0001_the_accounts.sql"),
)];

/// How long a database may take to be there, which often starts together with the server.
const STARTED_WITHIN: Duration = Duration::from_secs(10);

/// How long it may take to be there for somebody who only looks.
const REACHED_WITHIN: Duration = Duration::from_secs(2);

/// One waits here for others who change the tables, and for those who use them.
const LIMITS: [(&str, &str); 3] = [
    ("idle_in_transaction_session_timeout", "10s"),
    ("lock_timeout", "60s"),
    ("statement_timeout", "5min"),
];

/// How often it is tried when somebody else makes the same thing at the same moment.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(25);

/// What the database answers when two make the same thing at once, or when it gives one up for the
/// other: `unique_violation`, of its catalogue or of the list of migrations; `duplicate_schema`,
/// `duplicate_table`, `duplicate_object`; `serialization_failure`, `deadlock_detected`.
const RACES: [&str; 6] = ["23505", "42P06", "42P07", "42710", "40001", "40P01"];

/// What it answers when a table is not there.
const UNDEFINED_TABLE: &str = "42P01";

/// Makes the schema if need be, and brings its tables up to date. One of a later version is refused.
pub(super) async fn bring_up_to_date(config: &PostgresAccountsConfig) -> Result<(), MigrateError> {
    let pool = connected(config, STARTED_WITHIN).await?;
    let done = tried_until_alone(&pool, config).await;
    pool.close().await;
    done
}

/// Whether the schema has accounts in it. One of a later version is refused.
pub(super) async fn is_there(config: &PostgresAccountsConfig) -> Result<bool, MigrateError> {
    let pool = connected(config, REACHED_WITHIN).await?;
    let found = async { version(&mut *pool.acquire().await?).await };
    let found = found.await;
    pool.close().await;
    let found = found?;
    if found > latest() { Err(MigrateError::VersionMissing(found)) } else { Ok(found > 0) }
}

/// The last migration that is known.
pub(super) fn latest() -> i64 {
    MIGRATIONS.iter().map(|(version, _, _)| *version).max().unwrap_or(0)
}

/// The last migration that was made, found out without making any; none in a schema without the
/// tables.
pub(super) async fn version(conn: &mut PgConnection) -> Result<i64, sqlx::Error> {
    let found = sqlx::query_scalar(
        "SELECT COALESCE(max(version), 0) FROM account_migrations WHERE success",
    );
    match found.fetch_one(conn).await {
        Err(error) if has_code(&error, &[UNDEFINED_TABLE]) => Ok(0),
        found => found,
    }
}

async fn connected(
    config: &PostgresAccountsConfig,
    within: Duration,
) -> Result<PgPool, sqlx::Error> {
    let options = config.with_limits(LIMITS);
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(within);
    pool.connect_with(options).await
}

async fn tried_until_alone(
    pool: &PgPool,
    config: &PostgresAccountsConfig,
) -> Result<(), MigrateError> {
    for _ in 1..TRIES {
        match up_to_date(pool, config).await {
            Err(error) if was_race(&error) => tokio::time::sleep(PAUSE).await,
            done => return done,
        }
    }
    up_to_date(pool, config).await
}

async fn up_to_date(pool: &PgPool, config: &PostgresAccountsConfig) -> Result<(), MigrateError> {
    let mut conn = pool.acquire().await?;
    let migrator = migrator();
    if is_current(&mut conn, &migrator).await? {
        return Ok(());
    }
    make_lock(&mut conn, config).await?;
    // The tables that others made meanwhile must be seen once the lock is held.
    let mut transaction = conn.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
    sqlx::query("SELECT 1 FROM account_migrations_lock FOR UPDATE")
        .execute(&mut *transaction)
        .await?;
    migrator.run_direct(None, &mut *transaction, false).await?;
    transaction.commit().await?;
    Ok(())
}

fn migrator() -> Migrator {
    let migrations = MIGRATIONS.map(|(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.into());
    migrator.dangerous_set_table_name(TABLE);
    migrator.set_locking(false);
    migrator
}

/// Whether there is nothing to do. Most starts end here, and need no right to change tables.
async fn is_current(conn: &mut PgConnection, migrator: &Migrator) -> Result<bool, sqlx::Error> {
    let done: Result<Vec<(i64, Vec<u8>)>, sqlx::Error> = sqlx::query_as(
        "SELECT version, checksum FROM account_migrations WHERE success ORDER BY version",
    )
    .fetch_all(conn)
    .await;
    match done {
        Ok(done) => {
            let wanted = migrator.iter().map(|it| (it.version, it.checksum.as_ref()));
            Ok(wanted.eq(done.iter().map(|(version, checksum)| (*version, checksum.as_slice()))))
        }
        Err(error) if has_code(&error, &[UNDEFINED_TABLE]) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes the schema, and in it the row that is locked.
pub(super) async fn make_lock(
    conn: &mut PgConnection,
    config: &PostgresAccountsConfig,
) -> Result<(), sqlx::Error> {
    // To make one that is there takes the right to make schemas, so it is not tried.
    let is_there = sqlx::query("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1")
        .bind(config.schema_name())
        .fetch_optional(&mut *conn)
        .await?;
    if is_there.is_none() {
        let make = format!("CREATE SCHEMA IF NOT EXISTS {}", config.quoted_schema());
        // The name has nothing in it but letters, digits and underscores.
        sqlx::query(AssertSqlSafe(make)).execute(&mut *conn).await?;
    }
    for statement in [
        "CREATE TABLE IF NOT EXISTS account_migrations_lock
            (the_one boolean NOT NULL PRIMARY KEY CHECK (the_one))",
        "INSERT INTO account_migrations_lock (the_one) VALUES (true) ON CONFLICT DO NOTHING",
    ] {
        sqlx::query(statement).execute(&mut *conn).await?;
    }
    Ok(())
}

fn was_race(error: &MigrateError) -> bool {
    let (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = error else {
        return false;
    };
    has_code(error, &RACES)
}
