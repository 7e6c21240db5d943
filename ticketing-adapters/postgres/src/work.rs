//! What is to be published, and what to forget.

use std::time::Duration;

use sqlx::{PgConnection, Row};
use ticketing_core::domain::EventKey;
use ticketing_core::ports::{DeadLetter, OutboxDepth, OutboxRow, OutboxRowId};
use ticketing_core::values::Timestamp;

use crate::error::Failure;
use crate::leases::micros_of;
use crate::outbox::{self, Pointers};
use crate::reads::{limit_of, readable_rows};
use crate::rows::event;
use crate::storage::Session;
use crate::time::now;

pub(crate) const CLAIM: &str = concat!(
    "WITH moment AS MATERIALIZED (SELECT ",
    now!(),
    " AS now), due AS MATERIALIZED (SELECT id FROM ticketing.outbox \
     WHERE NOT published AND (leased_until IS NULL OR leased_until <= (SELECT now FROM moment)) \
     ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED) \
     UPDATE ticketing.outbox AS stored SET leased_until = (SELECT now FROM moment) + $1, \
     epoch = stored.epoch + 1 FROM due WHERE stored.id = due.id \
     RETURNING stored.id, stored.epoch, stored.events"
);

/// How many keys of events are looked up with one statement, roughly.
const KEYS_AT_ONCE: usize = 2_000;

/// Outbox rows that are not published, leased under a new epoch, with their events. An event that
/// can't be read becomes a dead letter.
pub(crate) async fn claim_outbox(
    conn: &mut PgConnection,
    lease: Duration,
    limit: usize,
) -> Result<Vec<OutboxRow>, Failure> {
    let query = sqlx::query(CLAIM).bind(micros_of(lease)).bind(limit_of(limit));
    let rows = query.fetch_all(&mut *conn).await.map_err(Failure::of_statement)?;
    let mut claimed = readable_rows(&rows, outbox::read);
    claimed.sort_by_key(Pointers::id);
    let mut lost = Vec::new();
    let complete = with_events(conn, claimed, &mut lost).await?;
    bury_lost(conn, lost).await?;
    Ok(complete)
}

/// The rows with those of their events that can be read; the keys of the others are added to `lost`.
async fn with_events(
    conn: &mut PgConnection,
    rows: Vec<Pointers>,
    lost: &mut Vec<EventKey>,
) -> Result<Vec<OutboxRow>, Failure> {
    let mut complete = Vec::with_capacity(rows.len());
    let (mut some, mut keys) = (Vec::new(), 0_usize);
    for row in rows {
        keys = keys.saturating_add(row.keys.len());
        some.push(row);
        if keys >= KEYS_AT_ONCE {
            complete.extend(outbox::with_events(conn, std::mem::take(&mut some), lost).await?);
            keys = 0;
        }
    }
    complete.extend(outbox::with_events(conn, some, lost).await?);
    Ok(complete)
}

/// Makes dead letters of events that can't be read, so that somebody learns of them.
async fn bury_lost(conn: &mut PgConnection, lost: Vec<EventKey>) -> Result<(), Failure> {
    if lost.is_empty() {
        return Ok(());
    }
    let at = crate::time::read(conn).await?;
    let letter = |event| {
        let reason = "its row can't be read, or is gone".to_owned();
        DeadLetter { event, reason, at }
    };
    let letters: Vec<DeadLetter> = lost.into_iter().map(letter).collect();
    outbox::bury(conn, &letters).await
}

/// Where the rows that were committed since a time begin is looked for by age: walking by id would
/// begin at the oldest row that there is. As the clock may have been put back, the oldest row by age
/// need not be the first one.
pub(crate) const PUBLISHED: &str = "SELECT id, epoch, events FROM ticketing.outbox \
     WHERE id >= COALESCE($2, (SELECT min(id) FROM (SELECT id FROM ticketing.outbox \
     WHERE published AND committed_at >= $1 OFFSET 0) AS since)) \
     AND published AND committed_at >= $1 ORDER BY id LIMIT $3";

