//! The outbox: one row for each group, pointing at its events.

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use ticketing_core::domain::{AggregateKind, AggregateRef, Event, EventKey};
use ticketing_core::ports::{DeadLetter, OutboxRow, OutboxRowId};
use ticketing_core::values::{Timestamp, Version};
use uuid::Uuid;

use crate::error::Failure;
use crate::fields::{Fields, version};
use crate::reads::readable;
use crate::rows::event;
use crate::table::Query;

const TABLE: &str = "outbox";

/// The bytes of one key: its kind, its id, its version.
const KEY_BYTES: usize = 1 + 16 + 8;

/// Adds the row of one group, if it has events.
pub(crate) async fn add(
    conn: &mut PgConnection,
    events: &[&Arc<Event>],
    now: Timestamp,
) -> Result<(), Failure> {
    if events.is_empty() {
        return Ok(());
    }
    sqlx::query("INSERT INTO ticketing.outbox (committed_at, events) VALUES ($1, $2)")
        .bind(now.as_micros())
        .bind(packed_keys(events)?)
        .execute(conn)
        .await
        .map_err(Failure::of_statement)?;
    Ok(())
}

/// The keys of a group's events, as its row has them.
pub(crate) fn packed_keys(events: &[&Arc<Event>]) -> Result<Vec<u8>, Failure> {
    packed(events.iter().map(|event| event.key()))
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
pub(crate) fn read(row: &PgRow) -> Result<Pointers, Failure> {
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

/// The rows with the events that they point at, in their order. Those that can't be read, or are
/// gone, are added to `lost`: the others must not wait for them.
pub(crate) async fn with_events(
    conn: &mut PgConnection,
    rows: Vec<Pointers>,
    lost: &mut Vec<EventKey>,
) -> Result<Vec<OutboxRow>, Failure> {
    let keys: Vec<EventKey> = rows.iter().flat_map(|row| row.keys.iter().copied()).collect();
    if keys.is_empty() {
        return Ok(rows.into_iter().map(|row| row.with(Vec::new())).collect());
    }
    let kept = readable(event::by_key(conn, &keys).await?);
    let mut kept: BTreeMap<EventKey, Event> =
        kept.into_iter().map(|event| (event.key(), event)).collect();
    Ok(rows.into_iter().map(|row| row.filled(&mut kept, lost)).collect())
}

impl Pointers {
    fn filled(self, kept: &mut BTreeMap<EventKey, Event>, lost: &mut Vec<EventKey>) -> OutboxRow {
        let mut events = Vec::with_capacity(self.keys.len());
        for key in &self.keys {
            if let Some(event) = kept.remove(key) {
                events.push(event);
            } else {
                let (aggregate, version) = (key.aggregate, key.version.get());
                tracing::error!(row = self.id.0, %aggregate, version, "an event of a row is lost");
                lost.push(*key);
            }
        }
        self.with(events)
    }

    fn with(self, events: Vec<Event>) -> OutboxRow {
        OutboxRow { id: self.id, epoch: self.epoch, events }
    }
}

/// Adds dead letters that come as arrays; `$which` ends what follows the arrays.
macro_rules! bury {
    ($which:literal) => {
        concat!(
            "INSERT INTO ticketing.dead_letters (id, kind, version, reason, at) \
             SELECT dead.* FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], \
             $5::bigint[]) AS dead",
            $which,
            " ON CONFLICT (id, kind, version) \
             DO UPDATE SET reason = excluded.reason, at = excluded.at"
        )
    };
}

pub(crate) const BURY: &str = bury!(" WHERE true");

/// Ends a claim, and nothing if it is somebody else's by now or over. The row is locked first: what
/// it is by then counts.
pub(crate) const DONE: &str = concat!(
    "WITH held AS MATERIALIZED (SELECT id, published FROM ticketing.outbox \
     WHERE id = $6 AND epoch = $7 FOR UPDATE), \
     done AS (UPDATE ticketing.outbox AS stored SET published = true, leased_until = NULL \
     FROM held WHERE stored.id = held.id AND NOT held.published), \
     buried AS (",
    bury!(" WHERE EXISTS (SELECT FROM held WHERE NOT held.published)"),
    ") SELECT EXISTS (SELECT FROM held)"
);

/// Keeps dead letters.
pub(crate) async fn bury(conn: &mut PgConnection, letters: &[DeadLetter]) -> Result<(), Failure> {
    let query = bind_letters(sqlx::query(BURY), letters)?;
    query.execute(conn).await.map_err(Failure::of_statement)?;
    Ok(())
}

/// Ends a claim. Answers whether it was still the caller's.
pub(crate) async fn done(
    conn: &mut PgConnection,
    row: OutboxRowId,
    epoch: u64,
    dead: &[DeadLetter],
) -> Result<bool, Failure> {
    let Ok(epoch) = i64::try_from(epoch) else {
        return Ok(false);
    };
    let query = bind_letters(sqlx::query(DONE), dead)?.bind(row.0).bind(epoch);
    let is_held = query.fetch_one(conn).await.map_err(Failure::of_statement)?;
    Ok(is_held.try_get(0)?)
}

/// Adds the arrays of dead letters, one for each event, in the order of their keys: two who bury the
/// same ones must not wait for each other.
fn bind_letters<'q>(query: Query<'q>, letters: &'q [DeadLetter]) -> Result<Query<'q>, Failure> {
    let letters: BTreeMap<EventKey, &DeadLetter> =
        letters.iter().map(|letter| (letter.event, letter)).collect();
    let keys: Vec<EventKey> = letters.keys().copied().collect();
    Ok(event::bind_keys(query, &keys)?
        .bind(letters.values().map(|letter| letter.reason.as_str()).collect::<Vec<_>>())
        .bind(letters.values().map(|letter| letter.at.as_micros()).collect::<Vec<_>>()))
}

/// Reads a dead letter.
pub(crate) fn read_dead(row: &PgRow) -> Result<DeadLetter, Failure> {
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
