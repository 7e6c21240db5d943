//! Pools, and the allowances of their buyers.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use ticketing_core::domain::inventory::{PoolState, PoolTerms};
use ticketing_core::domain::{Allowance, Pool};
use ticketing_core::ports::{AllowanceWrite, PoolWrite};
use ticketing_core::values::{PoolId, Quantity, UserId, Version};
use uuid::Uuid;

use crate::error::Failure;
use crate::fields::{Fields, micros, version};
use crate::planted;
use crate::table::{Column, Query, all_of, column, try_column, unnest};

const TABLE: &str = "pools";
const ALLOWANCES: &str = "allowances";

/// The columns of a pool, of the alias `p`, under names that no listing has.
pub(crate) const COLUMNS: &str = "p.id AS pool_id, p.version AS pool_version, p.listing AS pool_listing, \
     p.state AS pool_state, p.sale_from AS pool_sale_from, p.sale_until AS pool_sale_until, \
     p.capacity AS pool_capacity, p.max_per_order AS pool_max_per_order, \
     p.max_per_buyer AS pool_max_per_buyer, p.held, p.sold";

/// Locks pools in the order of their ids.
pub(crate) static LOCK: LazyLock<String> = LazyLock::new(|| locking("p.id", ""));
pub(crate) static LOCK_FREE: LazyLock<String> = LazyLock::new(|| locking("p.id", " SKIP LOCKED"));
static LOCK_IN_ANY_ORDER: LazyLock<String> = LazyLock::new(|| locking("random()", ""));

fn locking(order: &str, unless: &str) -> String {
    format!(
        "SELECT {COLUMNS} FROM ticketing.pools p WHERE p.id = ANY($1) \
         ORDER BY {order} FOR UPDATE{unless}"
    )
}

pub(crate) const VERSIONS: &str = "SELECT id, version FROM ticketing.pools WHERE id = ANY($1)";

pub(crate) const LOCK_ALLOWANCES: &str = "SELECT allowances.* \
     FROM unnest($1::uuid[], $2::text[]) AS wanted (pool, buyer) \
     JOIN ticketing.allowances USING (pool, buyer) \
     ORDER BY pool, buyer FOR UPDATE OF allowances";

/// The columns that change.
const CHANGING: [Column; 11] = [
    ("version", "bigint"),
    ("listing", "bigint"),
    ("state", "text"),
    ("sale_from", "bigint"),
    ("sale_until", "bigint"),
    ("capacity", "bigint"),
    ("max_per_order", "bigint"),
    ("max_per_buyer", "bigint"),
    ("held", "bigint"),
    ("sold", "bigint"),
    ("sold_out", "boolean"),
];

/// Locks those of the pools that exist, in the order of their ids, and reads them.
pub(crate) async fn lock(conn: &mut PgConnection, ids: &[PoolId]) -> Result<Vec<Pool>, Failure> {
    let any = planted::locks_in_any_order();
    read_all(conn, if any { &LOCK_IN_ANY_ORDER } else { &LOCK }, ids).await
}

/// The same for those that nobody else has locked.
pub(crate) async fn lock_free(
    conn: &mut PgConnection,
    ids: &[PoolId],
) -> Result<Vec<Pool>, Failure> {
    read_all(conn, &LOCK_FREE, ids).await
}

async fn read_all(
    conn: &mut PgConnection,
    sql: &'static str,
    ids: &[PoolId],
) -> Result<Vec<Pool>, Failure> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query(sql).bind(uuids(ids)).fetch_all(conn).await;
    rows.map_err(Failure::of_statement)?.iter().map(read).collect()
}

/// The versions of those of the pools that exist, whoever has them locked.
pub(crate) async fn versions(
    conn: &mut PgConnection,
    ids: &[PoolId],
) -> Result<BTreeMap<PoolId, Version>, Failure> {
    let rows = sqlx::query(VERSIONS).bind(uuids(ids)).fetch_all(conn).await;
    let rows = rows.map_err(Failure::of_statement)?;
    let version = |row: &PgRow| {
        let fields = Fields::of(TABLE, row);
        Ok((fields.id("id", PoolId::from_uuid)?, fields.version("version")?))
    };
    rows.iter().map(version).collect()
}

