//! Orders, each with all of its lines.
//!
//! The further lines are in a table of their own. Both are read in one transaction, which shows them
//! as they were at one moment; it ends when it is dropped, as nothing in it is to be kept.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use sqlx::sqlite::SqliteRow;
use sqlx::{Connection, Row as _, SqliteConnection};
use ticketing_core::domain::{Line, Order};
use ticketing_core::ports::{DuePlace, LiveHolds, OrderDirection};
use ticketing_core::values::{Cursor, OrderId, Page, Paged, PoolId, Timestamp, UserId};
use uuid::Uuid;

use crate::error::Failure;
use crate::fields::Fields;
use crate::many::{Lookup, Query};
use crate::reads::{limit_of, readable};
use crate::rows::order::{self, Stored};

pub(crate) static FURTHER_LINES: LazyLock<Lookup> = LazyLock::new(|| {
    Lookup::by(
        "l.*, o.currency",
        "ticketing_order_lines l CROSS JOIN ticketing_orders o ON o.id = l.order_id",
        &["l.order_id"],
    )
});

pub(crate) const OLDEST_FIRST: &str = "SELECT * FROM ticketing_orders \
     WHERE buyer = ? AND (created_at, id) > (?, ?) ORDER BY created_at, id LIMIT ?";
pub(crate) const NEWEST_FIRST: &str = "SELECT * FROM ticketing_orders \
     WHERE buyer = ? AND (created_at, id) < (?, ?) ORDER BY created_at DESC, id DESC LIMIT ?";
pub(crate) const DUE: &str =
    "SELECT * FROM ticketing_orders WHERE due_at <= ? ORDER BY due_at, id LIMIT ?";
/// Neither what is overdue elsewhere nor what the pool holds in time is walked through.
pub(crate) const DUE_OF: &str = "SELECT * FROM ticketing_orders WHERE id IN (SELECT id FROM ( \
         SELECT due_at, id FROM ticketing_orders WHERE ticket = ?2 AND due_at <= ?1 \
         UNION ALL SELECT due_at, order_id FROM ticketing_order_lines \
         WHERE ticket = ?2 AND due_at <= ?1 ORDER BY 1, 2 LIMIT ?3)) ORDER BY due_at, id";
pub(crate) const LIVE: &str = "SELECT * FROM ticketing_orders WHERE id IN (SELECT id FROM ( \
         SELECT due_at, id FROM ticketing_orders \
         WHERE ticket = ?1 AND due_at IS NOT NULL AND (due_at, id) > (?2, ?3) \
         UNION ALL SELECT due_at, order_id FROM ticketing_order_lines \
         WHERE ticket = ?1 AND due_at IS NOT NULL AND (due_at, order_id) > (?2, ?3) \
         ORDER BY 1, 2 LIMIT ?4)) ORDER BY due_at, id";

/// More live orders than this are not counted, nor more of their further lines.
pub(crate) const HOLDS_MAX: usize = 100_000;
/// Live orders alone are walked, and their lines.
pub(crate) const HOLDS: &str = "SELECT count(*) AS orders, coalesce(sum(quantity), 0) AS units, \
     (SELECT coalesce(sum(quantity), 0) FROM (SELECT quantity FROM ticketing_order_lines \
         WHERE due_at IS NOT NULL LIMIT ?1)) AS further \
     FROM (SELECT quantity FROM ticketing_orders WHERE due_at IS NOT NULL LIMIT ?1)";

/// What is held now.
pub(crate) async fn live_holds(conn: &mut SqliteConnection) -> Result<LiveHolds, Failure> {
    let row = sqlx::query(HOLDS).bind(limit_of(HOLDS_MAX)).fetch_one(conn).await?;
    let (orders, units): (i64, i64) = (row.try_get("orders")?, row.try_get("units")?);
    let further: i64 = row.try_get("further")?;
    Ok(LiveHolds {
        orders: usize::try_from(orders).unwrap_or(usize::MAX),
        units: u64::try_from(units.saturating_add(further)).unwrap_or_default(),
    })
}

/// An order.
pub(crate) async fn one(
    conn: &mut SqliteConnection,
    id: OrderId,
) -> Result<Option<Order>, Failure> {
    let mut moment = conn.begin().await?;
    let row = sqlx::query("SELECT * FROM ticketing_orders WHERE id = ?")
        .bind(id.as_uuid())
        .fetch_optional(&mut *moment)
        .await?;
    let stored = row.as_ref().map(order::read).transpose()?;
    Ok(complete(&mut moment, stored.into_iter().collect()).await?.pop())
}

