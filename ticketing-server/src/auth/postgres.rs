//! Accounts in a schema of a Postgres database, which any number of processes share.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::PgPool;
use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use ticketing_core::values::{Timestamp, UserId};

use super::email::Email;
use super::passwords::PasswordHash;
use super::store::{
    Account, AccountStore, Departure, NewPassword, OpenSession, Revocations, RevocationsMark,
    Revoked, Session, SessionId, StoreError,
};

mod accounts;
mod command;
mod config;
mod departures;
mod revocations;
mod rows;
mod schema;
mod sessions;
#[cfg(test)]
mod tests;

pub(crate) use config::refuse_strange_parameters;
pub use config::{InvalidPostgresUrl, PostgresAccountsConfig};

/// Accounts in a schema of a Postgres database, which any number of processes share. What is
/// answered is committed.
#[derive(Debug, Clone)]
pub struct PostgresAccounts {
    writers: PgPool,
    /// Apart from the writers, so that a queue of those never keeps a process from hearing which
    /// sessions have ended.
    readers: PgPool,
    patience: Duration,
}

/// Why a database could not be opened as a store of accounts.
#[derive(Debug, thiserror::Error)]
#[error("the accounts in {place} can't be opened")]
pub struct PostgresOpenError {
    place: String,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// How many connections write at the same time.
const WRITERS: u32 = 6;

/// How many connections read at the same time.
const READERS: u32 = 4;

/// How long a caller waits for a connection. Every statement is short; a longer queue is an
/// overload, and better told than waited out.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(1);

impl PostgresAccounts {
    /// Opens the schema, which is made if it is not there, and brings its tables up to date. Several
    /// processes may do so at once.
    ///
    /// # Errors
    /// It can't be reached, or brought up to date.
    pub async fn open(config: &PostgresAccountsConfig) -> Result<Self, PostgresOpenError> {
        let done = schema::bring_up_to_date(config).await;
        done.map_err(|why| PostgresOpenError::new(config, why))?;
        Ok(Self::over(config, config.options()))
    }

    /// The schema, if there are accounts in it, to be read alone: whatever would write fails.
    pub(in crate::auth) async fn look_into(
        config: &PostgresAccountsConfig,
    ) -> Result<Option<Self>, PostgresOpenError> {
        let is_there = schema::is_there(config).await;
        let is_there = is_there.map_err(|why| PostgresOpenError::new(config, why))?;
        let read_only = config.options().options([("default_transaction_read_only", "on")]);
        Ok(is_there.then(|| Self::over(config, read_only)))
    }

    /// Whether its tables are those of this version.
    pub(in crate::auth) async fn is_current(&self) -> Result<bool, MigrateError> {
        let mut conn = self.readers.acquire().await?;
        Ok(schema::version(&mut conn).await? == schema::latest())
    }

    /// Ends its connections, once what runs has ended. A database that can't be heard any more is not
    /// waited for.
    pub async fn close(&self) {
        let closing = async {
            self.readers.close().await;
            self.writers.close().await;
        };
        if tokio::time::timeout(self.patience, closing).await.is_err() {
            tracing::warn!(
                code = "accounts_left",
                "the accounts were left before their database had taken leave"
            );
        }
    }

    fn over(config: &PostgresAccountsConfig, options: PgConnectOptions) -> Self {
        Self {
            writers: pool(WRITERS).connect_lazy_with(options.clone()),
            readers: pool(READERS).connect_lazy_with(options),
            patience: config.patience,
        }
    }
}

impl PostgresOpenError {
    fn new(
        config: &PostgresAccountsConfig,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { place: config.place(), source: source.into() }
    }
}

/// Connections that may have been closed by the other side meanwhile are tried before they are used,
/// and none is used again that is not as it was.
fn pool(connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(true)
        .after_release(|conn, _age| {
            // An error would have the pool close it without a word to the database, which would hold
            // the locks of a failed transaction until it notices.
            Box::pin(async move { Ok(matches!(command::is_clean(conn).await, Ok(true))) })
        })
}

#[async_trait]
impl AccountStore for PostgresAccounts {
    async fn add_account(&self, account: &Account) -> Result<(), StoreError> {
        self.write(accounts::Add(account.clone())).await
    }

    async fn account(&self, user: &UserId) -> Result<Option<Account>, StoreError> {
        self.read(accounts::ById(user.clone())).await
    }

    async fn account_by_email(&self, email: &Email) -> Result<Option<Account>, StoreError> {
        self.read(accounts::ByEmail(email.clone())).await
    }

    async fn change_email(
        &self,
        user: &UserId,
        email: &Email,
        seen: u64,
    ) -> Result<(), StoreError> {
        self.write(accounts::SetEmail { user: user.clone(), email: email.clone(), seen }).await
    }

    async fn change_password(
        &self,
        user: &UserId,
        new: &NewPassword,
    ) -> Result<Vec<Revoked>, StoreError> {
        self.write(accounts::SetPassword { user: user.clone(), new: new.clone() }).await
    }

    async fn rehash(
        &self,
        user: &UserId,
        hash: &PasswordHash,
        seen: u64,
    ) -> Result<(), StoreError> {
        self.write(accounts::SetHash { user: user.clone(), hash: hash.clone(), seen }).await
    }

    async fn remove_account(
        &self,
        user: &UserId,
        at: Timestamp,
    ) -> Result<Vec<Revoked>, StoreError> {
        self.write(accounts::Remove { user: user.clone(), at }).await
    }

    async fn departures(&self, after: Option<&UserId>) -> Result<Vec<Departure>, StoreError> {
        self.read(departures::After(after.cloned())).await
    }

    async fn forget_departure(&self, user: &UserId) -> Result<(), StoreError> {
        self.write(departures::Forget(user.clone())).await
    }

    async fn open_session(&self, new: &OpenSession) -> Result<Vec<Revoked>, StoreError> {
        self.write(sessions::Open(new.clone())).await
    }

    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.read(sessions::ById(id)).await
    }

    async fn live_sessions(
        &self,
        user: &UserId,
        now: Timestamp,
    ) -> Result<Vec<Session>, StoreError> {
        self.read(sessions::Live { user: user.clone(), now }).await
    }

    async fn revoke(&self, id: SessionId, at: Timestamp) -> Result<Option<Revoked>, StoreError> {
        self.write(sessions::End { id, at }).await
    }

    async fn revoke_others(
        &self,
        user: &UserId,
        keep: SessionId,
        at: Timestamp,
    ) -> Result<Vec<Revoked>, StoreError> {
        self.write(sessions::EndOthers { user: user.clone(), keep, at }).await
    }

    async fn note_seen(&self, ids: &[SessionId], at: Timestamp) -> Result<(), StoreError> {
        self.write(sessions::MarkSeen { ids: ids.to_vec(), at }).await
    }

    async fn revoke_idle(
        &self,
        before: Timestamp,
        at: Timestamp,
    ) -> Result<Vec<Revoked>, StoreError> {
        self.write(sessions::EndIdle { before, at }).await
    }

    async fn revoked_after(&self, after: RevocationsMark) -> Result<Revocations, StoreError> {
        self.read(revocations::After(after)).await
    }

    async fn prune(&self, now: Timestamp) -> Result<(), StoreError> {
        self.write(sessions::ForgetExpired { now }).await
    }
}