fn uuids(ids: &[PoolId]) -> Vec<Uuid> {
    ids.iter().copied().map(PoolId::as_uuid).collect()
}

/// Inserts the pools of listings that were inserted before them in the same transaction.
pub(crate) async fn insert(conn: &mut PgConnection, pools: &[&Pool]) -> Result<(), Failure> {
    if pools.is_empty() {
        return Ok(());
    }
    let query = bind(sqlx::query(INSERT.as_str()), pools)?;
    all_of(TABLE, pools.len(), query.execute(conn).await)
}

static INSERT: LazyLock<String> = LazyLock::new(|| {
    let names = CHANGING.map(|(name, _)| name).join(", ");
    let values = CHANGING.map(|(name, _)| format!("opened.{name}")).join(", ");
    format!(
        "INSERT INTO ticketing.pools (id, {names}, listed_at) \
         SELECT opened.id, {values}, tickets.listed_at FROM {} AS opened (id, before, {names}) \
         JOIN ticketing.tickets ON tickets.id = opened.id",
        arrays(1)
    )
});

/// The statement that replaces pools which are at the version they were decided on, with its first
/// parameter at `first`, and the number of the parameter after its last one.
pub(crate) fn update_at(first: usize) -> (String, usize) {
    let set = CHANGING.map(|(name, _)| format!("{name} = changed.{name}")).join(", ");
    let names = CHANGING.map(|(name, _)| name).join(", ");
    let sql = format!(
        "UPDATE ticketing.pools AS stored SET {set} FROM {} AS changed (id, before, {names}) \
         WHERE stored.id = changed.id AND stored.version = changed.before",
        arrays(first)
    );
    (sql, first.saturating_add(CHANGING.len()).saturating_add(2))
}

fn arrays(first: usize) -> String {
    let [id, before] = [("id", "uuid"), ("before", "bigint")];
    unnest(&[&[id, before], CHANGING.as_slice()].concat(), first)
}

static UPDATE: LazyLock<String> = LazyLock::new(|| update_at(1).0);

/// Replaces pools, each of which must be at its version.
pub(crate) async fn update(conn: &mut PgConnection, pools: &[&PoolWrite]) -> Result<(), Failure> {
    if pools.is_empty() {
        return Ok(());
    }
    let query = bind_writes(sqlx::query(UPDATE.as_str()), pools)?;
    all_of(TABLE, pools.len(), query.execute(conn).await)
}

/// Adds the arrays of pools that are replaced.
pub(crate) fn bind_writes<'q>(
    query: Query<'q>,
    writes: &[&'q PoolWrite],
) -> Result<Query<'q>, Failure> {
    let before = writes.iter().map(|write| write.before.map(|it| version(TABLE, it)).transpose());
    let before = before.collect::<Result<Vec<Option<i64>>, _>>()?;
    let pools: Vec<&Pool> = writes.iter().map(|write| &write.pool).collect();
    bind_after(query.bind(column(&pools, |pool| pool.id.as_uuid())).bind(before), &pools)
}

