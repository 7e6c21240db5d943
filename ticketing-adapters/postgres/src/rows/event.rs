//! Events, and the keys that name them.

use std::sync::{Arc, LazyLock};

use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use ticketing_core::domain::{
    Actor, AggregateKind, AggregateRef, DomainEvent, Event, EventHeader, EventKey, EventType,
};
use ticketing_core::ports::Receipt;
use ticketing_core::values::{BatchId, CorrelationId, EventId};
use uuid::Uuid;

use crate::error::Failure;
use crate::fields::{Fields, version};
use crate::table::{Column, Query, column, insert_from};

const TABLE: &str = "events";

const COLUMNS: [Column; 11] = [
    ("id", "uuid"),
    ("kind", "text"),
    ("version", "bigint"),
    ("event", "uuid"),
    ("type", "text"),
    ("occurred_at", "bigint"),
    ("actor", "text"),
    ("correlation", "uuid"),
    ("batch", "uuid"),
    ("first", "boolean"),
    ("data", "bytea"),
];

static INSERT: LazyLock<String> = LazyLock::new(|| insert_from(TABLE, &COLUMNS, 1));

pub(crate) const BY_KEY: &str = "SELECT events.* \
     FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS wanted (id, kind, version) \
     JOIN ticketing.events USING (id, kind, version)";

pub(crate) const RECEIPTS: &str =
    "SELECT batch, occurred_at FROM ticketing.events WHERE first AND batch = ANY($1)";

pub(crate) const FORGET: &str = "DELETE FROM ticketing.events \
     USING unnest($1::uuid[], $2::text[], $3::bigint[]) AS old (id, kind, version) \
     WHERE events.id = old.id AND events.kind = old.kind AND events.version = old.version";

/// Inserts events.
pub(crate) async fn insert(conn: &mut PgConnection, events: &[&Arc<Event>]) -> Result<(), Failure> {
    let query = bind(sqlx::query(INSERT.as_str()), events)?;
    query.execute(conn).await.map_err(Failure::of_statement)?;
    Ok(())
}

/// The statement that inserts events, with its first parameter at `first`, and the number of the
/// parameter after its last one.
pub(crate) fn insert_at(first: usize) -> (String, usize) {
    (insert_from(TABLE, &COLUMNS, first), first.saturating_add(COLUMNS.len()))
}

/// Adds the arrays of events.
pub(crate) fn bind<'q>(query: Query<'q>, events: &[&'q Arc<Event>]) -> Result<Query<'q>, Failure> {
    let unfit = |_error| Failure::Unfit { table: TABLE, column: "data" };
    let data = events.iter().map(|event| {
        let payload: Box<str> = event.data.payload().map_err(unfit)?.into();
        Ok(payload.into_boxed_bytes())
    });
    let data = data.collect::<Result<Vec<Box<[u8]>>, Failure>>()?;
    let keys: Vec<EventKey> = events.iter().map(|event| event.key()).collect();
    Ok(bind_keys(query, &keys)?
        .bind(column(events, |event| event.header.id.as_uuid()))
        .bind(column(events, |event| event.data.event_type().wire_name()))
        .bind(column(events, |event| event.header.occurred_at.as_micros()))
        .bind(column(events, |event| event.header.actor.to_string()))
        .bind(column(events, |event| event.header.correlation.map(CorrelationId::as_uuid)))
        .bind(column(events, |event| event.header.causation.map(BatchId::as_uuid)))
        .bind(column(events, |event| {
            event.header.causation == Some(BatchId::from(event.header.id))
        }))
        .bind(data))
}

/// Those of the events that are still kept, in no order, each as far as it can be read.
pub(crate) async fn by_key(
    conn: &mut PgConnection,
    keys: &[EventKey],
) -> Result<Vec<Result<Event, Failure>>, Failure> {
    let rows = bind_keys(sqlx::query(BY_KEY), keys)?.fetch_all(conn).await?;
    Ok(rows.iter().map(read).collect())
}

/// The receipts of those of the batches that were committed.
pub(crate) async fn receipts(
    conn: &mut PgConnection,
    batches: &[BatchId],
) -> Result<Vec<Receipt>, Failure> {
    let batches: Vec<Uuid> = batches.iter().copied().map(BatchId::as_uuid).collect();
    let rows = sqlx::query(RECEIPTS).bind(batches).fetch_all(conn).await;
    let rows = rows.map_err(Failure::of_statement)?;
    let receipt = |row| {
        let fields = Fields::keyed(TABLE, "batch", row);
        let batch = fields.id("batch", BatchId::from_uuid)?;
        Ok(Receipt { batch, decided_at: fields.time("occurred_at")? })
    };
    rows.iter().map(receipt).collect()
}

/// Forgets events.
pub(crate) async fn forget(conn: &mut PgConnection, keys: &[EventKey]) -> Result<(), Failure> {
    bind_keys(sqlx::query(FORGET), keys)?.execute(conn).await?;
    Ok(())
}

/// Adds the arrays of keys: ids, kinds and versions.
pub(crate) fn bind_keys<'q>(query: Query<'q>, keys: &[EventKey]) -> Result<Query<'q>, Failure> {
    let versions = keys.iter().map(|key| version(TABLE, key.version));
    Ok(query
        .bind(keys.iter().map(|key| key.aggregate.id).collect::<Vec<_>>())
        .bind(keys.iter().map(|key| key.aggregate.kind.word()).collect::<Vec<_>>())
        .bind(versions.collect::<Result<Vec<_>, _>>()?))
}

/// Reads a key from three columns.
pub(crate) fn read_key(
    fields: &Fields<'_>,
    [kind, id, version]: [&'static str; 3],
) -> Result<EventKey, Failure> {
    let kind = fields.word(kind, AggregateKind::from_word)?;
    let aggregate = AggregateRef { kind, id: fields.get::<Uuid>(id)? };
    Ok(EventKey { aggregate, version: fields.version(version)? })
}

fn read(row: &PgRow) -> Result<Event, Failure> {
    let fields = Fields::of(TABLE, row);
    let event_type = fields.word("type", EventType::from_wire_name)?;
    let data = std::str::from_utf8(fields.get("data")?).map_err(|_wrong| fields.corrupt("data"))?;
    let data = DomainEvent::from_payload(event_type, data);
    let event = Event {
        header: EventHeader {
            id: fields.id("event", EventId::from_uuid)?,
            occurred_at: fields.time("occurred_at")?,
            actor: fields.text::<Actor>("actor")?,
            correlation: fields.maybe_id("correlation", CorrelationId::from_uuid)?,
            causation: fields.maybe_id("batch", BatchId::from_uuid)?,
        },
        data: data.map_err(|_malformed| fields.corrupt("data"))?,
    };
    if event.key() == read_key(&fields, ["kind", "id", "version"])? {
        Ok(event)
    } else {
        Err(fields.corrupt("data"))
    }
}
