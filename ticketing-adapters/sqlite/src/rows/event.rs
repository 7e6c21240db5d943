//! Events, and the keys that name them.

use std::sync::{Arc, LazyLock};

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use ticketing_core::domain::{
    Actor, AggregateKind, AggregateRef, DomainEvent, Event, EventHeader, EventKey, EventType,
};
use ticketing_core::ports::Receipt;
use ticketing_core::values::{BatchId, CorrelationId, EventId};
use uuid::Uuid;

use crate::error::Failure;
use crate::fields::{Fields, version};
use crate::many::{Insert, Lookup, Query, Removal};

const TABLE: &str = "events";

static INSERT: LazyLock<Insert> = LazyLock::new(|| {
    Insert::into(
        "ticketing_events",
        &[
            "kind",
            "id",
            "version",
            "event",
            "type",
            "occurred_at",
            "actor",
            "correlation",
            "batch",
            "first",
            "data",
        ],
    )
});

pub(crate) static BY_KEY: LazyLock<Lookup> = LazyLock::new(|| {
    Lookup::by(
        "kind, id, version, event, type, occurred_at, actor, correlation, batch, data",
        "ticketing_events",
        &["kind", "id", "version"],
    )
});

pub(crate) static RECEIPTS: LazyLock<Lookup> = LazyLock::new(|| {
    Lookup::by(
        "batch, occurred_at",
        "ticketing_events INDEXED BY ticketing_events_of_batch",
        &["first = 1 AND batch"],
    )
});

pub(crate) static FORGET: LazyLock<Removal> =
    LazyLock::new(|| Removal::from("ticketing_events", &["kind", "id", "version"]));

/// Inserts events.
pub(crate) async fn insert(
    conn: &mut SqliteConnection,
    events: &[&Arc<Event>],
) -> Result<(), Failure> {
    INSERT
        .rows(conn, events, |query, event| {
            let unfit = |_error| Failure::Unfit { table: TABLE, column: "data" };
            let header = &event.header;
            let data = event.data.payload().map_err(unfit)?;
            Ok(key(query, event.key())?
                .bind(header.id.as_uuid())
                .bind(event.data.event_type().wire_name())
                .bind(header.occurred_at.as_micros())
                .bind(header.actor.to_string())
                .bind(header.correlation.map(CorrelationId::as_uuid))
                .bind(header.causation.map(BatchId::as_uuid))
                .bind(header.causation == Some(BatchId::from(header.id)))
                .bind(String::from(Box::<str>::from(data))))
        })
        .await
}

/// Those of the events that are still kept, in no order, each as far as it can be read.
pub(crate) async fn by_key(
    conn: &mut SqliteConnection,
    keys: &[EventKey],
) -> Result<Vec<Result<Event, Failure>>, Failure> {
    BY_KEY.rows(conn, keys, |query, wanted| key(query, *wanted), |row| Ok(read(row))).await
}

/// The receipts of those of the batches that were committed.
pub(crate) async fn receipts(
    conn: &mut SqliteConnection,
    batches: &[BatchId],
) -> Result<Vec<Receipt>, Failure> {
    let bind = |query: Query, batch: &BatchId| Ok(query.bind(batch.as_uuid()));
    RECEIPTS
        .rows(conn, batches, bind, |row| {
            let fields = Fields::keyed(TABLE, "batch", row);
            let batch = fields.id("batch", BatchId::from_uuid)?;
            Ok(Receipt { batch, decided_at: fields.time("occurred_at")? })
        })
        .await
}

/// Forgets events.
pub(crate) async fn forget(conn: &mut SqliteConnection, keys: &[EventKey]) -> Result<(), Failure> {
    FORGET.rows(conn, keys, |query, forgotten| key(query, *forgotten)).await
}

/// The columns of a key.
pub(crate) fn key(query: Query, key: EventKey) -> Result<Query, Failure> {
    Ok(query
        .bind(key.aggregate.kind.word())
        .bind(key.aggregate.id)
        .bind(version(TABLE, key.version)?))
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

fn read(row: &SqliteRow) -> Result<Event, Failure> {
    let fields = Fields::of(TABLE, row);
    let event_type = fields.word("type", EventType::from_wire_name)?;
    let data = DomainEvent::from_payload(event_type, fields.get("data")?);
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
