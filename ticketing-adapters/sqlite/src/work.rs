//! What is to be published, and what to forget.

use std::sync::LazyLock;

use sqlx::{Connection, Row, SqliteConnection};
use ticketing_core::domain::EventKey;
use ticketing_core::ports::{DeadLetter, OutboxDepth, OutboxRow, OutboxRowId};
use ticketing_core::values::Timestamp;

use crate::error::Failure;
use crate::leases::Term;
use crate::many::Removal;
use crate::outbox::{self, Pointers};
use crate::reads::{if_readable, limit_of, readable_rows};
use crate::rows::event;

/// Whether a row waits to be published.
pub(crate) const ROW_WAITS: &str = "SELECT EXISTS (SELECT 1 FROM ticketing_outbox \
     WHERE published = 0 AND (leased_until IS NULL OR leased_until <= ?))";

pub(crate) const ROWS_TO_CLAIM: &str = "UPDATE ticketing_outbox SET leased_until = ?1, epoch = epoch + 1 WHERE id IN \
         (SELECT id FROM ticketing_outbox WHERE published = 0 \
         AND (leased_until IS NULL OR leased_until <= ?2) ORDER BY id LIMIT ?3) \
         RETURNING id, epoch, events";

/// Outbox rows that are not published, leased under a new epoch.
pub(crate) async fn claim_outbox(
    conn: &mut SqliteConnection,
    term: Term,
    limit: usize,
) -> Result<Vec<Pointers>, Failure> {
    let rows = sqlx::query(ROWS_TO_CLAIM)
        .bind(term.until.as_micros())
        .bind(term.now.as_micros())
        .bind(limit_of(limit))
        .fetch_all(&mut *conn)
        .await?;
    let mut claimed = readable_rows(&rows, outbox::read);
    claimed.sort_by_key(Pointers::id);
    Ok(claimed)
}

/// Where the rows that were committed since a time begin. It is told to use the index by age: SQLite
/// would walk from the oldest row that there is. As the clock may have been put back, the oldest row
/// by age need not be the first one.
pub(crate) const FIRST_SINCE: &str = "SELECT min(id) FROM ticketing_outbox \
     INDEXED BY ticketing_outbox_published WHERE published = 1 AND committed_at >= ?";
pub(crate) const PUBLISHED: &str = "SELECT id, epoch, events FROM ticketing_outbox NOT INDEXED \
     WHERE id >= ? AND published = 1 AND committed_at >= ? ORDER BY id LIMIT ?";

/// Published rows, by id.
pub(crate) async fn published_since(
    conn: &mut SqliteConnection,
    since: Timestamp,
    after: Option<OutboxRowId>,
    limit: usize,
) -> Result<Vec<OutboxRow>, Failure> {
    // What is forgotten meanwhile is not missed.
    let mut moment = conn.begin().await?;
    let first: Option<i64> = if let Some(row) = after {
        row.0.checked_add(1)
    } else {
        let query = sqlx::query_scalar(FIRST_SINCE).bind(since.as_micros());
        query.fetch_one(&mut *moment).await?
    };
    let Some(first) = first else {
        return Ok(Vec::new());
    };
    let rows = sqlx::query(PUBLISHED)
        .bind(first)
        .bind(since.as_micros())
        .bind(limit_of(limit))
        .fetch_all(&mut *moment)
        .await?;
    // What is lost of them became a dead letter when they were claimed, and is in the log.
    with_events(&mut moment, readable_rows(&rows, outbox::read), &mut Vec::new()).await
}

/// The rows with those of their events that can be read; the keys of the others are added to `lost`.
pub(crate) async fn with_events(
    conn: &mut SqliteConnection,
    rows: Vec<Pointers>,
    lost: &mut Vec<EventKey>,
) -> Result<Vec<OutboxRow>, Failure> {
    let mut complete = Vec::with_capacity(rows.len());
    for row in rows {
        complete.push(outbox::with_events(conn, row, lost).await?);
    }
    Ok(complete)
}

/// Makes dead letters of events that can't be read, so that somebody learns of them.
pub(crate) async fn bury_lost(
    conn: &mut SqliteConnection,
    lost: Vec<EventKey>,
    at: Timestamp,
) -> Result<(), Failure> {
    let mut transaction = conn.begin_with("BEGIN IMMEDIATE").await?;
    for event in lost {
        let reason = "its row can't be read, or is gone".to_owned();
        outbox::bury(&mut transaction, &DeadLetter { event, reason, at }).await?;
    }
    Ok(transaction.commit().await?)
}

