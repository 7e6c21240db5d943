//! The tables, and how a file gets them.

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
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
