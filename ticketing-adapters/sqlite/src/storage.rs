//! The storage itself: its connections, and what every call does with them.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Connection, Sqlite, SqlitePool};
use ticketing_core::ports::{Clock, PortError};
use ticketing_core::values::StoreId;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

use crate::error::Failure;
use crate::lock::Lock;
use crate::log::{Cut, Log};

#[cfg(test)]
mod tests;

/// A [`Storage`](ticketing_core::ports::Storage) in a SQLite file. Clones share everything.
///
/// See [the crate](crate) for how to open one, and for what it promises.
#[derive(Clone)]
pub struct SqliteStorage {
    pub(crate) shared: Arc<Shared>,
}

/// What clones share.
pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) store: StoreId,
    /// Connections that only read, for whoever asks.
    pub(crate) readers: SqlitePool,
    /// Connections that only read, for what goes on in the background: searching keeps none of them
    /// from ending orders, settling payments and publishing events.
    pub(crate) background: SqlitePool,
    /// The connection that notes who works on what: leases, and what was published. It is not on disk
    /// when it is answered, as what a power cut takes of it is only done once more.
    pub(crate) notes: SqlitePool,
    /// The connection that writes what must not be lost.
    pub(crate) writers: SqlitePool,
    pub(crate) log: Log,
    /// Whether the readers were made here, and are no host's.
    pub(crate) readers_are_ours: bool,
    /// Held by the one task that writes: SQLite would let others try again and again, in no order.
    pub(crate) turn: Mutex<Cut>,
    /// How long to wait for that.
    pub(crate) turn_patience: Duration,
    /// How long a call may take, with all its waiting.
    pub(crate) call_max: Duration,
    pub(crate) _lock: Lock,
}

/// A connection that may write, and the turn to do so.
pub(crate) struct Writer<'a> {
    pub(crate) conn: PoolConnection<Sqlite>,
    turn: MutexGuard<'a, Cut>,
}

impl SqliteStorage {
    /// Closes every connection, after what is being written is written. The file can be opened
    /// again once the last clone is gone. A host's pool stays open.
    pub async fn close(&self) {
        let _turn = self.shared.turn.lock().await;
        if self.shared.readers_are_ours {
            self.shared.readers.close().await;
        }
        self.shared.background.close().await;
        self.shared.notes.close().await;
        self.shared.log.close().await;
        // The one that may write comes last: it puts the log into the file and removes it.
        self.shared.writers.close().await;
    }
}

impl Shared {
    /// Does a call of the port, which is named where it fails. One that takes too long is left: what
    /// it began is taken back, or ends as if it had been answered.
    pub(crate) async fn call<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, PortError> {
        told(timeout(self.call_max, call).await.unwrap_or(Err(Failure::Late)), operation)
    }

    /// Waits for the turn to write what must not be lost.
    pub(crate) async fn writer(&self) -> Result<Writer<'_>, Failure> {
        self.turn_with(&self.writers).await
    }

    /// Waits for the turn to note who works on what.
    pub(crate) async fn notes(&self) -> Result<Writer<'_>, Failure> {
        self.turn_with(&self.notes).await
    }

    /// Nothing is begun here yet, so nothing is left behind when the time is up. A transaction that
    /// waits to begin is never dropped for that: the connection's own time ends it.
    async fn turn_with(&self, pool: &SqlitePool) -> Result<Writer<'_>, Failure> {
        let turn = async {
            let turn = self.turn.lock().await;
            Ok::<_, Failure>(Writer { conn: sound(pool).await?, turn })
        };
        let turn = timeout(self.turn_patience, turn).await;
        let mut writer = turn.map_err(|_late| Failure::NoTurn)??;
        self.log.keep_short(&mut writer.turn).await;
        Ok(writer)
    }

    /// A connection to read with.
    pub(crate) async fn reader(&self) -> Result<PoolConnection<Sqlite>, Failure> {
        sound(&self.readers).await
    }

    /// A connection to read with in the background.
    pub(crate) async fn background(&self) -> Result<PoolConnection<Sqlite>, Failure> {
        sound(&self.background).await
    }
}

/// A connection that is not in a transaction.
///
/// When a page can't be read, SQLite ends the transaction by itself, and sqlx, which could not end it
/// once more, goes on to believe in it. It would nest every later one within, and none would end: a
/// reader would see for ever what was stored at one moment. So such a connection is closed.
async fn sound(pool: &SqlitePool) -> Result<PoolConnection<Sqlite>, Failure> {
    loop {
        let mut conn = pool.acquire().await?;
        if !conn.is_in_transaction() {
            return Ok(conn);
        }
        conn.close_on_drop();
    }
}

impl Writer<'_> {
    /// After a failure of the database the connection is not used again: SQLite may have ended the
    /// transaction by itself, of which sqlx knows nothing.
    pub(crate) fn distrust(&mut self, failure: &Failure) {
        if !failure.has_culprit() {
            self.conn.close_on_drop();
        }
    }

    /// What was written, with a look at what failed.
    pub(crate) fn checked<T>(&mut self, written: Result<T, Failure>) -> Result<T, Failure> {
        written.inspect_err(|failure| self.distrust(failure))
    }
}

/// Names the call of the port that a failure is of.
pub(crate) fn told<T>(result: Result<T, Failure>, operation: &'static str) -> Result<T, PortError> {
    result.map_err(|failure| failure.of(operation))
}

impl fmt::Debug for SqliteStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStorage").field("store", &self.shared.store).finish_non_exhaustive()
    }
}
