//! The table of accounts.

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteQueryResult;
use ticketing_core::values::{Timestamp, UserId};

use super::sessions::end_where;
use super::{SqliteAccounts, rows};
use crate::auth::email::Email;
use crate::auth::passwords::PasswordHash;
use crate::auth::store::{Account, NewPassword, Revoked, StoreError};

impl SqliteAccounts {
    pub(super) async fn add(&self, account: &Account) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO accounts (id, email, email_key, password, credentials, created_at)
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(account.id.as_str())
        .bind(account.email.as_str())
        .bind(account.email.key())
        .bind(account.password.expose())
        .bind(stored(account.credentials))
        .bind(account.created_at.as_micros())
        .execute(&self.writer)
        .await
        .map_err(|error| taken_or_unavailable("add an account", error))?;
        Ok(())
    }

    pub(super) async fn by_id(&self, user: &UserId) -> Result<Option<Account>, StoreError> {
        let found = sqlx::query("SELECT * FROM accounts WHERE id = ?").bind(user.as_str());
        let found = found.fetch_optional(&self.readers).await;
        let row = found.map_err(|error| unavailable("read an account", error))?;
        row.as_ref().map(rows::account).transpose()
    }

    pub(super) async fn by_email(&self, email: &Email) -> Result<Option<Account>, StoreError> {
        let found = sqlx::query("SELECT * FROM accounts WHERE email_key = ?").bind(email.key());
        let found = found.fetch_optional(&self.readers).await;
        let row = found.map_err(|error| unavailable("look for an account", error))?;
        row.as_ref().map(rows::account).transpose()
    }

    pub(super) async fn set_email(
        &self,
        user: &UserId,
        email: &Email,
        seen: u64,
    ) -> Result<(), StoreError> {
        let changed = sqlx::query(
            "UPDATE accounts SET email = ?, email_key = ? WHERE id = ? AND credentials = ?",
        )
        .bind(email.as_str())
        .bind(email.key())
        .bind(user.as_str())
        .bind(stored(seen))
        .execute(&self.writer)
        .await
        .map_err(|error| taken_or_unavailable("change an e-mail address", error))?;
        found(&changed)
    }

    pub(super) async fn set_password(
        &self,
        user: &UserId,
        new: &NewPassword,
    ) -> Result<Vec<Revoked>, StoreError> {
        let failed = |error| unavailable("change a password", error);
        let mut transaction = self.begin().await.map_err(failed)?;
        let changed = sqlx::query(
            "UPDATE accounts SET password = ?, credentials = credentials + 1
             WHERE id = ? AND credentials = ?",
        )
        .bind(new.hash.expose())
        .bind(user.as_str())
        .bind(stored(new.seen))
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        found(&changed)?;
        let ended = end_where!(
            &mut transaction,
            new.at,
            "account = ? AND id <> ?",
            user.as_str(),
            new.keep.as_uuid()
        )
        .map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(ended)
    }

    pub(super) async fn set_hash(
        &self,
        user: &UserId,
        hash: &PasswordHash,
        seen: u64,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE accounts SET password = ? WHERE id = ? AND credentials = ?")
            .bind(hash.expose())
            .bind(user.as_str())
            .bind(stored(seen))
            .execute(&self.writer)
            .await
            .map_err(|error| unavailable("write a better hash", error))?;
        Ok(())
    }

    pub(super) async fn remove(
        &self,
        user: &UserId,
        at: Timestamp,
    ) -> Result<Vec<Revoked>, StoreError> {
        let failed = |error| unavailable("remove an account", error);
        let mut transaction = self.begin().await.map_err(failed)?;
        let ended =
            end_where!(&mut transaction, at, "account = ?", user.as_str()).map_err(failed)?;
        sqlx::query(
            "INSERT INTO account_departures (account, at) SELECT id, ? FROM accounts WHERE id = ?
             ON CONFLICT DO NOTHING",
        )
        .bind(at.as_micros())
        .bind(user.as_str())
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        // Its sessions go with it.
        sqlx::query("DELETE FROM accounts WHERE id = ?")
            .bind(user.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(ended)
    }
}

/// Whether an account's credentials are still those that were seen.
pub(super) async fn is_current(
    conn: &mut SqliteConnection,
    user: &UserId,
    seen: u64,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM accounts WHERE id = ? AND credentials = ?)")
        .bind(user.as_str())
        .bind(stored(seen))
        .fetch_one(conn)
        .await
}

fn found(changed: &SqliteQueryResult) -> Result<(), StoreError> {
    if changed.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Changed) }
}

/// A count as its column has it. Nobody counts as far as the column's end.
fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The only unique values that can be taken are e-mail addresses: ids are random.
fn taken_or_unavailable(operation: &'static str, error: sqlx::Error) -> StoreError {
    let is_taken =
        error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation);
    if is_taken { StoreError::EmailTaken } else { unavailable(operation, error) }
}

pub(super) fn unavailable(operation: &'static str, error: sqlx::Error) -> StoreError {
    StoreError::Unavailable { operation, source: error.into() }
}
