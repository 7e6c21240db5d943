//! Orders, each with all of its lines.
//!
//! The further lines are in a table of their own. Both are read with one statement, which shows them
//! as they were at one moment: a row for each line, with its order.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use ticketing_core::domain::{Line, Order};
use ticketing_core::ports::{Due, DuePlace, LiveHolds, OrderDirection};
use ticketing_core::values::{Cursor, OrderId, Page, Paged, PoolId, Timestamp, UserId};
use uuid::Uuid;

use crate::error::Failure;
use crate::reads::{at_moment, limit_of, readable};
use crate::rows::order::{self, Stored};
use crate::time::now;

const COLUMNS: &str = "o.id, o.buyer, o.version, o.state, o.reason, o.attempt, o.release_at, \
     o.total, o.refunded, o.currency, o.created_at, o.expires_at, o.pay_deadline, o.extended, \
     o.due_at, o.further_lines, o.id AS order_id, line.*";

/// The orders `o` with a row for each line.
const LINES: &str = "found AS o CROSS JOIN LATERAL \
     (SELECT 0::bigint AS place, o.ticket, o.seller, o.listing, o.title, o.price, o.quantity, \
     o.returned, o.restocked \
     UNION ALL SELECT l.place, l.ticket, l.seller, l.listing, l.title, l.price, l.quantity, \
     l.returned, l.restocked FROM ticketing.order_lines AS l \
     WHERE l.order_id = o.id AND o.further_lines > 0) AS line";

/// What reads orders that are found by `found`, in the order that it finds them in.
fn listed(found: &str, order: &str) -> String {
    format!("WITH found AS MATERIALIZED ({found}) SELECT {COLUMNS} FROM {LINES} ORDER BY {order}")
}

/// The same for what `found` finds by the database's time, which it knows as `moment`.
fn listed_at_moment(found: &str, order: &str) -> String {
    format!(
        "WITH moment AS MATERIALIZED (SELECT {} AS now), found AS MATERIALIZED ({found}) \
         SELECT moment.now AS moment, {COLUMNS} FROM moment LEFT JOIN ({LINES}) ON true \
         ORDER BY {order}",
        now!()
    )
}

/// More live orders than this are not counted, nor more of their further lines.
const HOLDS_MAX: usize = 100_000;
/// Live orders alone are walked, and their lines.
pub(crate) const HOLDS: &str = "SELECT count(*) AS orders, \
     COALESCE(sum(quantity), 0)::bigint AS units, \
     (SELECT COALESCE(sum(quantity), 0)::bigint FROM (SELECT quantity FROM ticketing.order_lines \
     WHERE due_at IS NOT NULL LIMIT $1) AS lines) AS further \
     FROM (SELECT quantity FROM ticketing.orders WHERE due_at IS NOT NULL LIMIT $1) AS live";

/// What is held now.
pub(crate) async fn live_holds(conn: &mut PgConnection) -> Result<LiveHolds, Failure> {
    let row = sqlx::query(HOLDS).bind(limit_of(HOLDS_MAX)).fetch_one(conn).await?;
    let (orders, units): (i64, i64) = (row.try_get("orders")?, row.try_get("units")?);
    let further: i64 = row.try_get("further")?;
    Ok(LiveHolds {
        orders: usize::try_from(orders).unwrap_or(usize::MAX),
        units: u64::try_from(units.saturating_add(further)).unwrap_or_default(),
    })
}

pub(crate) static ONE: LazyLock<String> =
    LazyLock::new(|| listed("SELECT * FROM ticketing.orders WHERE id = $1", "place"));

pub(crate) static OLDEST_FIRST: LazyLock<String> = LazyLock::new(|| of_buyer_sql(">", "ASC"));
pub(crate) static NEWEST_FIRST: LazyLock<String> = LazyLock::new(|| of_buyer_sql("<", "DESC"));

/// A buyer's orders after the one that a cursor names, or from the beginning on.
fn of_buyer_sql(after: &str, direction: &str) -> String {
    let order = format!("created_at {direction}, id {direction}");
    let found = format!(
        "SELECT * FROM ticketing.orders WHERE buyer = $1 AND (created_at, id) {after} \
         (COALESCE((SELECT c.created_at FROM ticketing.orders AS c WHERE c.id = $2), $3), \
         COALESCE((SELECT c.id FROM ticketing.orders AS c WHERE c.id = $2), $4)) \
         ORDER BY {order} LIMIT $5"
    );
    listed(&found, &format!("{order}, place"))
}

pub(crate) static DUE: LazyLock<String> = LazyLock::new(|| {
    let found = "SELECT * FROM ticketing.orders WHERE due_at <= (SELECT now FROM moment) \
         ORDER BY due_at, id LIMIT $1";
    listed_at_moment(found, "due_at, id, place")
});

/// Neither what is overdue elsewhere nor what the pool holds in time is walked through.
pub(crate) static DUE_OF: LazyLock<String> = LazyLock::new(|| {
    let found = "SELECT * FROM ticketing.orders WHERE id = ANY(ARRAY(SELECT id FROM (\
         (SELECT due_at, id FROM ticketing.orders \
         WHERE ticket = $1 AND due_at <= (SELECT now FROM moment) \
         ORDER BY due_at, id LIMIT $2) \
         UNION ALL (SELECT due_at, order_id FROM ticketing.order_lines \
         WHERE ticket = $1 AND due_at <= (SELECT now FROM moment) \
         ORDER BY due_at, order_id LIMIT $2)) AS due ORDER BY due_at, id LIMIT $2))";
    listed_at_moment(found, "due_at, id, place")
});

