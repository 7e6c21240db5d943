//! Rows, read as what they stand for.

use sqlx::Row;
use sqlx::postgres::PgRow;
use ticketing_core::values::{Timestamp, UserId};
use uuid::Uuid;

use crate::auth::passwords::PasswordHash;
use crate::auth::store::{Account, Departure, Revoked, Session, SessionId, StoreError};

/// A row of a table, whose columns are read one by one.
struct Reader<'r> {
    row: &'r PgRow,
    table: &'static str,
}

impl<'r> Reader<'r> {
    fn get<T>(&self, column: &'static str) -> Result<T, StoreError>
    where
        T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        self.row.try_get(column).map_err(|_wrong| self.corrupt(column))
    }

    fn text<T: std::str::FromStr>(&self, column: &'static str) -> Result<T, StoreError> {
        self.get::<&str>(column)?.parse().map_err(|_wrong| self.corrupt(column))
    }

    fn time(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        self.get(column).map(Timestamp::from_micros)
    }

    fn user(&self, column: &'static str) -> Result<UserId, StoreError> {
        UserId::new(self.get::<&str>(column)?).map_err(|_wrong| self.corrupt(column))
    }

    fn corrupt(&self, column: &'static str) -> StoreError {
        StoreError::Corrupt { table: self.table, column }
    }
}

pub(super) fn account(row: &PgRow) -> Result<Account, StoreError> {
    let row = Reader { row, table: "accounts" };
    Ok(Account {
        id: row.user("id")?,
        email: row.text("email")?,
        password: PasswordHash::from(row.get::<String>("password")?),
        credentials: count(row.get("credentials")?, || row.corrupt("credentials"))?,
        created_at: row.time("created_at")?,
    })
}

pub(super) fn session(row: &PgRow) -> Result<Session, StoreError> {
    let row = Reader { row, table: "account_sessions" };
    Ok(Session {
        id: SessionId::from_uuid(row.get("id")?),
        user: row.user("account")?,
        created_at: row.time("created_at")?,
        last_seen_at: row.time("last_seen_at")?,
        expires_at: row.time("expires_at")?,
        user_agent: row.get("user_agent")?,
        revoked_at: row.get::<Option<i64>>("revoked_at")?.map(Timestamp::from_micros),
    })
}

pub(super) fn departure(row: &PgRow) -> Result<Departure, StoreError> {
    let row = Reader { row, table: "account_departures" };
    Ok(Departure { user: row.user("account")?, at: row.time("at")? })
}

/// A session's id and the end of its token, as two columns.
pub(super) fn revoked((id, expires_at): (Uuid, i64)) -> Revoked {
    Revoked { id: SessionId::from_uuid(id), expires_at: Timestamp::from_micros(expires_at) }
}

fn count(stored: i64, wrong: impl FnOnce() -> StoreError) -> Result<u64, StoreError> {
    u64::try_from(stored).map_err(|_negative| wrong())
}
