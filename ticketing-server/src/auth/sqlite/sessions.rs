//! The tables of sessions and of revocations.

use sqlx::SqliteConnection;
use ticketing_core::values::{Timestamp, UserId};
use uuid::Uuid;

use super::accounts::{is_current, unavailable};
use super::{SqliteAccounts, rows};
use crate::auth::store::{
    OpenSession, Revocations, RevocationsMark, Revoked, Session, SessionId, StoreError,
};

/// How many revocations one answer has.
const REVOCATIONS: usize = 1000;

/// Ends the sessions that a condition is true of, and announces them. The statement is put together
/// here so that it is a literal wherever it is used.
macro_rules! end_where {
    ($conn:expr, $at:expr, $condition:literal $(, $value:expr)*) => {{
        let ended = sqlx::query_as::<_, (uuid::Uuid, i64)>(concat!(
            "UPDATE account_sessions SET revoked_at = ? WHERE revoked_at IS NULL AND ",
            $condition,
            " RETURNING id, expires_at",
        ))
        .bind($at.as_micros())
        $(.bind($value))*
        .fetch_all(&mut **$conn)
        .await;
        match ended {
            Ok(ended) => $crate::auth::sqlite::sessions::announce($conn, ended).await,
            Err(error) => Err(error),
        }
    }};
}
pub(super) use end_where;

/// Writes down that sessions have ended, for every process to read.
pub(super) async fn announce(
    conn: &mut SqliteConnection,
    ended: Vec<(Uuid, i64)>,
) -> Result<Vec<Revoked>, sqlx::Error> {
    for (id, expires_at) in &ended {
        sqlx::query(
            "INSERT INTO account_revocations (session, expires_at) VALUES (?, ?)
             ON CONFLICT DO NOTHING",
        )
        .bind(id)
        .bind(expires_at)
        .execute(&mut *conn)
        .await?;
    }
    Ok(ended.into_iter().map(rows::revoked).collect())
}

