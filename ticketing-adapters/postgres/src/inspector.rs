//! A look into a database that storages may have open.

use std::fmt;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, Row};
use ticketing_core::domain::{Payment, Refund};
use ticketing_core::ports::{DeadLetter, OutboxDepth, PortError};
use uuid::Uuid;

use crate::config::PostgresConfig;
use crate::error::{Failure, OpenError};
use crate::storage::told;
use crate::{reads, schema, work};

mod checks;

pub use checks::{CHECKS, Check};

/// The most findings of one check that are told.
const FINDINGS_MAX: u32 = 100;

/// What its connection is told when it is made. Checks read whole tables, so their time is not
/// limited, and nothing that is asked here can write.
const SETTINGS: [(&str, &str); 3] = [
    ("default_transaction_read_only", "on"),
    ("statement_timeout", "0"),
    ("application_name", "ticketing-inspector"),
];

/// A look into a database: it never writes, and takes no lock that a storage waits for.
///
/// A check reads whole tables in one snapshot. Meanwhile the server keeps every version of a row that
/// was replaced.
pub struct PostgresInspector {
    conn: PgConnection,
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

impl PostgresInspector {
    /// Looks into the database that a URL names, see [`PostgresConfig::from_url`]. It must have the
    /// tables of this version.
    ///
    /// # Errors
    /// An [`OpenError`] that says what is in the way.
    pub async fn from_url(url: &str) -> Result<Self, OpenError> {
        Self::connect(PostgresConfig::from_url(url)?.server).await
    }

    /// The same by a connection of the host's.
    ///
    /// # Errors
    /// An [`OpenError`] that says what is in the way.
    pub async fn connect(server: PgConnectOptions) -> Result<Self, OpenError> {
        let server = server.options(SETTINGS).disable_statement_logging();
        let mut conn = server.connect().await.map_err(OpenError::Database)?;
        schema::refuse_other_version(&mut conn).await?;
        Ok(Self { conn })
    }

    /// Everything that is wrong, by all [`CHECKS`] in one snapshot; of each check a hundred findings
    /// at most.
    ///
    /// # Errors
    /// The database can't be read.
    pub async fn verify(&mut self) -> Result<Vec<Finding>, PortError> {
        told(self.find().await, "verify")
    }

    async fn find(&mut self) -> Result<Vec<Finding>, Failure> {
        // A look that was broken off before may have left its transaction open.
        sqlx::raw_sql("ROLLBACK; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .execute(&mut self.conn)
            .await?;
        let found = self.find_each().await;
        sqlx::raw_sql("ROLLBACK").execute(&mut self.conn).await?;
        found
    }

    async fn find_each(&mut self) -> Result<Vec<Finding>, Failure> {
        let mut found = Vec::new();
        for check in CHECKS {
            let sql = checks::limited(check, FINDINGS_MAX);
            // Its text is ours: nothing from outside is in it.
            let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut self.conn).await?;
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
    /// The database can't be read.
    pub async fn parked_payments(&mut self, limit: usize) -> Result<Vec<Payment>, PortError> {
        told(reads::parked_payments(&mut self.conn, limit).await, "parked_payments")
    }

    /// Refunds that failed and are owed still, the oldest first.
    ///
    /// # Errors
    /// The database can't be read.
    pub async fn failed_refunds(&mut self, limit: usize) -> Result<Vec<Refund>, PortError> {
        told(reads::failed_refunds(&mut self.conn, limit).await, "failed_refunds")
    }

    /// Dead letters, the newest first.
    ///
    /// # Errors
    /// The database can't be read.
    pub async fn dead_letters(&mut self, limit: usize) -> Result<Vec<DeadLetter>, PortError> {
        told(reads::dead_letters(&mut self.conn, limit).await, "dead_letters")
    }

    /// What waits to be published.
    ///
    /// # Errors
    /// The database can't be read.
    pub async fn outbox_depth(&mut self) -> Result<OutboxDepth, PortError> {
        told(work::outbox_depth(&mut self.conn).await, "outbox_depth")
    }
}

impl fmt::Debug for PostgresInspector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresInspector").finish_non_exhaustive()
    }
}