/// Adds the arrays of pools that are new.
fn bind<'q>(query: Query<'q>, pools: &[&'q Pool]) -> Result<Query<'q>, Failure> {
    let before: Vec<Option<i64>> = vec![None; pools.len()];
    bind_after(query.bind(column(pools, |pool| pool.id.as_uuid())).bind(before), pools)
}

fn bind_after<'q>(query: Query<'q>, pools: &[&'q Pool]) -> Result<Query<'q>, Failure> {
    let units = |units: Option<Quantity>| units.map(|units| i64::from(units.get()));
    Ok(query
        .bind(try_column(pools, |pool| version(TABLE, pool.version))?)
        .bind(try_column(pools, |pool| version(TABLE, pool.terms.listing))?)
        .bind(column(pools, |pool| pool.state.word()))
        .bind(column(pools, |pool| micros(pool.terms.sale.from())))
        .bind(column(pools, |pool| micros(pool.terms.sale.until())))
        .bind(column(pools, |pool| i64::from(pool.terms.capacity)))
        .bind(column(pools, |pool| units(pool.terms.max_per_order)))
        .bind(column(pools, |pool| units(pool.terms.max_per_buyer)))
        .bind(column(pools, |pool| i64::from(pool.held)))
        .bind(column(pools, |pool| i64::from(pool.sold)))
        .bind(column(pools, |pool| pool.available() == 0)))
}

/// Reads a pool.
pub(crate) fn read(row: &PgRow) -> Result<Pool, Failure> {
    let fields = Fields::keyed(TABLE, "pool_id", row);
    Ok(Pool {
        id: fields.id("pool_id", PoolId::from_uuid)?,
        version: fields.version("pool_version")?,
        terms: PoolTerms {
            listing: fields.version("pool_listing")?,
            sale: fields.window("pool_sale_from", "pool_sale_until")?,
            capacity: fields.number("pool_capacity")?,
            max_per_order: fields.maybe_count("pool_max_per_order")?,
            max_per_buyer: fields.maybe_count("pool_max_per_buyer")?,
        },
        state: fields.word("pool_state", PoolState::from_word)?,
        held: fields.number("held")?,
        sold: fields.number("sold")?,
    })
}

/// Locks those of the buyers' allowances that exist, in the order of their keys, and reads them.
pub(crate) async fn lock_allowances(
    conn: &mut PgConnection,
    keys: &[&(PoolId, UserId)],
) -> Result<Vec<Allowance>, Failure> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let query = sqlx::query(LOCK_ALLOWANCES)
        .bind(column(keys, |(pool, _)| pool.as_uuid()))
        .bind(column(keys, |(_, buyer)| buyer.as_str()));
    let rows = query.fetch_all(conn).await.map_err(Failure::of_statement)?;
    rows.iter().map(read_allowance).collect()
}

fn read_allowance(row: &PgRow) -> Result<Allowance, Failure> {
    let fields = Fields::keyed(ALLOWANCES, "pool", row);
    Ok(Allowance {
        pool: fields.id("pool", PoolId::from_uuid)?,
        buyer: fields.text("buyer")?,
        version: fields.version("version")?,
        taken: fields.number("taken")?,
    })
}

const INSERT_ALLOWANCES: &str = "INSERT INTO ticketing.allowances (pool, buyer, version, taken) \
     SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[])";

const UPDATE_ALLOWANCES: &str = "UPDATE ticketing.allowances AS stored \
     SET version = changed.version, taken = changed.taken \
     FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[]) \
     AS changed (pool, buyer, version, taken, before) \
     WHERE stored.pool = changed.pool AND stored.buyer = changed.buyer \
     AND stored.version = changed.before";

/// Inserts and replaces allowances.
pub(crate) async fn write_allowances(
    conn: &mut PgConnection,
    writes: &[AllowanceWrite],
) -> Result<(), Failure> {
    let (fresh, changed): (Vec<&AllowanceWrite>, Vec<_>) =
        writes.iter().partition(|write| write.before.is_none());
    if !changed.is_empty() {
        let before = changed.iter().filter_map(|write| write.before);
        let before = before.map(|before| version(ALLOWANCES, before));
        let query = bind_allowances(sqlx::query(UPDATE_ALLOWANCES), &changed)?;
        let query = query.bind(before.collect::<Result<Vec<_>, _>>()?);
        all_of(ALLOWANCES, changed.len(), query.execute(&mut *conn).await)?;
    }
    if !fresh.is_empty() {
        let query = bind_allowances(sqlx::query(INSERT_ALLOWANCES), &fresh)?;
        query.execute(conn).await.map_err(Failure::of_statement)?;
    }
    Ok(())
}

fn bind_allowances<'q>(
    query: Query<'q>,
    writes: &[&'q AllowanceWrite],
) -> Result<Query<'q>, Failure> {
    Ok(query
        .bind(column(writes, |write| write.allowance.pool.as_uuid()))
        .bind(column(writes, |write| write.allowance.buyer.as_str()))
        .bind(try_column(writes, |write| version(ALLOWANCES, write.allowance.version))?)
        .bind(column(writes, |write| i64::from(write.allowance.taken))))
}
