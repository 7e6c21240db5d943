//! The storage itself: its connections, and what every call does with them.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};
use ticketing_core::ports::PortError;
use ticketing_core::values::StoreId;
use tokio::time::timeout;

use crate::error::Failure;

/// How long a call may take in all. The server ends statements before that by itself; this is for a
/// server, or a network, that says nothing any more.
pub(crate) const PATIENCE: Duration = Duration::from_secs(8);

/// A [`Storage`](ticketing_core::ports::Storage) in a PostgreSQL database. Clones share everything.
///
/// See [the crate](crate) for how to open one, and for what it promises.
#[derive(Clone)]
pub struct PostgresStorage {
    pub(crate) shared: Arc<Shared>,
}

/// What clones share.
pub(crate) struct Shared {
    pub(crate) store: StoreId,
    pub(crate) lanes: usize,
    /// Connections that commit groups.
    pub(crate) commands: PgPool,
    /// Connections for what goes on in the background: searching keeps none of it from ending
    /// orders, settling payments and publishing events.
    pub(crate) background: PgPool,
    /// Connections that note who works on what: leases, and what was published. What they write is
    /// not on disk when it is answered, as what a power cut takes of it is only done once more.
    pub(crate) notes: PgPool,
    /// Connections that only read, for whoever asks.
    pub(crate) readers: PgPool,
    /// Whether the readers were made here, and are no host's.
    pub(crate) readers_are_ours: bool,
}

/// A connection for more than one statement.
///
/// It goes back to its pool only when it is [released](Self::release). Dropped before that, by an
/// error, a caller who went away or a time that was up, it is closed instead: nobody knows whether a
/// transaction is open in it, and the next one who borrows it would work inside that.
pub(crate) struct Session {
    conn: PoolConnection<Postgres>,
    is_clean: bool,
}

impl Session {
    pub(crate) async fn from(pool: &PgPool) -> Result<Self, Failure> {
        Ok(Self { conn: pool.acquire().await?, is_clean: false })
    }

    pub(crate) fn conn(&mut self) -> &mut PgConnection {
        &mut self.conn
    }

    /// Gives the connection back: no transaction is open in it.
    pub(crate) fn release(mut self) {
        self.is_clean = true;
    }

    /// Begins a transaction.
    pub(crate) async fn begin(&mut self) -> Result<(), Failure> {
        // sqlx's own `begin`, cancelled, leaves a transaction open that it knows nothing of.
        self.tell("BEGIN").await
    }

    /// The same of a transaction that waits for rows which others have as long as these may take one
    /// after the other, and keeps its place among those who wait.
    pub(crate) async fn begin_patiently(&mut self) -> Result<(), Failure> {
        self.tell("BEGIN; SET LOCAL lock_timeout = '2s'").await
    }

    /// Ends the transaction, and gives the connection back.
    pub(crate) async fn commit(mut self) -> Result<(), Failure> {
        self.tell("COMMIT").await?;
        self.release();
        Ok(())
    }

    /// Takes the transaction back, and gives the connection back.
    pub(crate) async fn roll_back(mut self) -> Result<(), Failure> {
        self.tell("ROLLBACK").await?;
        self.release();
        Ok(())
    }

    async fn tell(&mut self, what: &'static str) -> Result<(), Failure> {
        sqlx::raw_sql(what).execute(self.conn()).await.map_err(Failure::of_statement)?;
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.is_clean {
            self.conn.close_on_drop();
        }
    }
}

impl PostgresStorage {
    /// Closes every connection, after what is being written is written. A host's pool stays open.
    pub async fn close(&self) {
        if self.shared.readers_are_ours {
            self.shared.readers.close().await;
        }
        self.shared.background.close().await;
        self.shared.notes.close().await;
        self.shared.commands.close().await;
    }

    /// Does something in a task of its own, which ends in time, and goes on when its caller is gone.
    pub(crate) async fn detached<T, F>(
        &self,
        operation: &'static str,
        work: impl FnOnce(Arc<Shared>) -> F,
    ) -> Result<T, PortError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let work = work(Arc::clone(&self.shared));
        let done = tokio::spawn(in_time(work)).await;
        match done {
            Ok(done) => told(done, operation),
            Err(ended) => Err(PortError::unavailable(operation).with_source(ended)),
        }
    }
}

/// Waits for an answer of the database, but not for ever.
pub(crate) async fn in_time<T>(
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    timeout(PATIENCE, work).await.unwrap_or(Err(Failure::Late))
}

/// Names the call of the port that a failure is of.
pub(crate) fn told<T>(result: Result<T, Failure>, operation: &'static str) -> Result<T, PortError> {
    result.map_err(|failure| failure.of(operation))
}

impl fmt::Debug for PostgresStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStorage").field("store", &self.shared.store).finish_non_exhaustive()
    }
}