/// Ends a claim. Answers whether it was still the caller's.
pub(crate) async fn outbox_done(
    conn: &mut SqliteConnection,
    row: OutboxRowId,
    epoch: u64,
    dead: &[DeadLetter],
) -> Result<bool, Failure> {
    let mut transaction = conn.begin_with("BEGIN IMMEDIATE").await?;
    let Ok(epoch) = i64::try_from(epoch) else {
        return Ok(false);
    };
    let published: Option<bool> =
        sqlx::query_scalar("SELECT published FROM ticketing_outbox WHERE id = ? AND epoch = ?")
            .bind(row.0)
            .bind(epoch)
            .fetch_optional(&mut *transaction)
            .await?;
    if published == Some(false) {
        sqlx::query("UPDATE ticketing_outbox SET published = 1, leased_until = NULL WHERE id = ?")
            .bind(row.0)
            .execute(&mut *transaction)
            .await?;
        for letter in dead {
            outbox::bury(&mut transaction, letter).await?;
        }
    }
    transaction.commit().await?;
    Ok(published.is_some())
}

/// More rows than this are not counted: it is far more than an engine lets wait.
pub(crate) const DEPTH_MAX: usize = 100_000;

pub(crate) const DEPTH: &str = "SELECT (SELECT count(*) FROM \
     (SELECT 1 FROM ticketing_outbox WHERE published = 0 LIMIT ?)) AS waiting, \
     (SELECT committed_at FROM ticketing_outbox WHERE published = 0 ORDER BY id LIMIT 1) AS oldest";

/// What waits to be published.
pub(crate) async fn outbox_depth(conn: &mut SqliteConnection) -> Result<OutboxDepth, Failure> {
    let row = sqlx::query(DEPTH).bind(limit_of(DEPTH_MAX)).fetch_one(conn).await?;
    let waiting: i64 = row.try_get("waiting")?;
    let oldest: Option<i64> = row.try_get("oldest")?;
    Ok(OutboxDepth {
        rows: usize::try_from(waiting).unwrap_or(usize::MAX),
        oldest: oldest.map(Timestamp::from_micros),
    })
}

/// How many published rows are forgotten in one transaction, and of how many events together, as far
/// as one row has not more: nobody else writes meanwhile.
const ROWS_AT_ONCE: usize = 64;
const EVENTS_AT_ONCE: usize = 1_024;

/// Forgets what is old of keys, then of webhooks.
pub(crate) async fn forget_others(
    conn: &mut SqliteConnection,
    before: Timestamp,
    limit: usize,
) -> Result<usize, Failure> {
    let mut transaction = conn.begin_with("BEGIN IMMEDIATE").await?;
    let mut gone = 0_usize;
    for sql in [OLD_KEYS, OLD_WEBHOOKS] {
        let done = sqlx::query(sql)
            .bind(before.as_micros())
            .bind(limit_of(limit.saturating_sub(gone)))
            .execute(&mut *transaction)
            .await?;
        gone = gone.saturating_add(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX));
    }
    transaction.commit().await?;
    Ok(gone)
}

pub(crate) const OLD_ROWS: &str = "SELECT id, epoch, events FROM ticketing_outbox \
     WHERE published = 1 AND committed_at < ? ORDER BY committed_at LIMIT ?";

pub(crate) static FORGET_ROWS: LazyLock<Removal> =
    LazyLock::new(|| Removal::from("ticketing_outbox", &["id"]));

pub(crate) const OLD_KEYS: &str = "DELETE FROM ticketing_keys WHERE (user, key) IN \
     (SELECT user, key FROM ticketing_keys WHERE used_at < ? ORDER BY used_at LIMIT ?)";

pub(crate) const OLD_WEBHOOKS: &str = "DELETE FROM ticketing_webhooks WHERE (gateway, id) IN \
     (SELECT gateway, id FROM ticketing_webhooks WHERE closed = 1 AND received_at < ? \
     ORDER BY received_at LIMIT ?)";

/// Forgets the oldest published rows, with their events, as many as fit into one transaction. Answers
/// how many.
pub(crate) async fn forget_published(
    conn: &mut SqliteConnection,
    before: Timestamp,
    limit: usize,
) -> Result<usize, Failure> {
    let mut transaction = conn.begin_with("BEGIN IMMEDIATE").await?;
    let old = sqlx::query(OLD_ROWS)
        .bind(before.as_micros())
        .bind(limit_of(limit.min(ROWS_AT_ONCE)))
        .fetch_all(&mut *transaction)
        .await?;
    let (mut rows, mut keys): (Vec<i64>, Vec<EventKey>) = Default::default();
    for row in &old {
        // One that can't be read goes all the same: it would stand before the others for ever.
        let theirs = if_readable(outbox::read(row)).map(|row| row.keys).unwrap_or_default();
        if !rows.is_empty() && keys.len().saturating_add(theirs.len()) > EVENTS_AT_ONCE {
            break;
        }
        rows.push(row.try_get("id")?);
        keys.extend(theirs);
    }
    event::forget(&mut transaction, &keys).await?;
    FORGET_ROWS.rows(&mut transaction, &rows, |query, id| Ok(query.bind(*id))).await?;
    transaction.commit().await?;
    Ok(rows.len())
}
