//! What is given out for a while, so that nobody else does it meanwhile.
//!
//! Whoever leases takes rows that nobody else is just taking, so that several processes share the
//! work and none waits for another. It is one statement, and the time in it is the database's.

use std::time::Duration;

use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use ticketing_core::domain::{Payment, Refund};
use ticketing_core::ports::Due;
use ticketing_core::values::Timestamp;

use crate::error::Failure;
use crate::reads::{at_moment, limit_of, readable};
use crate::rows::{payment, refund};
use crate::time::now;

/// A table whose rows wait until their next action is due.
pub(crate) struct Unsettled<T> {
    /// Leases rows, in the order of their waiting.
    pub(crate) sql: &'static str,
    read: fn(&PgRow) -> Result<T, Failure>,
}

macro_rules! unsettled {
    ($table:literal, $read:path) => {
        Unsettled {
            sql: concat!(
                "WITH moment AS MATERIALIZED (SELECT ",
                now!(),
                " AS now), due AS MATERIALIZED \
                 (SELECT id, next_action_at AS waits_since FROM ticketing.",
                $table,
                " WHERE next_action_at <= (SELECT now FROM moment) \
                 ORDER BY next_action_at, id LIMIT $2 FOR UPDATE SKIP LOCKED), \
                 leased AS (UPDATE ticketing.",
                $table,
                " AS stored SET next_action_at = (SELECT now FROM moment) + $1 \
                 FROM due WHERE stored.id = due.id RETURNING stored.*, due.waits_since) \
                 SELECT moment.now AS moment, leased.* FROM moment LEFT JOIN leased ON true \
                 ORDER BY waits_since, id"
            ),
            read: $read,
        }
    };
}

/// Payments that somebody must look at.
pub(crate) const PAYMENTS: Unsettled<Payment> = unsettled!("payments", payment::read);

/// Refunds that somebody must look at.
pub(crate) const REFUNDS: Unsettled<Refund> = unsettled!("refunds", refund::read);

impl<T> Unsettled<T> {
    /// Puts off what is due, and reads it. That includes a row that can't be read, or it would stand
    /// at the head of the list for ever.
    pub(crate) async fn lease(
        &self,
        conn: &mut PgConnection,
        lease: Duration,
        limit: usize,
    ) -> Result<Due<T>, Failure> {
        let query = sqlx::query(self.sql).bind(micros_of(lease)).bind(limit_of(limit));
        let rows = query.fetch_all(conn).await.map_err(Failure::of_statement)?;
        let (now, leased) = at_moment(&rows)?;
        Ok(Due { now, items: readable(leased.into_iter().map(self.read)) })
    }
}

/// A duration as it is added to a time: a lease that is longer than all of time ends with it.
pub(crate) fn micros_of(lease: Duration) -> i64 {
    let most = Timestamp::MAX.as_micros();
    i64::try_from(lease.as_micros()).map_or(most, |micros| micros.min(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_never_longer_than_time() {
        assert_eq!(micros_of(Duration::from_millis(5)), 5_000);
        assert_eq!(micros_of(Duration::MAX), Timestamp::MAX.as_micros());
        assert!(Timestamp::MAX.as_micros().checked_add(micros_of(Duration::MAX)).is_some());
    }
}
