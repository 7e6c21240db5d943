//! The outbox: one row for each group, pointing at its events.

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use ticketing_core::domain::{AggregateKind, AggregateRef, Event, EventKey};
use ticketing_core::ports::{DeadLetter, OutboxRow, OutboxRowId};
use ticketing_core::values::{Timestamp, Version};
use uuid::Uuid;

use crate::error::Failure;
use crate::fields::{Fields, version};
use crate::reads::readable;
use crate::rows::event;

const TABLE: &str = "outbox";

/// The bytes of one key: its kind, its id, its version.
const KEY_BYTES: usize = 1 + 16 + 8;

/// Adds the row of one group, if it has events.
pub(crate) async fn add(
    conn: &mut SqliteConnection,
    events: &[&Arc<Event>],
    now: Timestamp,
) -> Result<(), Failure> {
    if events.is_empty() {
        return Ok(());
    }
    sqlx::query("INSERT INTO ticketing_outbox (committed_at, events) VALUES (?, ?)")
        .bind(now.as_micros())
        .bind(packed(events.iter().map(|event| event.key()))?)
        .execute(conn)
        .await
        .map_err(Failure::of_write)?;
    Ok(())
}

/// A row as it is stored: the keys of its events.
pub(crate) struct Pointers {
    id: OutboxRowId,
    epoch: u64,
    pub(crate) keys: Vec<EventKey>,
}

impl Pointers {
    /// Which row it is.
    pub(crate) fn id(&self) -> OutboxRowId {
        self.id
    }
}

/// Reads a row.
pub(crate) fn read(row: &SqliteRow) -> Result<Pointers, Failure> {
    let fields = Fields::of(TABLE, row);
    let corrupt = |column| {
        let id = fields.get::<i64>("id").map(|id| id.to_string()).unwrap_or_default();
        Failure::Corrupt { table: TABLE, column, id }
    };
    let keys = unpacked(fields.get("events").map_err(|_wrong| corrupt("events"))?);
    Ok(Pointers {
        id: OutboxRowId(fields.get("id")?),
        epoch: fields.number("epoch").map_err(|_wrong| corrupt("epoch"))?,
        keys: keys.ok_or_else(|| corrupt("events"))?,
    })
}

/// A row with the events that it points at, in their order. Those that can't be read, or are gone,
/// are added to `lost`: the others must not wait for them.
pub(crate) async fn with_events(
    conn: &mut SqliteConnection,
    row: Pointers,
    lost: &mut Vec<EventKey>,
) -> Result<OutboxRow, Failure> {
    let kept = readable(event::by_key(conn, &row.keys).await?);
    let mut kept: BTreeMap<EventKey, Event> =
        kept.into_iter().map(|event| (event.key(), event)).collect();
    let mut events = Vec::with_capacity(kept.len());
    for key in row.keys {
        if let Some(event) = kept.remove(&key) {
            events.push(event);
        } else {
            let (aggregate, version) = (key.aggregate, key.version.get());
            tracing::error!(row = row.id.0, %aggregate, version, "an event of a row is lost");
            lost.push(key);
        }
    }
    Ok(OutboxRow { id: row.id, epoch: row.epoch, events })
}

/// Keeps a dead letter.
pub(crate) async fn bury(conn: &mut SqliteConnection, letter: &DeadLetter) -> Result<(), Failure> {
    let query = sqlx::query(
        "INSERT OR REPLACE INTO ticketing_dead_letters (kind, id, version, reason, at) \
         VALUES (?, ?, ?, ?, ?)",
    );
    event::key(query, letter.event)?
        .bind(letter.reason.clone())
        .bind(letter.at.as_micros())
        .execute(conn)
        .await
        .map_err(Failure::of_write)?;
    Ok(())
}

/// Reads a dead letter.
pub(crate) fn read_dead(row: &SqliteRow) -> Result<DeadLetter, Failure> {
    let fields = Fields::of("dead_letters", row);
    Ok(DeadLetter {
        event: event::read_key(&fields, ["kind", "id", "version"])?,
        reason: fields.get("reason")?,
        at: fields.time("at")?,
    })
}

fn packed(keys: impl ExactSizeIterator<Item = EventKey>) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::with_capacity(keys.len().saturating_mul(KEY_BYTES));
    for key in keys {
        bytes.push(kind_byte(key.aggregate.kind));
        bytes.extend(key.aggregate.id.as_bytes());
        bytes.extend(version(TABLE, key.version)?.to_be_bytes());
    }
    Ok(bytes)
}

fn unpacked(bytes: &[u8]) -> Option<Vec<EventKey>> {
    let (keys, rest) = bytes.as_chunks::<KEY_BYTES>();
    if !rest.is_empty() {
        return None;
    }
    keys.iter().map(unpacked_key).collect()
}

fn unpacked_key(bytes: &[u8; KEY_BYTES]) -> Option<EventKey> {
    let (kind, rest) = bytes.split_first()?;
    let (id, version) = rest.split_first_chunk::<16>()?;
    let version = u64::from_be_bytes(version.try_into().ok()?);
    let aggregate = AggregateRef { kind: kind_of(*kind)?, id: Uuid::from_bytes(*id) };
    Some(EventKey { aggregate, version: Version::new(version) })
}

fn kind_byte(kind: AggregateKind) -> u8 {
    match kind {
        AggregateKind::Ticket => b't',
        AggregateKind::Pool => b'i',
        AggregateKind::Order => b'o',
        AggregateKind::Payment => b'p',
        AggregateKind::Refund => b'r',
    }
}

fn kind_of(byte: u8) -> Option<AggregateKind> {
    match byte {
        b't' => Some(AggregateKind::Ticket),
        b'i' => Some(AggregateKind::Pool),
        b'o' => Some(AggregateKind::Order),
        b'p' => Some(AggregateKind::Payment),
        b'r' => Some(AggregateKind::Refund),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back() {
        let kinds = [
            AggregateKind::Ticket,
            AggregateKind::Pool,
            AggregateKind::Order,
            AggregateKind::Payment,
            AggregateKind::Refund,
        ];
        let keys: Vec<EventKey> = (0..)
            .zip(kinds)
            .map(|(number, kind)| EventKey {
                aggregate: AggregateRef { kind, id: Uuid::from_u128(number << 64 | 7) },
                version: Version::new(u64::try_from(number).unwrap() * 300),
            })
            .collect();
        let bytes = packed(keys.iter().copied()).unwrap();
        assert_eq!(bytes.len(), 5 * KEY_BYTES);
        assert_eq!(unpacked(&bytes), Some(keys));
        assert_eq!(unpacked(&[]), Some(Vec::new()));
    }

    #[test]
    fn what_is_no_list_of_keys_is_refused() {
        assert_eq!(unpacked(b"t"), None);
        assert_eq!(unpacked(&[b'x'; KEY_BYTES]), None);
    }
}