/// A buyer's orders, by age.
pub(crate) async fn of_buyer(
    conn: &mut SqliteConnection,
    buyer: &UserId,
    direction: OrderDirection,
    page: Page,
) -> Result<Paged<Order>, Failure> {
    let (sql, beginning) = match direction {
        OrderDirection::OldestFirst => (OLDEST_FIRST, (Timestamp::MIN, Uuid::nil())),
        OrderDirection::NewestFirst => (NEWEST_FIRST, (Timestamp::MAX, Uuid::max())),
    };
    let mut moment = conn.begin().await?;
    let (age, id) = place_after(&mut moment, page.after).await?.unwrap_or(beginning);
    let wanted = page.limit.get();
    let rows = sqlx::query(sql)
        .bind(buyer.as_str().to_owned())
        .bind(age.as_micros())
        .bind(id)
        .bind(limit_of(wanted.saturating_add(1)))
        .fetch_all(&mut *moment)
        .await?;
    let more = rows.len() > wanted;
    let stored = rows.iter().take(wanted).map(order::read).collect::<Result<_, _>>()?;
    let items = complete(&mut moment, stored).await?;
    let last = items.last().filter(|_| more);
    let next = last.map(|order| Cursor::at(order.id.as_uuid()));
    Ok(Paged { items, next })
}

/// Where the order that a page begins after stands in its buyer's list.
async fn place_after(
    conn: &mut SqliteConnection,
    after: Option<Cursor>,
) -> Result<Option<(Timestamp, Uuid)>, Failure> {
    let Some(after) = after else {
        return Ok(None);
    };
    let query = sqlx::query("SELECT created_at FROM ticketing_orders WHERE id = ?");
    let row = query.bind(after.position()).fetch_optional(conn).await?;
    let age = row.map(|row| Fields::of(order::TABLE, &row).time("created_at")).transpose()?;
    Ok(age.map(|age| (age, after.position())))
}

/// Orders whose time is up.
pub(crate) async fn due(
    conn: &mut SqliteConnection,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Order>, Failure> {
    let mut moment = conn.begin().await?;
    let query = sqlx::query(DUE).bind(now.as_micros()).bind(limit_of(limit));
    let rows = query.fetch_all(&mut *moment).await?;
    work(&mut moment, &rows).await
}

/// The same, of one pool.
pub(crate) async fn due_of(
    conn: &mut SqliteConnection,
    pool: PoolId,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Order>, Failure> {
    let mut moment = conn.begin().await?;
    let rows = sqlx::query(DUE_OF)
        .bind(now.as_micros())
        .bind(pool.as_uuid())
        .bind(limit_of(limit))
        .fetch_all(&mut *moment)
        .await?;
    work(&mut moment, &rows).await
}

/// Orders that hold units of a pool, the soonest to end first.
pub(crate) async fn live(
    conn: &mut SqliteConnection,
    pool: PoolId,
    after: Option<DuePlace>,
    limit: usize,
) -> Result<Vec<Order>, Failure> {
    let mut moment = conn.begin().await?;
    let rows = sqlx::query(LIVE)
        .bind(pool.as_uuid())
        .bind(after.map_or(i64::MIN, |place| place.due_at.as_micros()))
        .bind(after.map_or_else(Vec::new, |place| place.id.as_uuid().as_bytes().to_vec()))
        .bind(limit_of(limit))
        .fetch_all(&mut *moment)
        .await?;
    work(&mut moment, &rows).await
}

/// Those of the orders that can be read. One that can't must not keep the others from their end.
async fn work(conn: &mut SqliteConnection, rows: &[SqliteRow]) -> Result<Vec<Order>, Failure> {
    let stored = readable(rows.iter().map(order::read));
    let further = readable(further_lines(conn, &stored).await?);
    Ok(readable(joined(stored, further)))
}

/// Adds the further lines.
async fn complete(conn: &mut SqliteConnection, stored: Vec<Stored>) -> Result<Vec<Order>, Failure> {
    let further = further_lines(conn, &stored).await?.into_iter().collect::<Result<_, _>>()?;
    joined(stored, further).collect()
}

/// A line after the first: whose it is, and its place.
type Further = (OrderId, i64, Line);

/// The further lines of some orders, in no order, each as far as it can be read.
async fn further_lines(
    conn: &mut SqliteConnection,
    stored: &[Stored],
) -> Result<Vec<Result<Further, Failure>>, Failure> {
    let several: Vec<OrderId> =
        stored.iter().filter(|order| order.further > 0).map(Stored::id).collect();
    let bind = |query: Query, id: &OrderId| Ok(query.bind(id.as_uuid()));
    FURTHER_LINES.rows(conn, &several, bind, |row| Ok(order::read_further(row))).await
}

/// Orders with their further lines, each as far as none is missing.
fn joined(
    stored: Vec<Stored>,
    mut further: Vec<Further>,
) -> impl Iterator<Item = Result<Order, Failure>> {
    further.sort_by_key(|(order, place, _)| (*order, *place));
    let mut lines: BTreeMap<OrderId, Vec<Line>> = BTreeMap::new();
    for (order, _, line) in further {
        lines.entry(order).or_default().push(line);
    }
    stored.into_iter().map(move |order| {
        let further = lines.remove(&order.id());
        order.complete(further.unwrap_or_default())
    })
}
