//! What is given out for a while, so that nobody else does it meanwhile.

use std::time::Duration;

use sqlx::sqlite::SqliteRow;
use sqlx::{Connection, SqliteConnection};
use ticketing_core::domain::{Payment, Refund};
use ticketing_core::values::Timestamp;

use crate::error::Failure;
use crate::reads::{limit_of, readable_rows};
use crate::rows::{payment, refund};

/// From when until when something is leased.
#[derive(Clone, Copy)]
pub(crate) struct Term {
    /// The storage's time.
    pub(crate) now: Timestamp,
    /// The end of the lease.
    pub(crate) until: Timestamp,
}

impl Term {
    /// A lease that begins now.
    pub(crate) fn new(now: Timestamp, lease: Duration) -> Self {
        Self { now, until: now.plus(lease) }
    }
}

/// Whether anything waits, so that the writer need not be asked when nothing does.
pub(crate) async fn is_waiting(
    conn: &mut SqliteConnection,
    sql: &'static str,
    now: Timestamp,
) -> Result<bool, Failure> {
    Ok(sqlx::query_scalar(sql).bind(now.as_micros()).fetch_one(conn).await?)
}

/// A table whose rows wait until their next action is due.
pub(crate) struct Unsettled<T> {
    /// Whether one is due.
    pub(crate) waits: &'static str,
    pub(crate) to_lease: &'static str,
    put_off: &'static str,
    read: fn(&SqliteRow) -> Result<T, Failure>,
    next_action_at: fn(&mut T) -> &mut Option<Timestamp>,
}

macro_rules! unsettled {
    ($table:literal, $read:path, $next_action_at:expr) => {
        Unsettled {
            waits: concat!("SELECT EXISTS (SELECT 1 FROM ", $table, " WHERE next_action_at <= ?)"),
            to_lease: concat!(
                "SELECT * FROM ",
                $table,
                " WHERE next_action_at <= ? ORDER BY next_action_at, id LIMIT ?"
            ),
            put_off: concat!(
                "UPDATE ",
                $table,
                " SET next_action_at = ? WHERE id IN (SELECT id FROM ",
                $table,
                " WHERE next_action_at <= ? ORDER BY next_action_at, id LIMIT ?)"
            ),
            read: $read,
            next_action_at: $next_action_at,
        }
    };
}

/// Payments that somebody must look at.
pub(crate) const PAYMENTS: Unsettled<Payment> =
    unsettled!("ticketing_payments", payment::read, |payment| &mut payment.next_action_at);

/// Refunds that somebody must look at.
pub(crate) const REFUNDS: Unsettled<Refund> =
    unsettled!("ticketing_refunds", refund::read, |refund| &mut refund.next_action_at);

impl<T> Unsettled<T> {
    /// Reads rows as they are, in the order of their waiting, and puts all of them off: also one that
    /// can't be read, or it would stand at the head of the list for ever.
    pub(crate) async fn lease(
        &self,
        conn: &mut SqliteConnection,
        term: Term,
        limit: usize,
    ) -> Result<Vec<T>, Failure> {
        let (now, limit) = (term.now.as_micros(), limit_of(limit));
        let mut transaction = conn.begin_with("BEGIN IMMEDIATE").await?;
        let due = sqlx::query(self.to_lease).bind(now).bind(limit);
        let rows = due.fetch_all(&mut *transaction).await?;
        let put_off = sqlx::query(self.put_off).bind(term.until.as_micros()).bind(now).bind(limit);
        put_off.execute(&mut *transaction).await?;
        transaction.commit().await?;
        let mut leased = readable_rows(&rows, self.read);
        for row in &mut leased {
            *(self.next_action_at)(row) = Some(term.until);
        }
        Ok(leased)
    }
}
