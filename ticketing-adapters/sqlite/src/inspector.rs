//! A look into a file that a storage may have open.

use std::fmt;
use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row, SqliteConnection};
use ticketing_core::domain::{Payment, Refund};
use ticketing_core::ports::{DeadLetter, OutboxDepth, PortError};
use uuid::Uuid;

use crate::error::{Failure, OpenError};
use crate::open::real_path;
use crate::storage::told;
use crate::{reads, schema, work};

mod checks;

pub use checks::{CHECKS, Check};

/// The most findings of one check that are told.
const FINDINGS_MAX: u32 = 100;

/// A look into a file: it never writes, and takes no lock, so that a running server does not mind.
///
/// A check reads whole tables in one snapshot. Meanwhile the log of the database can't be put into
/// its file, and grows with what is written.
pub struct SqliteInspector {
    conn: SqliteConnection,
}

/// Something that must never be, and is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The check that found it.
    pub check: &'static Check,
    /// What is wrong, with what.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.check.name, self.check.code, self.what)
    }
}

impl SqliteInspector {
    /// Looks into the file at `path`, which must be there and have the tables of this version.
    ///
    /// # Errors
    /// An [`OpenError`] that says what is in the way.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::over(&real_path(path.as_ref())?, false).await
    }

    /// The same for a short look, of which not even a trace is left: to read a file that no storage has
    /// open, SQLite makes others beside it, empty ones, and leaves them there. A storage that opens the
    /// file during the look may confuse it.
    ///
    /// # Errors
    /// An [`OpenError`] that says what is in the way.
    pub async fn glance(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = real_path(path.as_ref())?;
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        // Without its log beside it no storage has the file open, and everything is in it.
        Self::over(&path, !Path::new(&log).exists()).await
    }

    async fn over(path: &Path, is_still: bool) -> Result<Self, OpenError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .create_if_missing(false)
            .immutable(is_still)
            .disable_statement_logging();
        let failed = |source| OpenError::Database { path: path.to_owned(), source };
        let mut conn = options.connect().await.map_err(failed)?;
        schema::refuse_other_version(&mut conn, path).await?;
        Ok(Self { conn })
    }

    /// Everything that is wrong, by all [`CHECKS`] in one snapshot; of each check a hundred findings
    /// at most.
    ///
    /// # Errors
    /// The file can't be read.
    pub async fn verify(&mut self) -> Result<Vec<Finding>, PortError> {
        told(self.find().await, "verify")
    }

    async fn find(&mut self) -> Result<Vec<Finding>, Failure> {
        let mut snapshot = self.conn.begin().await?;
        let mut found = Vec::new();
        for check in CHECKS {
            let sql = checks::limited(check, FINDINGS_MAX);
            // Its text is ours: nothing from outside is in it.
            let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut *snapshot).await?;
            for row in rows {
                let (id, what): (Option<Uuid>, String) = (row.try_get(0)?, row.try_get(1)?);
                let id = id.map(|id| format!("{id}: ")).unwrap_or_default();
                found.push(Finding { check, what: format!("{id}{what}") });
            }
        }
        Ok(found)
    }

    /// Payments that are with an operator, the oldest first.
    ///
    /// # Errors
    /// The file can't be read.
    pub async fn parked_payments(&mut self, limit: usize) -> Result<Vec<Payment>, PortError> {
        told(reads::parked_payments(&mut self.conn, limit).await, "parked_payments")
    }

    /// Refunds that failed and are owed still, the oldest first.
    ///
    /// # Errors
    /// The file can't be read.
    pub async fn failed_refunds(&mut self, limit: usize) -> Result<Vec<Refund>, PortError> {
        told(reads::failed_refunds(&mut self.conn, limit).await, "failed_refunds")
    }

    /// Dead letters, the newest first.
    ///
    /// # Errors
    /// The file can't be read.
    pub async fn dead_letters(&mut self, limit: usize) -> Result<Vec<DeadLetter>, PortError> {
        told(reads::dead_letters(&mut self.conn, limit).await, "dead_letters")
    }

    /// What waits to be published.
    ///
    /// # Errors
    /// The file can't be read.
    pub async fn outbox_depth(&mut self) -> Result<OutboxDepth, PortError> {
        told(work::outbox_depth(&mut self.conn).await, "outbox_depth")
    }
}

impl fmt::Debug for SqliteInspector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteInspector").finish_non_exhaustive()
    }
}
