//! Idempotency keys.

use std::sync::LazyLock;

use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use ticketing_core::ports::{Fingerprint, KeyRecord};
use ticketing_core::values::{IdempotencyKey, UserId};

use crate::error::Failure;
use crate::fields::Fields;
use crate::rows::event;
use crate::table::{Column, Query, column, insert_from};

const TABLE: &str = "keys";

const COLUMNS: [Column; 7] = [
    ("buyer", "text"),
    ("key", "text"),
    ("fingerprint", "uuid"),
    ("used_at", "bigint"),
    ("answer_id", "uuid"),
    ("answer_kind", "text"),
    ("answer_version", "bigint"),
];

static INSERT: LazyLock<String> = LazyLock::new(|| insert_from(TABLE, &COLUMNS, 1));

pub(crate) const BY_KEY: &str = "SELECT keys.* \
     FROM unnest($1::text[], $2::text[]) AS wanted (buyer, key) \
     JOIN ticketing.keys USING (buyer, key)";

/// Inserts the records of keys.
pub(crate) async fn insert(conn: &mut PgConnection, records: &[&KeyRecord]) -> Result<(), Failure> {
    if records.is_empty() {
        return Ok(());
    }
    let query = bind(sqlx::query(INSERT.as_str()), records)?;
    query.execute(conn).await.map_err(Failure::of_statement)?;
    Ok(())
}

/// The statement that inserts records, with its first parameter at `first`, and the number of the
/// parameter after its last one.
pub(crate) fn insert_at(first: usize) -> (String, usize) {
    (insert_from(TABLE, &COLUMNS, first), first.saturating_add(COLUMNS.len()))
}

/// Adds the arrays of records, sorted by key: two groups that use the same keys must not wait for
/// each other.
pub(crate) fn bind<'q>(query: Query<'q>, records: &[&'q KeyRecord]) -> Result<Query<'q>, Failure> {
    let mut records = records.to_vec();
    records.sort_unstable_by(|one, other| (&one.user, &one.key).cmp(&(&other.user, &other.key)));
    let query = query
        .bind(column(&records, |record| record.user.as_str()))
        .bind(column(&records, |record| record.key.as_str()))
        .bind(column(&records, |record| record.fingerprint.as_uuid()))
        .bind(column(&records, |record| record.used_at.as_micros()));
    let answers: Vec<_> = records.iter().map(|record| record.answer).collect();
    event::bind_keys(query, &answers)
}

/// Those of the keys that were used.
pub(crate) async fn by_key(
    conn: &mut PgConnection,
    keys: &[&(UserId, IdempotencyKey)],
) -> Result<Vec<KeyRecord>, Failure> {
    let query = sqlx::query(BY_KEY)
        .bind(column(keys, |(user, _)| user.as_str()))
        .bind(column(keys, |(_, key)| key.as_str()));
    let rows = query.fetch_all(conn).await.map_err(Failure::of_statement)?;
    rows.iter().map(read).collect()
}

fn read(row: &PgRow) -> Result<KeyRecord, Failure> {
    let fields = Fields::keyed(TABLE, "key", row);
    Ok(KeyRecord {
        user: fields.text("buyer")?,
        key: fields.text("key")?,
        fingerprint: fields.id("fingerprint", Fingerprint::from_uuid)?,
        answer: event::read_key(&fields, ["answer_kind", "answer_id", "answer_version"])?,
        used_at: fields.time("used_at")?,
    })
}
