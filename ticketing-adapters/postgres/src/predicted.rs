//! The optimistic path: a group of new orders in pools that its writer knows, in one statement.
//!
//! The pools are replaced at the versions that the writer predicted, everything else is inserted and
//! must not be there, and the time is looked at when the pools' rows are locked. If any of that is
//! not as predicted, the row of the outbox has no time of its commit, which its column refuses: so
//! the whole statement is as if it had never been.

use std::sync::{Arc, LazyLock};

use sqlx::PgConnection;
use ticketing_core::domain::{Event, Order};
use ticketing_core::ports::{PoolWrite, State, Writes};
use ticketing_core::values::Timestamp;

use crate::error::Failure;
use crate::outbox;
use crate::rows::{event, key, order, pool};
use crate::table::{Query, Row};
use crate::time::now;

/// One statement that writes a group.
#[derive(Debug)]
pub(crate) struct Statement(String);

/// Groups in which every order has one line: most have no other.
pub(crate) static SINGLE_LINES: LazyLock<Statement> = LazyLock::new(|| Statement::new(false));
/// Groups with further lines.
pub(crate) static SEVERAL_LINES: LazyLock<Statement> = LazyLock::new(|| Statement::new(true));

impl Statement {
    fn new(further_lines: bool) -> Self {
        let (pools, next) = pool::update_at(1);
        let (orders, next) = order::TABLE.insert_at(next);
        let (keys, next) = key::insert_at(next);
        let (events, next) = event::insert_at(next);
        let (number, from, until, packed) = (next, next + 1, next + 2, next + 3);
        let lines = if further_lines {
            format!(", further AS ({})", order::insert_lines_at(next + 4).0)
        } else {
            String::new()
        };
        Self(format!(
            "WITH moved AS ({pools} RETURNING {} AS at), placed AS ({orders}), used AS ({keys}), \
             told AS ({events}){lines} \
             INSERT INTO ticketing.outbox (committed_at, events) \
             SELECT CASE WHEN count(*) = ${number} AND min(at) >= ${from} AND max(at) < ${until} \
             THEN max(at) END, ${packed} FROM moved RETURNING committed_at",
            now!()
        ))
    }

    /// Its text.
    pub(crate) fn sql(&'static self) -> &'static str {
        &self.0
    }
}

/// What a group on a prediction writes: nothing if it is more than one statement can.
pub(crate) struct Prediction<'w> {
    pools: Vec<&'w PoolWrite>,
    orders: Vec<&'w Order>,
    writes: &'w Writes<'w>,
}

impl<'w> Prediction<'w> {
    pub(crate) fn of(writes: &'w Writes<'w>) -> Option<Self> {
        let fresh = |row: &'w ticketing_core::ports::RowWrite<'w>| match (row.before, row.state) {
            (None, State::Order(order)) => Some(&**order),
            (
                Some(_) | None,
                State::Ticket(_) | State::Order(_) | State::Payment(_) | State::Refund(_),
            ) => None,
        };
        let orders = writes.rows.iter().map(fresh).collect::<Option<Vec<_>>>()?;
        let closes = writes.accepted.iter().any(|batch| batch.closes().is_some());
        let opens = writes.pools.iter().any(|write| write.before.is_none());
        let fits = !writes.pools.is_empty() && writes.allowances.is_empty() && !closes && !opens;
        fits.then(|| Self { pools: writes.pools.iter().collect(), orders, writes })
    }

    /// Writes it. Answers when that was.
    pub(crate) async fn write(&self, conn: &mut PgConnection) -> Result<Timestamp, Failure> {
        let lines = order::further_lines(&self.orders);
        let statement: &'static Statement =
            if lines.is_empty() { &SINGLE_LINES } else { &SEVERAL_LINES };
        let query = self.bind(sqlx::query(statement.sql()))?;
        let query = if lines.is_empty() { query } else { order::bind_lines(query, &lines)? };
        let row = query.fetch_one(conn).await.map_err(Failure::of_statement)?;
        Ok(Timestamp::from_micros(sqlx::Row::try_get(&row, 0)?))
    }

    fn bind<'q>(&'q self, query: Query<'q>) -> Result<Query<'q>, Failure> {
        let events: Vec<&Arc<Event>> = self.writes.events().collect();
        let keys: Vec<_> = self.writes.accepted.iter().filter_map(|batch| batch.key()).collect();
        let pools = i64::try_from(self.pools.len()).unwrap_or(i64::MAX);
        let window = self.writes.window;
        let query = pool::bind_writes(query, &self.pools)?;
        let query = Order::bind_changing(query, &self.orders)?;
        let query = Order::bind_fixed(query, &self.orders)?;
        let query = key::bind(query, &keys)?;
        let query = event::bind(query, &events)?;
        Ok(query
            .bind(pools)
            .bind(window.from().map_or(i64::MIN, Timestamp::as_micros))
            .bind(window.until().map_or(i64::MAX, Timestamp::as_micros))
            .bind(outbox::packed_keys(&events)?))
    }
}
