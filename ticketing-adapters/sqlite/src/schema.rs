//! The tables, and how a file gets them.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::path::Path;

use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};
use sqlx::{SqlSafeStr, SqliteConnection};
use ticketing_core::values::StoreId;
use uuid::Uuid;

use crate::error::OpenError;

/// Where is written which migrations were made: a table of our own, so that a program that keeps
/// its tables in the same database can use sqlx's for itself.
const TABLE: &str = "ticketing_migrations";

/// Every migration, oldest first: its number, what it does, and how.
const MIGRATIONS: [(i64, &str, &str); 1] =
    [(1, "the store", include_str!("../migrations/0001_the_store.sql"))];

/// The migrations of this version, for programs that run them themselves.
///
/// [`SqliteStorage`](crate::SqliteStorage) runs those that are missing whenever it is opened.
pub fn migrations() -> Migrator {
    let migrations = MIGRATIONS.map(|(version, name, sql)| {
        let (name, sql) = (Cow::Borrowed(name), sql.into_sql_str());
        Migration::new(version, name, MigrationType::Simple, sql, false)
    });
    let mut migrator = Migrator::with_migrations(migrations.into());
    migrator.dangerous_set_table_name(TABLE);
    migrator
}

/// Brings the tables up to date, and gives the store an id if it has none.
pub(crate) async fn prepare(
    conn: &mut SqliteConnection,
    fresh: StoreId,
) -> Result<StoreId, OpenError> {
    refuse_later_version(conn).await?;
    migrations().run_direct(None, conn, false).await.map_err(OpenError::Migration)?;
    store_id(conn, fresh).await.map_err(|error| OpenError::Migration(MigrateError::Execute(error)))
}

/// Says clearly that a file is too new, which sqlx would call a missing migration.
async fn refuse_later_version(conn: &mut SqliteConnection) -> Result<(), OpenError> {
    conn.ensure_migrations_table(TABLE).await.map_err(OpenError::Migration)?;
    let applied = conn.list_applied_migrations(TABLE).await.map_err(OpenError::Migration)?;
    let found = applied.iter().map(|migration| migration.version).max().unwrap_or(0);
    let known = latest();
    if found > known { Err(OpenError::FromLaterVersion { found, known }) } else { Ok(()) }
}

/// Refuses a file whose tables are not those of this version, without changing it.
pub(crate) async fn refuse_other_version(
    conn: &mut SqliteConnection,
    path: &Path,
) -> Result<(), OpenError> {
    let failed = |source| OpenError::Database { path: path.to_owned(), source };
    let has_table: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?)")
            .bind(TABLE)
            .fetch_one(&mut *conn)
            .await
            .map_err(failed)?;
    if !has_table {
        return Err(OpenError::NotAStore(path.to_owned()));
    }
    let applied = conn.list_applied_migrations(TABLE).await.map_err(OpenError::Migration)?;
    let found = applied.iter().map(|migration| migration.version).max().unwrap_or(0);
    match found.cmp(&latest()) {
        Ordering::Equal => Ok(()),
        Ordering::Less => Err(OpenError::NotAStore(path.to_owned())),
        Ordering::Greater => Err(OpenError::FromLaterVersion { found, known: latest() }),
    }
}

/// The last migration that is known.
fn latest() -> i64 {
    MIGRATIONS.iter().map(|(version, _, _)| *version).max().unwrap_or(0)
}

async fn store_id(conn: &mut SqliteConnection, fresh: StoreId) -> Result<StoreId, sqlx::Error> {
    sqlx::query(
        "INSERT INTO ticketing_store (id) SELECT ? WHERE NOT EXISTS (SELECT 1 FROM ticketing_store)",
    )
    .bind(fresh.as_uuid())
    .execute(&mut *conn)
    .await?;
    let id: Uuid = sqlx::query_scalar("SELECT id FROM ticketing_store").fetch_one(conn).await?;
    Ok(StoreId::from_uuid(id))
}
