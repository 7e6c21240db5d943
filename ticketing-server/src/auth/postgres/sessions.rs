//! The table of sessions.

use sqlx::PgConnection;
use ticketing_core::values::{Timestamp, UserId};
use uuid::Uuid;

use super::accounts::is_current;
use super::command::{Command, Failure};
use super::revocations::end_where;
use super::rows;
use crate::auth::store::{OpenSession, Revoked, Session, SessionId, StoreError};

pub(super) struct Open(pub(super) OpenSession);

impl Command for Open {
    type Answer = Vec<Revoked>;

    const NAME: &'static str = "open a session";

    async fn run(&self, conn: &mut PgConnection) -> Result<Vec<Revoked>, Failure> {
        let OpenSession { session, seen, most } = &self.0;
        if !is_current(conn, &session.user, *seen).await? {
            return Err(StoreError::Changed.into());
        }
        insert(conn, session).await?;
        // The expired ones among them are no longer counted, nor do they need to end.
        let ended = end_where!(
            conn,
            session.created_at,
            "id IN (SELECT id FROM account_sessions
                WHERE account = $2 AND revoked_at IS NULL AND expires_at > $1 AND id <> $3
                ORDER BY created_at DESC, id DESC OFFSET $4)",
            session.user.as_str(),
            session.id.as_uuid(),
            i64::from(most.saturating_sub(1))
        )?;
        Ok(ended)
    }
}

pub(super) struct ById(pub(super) SessionId);

impl Command for ById {
    type Answer = Option<Session>;

    const NAME: &'static str = "read a session";

    async fn run(&self, conn: &mut PgConnection) -> Result<Option<Session>, Failure> {
        let found = sqlx::query(
            "SELECT id, account, created_at, last_seen_at, expires_at, user_agent, revoked_at
             FROM account_sessions WHERE id = $1",
        );
        let row = found.bind(self.0.as_uuid()).fetch_optional(conn).await?;
        Ok(row.as_ref().map(rows::session).transpose()?)
    }
}

pub(super) struct Live {
    pub(super) user: UserId,
    pub(super) now: Timestamp,
}

impl Command for Live {
    type Answer = Vec<Session>;

    const NAME: &'static str = "list sessions";

    async fn run(&self, conn: &mut PgConnection) -> Result<Vec<Session>, Failure> {
        let found = sqlx::query(
            "SELECT id, account, created_at, last_seen_at, expires_at, user_agent, revoked_at
             FROM account_sessions
             WHERE account = $1 AND revoked_at IS NULL AND expires_at > $2
             ORDER BY created_at DESC, id DESC",
        )
        .bind(self.user.as_str())
        .bind(self.now.as_micros())
        .fetch_all(conn)
        .await?;
        Ok(found.iter().map(rows::session).collect::<Result<_, _>>()?)
    }
}

pub(super) struct End {
    pub(super) id: SessionId,
    pub(super) at: Timestamp,
}

impl Command for End {
    type Answer = Option<Revoked>;

    const NAME: &'static str = "end a session";

    async fn run(&self, conn: &mut PgConnection) -> Result<Option<Revoked>, Failure> {
        let ended = end_where!(conn, self.at, "id = $2", self.id.as_uuid())?;
        Ok(ended.into_iter().next())
    }
}

pub(super) struct EndOthers {
    pub(super) user: UserId,
    pub(super) keep: SessionId,
    pub(super) at: Timestamp,
}

impl Command for EndOthers {
    type Answer = Vec<Revoked>;

    const NAME: &'static str = "end other sessions";

    async fn run(&self, conn: &mut PgConnection) -> Result<Vec<Revoked>, Failure> {
        let (user, keep) = (self.user.as_str(), self.keep.as_uuid());
        Ok(end_where!(conn, self.at, "account = $2 AND id <> $3", user, keep)?)
    }
}

pub(super) struct EndIdle {
    pub(super) before: Timestamp,
    pub(super) at: Timestamp,
}

impl Command for EndIdle {
    type Answer = Vec<Revoked>;

    const NAME: &'static str = "end idle sessions";

    async fn run(&self, conn: &mut PgConnection) -> Result<Vec<Revoked>, Failure> {
        // What somebody else is changing is left to the next time: this runs in every process, and
        // none is to wait for another.
        let ended = end_where!(
            conn,
            self.at,
            "id IN (WITH idle AS (SELECT id FROM account_sessions
                    WHERE revoked_at IS NULL AND last_seen_at < $2 AND expires_at > $1
                    LIMIT 500 FOR UPDATE SKIP LOCKED)
                SELECT id FROM idle)",
            self.before.as_micros()
        )?;
        Ok(ended)
    }
}

pub(super) struct MarkSeen {
    pub(super) ids: Vec<SessionId>,
    pub(super) at: Timestamp,
}

impl Command for MarkSeen {
    type Answer = ();

    const NAME: &'static str = "note sessions as used";

    async fn run(&self, conn: &mut PgConnection) -> Result<(), Failure> {
        let ids: Vec<Uuid> = self.ids.iter().map(|id| id.as_uuid()).collect();
        // Locked in the order of their ids, so that two processes that note the same ones do not
        // wait for each other.
        sqlx::query(
            "UPDATE account_sessions SET last_seen_at = $1
             WHERE id IN (WITH used AS (SELECT id FROM account_sessions
                    WHERE id = ANY($2) AND last_seen_at < $1 ORDER BY id FOR UPDATE)
                SELECT id FROM used)",
        )
        .bind(self.at.as_micros())
        .bind(ids)
        .execute(conn)
        .await?;
        Ok(())
    }
}

pub(super) struct ForgetExpired {
    pub(super) now: Timestamp,
}

impl Command for ForgetExpired {
    type Answer = ();

    const NAME: &'static str = "forget expired sessions";

    async fn run(&self, conn: &mut PgConnection) -> Result<(), Failure> {
        for statement in [
            "DELETE FROM account_sessions WHERE id IN
                (WITH expired AS (SELECT id FROM account_sessions WHERE expires_at <= $1
                    LIMIT 500 FOR UPDATE SKIP LOCKED)
                 SELECT id FROM expired)",
            "DELETE FROM account_revocations WHERE no IN
                (WITH expired AS (SELECT no FROM account_revocations WHERE expires_at <= $1
                    LIMIT 500 FOR UPDATE SKIP LOCKED)
                 SELECT no FROM expired)",
        ] {
            sqlx::query(statement).bind(self.now.as_micros()).execute(&mut *conn).await?;
        }
        Ok(())
    }
}

async fn insert(conn: &mut PgConnection, session: &Session) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO account_sessions (id, account, created_at, last_seen_at, expires_at, user_agent)
         VALUES ($1, $2, $3, $4, $5, $6)",
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
