//! The tables, and how a database gets them.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{PgConnection, SqlSafeStr};
use ticketing_core::values::StoreId;
use uuid::Uuid;

use crate::error::OpenError;

/// Everything is in a schema of its own, so that it can live in a database with other things.
const SCHEMA: &str = "ticketing";

/// Where is written which migrations were made: in the schema, so that a program that keeps its
/// tables in the same database can use sqlx's table for itself.
const TABLE: &str = "ticketing.migrations";

/// Every migration, oldest first: its number, what it does, and how.
const MIGRATIONS: [(i64, &str, &str); 1] =
    [(1, "the store", include_str!("../migrations/0001_the_store.sql"))];

/// The migrations of this version, for programs that run them themselves, with more rights than
/// those that sell. Several at once wait for each other.
///
/// [`PostgresStorage`](crate::PostgresStorage) runs those that are missing whenever it is opened,
/// and needs no right to make tables where none is.
pub fn migrations() -> Migrator {
    let migrations = MIGRATIONS.map(|(version, name, sql)| {
        let (name, sql) = (Cow::Borrowed(name), sql.into_sql_str());
        Migration::new(version, name, MigrationType::Simple, sql, false)
    });
    let mut migrator = Migrator::with_migrations(migrations.into());
    migrator.dangerous_set_table_name(TABLE);
    migrator.create_schema(SCHEMA);
    migrator
}

/// Brings the tables up to date, and gives the store an id if it has none.
pub(crate) async fn prepare(conn: &mut PgConnection, fresh: StoreId) -> Result<StoreId, OpenError> {
    if version_of(conn).await? < latest() {
        migrations().run_direct(None, conn, false).await.map_err(told)?;
    }
    refuse_other_version(conn).await?;
    store_id(conn, fresh).await.map_err(OpenError::Database)
}

/// Refuses a database whose tables are not those of this version, without changing it.
pub(crate) async fn refuse_other_version(conn: &mut PgConnection) -> Result<(), OpenError> {
    let (found, known) = (version_of(conn).await?, latest());
    match found.cmp(&known) {
        Ordering::Equal => refuse_changed(conn).await,
        Ordering::Less => Err(OpenError::NotAStore),
        Ordering::Greater => Err(OpenError::FromLaterVersion { found, known }),
    }
}

/// Refuses tables that other migrations made than these, under the same numbers. sqlx looks for that
/// only when it runs them, which takes rights that whoever sells need not have.
async fn refuse_changed(conn: &mut PgConnection) -> Result<(), OpenError> {
    let made: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT version, checksum FROM ticketing.migrations WHERE success")
            .fetch_all(conn)
            .await
            .map_err(OpenError::Database)?;
    let made: BTreeMap<i64, Vec<u8>> = made.into_iter().collect();
    let migrations = migrations();
    let changed = migrations.iter().find(|it| made.get(&it.version) != Some(&it.checksum.to_vec()));
    changed.map_or(Ok(()), |it| Err(told(MigrateError::VersionMismatch(it.version))))
}

/// The last migration that was made; zero if there are no tables yet.
async fn version_of(conn: &mut PgConnection) -> Result<i64, OpenError> {
    let there: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
        .bind(TABLE)
        .fetch_one(&mut *conn)
        .await
        .map_err(OpenError::Database)?;
    if !there {
        return Ok(0);
    }
    sqlx::query_scalar("SELECT COALESCE(max(version), 0) FROM ticketing.migrations WHERE success")
        .fetch_one(conn)
        .await
        .map_err(OpenError::Database)
}

/// What sqlx calls a missing migration was made by a later version.
fn told(error: MigrateError) -> OpenError {
    if let MigrateError::VersionMissing(found) = error {
        OpenError::FromLaterVersion { found, known: latest() }
    } else {
        OpenError::Migration(error)
    }
}

/// The last migration that is known.
fn latest() -> i64 {
    MIGRATIONS.iter().map(|(version, _, _)| *version).max().unwrap_or(0)
}

async fn store_id(conn: &mut PgConnection, fresh: StoreId) -> Result<StoreId, sqlx::Error> {
    const KNOWN: &str = "SELECT id FROM ticketing.store";
    let known: Option<Uuid> = sqlx::query_scalar(KNOWN).fetch_optional(&mut *conn).await?;
    if let Some(id) = known {
        return Ok(StoreId::from_uuid(id));
    }
    // Of several that open a new store at once, the first one names it.
    sqlx::query("INSERT INTO ticketing.store (id) VALUES ($1) ON CONFLICT DO NOTHING")
        .bind(fresh.as_uuid())
        .execute(&mut *conn)
        .await?;
    Ok(StoreId::from_uuid(sqlx::query_scalar(KNOWN).fetch_one(conn).await?))
}
