//! The table of revocations: how sessions end for every process.

use sqlx::PgConnection;
use uuid::Uuid;

use super::command::{Command, Failure};
use super::rows;
use crate::auth::store::{Revocations, RevocationsMark, Revoked};

/// How many revocations one answer has.
const REVOCATIONS: usize = 1000;

/// Ends the sessions that a condition is true of, and announces them. The statement is put together
/// here so that it is a literal wherever it is used. Its first parameter is the time; those of the
/// condition follow.
macro_rules! end_where {
    ($conn:expr, $at:expr, $condition:literal $(, $value:expr)*) => {{
        let ended = sqlx::query_as::<_, (uuid::Uuid, i64)>(concat!(
            "UPDATE account_sessions SET revoked_at = $1 WHERE revoked_at IS NULL AND ",
            $condition,
            " RETURNING id, expires_at",
        ))
        .bind($at.as_micros())
        $(.bind($value))*
        .fetch_all(&mut *$conn)
        .await;
        match ended {
            Ok(ended) => $crate::auth::postgres::revocations::announce(&mut *$conn, ended).await,
            Err(error) => Err(error),
        }
    }};
}
pub(super) use end_where;

/// Writes down that sessions have ended, for every process to read. The row with the last number is
/// locked from here to the end of the transaction, which must be near: everybody who ends a session
/// waits for it.
pub(super) async fn announce(
    conn: &mut PgConnection,
    ended: Vec<(Uuid, i64)>,
) -> Result<Vec<Revoked>, sqlx::Error> {
    let (ids, ends): (Vec<Uuid>, Vec<i64>) = ended.iter().copied().unzip();
    if !ids.is_empty() {
        sqlx::query(
            "WITH taken AS (
                UPDATE account_revocations_last SET no = no + cardinality($1::uuid[])
                WHERE the_one RETURNING no - cardinality($1::uuid[]) AS before
             )
             INSERT INTO account_revocations (no, session, expires_at)
             SELECT taken.before + ended.place, ended.id, ended.expires_at
             FROM taken, unnest($1::uuid[], $2::bigint[])
                 WITH ORDINALITY AS ended (id, expires_at, place)
             ON CONFLICT DO NOTHING",
        )
        .bind(ids)
        .bind(ends)
        .execute(conn)
        .await?;
    }
    Ok(ended.into_iter().map(rows::revoked).collect())
}

pub(super) struct After(pub(super) RevocationsMark);

impl Command for After {
    type Answer = Revocations;

    const NAME: &'static str = "read revocations";

    async fn run(&self, conn: &mut PgConnection) -> Result<Revocations, Failure> {
        let Self(after) = *self;
        let found: Vec<(i64, Uuid, i64)> = sqlx::query_as(
            "SELECT no, session, expires_at FROM account_revocations WHERE no > $1
             ORDER BY no LIMIT 1000",
        )
        .bind(after.0)
        .fetch_all(conn)
        .await?;
        let mark = found.last().map_or(after, |(no, _, _)| RevocationsMark(*no));
        let more = found.len() == REVOCATIONS;
        let revoked = found.into_iter().map(|(_, id, end)| rows::revoked((id, end))).collect();
        Ok(Revocations { revoked, mark, more })
    }
}
