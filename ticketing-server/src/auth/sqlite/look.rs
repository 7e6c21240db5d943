//! A look into a file of accounts that a server may have open.

use std::path::Path;

use sqlx::ConnectOptions as _;
use sqlx::migrate::MigrateError;
use sqlx::sqlite::SqliteConnectOptions;

use super::{BUSY_TIMEOUT, SqliteAccounts, SqliteOpenError, pool, schema};

impl SqliteAccounts {
    /// The file at `path`, which must be there, to be read alone: nothing is written, to it or beside
    /// it, and whatever would write fails.
    pub(in crate::auth) async fn look_into(path: &Path) -> Result<Self, SqliteOpenError> {
        let failed = |source: sqlx::Error| SqliteOpenError::new(path, source);
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .create_if_missing(false)
            // Without a log beside it nobody has it open, and everything is in the file itself. SQLite
            // would make one even to read.
            .immutable(!Path::new(&log).exists())
            .busy_timeout(BUSY_TIMEOUT)
            .disable_statement_logging();
        let readers = pool(1).connect_with(options).await.map_err(failed)?;
        let mut conn = readers.acquire().await.map_err(failed)?;
        let checked = schema::refuse_later_version(&mut conn).await;
        drop(conn);
        checked.map_err(|why| SqliteOpenError::new(path, why))?;
        Ok(Self { writer: readers.clone(), readers })
    }

    /// Whether its tables are those of this version.
    pub(in crate::auth) async fn is_current(&self) -> Result<bool, MigrateError> {
        let mut conn = self.readers.acquire().await?;
        Ok(schema::version(&mut conn).await? == schema::latest())
    }
}
