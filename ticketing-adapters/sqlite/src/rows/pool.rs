//! Pools, and the allowances of their buyers.

use std::sync::LazyLock;

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use ticketing_core::domain::inventory::{PoolState, PoolTerms};
use ticketing_core::domain::{Allowance, Pool};
use ticketing_core::ports::AllowanceWrite;
use ticketing_core::values::{PoolId, UserId, Version};

use crate::error::Failure;
use crate::fields::{Fields, micros, version};
use crate::many::{Insert, Lookup, Query};

const TABLE: &str = "pools";
const ALLOWANCES: &str = "allowances";

/// The columns of a pool, of the alias `p`, under names that no listing has.
pub(crate) const COLUMNS: &str = "p.id AS pool_id, p.version AS pool_version, p.listing AS pool_listing, \
     p.state AS pool_state, p.sale_from AS pool_sale_from, p.sale_until AS pool_sale_until, \
     p.capacity AS pool_capacity, p.max_per_order AS pool_max_per_order, \
     p.max_per_buyer AS pool_max_per_buyer, p.held, p.sold";

pub(crate) static BY_ID: LazyLock<Lookup> =
    LazyLock::new(|| Lookup::by(COLUMNS, "ticketing_pools p", &["p.id"]));

pub(crate) static ALLOWANCES_BY_BUYER: LazyLock<Lookup> = LazyLock::new(|| {
    Lookup::by("pool, buyer, version, taken", "ticketing_allowances", &["pool", "buyer"])
});

static INSERT_ALLOWANCES: LazyLock<Insert> =
    LazyLock::new(|| Insert::into("ticketing_allowances", &["pool", "buyer", "version", "taken"]));

/// Those of the pools that exist.
pub(crate) async fn by_id(
    conn: &mut SqliteConnection,
    ids: &[PoolId],
) -> Result<Vec<Pool>, Failure> {
    BY_ID.rows(conn, ids, |query, id| Ok(query.bind(id.as_uuid())), read).await
}

/// Inserts the pool of a listing that was inserted before it in the same transaction.
pub(crate) async fn insert(conn: &mut SqliteConnection, pool: &Pool) -> Result<(), Failure> {
    let query = sqlx::query(
        "INSERT INTO ticketing_pools (version, listing, state, sale_from, sale_until, capacity, \
         max_per_order, max_per_buyer, held, sold, sold_out, id, listed_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?12, \
         (SELECT listed_at FROM ticketing_tickets WHERE id = ?12))",
    );
    let query = changing(query, pool)?.bind(pool.id.as_uuid());
    query.execute(conn).await.map_err(Failure::of_write)?;
    Ok(())
}

/// Replaces a pool that is at `before`.
pub(crate) async fn update(
    conn: &mut SqliteConnection,
    pool: &Pool,
    before: Version,
) -> Result<(), Failure> {
    let query = sqlx::query(
        "UPDATE ticketing_pools SET version = ?, listing = ?, state = ?, sale_from = ?, \
         sale_until = ?, capacity = ?, max_per_order = ?, max_per_buyer = ?, held = ?, sold = ?, \
         sold_out = ? WHERE id = ? AND version = ?",
    );
    let query = changing(query, pool)?.bind(pool.id.as_uuid()).bind(version(TABLE, before)?);
    let done = query.execute(conn).await.map_err(Failure::of_write)?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Failure::Moved { table: TABLE }) }
}

fn changing(query: Query, pool: &Pool) -> Result<Query, Failure> {
    let terms = &pool.terms;
    Ok(query
        .bind(version(TABLE, pool.version)?)
        .bind(version(TABLE, terms.listing)?)
        .bind(pool.state.word())
        .bind(micros(terms.sale.from()))
        .bind(micros(terms.sale.until()))
        .bind(i64::from(terms.capacity))
        .bind(terms.max_per_order.map(|units| i64::from(units.get())))
        .bind(terms.max_per_buyer.map(|units| i64::from(units.get())))
        .bind(i64::from(pool.held))
        .bind(i64::from(pool.sold))
        .bind(pool.available() == 0))
}

/// Reads a pool.
pub(crate) fn read(row: &SqliteRow) -> Result<Pool, Failure> {
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

/// Those of the buyers' allowances that exist.
pub(crate) async fn allowances(
    conn: &mut SqliteConnection,
    keys: &[&(PoolId, UserId)],
) -> Result<Vec<Allowance>, Failure> {
    let bind = |query: Query, key: &&(PoolId, UserId)| {
        Ok(query.bind(key.0.as_uuid()).bind(key.1.as_str().to_owned()))
    };
    ALLOWANCES_BY_BUYER
        .rows(conn, keys, bind, |row| {
            let fields = Fields::keyed(ALLOWANCES, "pool", row);
            Ok(Allowance {
                pool: fields.id("pool", PoolId::from_uuid)?,
                buyer: fields.text("buyer")?,
                version: fields.version("version")?,
                taken: fields.number("taken")?,
            })
        })
        .await
}

/// Inserts and replaces allowances.
pub(crate) async fn write_allowances(
    conn: &mut SqliteConnection,
    writes: &[AllowanceWrite],
) -> Result<(), Failure> {
    let fresh: Vec<&Allowance> = writes
        .iter()
        .filter(|write| write.before.is_none())
        .map(|write| &write.allowance)
        .collect();
    for write in writes {
        if let Some(before) = write.before {
            update_allowance(conn, &write.allowance, before).await?;
        }
    }
    INSERT_ALLOWANCES
        .rows(conn, &fresh, |query, allowance| {
            Ok(query
                .bind(allowance.pool.as_uuid())
                .bind(allowance.buyer.as_str().to_owned())
                .bind(version(ALLOWANCES, allowance.version)?)
                .bind(i64::from(allowance.taken)))
        })
        .await
}

async fn update_allowance(
    conn: &mut SqliteConnection,
    allowance: &Allowance,
    before: Version,
) -> Result<(), Failure> {
    let done = sqlx::query(
        "UPDATE ticketing_allowances SET version = ?, taken = ? \
         WHERE pool = ? AND buyer = ? AND version = ?",
    )
    .bind(version(ALLOWANCES, allowance.version)?)
    .bind(i64::from(allowance.taken))
    .bind(allowance.pool.as_uuid())
    .bind(allowance.buyer.as_str().to_owned())
    .bind(version(ALLOWANCES, before)?)
    .execute(conn)
    .await
    .map_err(Failure::of_write)?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Failure::Moved { table: ALLOWANCES }) }
}
