//! What is stored of all that a group touches, locked in one order everywhere: pools, allowances,
//! then aggregates by kind, each by id.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use ticketing_core::domain::{AggregateKind, AggregateRef, Pool};
use ticketing_core::ports::{Footprint, Snapshot};
use ticketing_core::values::{BatchId, PoolId, Version};
use uuid::Uuid;

use crate::error::Failure;
use crate::fields::Fields;
use crate::rows::{event, key, pool};
use crate::time;

/// Finds the versions of one kind of aggregate.
#[derive(Debug)]
pub(crate) struct Versions {
    kind: AggregateKind,
    table: &'static str,
    /// The statement.
    pub(crate) sql: &'static str,
}

macro_rules! versions {
    ($kind:ident, $table:literal) => {
        Versions {
            kind: AggregateKind::$kind,
            table: $table,
            sql: concat!(
                "SELECT id, version FROM ticketing.",
                $table,
                " WHERE id = ANY($1) ORDER BY id FOR UPDATE"
            ),
        }
    };
}

/// In the order of their kinds, in which rows are also written.
pub(crate) const VERSIONS: [Versions; 4] = [
    versions!(Ticket, "tickets"),
    versions!(Order, "orders"),
    versions!(Payment, "payments"),
    versions!(Refund, "refunds"),
];

/// Locks pools, then reads everything else that a group touches, inside the transaction that
/// decides on it.
pub(crate) async fn read(
    conn: &mut PgConnection,
    footprint: &Footprint,
) -> Result<Snapshot, Failure> {
    let pools: Vec<PoolId> = footprint.pools.iter().copied().collect();
    let pools = pool::lock(conn, &pools).await?;
    with_pools(conn, footprint, pools).await
}

/// The same where the pools are locked already.
pub(crate) async fn with_pools(
    conn: &mut PgConnection,
    footprint: &Footprint,
    pools: Vec<Pool>,
) -> Result<Snapshot, Failure> {
    let pools: BTreeMap<PoolId, Pool> = pools.into_iter().map(|pool| (pool.id, pool)).collect();
    let limited =
        |pool: &PoolId| pools.get(pool).is_some_and(|known| known.terms.max_per_buyer.is_some());
    let buyers: Vec<_> = footprint.buyers.iter().filter(|(pool, _)| limited(pool)).collect();
    let allowances = pool::lock_allowances(conn, &buyers).await?;
    let versions = versions(conn, footprint).await?;
    let batches: Vec<BatchId> = footprint.batches.iter().copied().collect();
    let receipts = event::receipts(conn, &batches).await?;
    let keys: Vec<_> = footprint.keys.iter().collect();
    let records = key::by_key(conn, &keys).await?;
    Ok(Snapshot {
        now: time::read(conn).await?,
        pools,
        allowances: allowances.into_iter().map(|it| ((it.pool, it.buyer.clone()), it)).collect(),
        versions,
        receipts: receipts.into_iter().map(|receipt| (receipt.batch, receipt)).collect(),
        keys: records.into_iter().map(|it| ((it.user.clone(), it.key.clone()), it)).collect(),
    })
}

async fn versions(
    conn: &mut PgConnection,
    footprint: &Footprint,
) -> Result<BTreeMap<AggregateRef, Version>, Failure> {
    let mut found = BTreeMap::new();
    for Versions { kind, table, sql } in VERSIONS {
        let wanted = footprint.existing.union(&footprint.fresh);
        let ids: Vec<Uuid> = wanted.filter(|it| it.kind == kind).map(|it| it.id).collect();
        if ids.is_empty() {
            continue;
        }
        let rows = sqlx::query(sql).bind(ids).fetch_all(&mut *conn).await;
        for row in rows.map_err(Failure::of_statement)? {
            let fields = Fields::of(table, &row);
            let aggregate = AggregateRef { kind, id: fields.get("id")? };
            found.insert(aggregate, fields.version("version")?);
        }
    }
    Ok(found)
}