impl SqliteAccounts {
    pub(super) async fn begin_session(
        &self,
        new: &OpenSession,
    ) -> Result<Vec<Revoked>, StoreError> {
        let failed = |error| unavailable("open a session", error);
        let mut transaction = self.begin().await.map_err(failed)?;
        let session = &new.session;
        if !is_current(&mut transaction, &session.user, new.seen).await.map_err(failed)? {
            return Err(StoreError::Changed);
        }
        insert(&mut transaction, session).await.map_err(failed)?;
        // The expired ones among them are no longer counted, nor do they need to end.
        let ended = end_where!(
            &mut transaction,
            session.created_at,
            "id IN (SELECT id FROM account_sessions
                WHERE account = ? AND revoked_at IS NULL AND expires_at > ? AND id <> ?
                ORDER BY created_at DESC, id DESC LIMIT -1 OFFSET ?)",
            session.user.as_str(),
            session.created_at.as_micros(),
            session.id.as_uuid(),
            i64::from(new.most.saturating_sub(1))
        )
        .map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(ended)
    }

    pub(super) async fn session_by_id(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let found = sqlx::query("SELECT * FROM account_sessions WHERE id = ?").bind(id.as_uuid());
        let found = found.fetch_optional(&self.readers).await;
        let row = found.map_err(|error| unavailable("read a session", error))?;
        row.as_ref().map(rows::session).transpose()
    }

    pub(super) async fn live(
        &self,
        user: &UserId,
        now: Timestamp,
    ) -> Result<Vec<Session>, StoreError> {
        let found = sqlx::query(
            "SELECT * FROM account_sessions
             WHERE account = ? AND revoked_at IS NULL AND expires_at > ?
             ORDER BY created_at DESC, id DESC",
        )
        .bind(user.as_str())
        .bind(now.as_micros())
        .fetch_all(&self.readers)
        .await
        .map_err(|error| unavailable("list sessions", error))?;
        found.iter().map(rows::session).collect()
    }

    pub(super) async fn end(
        &self,
        id: SessionId,
        at: Timestamp,
    ) -> Result<Option<Revoked>, StoreError> {
        let failed = |error| unavailable("end a session", error);
        let mut transaction = self.begin().await.map_err(failed)?;
        let ended = end_where!(&mut transaction, at, "id = ?", id.as_uuid()).map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(ended.into_iter().next())
    }

    pub(super) async fn end_others(
        &self,
        user: &UserId,
        keep: SessionId,
        at: Timestamp,
    ) -> Result<Vec<Revoked>, StoreError> {
        let failed = |error| unavailable("end other sessions", error);
        let mut transaction = self.begin().await.map_err(failed)?;
        let ended = end_where!(
            &mut transaction,
            at,
            "account = ? AND id <> ?",
            user.as_str(),
            keep.as_uuid()
        )
        .map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(ended)
    }

    pub(super) async fn end_idle(
        &self,
        before: Timestamp,
        at: Timestamp,
    ) -> Result<Vec<Revoked>, StoreError> {
        let failed = |error| unavailable("end idle sessions", error);
        let mut transaction = self.begin().await.map_err(failed)?;
        let ended = end_where!(
            &mut transaction,
            at,
            "id IN (SELECT id FROM account_sessions
                WHERE revoked_at IS NULL AND last_seen_at < ? AND expires_at > ? LIMIT 500)",
            before.as_micros(),
            at.as_micros()
        )
        .map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(ended)
    }

    pub(super) async fn mark_seen(
        &self,
        ids: &[SessionId],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let failed = |error| unavailable("note sessions as used", error);
        let mut transaction = self.begin().await.map_err(failed)?;
        for id in ids {
            sqlx::query(
                "UPDATE account_sessions SET last_seen_at = max(last_seen_at, ?) WHERE id = ?",
            )
            .bind(at.as_micros())
            .bind(id.as_uuid())
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        }
        transaction.commit().await.map_err(failed)
    }

    pub(super) async fn revocations(
        &self,
        after: RevocationsMark,
    ) -> Result<Revocations, StoreError> {
        // One transaction writes at a time, so numbers become visible in their order.
        let found: Vec<(i64, Uuid, i64)> = sqlx::query_as(
            "SELECT no, session, expires_at FROM account_revocations WHERE no > ?
             ORDER BY no LIMIT 1000",
        )
        .bind(after.0)
        .fetch_all(&self.readers)
        .await
        .map_err(|error| unavailable("read revocations", error))?;
        let mark = found.last().map_or(after, |(no, _, _)| RevocationsMark(*no));
        let more = found.len() == REVOCATIONS;
        let revoked = found.into_iter().map(|(_, id, end)| rows::revoked((id, end))).collect();
        Ok(Revocations { revoked, mark, more })
    }

    pub(super) async fn forget_expired(&self, now: Timestamp) -> Result<(), StoreError> {
        let failed = |error| unavailable("forget expired sessions", error);
        let mut transaction = self.begin().await.map_err(failed)?;
        for statement in [
            "DELETE FROM account_sessions WHERE id IN
                (SELECT id FROM account_sessions WHERE expires_at <= ? LIMIT 500)",
            "DELETE FROM account_revocations WHERE no IN
                (SELECT no FROM account_revocations WHERE expires_at <= ? LIMIT 500)",
        ] {
            sqlx::query(statement)
                .bind(now.as_micros())
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
        }
        transaction.commit().await.map_err(failed)
    }
}

async fn insert(conn: &mut SqliteConnection, session: &Session) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO account_sessions (id, account, created_at, last_seen_at, expires_at, user_agent)
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(session.id.as_uuid())
    .bind(session.user.as_str())
    .bind(session.created_at.as_micros())
    .bind(session.last_seen_at.as_micros())
    .bind(session.expires_at.as_micros())
    .bind(session.user_agent.as_deref())
    .execute(conn)
    .await?;
    Ok(())
}
