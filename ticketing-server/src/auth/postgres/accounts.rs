//! The table of accounts. Its rows are the locks: whatever opens or ends sessions because of an
//! account's password has the account's row first, so that none slips through between the two.

use sqlx::PgConnection;
use sqlx::postgres::PgQueryResult;
use ticketing_core::values::{Timestamp, UserId};

use super::command::{Command, Failure};
use super::revocations::end_where;
use super::rows;
use crate::auth::email::Email;
use crate::auth::passwords::PasswordHash;
use crate::auth::store::{Account, NewPassword, Revoked, StoreError};

pub(super) struct Add(pub(super) Account);

impl Command for Add {
    type Answer = ();

    const NAME: &'static str = "add an account";

    async fn run(&self, conn: &mut PgConnection) -> Result<(), Failure> {
        let Self(account) = self;
        sqlx::query(
            "INSERT INTO accounts (id, email, email_key, password, credentials, created_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(account.id.as_str())
        .bind(account.email.as_str())
        .bind(account.email.key())
        .bind(account.password.expose())
        .bind(stored(account.credentials))
        .bind(account.created_at.as_micros())
        .execute(conn)
        .await
        .map_err(taken)?;
        Ok(())
    }
}

pub(super) struct ById(pub(super) UserId);

impl Command for ById {
    type Answer = Option<Account>;

    const NAME: &'static str = "read an account";

    async fn run(&self, conn: &mut PgConnection) -> Result<Option<Account>, Failure> {
        let found = sqlx::query(
            "SELECT id, email, password, credentials, created_at FROM accounts WHERE id = $1",
        );
        let row = found.bind(self.0.as_str()).fetch_optional(conn).await?;
        Ok(row.as_ref().map(rows::account).transpose()?)
    }
}

pub(super) struct ByEmail(pub(super) Email);

impl Command for ByEmail {
    type Answer = Option<Account>;

    const NAME: &'static str = "look for an account";

    async fn run(&self, conn: &mut PgConnection) -> Result<Option<Account>, Failure> {
        let found = sqlx::query(
            "SELECT id, email, password, credentials, created_at FROM accounts
             WHERE email_key = $1",
        );
        let row = found.bind(self.0.key()).fetch_optional(conn).await?;
        Ok(row.as_ref().map(rows::account).transpose()?)
    }
}

pub(super) struct SetEmail {
    pub(super) user: UserId,
    pub(super) email: Email,
    pub(super) seen: u64,
}

impl Command for SetEmail {
    type Answer = ();

    const NAME: &'static str = "change an e-mail address";

    async fn run(&self, conn: &mut PgConnection) -> Result<(), Failure> {
        let changed = sqlx::query(
            "UPDATE accounts SET email = $1, email_key = $2 WHERE id = $3 AND credentials = $4",
        )
        .bind(self.email.as_str())
        .bind(self.email.key())
        .bind(self.user.as_str())
        .bind(stored(self.seen))
        .execute(conn)
        .await
        .map_err(taken)?;
        Ok(found(&changed)?)
    }
}

pub(super) struct SetPassword {
    pub(super) user: UserId,
    pub(super) new: NewPassword,
}

impl Command for SetPassword {
    type Answer = Vec<Revoked>;

    const NAME: &'static str = "change a password";

    async fn run(&self, conn: &mut PgConnection) -> Result<Vec<Revoked>, Failure> {
        let new = &self.new;
        let changed = sqlx::query(
            "UPDATE accounts SET password = $1, credentials = credentials + 1
             WHERE id = $2 AND credentials = $3",
        )
        .bind(new.hash.expose())
        .bind(self.user.as_str())
        .bind(stored(new.seen))
        .execute(&mut *conn)
        .await?;
        found(&changed)?;
        let ended = end_where!(
            conn,
            new.at,
            "account = $2 AND id <> $3",
            self.user.as_str(),
            new.keep.as_uuid()
        )?;
        Ok(ended)
    }
}

pub(super) struct SetHash {
    pub(super) user: UserId,
    pub(super) hash: PasswordHash,
    pub(super) seen: u64,
}

impl Command for SetHash {
    type Answer = ();

    const NAME: &'static str = "write a better hash";

    async fn run(&self, conn: &mut PgConnection) -> Result<(), Failure> {
        sqlx::query("UPDATE accounts SET password = $1 WHERE id = $2 AND credentials = $3")
            .bind(self.hash.expose())
            .bind(self.user.as_str())
            .bind(stored(self.seen))
            .execute(conn)
            .await?;
        Ok(())
    }
}

pub(super) struct Remove {
    pub(super) user: UserId,
    pub(super) at: Timestamp,
}

impl Command for Remove {
    type Answer = Vec<Revoked>;

    const NAME: &'static str = "remove an account";

    async fn run(&self, conn: &mut PgConnection) -> Result<Vec<Revoked>, Failure> {
        // From here on nobody opens a session for it.
        sqlx::query("SELECT 1 FROM accounts WHERE id = $1 FOR UPDATE")
            .bind(self.user.as_str())
            .execute(&mut *conn)
            .await?;
        let ended = end_where!(conn, self.at, "account = $2", self.user.as_str())?;
        sqlx::query(
            "INSERT INTO account_departures (account, at)
             SELECT id, $1 FROM accounts WHERE id = $2 ON CONFLICT DO NOTHING",
        )
        .bind(self.at.as_micros())
        .bind(self.user.as_str())
        .execute(&mut *conn)
        .await?;
        // Its sessions go with it.
        sqlx::query("DELETE FROM accounts WHERE id = $1")
            .bind(self.user.as_str())
            .execute(conn)
            .await?;
        Ok(ended)
    }
}

/// Whether an account's credentials are still those that were seen. If so, they stay until the
/// transaction has ended, and no other session of the account is opened before.
pub(super) async fn is_current(
    conn: &mut PgConnection,
    user: &UserId,
    seen: u64,
) -> Result<bool, sqlx::Error> {
    let found = sqlx::query("SELECT 1 FROM accounts WHERE id = $1 AND credentials = $2 FOR UPDATE")
        .bind(user.as_str())
        .bind(stored(seen))
        .fetch_optional(conn)
        .await?;
    Ok(found.is_some())
}

fn found(changed: &PgQueryResult) -> Result<(), StoreError> {
    if changed.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Changed) }
}

/// A count as its column has it. Nobody counts as far as the column's end.
fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The only unique values that can be taken are e-mail addresses: ids are random.
fn taken(error: sqlx::Error) -> Failure {
    let is_taken =
        error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation);
    if is_taken { StoreError::EmailTaken.into() } else { error.into() }
}