pub(crate) static LIVE: LazyLock<String> = LazyLock::new(|| {
    let found = "SELECT * FROM ticketing.orders WHERE id = ANY(ARRAY(SELECT id FROM (\
         (SELECT due_at, id FROM ticketing.orders WHERE ticket = $1 AND due_at IS NOT NULL AND (due_at, id) > ($2, $3) \
         ORDER BY due_at, id LIMIT $4) \
         UNION ALL (SELECT due_at, order_id FROM ticketing.order_lines \
         WHERE ticket = $1 AND due_at IS NOT NULL AND (due_at, order_id) > ($2, $3) \
         ORDER BY due_at, order_id LIMIT $4)) AS live ORDER BY due_at, id LIMIT $4))";
    listed(found, "due_at, id, place")
});

/// An order.
pub(crate) async fn one(conn: &mut PgConnection, id: OrderId) -> Result<Option<Order>, Failure> {
    let rows = sqlx::query(ONE.as_str()).bind(id.as_uuid()).fetch_all(conn).await?;
    joined(&rows, |lines| lines.into_iter().collect())?.next().transpose()
}

/// A buyer's orders, by age.
pub(crate) async fn of_buyer(
    conn: &mut PgConnection,
    buyer: &UserId,
    direction: OrderDirection,
    page: Page,
) -> Result<Paged<Order>, Failure> {
    let (sql, (age, id)) = match direction {
        OrderDirection::OldestFirst => (&*OLDEST_FIRST, (Timestamp::MIN, Uuid::nil())),
        OrderDirection::NewestFirst => (&*NEWEST_FIRST, (Timestamp::MAX, Uuid::max())),
    };
    let wanted = page.limit.get();
    let rows = sqlx::query(sql.as_str())
        .bind(buyer.as_str())
        .bind(page.after.map(Cursor::position))
        .bind(age.as_micros())
        .bind(id)
        .bind(limit_of(wanted.saturating_add(1)))
        .fetch_all(conn)
        .await?;
    let orders = joined(&rows, |lines| lines.into_iter().collect())?;
    let mut items = orders.collect::<Result<Vec<Order>, _>>()?;
    let more = items.len() > wanted;
    items.truncate(wanted);
    let last = items.last().filter(|_| more);
    let next = last.map(|order| Cursor::at(order.id.as_uuid()));
    Ok(Paged { items, next })
}

/// Orders whose time is up.
pub(crate) async fn due(conn: &mut PgConnection, limit: usize) -> Result<Due<Order>, Failure> {
    let rows = sqlx::query(DUE.as_str()).bind(limit_of(limit)).fetch_all(conn).await?;
    due_of_rows(&rows)
}

/// The same, of one pool.
pub(crate) async fn due_of(
    conn: &mut PgConnection,
    pool: PoolId,
    limit: usize,
) -> Result<Due<Order>, Failure> {
    let query = sqlx::query(DUE_OF.as_str()).bind(pool.as_uuid()).bind(limit_of(limit));
    due_of_rows(&query.fetch_all(conn).await?)
}

fn due_of_rows(rows: &[PgRow]) -> Result<Due<Order>, Failure> {
    let (now, found) = at_moment(rows)?;
    Ok(Due { now, items: work(found)? })
}

/// Orders that hold units of a pool, the soonest to end first.
pub(crate) async fn live(
    conn: &mut PgConnection,
    pool: PoolId,
    after: Option<DuePlace>,
    limit: usize,
) -> Result<Vec<Order>, Failure> {
    let rows = sqlx::query(LIVE.as_str())
        .bind(pool.as_uuid())
        .bind(after.map_or(i64::MIN, |place| place.due_at.as_micros()))
        .bind(after.map_or(Uuid::nil(), |place| place.id.as_uuid()))
        .bind(limit_of(limit))
        .fetch_all(conn)
        .await?;
    work(&rows)
}

/// Those of the orders that can be read. One that can't must not keep the others from their end.
fn work<'r>(rows: impl IntoIterator<Item = &'r PgRow>) -> Result<Vec<Order>, Failure> {
    Ok(readable(joined(rows, |lines| Ok(readable(lines)))?))
}

/// A line after the first: whose it is, and its place.
type Further = (OrderId, i64, Line);

/// Orders in their order, each as far as it can be read and none of its lines is missing. What can't
/// be read of the lines is for `kept` to judge.
fn joined<'r>(
    rows: impl IntoIterator<Item = &'r PgRow>,
    kept: impl FnOnce(Vec<Result<Further, Failure>>) -> Result<Vec<Further>, Failure>,
) -> Result<impl Iterator<Item = Result<Order, Failure>>, Failure> {
    let (mut stored, mut further) = (Vec::<Result<Stored, Failure>>::new(), Vec::new());
    for row in rows {
        if row.try_get::<i64, _>("place")? == 0 {
            stored.push(order::read(row));
        } else {
            further.push(order::read_further(row));
        }
    }
    let mut lines: BTreeMap<OrderId, Vec<(i64, Line)>> = BTreeMap::new();
    for (order, place, line) in kept(further)? {
        lines.entry(order).or_default().push((place, line));
    }
    Ok(stored.into_iter().map(move |order| {
        let order = order?;
        let mut further = lines.remove(&order.id()).unwrap_or_default();
        further.sort_by_key(|(place, _)| *place);
        order.complete(further.into_iter().map(|(_, line)| line).collect())
    }))
}
