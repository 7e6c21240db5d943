//! Accounts in a SQLite file of their own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Sqlite, Transaction};
use ticketing_core::values::{Timestamp, UserId};

use super::email::Email;
use super::passwords::PasswordHash;
use super::store::{
    Account, AccountStore, Departure, NewPassword, OpenSession, Revocations, RevocationsMark,
    Revoked, Session, SessionId, StoreError,
};

mod accounts;
mod departures;
mod look;
mod rows;
mod schema;
mod sessions;
#[cfg(test)]
mod tests;

/// Accounts in a SQLite file of their own. What is answered is on disk.
#[derive(Debug, Clone)]
pub struct SqliteAccounts {
    writer: SqlitePool,
    readers: SqlitePool,
}

/// Why a file could not be opened as a store of accounts.
#[derive(Debug, thiserror::Error)]
#[error("the accounts in {} can't be opened", .path.display())]
pub struct SqliteOpenError {
    path: PathBuf,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// How many connections read at the same time.
const READERS: u32 = 4;

/// How long a caller waits for a connection. Every statement is short; a longer queue is an
/// overload, and better told than waited out.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a statement waits for another process that writes to the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(3);

impl SqliteAccounts {
    /// Opens the file at `path`, which is made if it is not there, and brings its tables up to date.
    ///
    /// # Errors
    /// It can't be opened, written, or brought up to date.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, SqliteOpenError> {
        let path = path.as_ref();
        let failed = |source: sqlx::Error| SqliteOpenError::new(path, source);
        // There are hashes of passwords in it. SQLite gives its other files the mode of this one.
        crate::private_file::open(path).map_err(|why| SqliteOpenError::new(path, why))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("secure_delete", "on")
            .disable_statement_logging();
        let writer = pool(1).connect_with(options.clone()).await.map_err(failed)?;
        let mut conn = writer.acquire().await.map_err(failed)?;
        schema::migrate(&mut conn).await.map_err(|why| SqliteOpenError::new(path, why))?;
        drop(conn);
        // From now on the file is there. If it goes away, no other takes its place.
        let options = options.create_if_missing(false);
        writer.set_connect_options(options.clone());
        let readers = options.read_only(true);
        let readers = readers_of(readers).await.map_err(failed)?;
        Ok(Self { writer, readers })
    }

    /// Closes the file, once what runs has ended.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// A transaction that writes: it has the file from its first statement on, so it never has to
    /// give up halfway.
    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
        self.writer.begin_with("BEGIN IMMEDIATE").await
    }
}

impl SqliteOpenError {
    fn new(path: &Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { path: path.to_owned(), source: source.into() }
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

/// The connections that read, all of them open. One that is still being made when its caller gives up
/// is made all the same, and nobody would wait for it when the file is closed.
async fn readers_of(options: SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    let readers = pool(READERS).connect_with(options).await?;
    let mut open = Vec::new();
    for _ in 0..READERS {
        open.push(readers.acquire().await?);
    }
    Ok(readers)
}

#[async_trait]
impl AccountStore for SqliteAccounts {
    async fn add_account(&self, account: &Account) -> Result<(), StoreError> {
        self.add(account).await
    }

    async fn account(&self, user: &UserId) -> Result<Option<Account>, StoreError> {
        self.by_id(user).await
    }

    async fn account_by_email(&self, email: &Email) -> Result<Option<Account>, StoreError> {
        self.by_email(email).await
    }

    async fn change_email(
        &self,
        user: &UserId,
        email: &Email,
        seen: u64,
    ) -> Result<(), StoreError> {
        self.set_email(user, email, seen).await
    }

    async fn change_password(
        &self,
        user: &UserId,
        new: &NewPassword,
    ) -> Result<Vec<Revoked>, StoreError> {
        self.set_password(user, new).await
    }

    async fn rehash(
        &self,
        user: &UserId,
        hash: &PasswordHash,
        seen: u64,
    ) -> Result<(), StoreError> {
        self.set_hash(user, hash, seen).await
    }

    async fn remove_account(
        &self,
        user: &UserId,
        at: Timestamp,
    ) -> Result<Vec<Revoked>, StoreError> {
        self.remove(user, at).await
    }

    async fn departures(&self, after: Option<&UserId>) -> Result<Vec<Departure>, StoreError> {
        self.departed(after).await
    }

    async fn forget_departure(&self, user: &UserId) -> Result<(), StoreError> {
        self.forget_departed(user).await
    }

    async fn open_session(&self, new: &OpenSession) -> Result<Vec<Revoked>, StoreError> {
        self.begin_session(new).await
    }

    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.session_by_id(id).await
    }

    async fn live_sessions(
        &self,
        user: &UserId,
        now: Timestamp,
    ) -> Result<Vec<Session>, StoreError> {
        self.live(user, now).await
    }

    async fn revoke(&self, id: SessionId, at: Timestamp) -> Result<Option<Revoked>, StoreError> {
        self.end(id, at).await
    }

    async fn revoke_others(
        &self,
        user: &UserId,
        keep: SessionId,
        at: Timestamp,
    ) -> Result<Vec<Revoked>, StoreError> {
        self.end_others(user, keep, at).await
    }

    async fn note_seen(&self, ids: &[SessionId], at: Timestamp) -> Result<(), StoreError> {
        self.mark_seen(ids, at).await
    }

    async fn revoke_idle(
        &self,
        before: Timestamp,
        at: Timestamp,
    ) -> Result<Vec<Revoked>, StoreError> {
        self.end_idle(before, at).await
    }

    async fn revoked_after(&self, after: RevocationsMark) -> Result<Revocations, StoreError> {
        self.revocations(after).await
    }

    async fn prune(&self, now: Timestamp) -> Result<(), StoreError> {
        self.forget_expired(now).await
    }
}
