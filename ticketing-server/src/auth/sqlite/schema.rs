//! The tables, and how a file gets them.

use sqlx::migrate::{Migrate as _, MigrateError, Migration, MigrationType, Migrator};
use sqlx::{SqlSafeStr, SqliteConnection};

/// Where is written which migrations were made: a table of its own, so that the accounts can live
/// in a file with other tables.
const TABLE: &str = "account_migrations";

/// Every migration, oldest first: its number, what it does, and how.
const MIGRATIONS: [(i64, &str, &str); 2] = [
    (1, "the accounts", include_str!("../../../migrations/accounts_sqlite/0001_the_accounts.sql")),
    (2, "departures", include_str!("../../../migrations/accounts_sqlite/0002_departures.sql")),
];

/// Brings the tables up to date. A file of a later version is refused.
pub(super) async fn migrate(conn: &mut SqliteConnection) -> Result<(), MigrateError> {
    let migrations = MIGRATIONS.map(|(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.into());
    migrator.dangerous_set_table_name(TABLE);
    migrator.run_direct(None, conn, false).await
}

/// The last migration that is known.
pub(super) fn latest() -> i64 {
    MIGRATIONS.iter().map(|(version, _, _)| *version).max().unwrap_or(0)
}

/// The last migration that was made, found out without making any; none in a file without the tables.
pub(super) async fn version(conn: &mut SqliteConnection) -> Result<i64, MigrateError> {
    let has_table: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?)")
            .bind(TABLE)
            .fetch_one(&mut *conn)
            .await?;
    if !has_table {
        return Ok(0);
    }
    let applied = conn.list_applied_migrations(TABLE).await?;
    Ok(applied.iter().map(|migration| migration.version).max().unwrap_or(0))
}

/// Refuses a file of a later version, without changing it.
pub(super) async fn refuse_later_version(conn: &mut SqliteConnection) -> Result<(), MigrateError> {
    let found = version(conn).await?;
    if found > latest() { Err(MigrateError::VersionMissing(found)) } else { Ok(()) }
}
