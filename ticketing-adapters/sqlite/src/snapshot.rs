//! What is stored of all that a group touches.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use sqlx::SqliteConnection;
use ticketing_core::domain::{AggregateKind, AggregateRef};
use ticketing_core::ports::{Footprint, Snapshot};
use ticketing_core::values::{Timestamp, Version};
use uuid::Uuid;

use crate::error::Failure;
use crate::fields::Fields;
use crate::many::{Lookup, Query};
use crate::rows::{event, key, pool};

/// Finds the versions of one kind of aggregate.
struct Versions {
    kind: AggregateKind,
    table: &'static str,
    lookup: LazyLock<Lookup>,
}

macro_rules! versions {
    ($kind:ident, $table:literal) => {
        Versions {
            kind: AggregateKind::$kind,
            table: $table,
            lookup: LazyLock::new(|| {
                Lookup::by("id, version", concat!("ticketing_", $table), &["id"])
            }),
        }
    };
}

/// The statements that find versions.
#[cfg(test)]
pub(crate) fn version_lookups() -> impl Iterator<Item = &'static Lookup> {
    VERSIONS.iter().map(|versions| &*versions.lookup)
}

static VERSIONS: [Versions; 4] = [
    versions!(Ticket, "tickets"),
    versions!(Order, "orders"),
    versions!(Payment, "payments"),
    versions!(Refund, "refunds"),
];

/// Reads it, inside the transaction that decides on it.
pub(crate) async fn read(
    conn: &mut SqliteConnection,
    footprint: &Footprint,
    now: Timestamp,
) -> Result<Snapshot, Failure> {
    let pools: Vec<_> = footprint.pools.iter().copied().collect();
    let buyers: Vec<_> = footprint.buyers.iter().collect();
    let batches: Vec<_> = footprint.batches.iter().copied().collect();
    let keys: Vec<_> = footprint.keys.iter().collect();
    let pools = pool::by_id(conn, &pools).await?;
    let limited = |(pool, _): &&&(_, _)| {
        pools.iter().any(|known| known.id == *pool && known.terms.max_per_buyer.is_some())
    };
    let buyers: Vec<_> = buyers.iter().filter(limited).copied().collect();
    let allowances = pool::allowances(conn, &buyers).await?;
    let receipts = event::receipts(conn, &batches).await?;
    let records = key::by_key(conn, &keys).await?;
    Ok(Snapshot {
        now,
        pools: pools.into_iter().map(|pool| (pool.id, pool)).collect(),
        allowances: allowances.into_iter().map(|it| ((it.pool, it.buyer.clone()), it)).collect(),
        versions: versions(conn, footprint).await?,
        receipts: receipts.into_iter().map(|receipt| (receipt.batch, receipt)).collect(),
        keys: records.into_iter().map(|it| ((it.user.clone(), it.key.clone()), it)).collect(),
    })
}

async fn versions(
    conn: &mut SqliteConnection,
    footprint: &Footprint,
) -> Result<BTreeMap<AggregateRef, Version>, Failure> {
    let mut found = BTreeMap::new();
    for versions in &VERSIONS {
        let wanted = footprint.existing.union(&footprint.fresh);
        let ids: Vec<Uuid> = wanted.filter(|it| it.kind == versions.kind).map(|it| it.id).collect();
        let bind = |query: Query, id: &Uuid| Ok(query.bind(*id));
        let rows = versions.lookup.rows(conn, &ids, bind, |row| {
            let fields = Fields::of(versions.table, row);
            let aggregate = AggregateRef { kind: versions.kind, id: fields.get("id")? };
            Ok((aggregate, fields.version("version")?))
        });
        found.extend(rows.await?);
    }
    Ok(found)
}