/// Published rows, by id.
pub(crate) async fn published_since(
    conn: &mut PgConnection,
    since: Timestamp,
    after: Option<OutboxRowId>,
    limit: usize,
) -> Result<Vec<OutboxRow>, Failure> {
    let first = after.map(|row| row.0.checked_add(1));
    if first == Some(None) {
        return Ok(Vec::new());
    }
    let rows = sqlx::query(PUBLISHED)
        .bind(since.as_micros())
        .bind(first.flatten())
        .bind(limit_of(limit))
        .fetch_all(&mut *conn)
        .await?;
    // What is lost of them became a dead letter when they were claimed, and is in the log.
    with_events(conn, readable_rows(&rows, outbox::read), &mut Vec::new()).await
}

/// More rows than this are not counted: it is far more than an engine lets wait.
pub(crate) const DEPTH_MAX: usize = 100_000;

pub(crate) const DEPTH: &str = "SELECT (SELECT count(*) FROM \
     (SELECT FROM ticketing.outbox WHERE NOT published LIMIT $1) AS counted) AS waiting, \
     (SELECT committed_at FROM ticketing.outbox WHERE NOT published ORDER BY id LIMIT 1) AS oldest";

/// What waits to be published.
pub(crate) async fn outbox_depth(conn: &mut PgConnection) -> Result<OutboxDepth, Failure> {
    let row = sqlx::query(DEPTH).bind(limit_of(DEPTH_MAX)).fetch_one(conn).await?;
    let waiting: i64 = row.try_get("waiting")?;
    let oldest: Option<i64> = row.try_get("oldest")?;
    Ok(OutboxDepth {
        rows: usize::try_from(waiting).unwrap_or(usize::MAX),
        oldest: oldest.map(Timestamp::from_micros),
    })
}

/// How many published rows are forgotten in one transaction: each can have hundreds of events.
pub(crate) const ROWS_AT_ONCE: usize = 64;

// Two who forget at the same time forget different rows.
pub(crate) const OLD_ROWS: &str = "WITH old AS MATERIALIZED (SELECT id FROM ticketing.outbox \
     WHERE published AND committed_at < $1 ORDER BY committed_at, id LIMIT $2 \
     FOR UPDATE SKIP LOCKED) \
     DELETE FROM ticketing.outbox AS stored USING old WHERE stored.id = old.id \
     RETURNING stored.id, stored.epoch, stored.events";

pub(crate) const OLD_KEYS: &str = "WITH old AS MATERIALIZED (SELECT buyer, key FROM ticketing.keys \
     WHERE used_at < $1 ORDER BY used_at LIMIT $2 FOR UPDATE SKIP LOCKED) \
     DELETE FROM ticketing.keys AS stored USING old \
     WHERE stored.buyer = old.buyer AND stored.key = old.key";

pub(crate) const OLD_WEBHOOKS: &str = "WITH old AS MATERIALIZED (SELECT gateway, id \
     FROM ticketing.webhooks WHERE closed AND received_at < $1 \
     ORDER BY received_at, gateway, id LIMIT $2 FOR UPDATE SKIP LOCKED) \
     DELETE FROM ticketing.webhooks AS stored USING old \
     WHERE stored.gateway = old.gateway AND stored.id = old.id";

/// Forgets published rows that are old, with their events.
pub(crate) async fn forget_published(
    mut session: Session,
    before: Timestamp,
    limit: usize,
) -> Result<usize, Failure> {
    session.begin().await?;
    let query = sqlx::query(OLD_ROWS).bind(before.as_micros()).bind(limit_of(limit));
    let rows = query.fetch_all(session.conn()).await.map_err(Failure::of_statement)?;
    let keys: Vec<EventKey> =
        readable_rows(&rows, outbox::read).into_iter().flat_map(|row| row.keys).collect();
    event::forget(session.conn(), &keys).await?;
    session.commit().await?;
    Ok(rows.len())
}

/// Forgets what is old of keys, then of webhooks.
pub(crate) async fn forget_others(
    conn: &mut PgConnection,
    before: Timestamp,
    limit: usize,
) -> Result<usize, Failure> {
    let mut gone = 0_usize;
    for sql in [OLD_KEYS, OLD_WEBHOOKS] {
        let done = sqlx::query(sql)
            .bind(before.as_micros())
            .bind(limit_of(limit.saturating_sub(gone)))
            .execute(&mut *conn)
            .await
            .map_err(Failure::of_statement)?;
        gone = gone.saturating_add(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX));
    }
    Ok(gone)
}
